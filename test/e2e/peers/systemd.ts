import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { peersRoot, until } from './peers.ts';

/** A machine under a real systemd, in namespaces of its own; see systemd.sh. Its network is this machine's. */
export interface Machine {
  /** Its root, as seen from outside. */
  readonly root: string;
  /** Writes a file in it. */
  write(file: string, content: string): void;
  /** Runs a program in it, to its end. */
  run(...argv: readonly [string, ...string[]]): { readonly code: number; readonly out: string };
  /** One property of a unit. */
  property(unit: string, name: string): string;
  stop(): Promise<void>;
}

const clone = path.resolve(import.meta.dirname, '../../..');

/**
 * Boots one. Needs root, for namespaces and mounts. `net` is the network namespace it is in, by its name (`ip netns`).
 * @throws with what systemd said when it does not come up.
 */
export async function startMachine(net?: string): Promise<Machine> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'watchkeeper-machine-'));
  const script = [path.join(import.meta.dirname, 'systemd.sh'), folder, peersRoot(), clone];
  const apart = ['--mount', '--pid', '--cgroup', '--uts', '--ipc', '--fork', '--kill-child', 'bash', ...script];
  const child = spawn(
    net === undefined ? 'unshare' : 'nsenter',
    net === undefined ? apart : [`--net=/run/netns/${net}`, 'unshare', ...apart],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';

  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  let over = false;
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      over = true;
      resolve();
    };
    child.once('exit', end).once('error', end);
  });
  const isOver = (): boolean => over;
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const children = `/proc/${child.pid ?? 0}/task/${child.pid ?? 0}/children`;
  const init = (): string => (existsSync(children) ? readFileSync(children, 'utf8').trim() : '');
  const bus = (): string => `/proc/${init()}/root/run/dbus/system_bus_socket`;
  try {
    await until('systemd is up', () => isOver() || (init() !== '' && existsSync(bus())), 30_000);
    if (isOver()) throw new Error('systemd did not come up');
  } catch (thrown) {
    await stop();
    throw new Error(`a machine under systemd needs root, for namespaces and mounts: ${said}`, { cause: thrown });
  }
  const pid = init();
  const root = `/proc/${pid}/root`;
  const run: Machine['run'] = (...argv) => {
    const enter = [
      '--target',
      pid,
      '--mount',
      '--pid',
      '--cgroup',
      '--uts',
      '--ipc',
      '--net',
      `--root=${root}`,
      `--wd=${root}`,
      ...argv,
    ];
    const { status, stdout, stderr } = spawnSync('nsenter', enter, { encoding: 'utf8', timeout: 60_000 });
    return { code: status ?? 1, out: stdout + stderr };
  };
  return {
    root,
    run,
    stop,
    write: (file, content) => {
      mkdirSync(path.dirname(root + file), { recursive: true });
      writeFileSync(root + file, content);
    },
    property: (unit, name) => run('systemctl', 'show', '--value', `--property=${name}`, '--', unit).out.trim(),
  };
}

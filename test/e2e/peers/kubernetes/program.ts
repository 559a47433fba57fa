import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { until } from '../peers.ts';

let root: string | undefined;

/**
 * The folder with etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl, kwok, helm and kubeconform; built on
 * first use, which takes minutes, and kept outside the clone.
 */
export function kubernetesPrograms(): string {
  root ??= execFileSync('bash', [path.join(import.meta.dirname, 'install.sh')], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();
  return root;
}

/** One program of the control plane, ended and started again with the same arguments. */
export interface Program {
  readonly pid: number;
  /** Starts it when it does not run; resolves when it is ready. @throws with the end of its log when it is not in time. */
  start(): Promise<void>;
  /** Ends it at once, as a crash would; resolves when it is gone. */
  kill(): Promise<void>;
  /** Sends it a signal: SIGSTOP and SIGCONT play a hung process. */
  signal(name: NodeJS.Signals): void;
}

/** Describes a program; `ready` is asked until it says so. Its output goes to `NAME.log` in `folder`. */
export function program(
  folder: string,
  name: string,
  argv: readonly string[],
  ready: () => Promise<boolean>,
  withinMs = 90_000,
): Program {
  const logFile = path.join(folder, `${name}.log`);
  let child: ChildProcess | undefined;
  const runs = (): boolean => child !== undefined && child.exitCode === null && child.signalCode === null;
  const kill = async (): Promise<void> => {
    const running = child;
    if (running === undefined || !runs()) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await gone;
  };
  const start = async (): Promise<void> => {
    if (runs()) return;
    const log = openSync(logFile, 'a');
    // A suite that is killed must not leave a control plane behind.
    child = spawn('setpriv', ['--pdeathsig', 'KILL', path.join(kubernetesPrograms(), name), ...argv], {
      cwd: folder,
      stdio: ['ignore', log, log],
      env: { PATH: process.env['PATH'], HOME: folder },
    });
    closeSync(log);
    try {
      await until(`${name} is ready`, async () => !runs() || (await ready()), withinMs);
      if (!runs()) throw new Error(`${name} ended`);
    } catch (thrown) {
      await kill();
      throw new Error(`${String(thrown)}\n${readFileSync(logFile, 'utf8').slice(-4_000)}`, { cause: thrown });
    }
  };
  return {
    get pid() {
      return child?.pid ?? 0;
    },
    start,
    kill,
    signal: (signal) => void child?.kill(signal),
  };
}

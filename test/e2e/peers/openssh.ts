import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

import { freePort, until } from './peers.ts';
import type { Machine } from './systemd.ts';

let programs: string | undefined;

/** Where OpenSSH's server, busybox and shellcheck are unpacked. */
export function opensshRoot(): string {
  if (programs !== undefined) return programs;
  const run = spawnSync('bash', [path.join(import.meta.dirname, 'openssh.sh')], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`OpenSSH could not be fetched: ${run.stderr}`);
  return (programs = run.stdout.trim());
}

/** A real sshd in a machine, as a unit of its systemd, on a loopback port of its own and with a key of its own. */
export interface Sshd {
  readonly name: string;
  readonly port: number;
  /** Its line for known_hosts. */
  readonly known: string;
  /** Starts it anew, so that it reads its files again. */
  restart(): Promise<void>;
  /** Gives it another host key, and starts it anew. */
  changeKey(): Promise<string>;
}

/** The user that logs in; it has no privileges. */
export const sshUser = 'watch';

/** Lays OpenSSH into a machine, with its users. Gives the private key that `watch` logs in with. */
export function layOpenssh(machine: Machine, groups: readonly string[] = []): string {
  const from = opensshRoot();
  const into = (file: string, to = file): void => {
    copyFileSync(path.join(from, file), machine.root + to);
    chmodSync(machine.root + to, 0o755);
  };
  into('/usr/sbin/sshd');
  into('/usr/bin/ssh-keygen');
  into('/bin/busybox', '/usr/bin/busybox');
  const libraries = path.join(from, 'usr/lib/x86_64-linux-gnu');
  for (const name of readdirSync(libraries).filter((one) => one.startsWith('libwrap')))
    cpSync(path.join(libraries, name), `${machine.root}/usr/lib/x86_64-linux-gnu/${name}`, { verbatimSymlinks: true });
  appendFileSync(`${machine.root}/etc/passwd`, 'sshd:x:991:65534::/run/sshd:/usr/sbin/nologin\n');
  appendFileSync(`${machine.root}/etc/passwd`, `${sshUser}:x:54321:54321::/home/${sshUser}:/bin/sh\n`);
  appendFileSync(`${machine.root}/etc/group`, `${sshUser}:x:54321:\n`);
  const file = `${machine.root}/etc/group`;
  const lines = readFileSync(file, 'utf8').split('\n');
  const joined = lines.map((line) =>
    groups.includes(line.split(':')[0] ?? '') ? `${line}${line.endsWith(':') ? '' : ','}${sshUser}` : line,
  );
  writeFileSync(file, joined.join('\n'));
  for (const folder of ['/run/sshd', '/etc/ssh-test', `/home/${sshUser}`])
    mkdirSync(machine.root + folder, { recursive: true });
  newKey(machine, '/etc/ssh-test/client');
  copyFileSync(`${machine.root}/etc/ssh-test/client.pub`, `${machine.root}/etc/ssh-test/authorized-${sshUser}`);
  chmodSync(`${machine.root}/etc/ssh-test/authorized-${sshUser}`, 0o644);
  return readFileSync(`${machine.root}/etc/ssh-test/client`, 'utf8');
}

/** Starts one. `lines` are further lines of its sshd_config; `at` is where it listens, a loopback port when absent. */
export async function startSshd(
  machine: Machine,
  name: string,
  lines: readonly string[] = [],
  at?: { readonly addresses: readonly string[]; readonly port: number },
): Promise<Sshd> {
  const port = at?.port ?? (await freePort());
  const addresses = at?.addresses ?? ['127.0.0.1'];
  const key = `/etc/ssh-test/${name}`;
  const unit = `sshd-${name}.service`;
  const config = [
    `Port ${port}`,
    ...addresses.map((address) => `ListenAddress ${address}`),
    `HostKey ${key}`,
    'AuthorizedKeysFile /etc/ssh-test/authorized-%u',
    'PasswordAuthentication no',
    'UsePAM no',
    'StrictModes no',
    'MaxStartups 200',
    `PidFile none`,
    ...lines,
  ];
  newKey(machine, key);
  machine.write(`/etc/ssh-test/${name}.conf`, `${config.join('\n')}\n`);
  machine.write(
    `/etc/systemd/system/${unit}`,
    `[Service]\nExecStart=/usr/sbin/sshd -D -e -f /etc/ssh-test/${name}.conf\n`,
  );
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const start = async (): Promise<void> => {
    machine.run('systemctl', 'daemon-reload');
    // A test may start it more often than systemd thinks healthy.
    machine.run('systemctl', 'reset-failed', unit);
    const { code, out } = machine.run('systemctl', 'restart', unit);
    if (code !== 0) throw new Error(`sshd ${name} did not start: ${out}`);
    const listens = (): boolean => machine.run('grep', '-q', `:${hex} .* 0A `, '/proc/net/tcp').code === 0;
    await until(`sshd ${name} listens`, listens);
  };
  await start();
  const names = addresses.map((address) => (port === 22 ? address : `[${address}]:${port}`)).join(',');
  const known = (): string =>
    `${names} ${readFileSync(`${machine.root}${key}.pub`, 'utf8').split(' ').slice(0, 2).join(' ')}`;
  return {
    name,
    port,
    known: known(),
    restart: start,
    changeKey: async () => {
      newKey(machine, key);
      await start();
      return known();
    },
  };
}

function newKey(machine: Machine, file: string): void {
  machine.run('rm', '-f', file, `${file}.pub`);
  const made = machine.run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', file);
  if (made.code !== 0) throw new Error(`no key was made: ${made.out}`);
}

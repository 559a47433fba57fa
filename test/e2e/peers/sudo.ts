import { appendFileSync, chmodSync, copyFileSync, readFileSync } from 'node:fs';

import { layPackages } from './packages.ts';
import type { Machine } from './systemd.ts';

/** The user that hands log in as; what it may do as root is what sudoers says. */
export const handUser = 'hand';

/**
 * Lays a real sudo into a machine that has OpenSSH (`layOpenssh`), and the hands' user. Gives the private key that it logs
 * in with.
 */
export function laySudo(machine: Machine): string {
  layPackages(machine, 'sudo', [
    ...['sudo', 'libpam0g', 'libpam-modules', 'libpam-runtime'],
    ...['libaudit1', 'libselinux1', 'libcap-ng0', 'libcrypt1'],
  ]);
  machine.write('/etc/sudoers', 'root ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n');
  chmodSync(`${machine.root}/etc/sudoers`, 0o440);
  appendFileSync(`${machine.root}/etc/passwd`, `${handUser}:x:54322:54322::/home/${handUser}:/bin/sh\n`);
  appendFileSync(`${machine.root}/etc/group`, `${handUser}:x:54322:\n`);
  appendFileSync(`${machine.root}/etc/shadow`, `${handUser}:*:19000:0:99999:7:::\n`);
  const made = machine.run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', '/etc/ssh-test/hand');
  if (made.code !== 0) throw new Error(`no key was made: ${made.out}`);
  copyFileSync(`${machine.root}/etc/ssh-test/hand.pub`, `${machine.root}/etc/ssh-test/authorized-${handUser}`);
  chmodSync(`${machine.root}/etc/ssh-test/authorized-${handUser}`, 0o644);
  return readFileSync(`${machine.root}/etc/ssh-test/hand`, 'utf8');
}

/** Writes what the hands may do as root, once visudo has found it well-formed. @throws with what visudo said. */
export function writeSudoers(machine: Machine, text: string): void {
  machine.write('/etc/sudoers.d/watchkeeper', text);
  chmodSync(`${machine.root}/etc/sudoers.d/watchkeeper`, 0o440);
  const { code, out } = machine.run('visudo', '-c');
  if (code !== 0) throw new Error(`visudo: ${out}`);
}

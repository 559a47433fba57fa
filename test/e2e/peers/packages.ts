import { spawnSync } from 'node:child_process';
import path from 'node:path';

import type { Machine } from './systemd.ts';

/** Lays packages of Debian into a machine, over what it has: their files, without what their scripts would set up. */
export function layPackages(machine: Machine, name: string, packages: readonly string[]): void {
  const script = path.join(import.meta.dirname, 'packages.sh');
  const fetched = spawnSync('bash', [script, name, ...packages], { encoding: 'utf8' });
  if (fetched.status !== 0) throw new Error(`${name} could not be fetched: ${fetched.stderr}`);
  const copy = 'tar -C "$1" --exclude=./usr/share -c . | tar -C "$2" --keep-directory-symlink --skip-old-files -xp';
  const laid = spawnSync('bash', ['-c', copy, '-', fetched.stdout.trim(), machine.root], { encoding: 'utf8' });
  if (laid.status !== 0) throw new Error(`${name} could not be laid: ${laid.stderr}`);
}

import { spawn } from 'node:child_process';

import type { SshCommand, SshOperators, SshOutcome } from '../../src/domain/ports/ssh.ts';
import { commandLine } from '../../src/io/clients/ssh/quote.ts';

/** What was sent to hosts, script by script. */
export interface Sent {
  readonly how: 'look' | 'act';
  readonly host: string;
  readonly command: SshCommand;
}

/** Hosts of a group `web` that are this machine: each command is run by a real shell, as sshd would hand it over. */
export function shellHosts(
  names: readonly string[],
  shell: readonly [string, ...string[]],
  sent: Sent[] = [],
): SshOperators {
  const run =
    (how: Sent['how']) =>
    (host: string, command: SshCommand): Promise<SshOutcome> => {
      if (command.signal.aborted) return Promise.reject(new Error('stopped before it was sent'));
      sent.push({ how, host, command });
      return runBy(shell, command);
    };
  const operator = {
    user: 'hand',
    hosts: () => Promise.resolve(names.map((name) => ({ name, groups: ['web'] }))),
    look: run('look'),
    act: run('act'),
  };
  return { operator: () => operator, close: () => undefined };
}

function runBy([program, ...before]: readonly [string, ...string[]], command: SshCommand): Promise<SshOutcome> {
  // The line that is sent to a login shell: `sh -s -- …`, with the shell that is tried in sh's place.
  const line = commandLine(command.args).replace(/^sh /, `${[program, ...before].join(' ')} `);
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', line], { stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.resume();
    child.on('error', reject);
    child.on('close', (code, signalName) =>
      resolve({ is: 'ended', code, signalName, stdout: new Uint8Array(Buffer.concat(out)), stderr: '' }),
    );
    child.stdin.on('error', () => undefined);
    child.stdin.end(command.script);
  });
}

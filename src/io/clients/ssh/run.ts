import type { Client, ClientChannel } from 'ssh2';

import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import { oneLine } from '../../../lib/text.ts';
import type { SshCommand, SshOutcome, SshTarget } from '../../../domain/ports/ssh.ts';
import { nameOf, stopped } from './connect.ts';
import { powershellInput, powershellLine, startFault } from './powershell.ts';
import { commandLine } from './quote.ts';

type Unknown = Extract<SshOutcome, { is: 'unknown' }>;

/**
 * Runs one command on an open connection. From the moment it was asked for, whatever hides its end is an `unknown`
 * outcome; only the server's own refusal is certain. @throws `forbidden` when the server refuses, `aborted`, `timeout`.
 */
export function runOn(
  client: Client,
  target: SshTarget,
  command: SshCommand,
  signal: AbortSignal,
): Promise<SshOutcome> {
  const { line, input } = spoken(command);
  if (signal.aborted) return Promise.reject(stopped(target, signal));
  return new Promise((resolve, reject) => {
    let channel: ClientChannel | undefined;
    let done = false;
    const settle = (end: () => void): void => {
      if (done) return;
      done = true;
      signal.removeEventListener('abort', stop);
      client.removeListener('close', lost);
      end();
    };
    const unknown = (reason: Unknown['reason'], message: string): void =>
      settle(() => {
        // Closing the channel hangs up on the command; a server that is alive ends it.
        channel?.close();
        resolve({ is: 'unknown', reason, message });
      });
    const lost = (): void =>
      unknown('unreachable', `the connection to ${nameOf(target)} was cut after the command was sent`);
    const stop = (): void => {
      const error = stopped(target, signal);
      const reason = error.code === 'timeout' ? 'timeout' : 'aborted';
      unknown(reason, `${error.message}, after the command was sent`);
    };
    signal.addEventListener('abort', stop, { once: true });
    client.once('close', lost);
    const begin = (thrown: Error | undefined, opened: ClientChannel | undefined): void => {
      if (opened === undefined) {
        // A lost connection fails the request too: that is told by `close`, a moment later.
        if (isRefusal(thrown)) settle(() => reject(refused(target, thrown)));
        return;
      }
      channel = opened;
      if (done) {
        opened.close();
        return;
      }
      const ended = (outcome: SshOutcome): void => settle(() => finish(command, outcome, resolve, reject));
      follow(opened, command, input, ended, unknown);
    };
    try {
      client.exec(line, (thrown, opened) => begin(thrown, opened));
    } catch (thrown) {
      settle(() => reject(WatchkeeperError.from(thrown, 'unreachable', nameOf(target))));
    }
  });
}

/** What a command is on the wire: the line that is asked for, and what is sent to its standard input. */
export function spoken(command: SshCommand): { readonly line: string; readonly input: string } {
  return command.shell === 'powershell'
    ? { line: powershellLine, input: powershellInput(command.script, command.args) }
    : { line: commandLine(command.args), input: command.script };
}

// A script that certainly was not run is an error, as all that did not start is.
function finish(
  command: SshCommand,
  outcome: SshOutcome,
  resolve: (outcome: SshOutcome) => void,
  reject: (error: WatchkeeperError) => void,
): void {
  const fault = command.shell === 'powershell' && outcome.is === 'ended' ? startFault(outcome.code) : undefined;
  if (fault === undefined) resolve(outcome);
  else reject(fault);
}

function follow(
  channel: ClientChannel,
  command: SshCommand,
  input: string,
  ended: (outcome: SshOutcome) => void,
  unknown: (reason: Unknown['reason'], message: string) => void,
): void {
  const maxBytes = command.maxBytes ?? limits.sshOutputBytes;
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let bytes = 0;
  let exit: { readonly code: number | null; readonly signalName: string | null } | undefined;
  const into = (chunks: Buffer[]) => (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) unknown('too-large', `the answer is larger than ${maxBytes} bytes`);
    else chunks.push(chunk);
  };
  channel.on('data', into(stdout));
  channel.stderr.on('data', into(stderr));
  channel.on('error', (thrown: Error) => unknown('unreachable', oneLine(thrown.message, 200)));
  channel.on('exit', (code: number | null, signalName?: string) => {
    exit = { code, signalName: signalName === undefined ? null : oneLine(signalName, 20) };
  });
  channel.on('close', () => {
    if (exit === undefined) {
      unknown('unreachable', 'the command ended without saying how');
      return;
    }
    const errors = new TextDecoder().decode(Buffer.concat(stderr));
    ended({ is: 'ended', ...exit, stdout: new Uint8Array(Buffer.concat(stdout)), stderr: errors });
  });
  channel.end(input);
}

// The server's answer to the request itself: it opened no channel (with a reason), or would not run anything in it.
function isRefusal(thrown: unknown): thrown is Error {
  return thrown instanceof Error && ('reason' in thrown || /^Unable to exec/.test(thrown.message));
}

function refused(target: SshTarget, thrown: Error): WatchkeeperError {
  return new WatchkeeperError(
    'forbidden',
    `${nameOf(target)} runs no command for ${target.login.user}: ${oneLine(thrown.message, 200)}`,
    {
      fix: 'Allow the user a shell (sh), and check ForceCommand and MaxSessions of sshd there.',
      cause: thrown,
      retryable: false,
    },
  );
}

import { WatchkeeperError } from '../../../lib/errors.ts';
import { oneLine } from '../../../lib/text.ts';
import type { ActionContext, HostCommand } from '../../../domain/ports/action.ts';
import type { SshCommand, SshOutcome } from '../../../domain/ports/ssh.ts';
import { parseFacts } from './facts.ts';
import type { Facts } from './facts.ts';
import { sudoersLine } from './sudoers.ts';
import type { There } from './there.ts';

/** A static script and its arguments. */
export interface Script {
  readonly script: string;
  readonly args: readonly string[];
  /** At most so long; else for as long as the step has. */
  readonly timeoutMs?: number;
}

/** What came of a script that may have changed something: what it said, that it was not begun, or that nobody saw its end. */
export type Acted =
  { readonly is: 'ended'; readonly facts: Facts } | { readonly is: 'failed' | 'unknown'; readonly message: string };

/** Runs a script that only looks. @throws as `SshOperator.look`; `timeout`, `unreachable` for an end that was not seen. */
export async function lookThere(
  there: There,
  script: Script,
  context: ActionContext,
  host = there.host,
): Promise<Facts> {
  const outcome = await context.io.ssh.operator(there.source).look(host, commandOf(script, context));
  if (outcome.is === 'unknown') throw new WatchkeeperError(outcome.reason, `${host}: ${outcome.message}`);
  return factsOf(outcome, host);
}

/** Runs a script that may change the host. `failed` says that it certainly was not begun. */
export async function actThere(there: There, script: Script, context: ActionContext): Promise<Acted> {
  const { host } = there;
  let outcome: SshOutcome;
  try {
    outcome = await context.io.ssh.operator(there.source).act(host, commandOf(script, context));
  } catch (thrown) {
    // What the port throws is certain (`SshClient.run`): nothing was begun.
    const { message, fix } = WatchkeeperError.from(thrown);
    return { is: 'failed', message: fix === undefined ? message : `${message} ${fix}` };
  }
  if (outcome.is === 'unknown') return { is: 'unknown', message: `${host}: ${outcome.message}` };
  try {
    return { is: 'ended', facts: factsOf(outcome, host) };
  } catch (thrown) {
    const { code, message } = WatchkeeperError.from(thrown);
    return { is: code === 'unsupported' ? 'failed' : 'unknown', message };
  }
}

/** The hosts of the place, by name. @throws `not-found` when the one that is meant is not among them. */
export async function hostsThere(there: There, context: ActionContext): Promise<readonly string[]> {
  const { place, source, host } = there;
  const where = place.group === undefined ? { host } : { group: place.group };
  const hosts = await context.io.ssh.operator(source).hosts(where, context.signal);
  const found = hosts.find(({ name }) => name === host);
  if (found?.os === 'windows')
    throw new WatchkeeperError('unsupported', `${host} is a Windows host`, { fix: 'Use the kinds windows.* there.' });
  if (found !== undefined) return hosts.map(({ name }) => name);
  throw new WatchkeeperError('not-found', `${host} is not in the group ${place.group ?? ''} of ${source}`, {
    fix: 'Name a host of the group that the service runs on.',
  });
}

/** The refusal of a host whose sudoers does not allow what is needed: with the line that would. */
export function notAllowed(there: There, context: ActionContext, command: HostCommand): WatchkeeperError {
  const { user } = context.io.ssh.operator(there.source);
  return new WatchkeeperError('forbidden', `${there.host} does not let ${user} run ${command.argv.join(' ')} as root`, {
    fix: `Add to its sudoers: ${sudoersLine(user, command)} ("watchkeeper permissions ssh" prints all that is needed).`,
    retryable: false,
  });
}

/** Why a script that ended did not do what it was for, by `did` of `as_root`; `undefined` when it did. */
export function whyNotDone(
  facts: Facts,
  there: There,
  context: ActionContext,
  command: HostCommand,
): string | undefined {
  const did = facts.text('did');
  if (did === 'yes') return undefined;
  const said = facts.text('said');
  if (did === 'forbidden') {
    const { message, fix = '' } = notAllowed(there, context, command);
    return [message, ...(said === '' ? [] : [`(${said})`]), fix].join(' ');
  }
  return `${there.host}: ${command.argv.join(' ')} ended with ${facts.text('code')}: ${said}`;
}

function commandOf({ script, args, timeoutMs }: Script, context: ActionContext): SshCommand {
  return {
    script,
    args,
    timeoutMs: Math.min(timeoutMs ?? context.timeoutMs, context.timeoutMs),
    maxBytes: 2 * 1024 * 1024,
    signal: context.signal,
  };
}

function factsOf(outcome: Extract<SshOutcome, { is: 'ended' }>, host: string): Facts {
  if (outcome.code === 127)
    throw new WatchkeeperError('unsupported', `${host} has no sh: ${oneLine(outcome.stderr, 200)}`, {
      fix: 'Give the user of the hands a POSIX shell there.',
    });
  return parseFacts(outcome.stdout);
}

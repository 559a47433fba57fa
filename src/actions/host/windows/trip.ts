import * as z from 'zod';

import { WatchkeeperError } from '../../../lib/errors.ts';
import type { JsonObject } from '../../../lib/json.ts';
import { oneLine } from '../../../lib/text.ts';
import type { ActionContext } from '../../../domain/ports/action.ts';
import type { SshCommand } from '../../../domain/ports/ssh.ts';
import { parseFrame } from '../../../io/clients/windows/frame.ts';
import type { There } from '../remote/there.ts';
import { windowsAct, windowsLook } from './scripts.ts';

/** What is looked at or acted on: the verb of the scripts, and its data. */
export interface WindowsAsked {
  readonly verb: 'service' | 'process' | 'pool' | 'site' | 'disk' | 'time' | 'reboot';
  readonly [data: string]: string | number | readonly string[];
}

const text = z
  .string()
  .max(2_000)
  .transform((value) => oneLine(value, 1_000));
const count = z.number().min(-1);

const facts = z.object({
  /** Changes when what was looked at is another: a process' number and start, a path, a boot. */
  identity: z.string().max(4_000),
  up: z.boolean(),
  name: text.optional(),
  state: z.union([text, z.number()]).optional(),
  start: text.optional(),
  pid: count.optional(),
  /** Running services that need it, and others that run in its process. */
  dependents: z.array(text).max(100).nullish(),
  shares: z.array(text).max(100).nullish(),
  workers: count.optional(),
  path: z.string().max(2_000).optional(),
  releases: z.array(z.string().max(300)).max(500).nullish(),
  files: count.optional(),
  bytes: count.optional(),
  free: count.optional(),
  bootedAtMs: z.number().optional(),
  leap: count.optional(),
  stratum: count.optional(),
});

/** What a host said of what an action touches. Untrusted. */
export type WindowsFacts = z.output<typeof facts>;

const answer = z.object({
  facts: facts.optional(),
  fault: text.optional(),
  message: text.optional(),
  did: z.enum(['yes', 'part', 'no', 'gone']).optional(),
  code: z.number().optional(),
  freed: z.object({ bytes: count, files: count, kept: count }).nullish(),
});

/** What came of an act: as far as it was seen, and what the host looks like now. */
export interface WindowsActed {
  readonly is: 'begun' | 'gone' | 'failed' | 'unknown';
  readonly message: string;
  readonly facts?: WindowsFacts;
  readonly freed?: { readonly bytes: number; readonly files: number; readonly kept: number };
}

/** Looks. @throws as `SshOperator.look`; `forbidden`, `not-found` as Windows says; `unreachable` for an end that was not seen. */
export async function lookAtWindows(there: There, asked: WindowsAsked, context: ActionContext): Promise<WindowsFacts> {
  const outcome = await context.io.ssh.operator(there.source).look(there.host, commandOf(windowsLook, asked, context));
  if (outcome.is === 'unknown') throw new WatchkeeperError(outcome.reason, `${there.host}: ${outcome.message}`);
  const said = answer.safeParse(parseFrame(outcome.stdout, outcome.stderr));
  if (!said.success) throw new WatchkeeperError('malformed', `${there.host} answered something of another shape`);
  if (said.data.facts !== undefined) return said.data.facts;
  throw faultOf(there, said.data.fault, said.data.message);
}

/** Acts, when what is there has still this identity. `failed` says that it certainly was not begun. */
export async function actOnWindows(there: There, asked: WindowsAsked, context: ActionContext): Promise<WindowsActed> {
  const { host } = there;
  const operator = context.io.ssh.operator(there.source);
  const budgetMs = Math.max(1_000, context.timeoutMs * 0.7);
  let said: z.output<typeof answer>;
  try {
    const outcome = await operator.act(host, commandOf(windowsAct, { ...asked, budgetMs }, context));
    if (outcome.is === 'unknown') return { is: 'unknown', message: `${host}: ${outcome.message}` };
    const parsed = answer.safeParse(seen(outcome.stdout, outcome.stderr));
    if (!parsed.success) return { is: 'unknown', message: `${host} answered something that cannot be read` };
    said = parsed.data;
  } catch (thrown) {
    // What the port throws is certain: nothing was begun.
    const { message, fix } = WatchkeeperError.from(thrown);
    return { is: 'failed', message: fix === undefined ? message : `${message} ${fix}` };
  }
  const more = {
    ...(said.facts === undefined ? {} : { facts: said.facts }),
    ...(said.freed === undefined || said.freed === null ? {} : { freed: said.freed }),
  };
  if (said.did === 'gone') return { is: 'gone', message: 'what was there is no longer', ...more };
  if (said.fault === undefined && said.did === 'yes' && (said.code ?? 0) !== 0)
    return { is: 'failed', message: `${host}: it ended with 0x${((said.code ?? 0) >>> 0).toString(16)}`, ...more };
  if (said.fault === undefined) return { is: 'begun', message: '', ...more };
  const { message, fix } = faultOf(there, said.fault, said.message);
  const words = fix === undefined ? message : `${message} (${fix})`;
  // Refused before anything was done, or refused by Windows in the very act. After a half of it nothing is certain.
  return {
    is: said.did === 'no' || (said.did === 'yes' && said.fault === 'denied') ? 'failed' : 'unknown',
    message: words,
    ...more,
  };
}

function seen(stdout: Uint8Array, stderr: string): unknown {
  try {
    return parseFrame(stdout, stderr);
  } catch {
    // It ran, and what it said is lost: nobody can tell.
    return undefined;
  }
}

function faultOf({ host }: There, kind: string | undefined, message = 'it said nothing'): WatchkeeperError {
  if (kind === 'denied')
    return new WatchkeeperError('forbidden', `${host} does not allow it: ${message}`, {
      fix: 'Give the user of the hands the right: "watchkeeper permissions windows" prints it, docs/windows.md explains it.',
      retryable: false,
    });
  return new WatchkeeperError(kind === 'absent' ? 'not-found' : 'conflict', `${host}: ${message}`);
}

function commandOf(script: string, asked: JsonObject, context: ActionContext): SshCommand {
  return {
    shell: 'powershell',
    script,
    args: [JSON.stringify(asked)],
    timeoutMs: context.timeoutMs,
    maxBytes: 2 * 1024 * 1024,
    signal: context.signal,
  };
}

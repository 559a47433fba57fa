import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { ActionContext, ActionResult } from '../../domain/ports/action.ts';
import type { Starter } from './place.ts';
import { ownDeadlineMs } from './health.ts';
import { identityText, processOf, sinceBootMs } from './process.ts';
import { restartUnit, showUnit } from './systemctl.ts';

/** What runs right now, told apart from what ran before it and from what will run after a restart. */
export interface Running {
  readonly up: boolean;
  /** `pid@start` or systemd's InvocationID; empty when nothing runs. */
  readonly identity: string;
  readonly pid: number;
  /** When it started, epoch milliseconds by today's wall clock. */
  readonly startedAtMs: number;
  readonly busy?: string;
}

/** Looks at what a starter keeps running. */
export async function look(starter: Starter, context: ActionContext): Promise<Running> {
  const { files, clock } = context.io;
  if (starter.by === 'unit') {
    const unit = await showUnit(starter.unit, context);
    const bootMs = clock.nowMs() - (await sinceBootMs(files, context.signal));
    return {
      up: unit.activeState === 'active',
      identity: unit.invocationId,
      pid: unit.mainPid,
      startedAtMs: bootMs + unit.activeEnterUs / 1_000,
      ...(unit.job > 0 ? { busy: `systemd is working on ${starter.unit} (job ${unit.job})` } : {}),
    };
  }
  const found = await processOf(files, starter.pidFile, context.signal);
  if (found === undefined) return { up: false, identity: '', pid: 0, startedAtMs: 0 };
  const bootMs = clock.nowMs() - (await sinceBootMs(files, context.signal));
  return { up: true, identity: identityText(found), pid: found.pid, startedAtMs: bootMs + found.startTicks * 10 };
}

/** Looks until something runs, for most of the time there is: between an end and a start, nothing can be told. */
export async function lookUntilUp(starter: Starter, context: ActionContext): Promise<Running> {
  const { clock } = context.io;
  const until = ownDeadlineMs(context);
  for (;;) {
    const now = await look(starter, context);
    if (now.up || context.signal.aborted || clock.monotonicMs() >= until) return now;
    await clock.sleep(limits.healthPollMs, context.signal).catch(() => undefined);
  }
}

/** A restart's result: `new` is running, or why it is not known to be. */
export type Restarted = { readonly is: 'new'; readonly running: Running } | ActionResult;

/**
 * Makes what runs as `old` end and waits until its successor is up. When something else runs already, nothing is
 * touched: that is what makes a repeat harmless.
 */
export async function restart(
  starter: Starter,
  old: string,
  force: boolean,
  context: ActionContext,
): Promise<Restarted> {
  const now = await look(starter, context);
  if (now.up && now.identity !== old) return { is: 'new', running: now };
  if (starter.by === 'unit') return restartByUnit(starter, old, context);
  if (now.up) context.io.processes.kill(now.pid, 'SIGTERM');
  return awaitSuccessor(starter, old, force, context);
}

async function restartByUnit(
  starter: Extract<Starter, { by: 'unit' }>,
  old: string,
  context: ActionContext,
): Promise<Restarted> {
  const asked = await restartUnit(starter.unit, context);
  const now = await look(starter, context);
  if (now.up && now.identity !== old) return { is: 'new', running: now };
  if (!asked.ok && now.identity === old)
    return { is: 'failed', message: `systemctl refused to restart ${starter.unit}: ${asked.says}` };
  return awaitSuccessor(starter, old, false, context);
}

async function awaitSuccessor(
  starter: Starter,
  old: string,
  force: boolean,
  context: ActionContext,
): Promise<Restarted> {
  const { clock, processes } = context.io;
  const until = ownDeadlineMs(context);
  const patience = clock.monotonicMs() + (until - clock.monotonicMs()) / 2;
  let killed = false;
  while (!context.signal.aborted && clock.monotonicMs() < until) {
    const now = await look(starter, context);
    if (now.up && now.identity !== old) return { is: 'new', running: now };
    if (force && !killed && now.up && starter.by === 'process' && clock.monotonicMs() > patience) {
      // Only the very process that was told to end is killed: `look` has just read its start time again.
      processes.kill(now.pid, 'SIGKILL');
      killed = true;
    }
    await clock.sleep(limits.healthPollMs / 5, context.signal).catch(() => undefined);
  }
  return { is: 'unknown', message: 'it was told to end, and nothing new has come up in its place in time' };
}

/** The `undefined` or malformed part of a recorded `before` is a bug or tampering: nothing is done on it. */
export function malformedBefore(kind: string): WatchkeeperError {
  return new WatchkeeperError('internal', `${kind}: the recorded state before the act cannot be read`);
}

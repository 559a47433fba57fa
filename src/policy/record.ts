import type { ActRecord } from '../domain/authority.ts';

/*
 * The record of past acts, indexed. A history is the same list until the next act is written, and a decision asks it the
 * same few questions for every rule; so what can be prepared is prepared once a list, by its identity. Forgetting an
 * index costs time and nothing else.
 */

/** One past execution, folded from its acts. */
export interface Past {
  readonly executionId: string;
  readonly atMs: number;
  readonly outcome: 'succeeded' | 'failed' | 'open';
}

/** Acts that have something in common. */
export interface Acts {
  readonly acts: readonly ActRecord[];
  /** Their times, the oldest first. */
  readonly timesMs: readonly number[];
}

/** What acts can have in common. Whatever is absent may be anything. */
export interface Common {
  readonly runbook?: string;
  readonly targetKey?: string;
  readonly service?: string;
}

/** Acts of one kind of action on one service: rules speak about all of them or none. */
export interface ActKind extends Acts {
  readonly action: string;
  readonly service: string;
}

interface Index {
  readonly groups: Map<string, Acts>;
  readonly ended: Map<string, readonly Past[]>;
  kinds: readonly ActKind[] | undefined;
}

const indexes = new WeakMap<readonly ActRecord[], Index>();

function indexOf(history: readonly ActRecord[]): Index {
  let index = indexes.get(history);
  if (index === undefined) {
    index = { groups: new Map(), ended: new Map(), kinds: undefined };
    indexes.set(history, index);
  }
  return index;
}

function keyOf({ runbook, targetKey, service }: Common): string {
  return `${runbook ?? ''}\n${targetKey ?? ''}\n${service ?? ''}`;
}

/** The acts of a history that have this in common, in the order of the history. */
export function actsOf(history: readonly ActRecord[], common: Common): Acts {
  const { groups } = indexOf(history);
  const key = keyOf(common);
  let found = groups.get(key);
  if (found === undefined) {
    const { runbook, targetKey, service } = common;
    found = actsWithTimes(
      history.filter(
        (act) =>
          (runbook === undefined || act.runbook === runbook) &&
          (targetKey === undefined || act.targetKey === targetKey) &&
          (service === undefined || act.service === service),
      ),
    );
    groups.set(key, found);
  }
  return found;
}

/** A history taken apart by action and service. */
export function kindsOf(history: readonly ActRecord[]): readonly ActKind[] {
  const index = indexOf(history);
  if (index.kinds === undefined) {
    const byKind = Map.groupBy(history, ({ action, service }) => `${action}\n${service}`);
    index.kinds = [...byKind.values()].flatMap((acts) => {
      const [first] = acts;
      return first === undefined ? [] : [{ action: first.action, service: first.service, ...actsWithTimes(acts) }];
    });
  }
  return index.kinds;
}

function actsWithTimes(acts: readonly ActRecord[]): Acts {
  return { acts, timesMs: acts.map((act) => act.atMs).sort((a, b) => a - b) };
}

/** How many of the times are later than `sinceMs`: never less than the executions since then. */
export function countSince({ timesMs }: Acts, sinceMs: number): number {
  let low = 0;
  let high = timesMs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((timesMs[middle] ?? Number.POSITIVE_INFINITY) <= sinceMs) low = middle + 1;
    else high = middle;
  }
  return timesMs.length - low;
}

/**
 * Executions since a time other than our own, oldest first, each with the worst of its acts. An act dated in the future
 * (the clock was set back) counts: doubt never refills a budget.
 */
export function executionsSince(
  acts: readonly ActRecord[],
  sinceMs: number,
  mine: string | undefined,
): readonly Past[] {
  const byExecution = new Map<string, Past>();
  for (const act of acts) {
    const { executionId } = act;
    if (act.atMs <= sinceMs || executionId === mine) continue;
    const known = byExecution.get(executionId);
    const outcome = known === undefined ? outcomeOf(act) : worse(known.outcome, outcomeOf(act));
    byExecution.set(executionId, { executionId, atMs: Math.max(known?.atMs ?? act.atMs, act.atMs), outcome });
  }
  return [...byExecution.values()].sort((a, b) => a.atMs - b.atMs);
}

/** Every execution with this in common that has ended, oldest first. */
export function endedExecutions(history: readonly ActRecord[], common: Common): readonly Past[] {
  const { ended } = indexOf(history);
  const key = keyOf(common);
  let found = ended.get(key);
  if (found === undefined) {
    const all = executionsSince(actsOf(history, common).acts, Number.NEGATIVE_INFINITY, undefined);
    found = all.filter((past) => past.outcome !== 'open');
    ended.set(key, found);
  }
  return found;
}

function outcomeOf(act: ActRecord): Past['outcome'] {
  if (act.outcome === 'succeeded') return 'succeeded';
  return act.outcome === 'running' ? 'open' : 'failed';
}

function worse(a: Past['outcome'], b: Past['outcome']): Past['outcome'] {
  if (a === 'failed' || b === 'failed') return 'failed';
  return a === 'open' || b === 'open' ? 'open' : 'succeeded';
}

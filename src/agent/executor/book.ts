import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { ActRecord } from '../../domain/authority.ts';
import type { LedgerDraft } from '../../domain/ledger.ts';
import type { RecordBatch } from '../../domain/ports/ledger.ts';
import type { Put } from '../../domain/ports/store.ts';
import { asJson } from './keys.ts';
import { createLife, type Life } from './life.ts';
import type { ExecutionRecord, ExecutorDeps } from './types.ts';

/** What one change of an execution writes: its new state, and everything that tells of it, in one transaction. */
export interface Change {
  readonly next: ExecutionRecord;
  readonly drafts: readonly LedgerDraft[];
  /** Act records by key. */
  readonly acts?: Readonly<Record<string, ActRecord>>;
}

/** The executor's memory, always equal to what is durable. */
export interface Book extends Life {
  /** Reads everything back; must be awaited before anything else. */
  load(): Promise<readonly ExecutionRecord[]>;
  /** @throws `conflict` when the execution exists already. */
  create(change: Change): Promise<ExecutionRecord>;
  /** Applies `fn` to the newest state; changes of one execution happen one after another. `undefined` writes nothing. */
  change(id: string, fn: (current: ExecutionRecord) => Change | undefined): Promise<ExecutionRecord>;
  get(id: string): ExecutionRecord;
  find(id: string): ExecutionRecord | undefined;
  all(): readonly ExecutionRecord[];
  acts(): readonly ActRecord[];
  actsOf(id: string): Readonly<Record<string, ActRecord>>;
}

/** Past acts. The list is the same until one is written: what is derived from it is remembered by its identity. */
interface Acts {
  readonly byKey: Map<string, ActRecord>;
  list: readonly ActRecord[] | undefined;
}

interface Kept {
  record: ExecutionRecord;
  version: number;
  queue: Promise<unknown>;
}

/**
 * Any failed write halts the executor for good: what is durable is no longer known, so acting on would break I3. The
 * next process reads the truth back.
 */
export function openBook(deps: ExecutorDeps): Book {
  const kept = new Map<string, Kept>();
  const acts: Acts = { byKey: new Map(), list: undefined };
  const life = createLife(deps);
  const get = (id: string): Kept => {
    const found = kept.get(id);
    if (found === undefined) throw new WatchkeeperError('not-found', `no execution ${id}`);
    return found;
  };
  return {
    ...life,
    get: (id) => get(id).record,
    find: (id) => kept.get(id)?.record,
    all: () => [...kept.values()].map((entry) => entry.record),
    acts: () => (acts.list ??= [...acts.byKey.values()]),
    actsOf: (id) => Object.fromEntries([...acts.byKey].filter(([, act]) => act.executionId === id)),
    create: async (change) => {
      const { id } = change.next;
      if (kept.has(id)) throw new WatchkeeperError('conflict', `plan ${change.next.plan.id} was already started`);
      kept.set(id, { record: change.next, version: 1, queue: Promise.resolve() });
      try {
        await write(deps, life, acts, change, 0);
      } catch (thrown) {
        kept.delete(id);
        throw thrown;
      }
      forgetOldest(kept);
      return change.next;
    },
    change: (id, fn) => {
      const entry = get(id);
      const work = entry.queue.then(async () => {
        const change = fn(entry.record);
        if (change === undefined) return entry.record;
        await write(deps, life, acts, change, entry.version);
        entry.version += 1;
        entry.record = change.next;
        return change.next;
      });
      entry.queue = work.catch(() => undefined);
      return work;
    },
    load: async () => {
      for (const row of await newest(deps, 'act', limits.actsKept)) acts.byKey.set(row.key, row.value as ActRecord);
      acts.list = undefined;
      for (const row of await newest(deps, 'execution', limits.executionsKept)) {
        const record = row.value as ExecutionRecord;
        kept.set(row.key, { record, version: row.version, queue: Promise.resolve() });
      }
      return [...kept.values()].map((entry) => entry.record);
    },
  };
}

async function write(deps: ExecutorDeps, life: Life, acts: Acts, change: Change, version: number): Promise<void> {
  life.assertAlive();
  const { next } = change;
  if (deps.epoch() !== next.epoch) {
    life.halt(new WatchkeeperError('fenced', `execution ${next.id} belongs to epoch ${next.epoch}; this is another`));
    life.assertAlive();
  }
  const changed = Object.entries(change.acts ?? {});
  const puts: Put[] = [{ space: 'execution', key: next.id, value: asJson(next) }];
  for (const [key, act] of changed) puts.push({ space: 'act', key, value: asJson(act) });
  const added = changed.filter(([key]) => !acts.byKey.has(key)).length;
  const dropped = [...acts.byKey.keys()].slice(0, Math.max(0, acts.byKey.size + added - limits.actsKept));
  for (const key of dropped) puts.push({ space: 'act', key, value: undefined });
  try {
    await record(deps, { drafts: change.drafts, puts, expects: [{ space: 'execution', key: next.id, version }] }, life);
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown, 'store-failed');
    if (version > 0 || error.code !== 'conflict') life.halt(error);
    throw error;
  }
  for (const key of dropped) acts.byKey.delete(key);
  for (const [key, act] of changed) acts.byKey.set(key, act);
  if (dropped.length + changed.length > 0) acts.list = undefined;
}

// A full queue has written nothing: the one fault that is worth waiting out.
async function record(deps: ExecutorDeps, batch: RecordBatch, life: Life): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await deps.ledger.record(batch);
      return;
    } catch (thrown) {
      const full = thrown instanceof WatchkeeperError && thrown.code === 'rate-limited';
      if (!full || attempt >= limits.ledgerRetries) throw thrown;
      await deps.clock.sleep(limits.ledgerRetryMs, life.signal);
    }
  }
}

// Ended executions leave memory, not the store: `explain` still finds them there.
function forgetOldest(kept: Map<string, Kept>): void {
  for (const [id, entry] of kept) {
    if (kept.size <= limits.executionsKept) return;
    if (entry.record.endedAtMs !== undefined) kept.delete(id);
  }
}

async function newest(
  deps: ExecutorDeps,
  space: 'act' | 'execution',
  max: number,
): Promise<readonly { readonly key: string; readonly value: unknown; readonly version: number }[]> {
  const rows: { readonly key: string; readonly value: unknown; readonly version: number }[] = [];
  const page = 500;
  let after: string | undefined;
  while (rows.length < max) {
    const got = await deps.store.list(space, {
      limit: Math.min(page, max - rows.length),
      reverse: true,
      ...(after === undefined ? {} : { after }),
    });
    rows.push(...got);
    after = got.at(-1)?.key;
    if (after === undefined) break;
  }
  return rows.reverse();
}

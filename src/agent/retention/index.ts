import type { Put, Expect, Store, Stored } from '../../domain/ports/store.ts';
import type { Ledger } from '../../domain/ports/ledger.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import {
  markRemoved,
  prunedSpaces,
  removedAt,
  settledSince,
  type InUse,
  type PrunedSpace,
  type Settled,
} from './settled.ts';
import { detectorOfRow } from '../detector-rows.ts';

export { prunedSpaces } from './settled.ts';
export type { InUse } from './settled.ts';

/** How much of what is over is kept. */
export interface RetentionSettings {
  /** Settled rows older than this go. */
  readonly historyMs: number;
  /** Of the settled rows of one space, the newest so many stay; older ones go before their time. */
  readonly rows: number;
}

/** What holds where nothing is written. */
export const defaultRetention: RetentionSettings = {
  historyMs: limits.retentionMs,
  rows: limits.retentionRows,
};

/** Removes what is over from the working state, a small batch at a time. */
export interface Retention {
  /** Looks at the next few rows. @returns how many were removed. */
  tick(): Promise<number>;
}

/** What it works with. */
export interface RetentionParts {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly nowMs: () => number;
  readonly inUse: () => InUse;
  readonly settings?: RetentionSettings;
}

// Without the value of the row: a round may remember many.
interface Found {
  readonly row: Pick<Stored, 'key' | 'version'>;
  readonly settled: Settled;
}

/**
 * Goes round the spaces, page by page. What the ledger has committed to is not touched: entries, tiles and payloads stay.
 * A row goes only in the version that was looked at, and only when its incident is resolved; nothing goes that is younger
 * than what decisions and diagnoses look back on, however many rows there are.
 */
export function createRetention(parts: RetentionParts): Retention {
  const settings = parts.settings ?? defaultRetention;
  let turn = 0;
  let after: string | undefined;
  let kept: Found[] = [];

  const nextSpace = (): void => {
    turn = (turn + 1) % prunedSpaces.length;
    after = undefined;
    kept = [];
  };
  return {
    tick: async () => {
      const space = prunedSpaces[turn] ?? 'delivery';
      const inUse = parts.inUse();
      const nowMs = parts.nowMs();
      const page = await parts.store.list(space, {
        limit: limits.retentionPage,
        ...(after === undefined ? {} : { after }),
      });
      after = page.at(-1)?.key;
      const due: Found[] = [];
      for (const row of page) {
        const settled = settledSince(space, row, inUse);
        if (settled === undefined) continue;
        const found: Found = { row: { key: row.key, version: row.version }, settled };
        if (settled.sinceMs <= nowMs - settings.historyMs) due.push(found);
        else kept.push(found);
      }
      if (kept.length > settings.rows + limits.retentionPage) {
        kept.sort((a, b) => b.settled.sinceMs - a.settled.sinceMs);
        due.push(...kept.splice(settings.rows).filter(({ settled }) => settled.sinceMs <= nowMs - limits.lookBackMs));
      }
      if (space === 'detector') await markTheRemoved(parts, page, inUse, nowMs);
      if (page.length < limits.retentionPage) nextSpace();
      return remove(parts, space, due);
    },
  };
}

async function markTheRemoved(
  { ledger }: RetentionParts,
  page: readonly Stored[],
  { detectors }: InUse,
  nowMs: number,
): Promise<void> {
  const gone = page.filter(({ key, value }) => !detectors.has(detectorOfRow(key)) && removedAt(value) === undefined);
  const puts = gone.map(({ key, value }): Put => ({ space: 'detector', key, value: markRemoved(value, nowMs) }));
  await unlessChanged(
    ledger,
    puts,
    gone.map(({ key, version }) => ({ space: 'detector', key, version })),
  );
}

async function remove(parts: RetentionParts, space: PrunedSpace, due: readonly Found[]): Promise<number> {
  const over: Found[] = [];
  for (const one of due) if (await isOver(parts.store, one.settled.incidentId)) over.push(one);
  const puts = over.map(({ row }): Put => ({ space, key: row.key, value: undefined }));
  const done = await unlessChanged(
    parts.ledger,
    puts,
    over.map(({ row }) => ({ space, ...row })),
  );
  return done ? over.length : 0;
}

// The store is asked, not the memory of the watch: that forgets incidents, and what it has forgotten may be open.
async function isOver(store: Store, incidentId: string | undefined): Promise<boolean> {
  if (incidentId === undefined) return true;
  const incident = (await store.get('incident', incidentId))?.value as { readonly status?: string } | undefined;
  return incident === undefined || incident.status === 'resolved';
}

// Somebody changed a row meanwhile: it is looked at again on the next round.
async function unlessChanged(ledger: Ledger, puts: readonly Put[], expects: readonly Expect[]): Promise<boolean> {
  if (puts.length === 0) return false;
  try {
    await ledger.record({ drafts: [], puts, expects });
    return true;
  } catch (thrown) {
    if (WatchkeeperError.from(thrown).code === 'conflict') return false;
    throw thrown;
  }
}

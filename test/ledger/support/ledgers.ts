import path from 'node:path';

import { onTestFinished } from 'vitest';

import type { LedgerDraft } from '../../../src/domain/ledger.ts';
import type { Store } from '../../../src/domain/ports/store.ts';
import type { Json } from '../../../src/lib/json.ts';
import { openLedger, signerFromSeed, type LedgerHandle, type LedgerOptions } from '../../../src/ledger/index.ts';
import { openSqliteStore } from '../../../src/store/index.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

export const origin = 'test.example/ledger/default';
export const testKey = signerFromSeed(origin, Buffer.alloc(32, 7));

/** A small draft; every third has a payload. */
export function draft(
  number: number,
  payload: Json | undefined = number % 3 === 0 ? { secret: number } : undefined,
): LedgerDraft {
  return {
    type: 'incident-updated',
    actor: 'daemon',
    atMs: 1_767_225_600_000 + number,
    subject: { incident: `inc-${number}`, service: 'shop' },
    body: { number, text: 'grüße' },
    ...(payload === undefined ? {} : { payload }),
  };
}

export interface OpenedLedger {
  readonly store: Store;
  readonly ledger: LedgerHandle;
  readonly path: string;
}

/** A ledger in a real database file, closed when the test ends. */
export async function ledgerIn(folder: string, options: Partial<LedgerOptions> = {}): Promise<OpenedLedger> {
  const file = path.join(folder, 'store.db');
  const store = await openSqliteStore({ path: file });
  onTestFinished(() => store.close());
  const ledger = await openLedger({
    store,
    key: testKey,
    origin,
    clock: virtualClock(),
    random: seededRandom(1),
    epoch: await store.newEpoch(),
    ...options,
  });
  return { store, ledger, path: file };
}

/** Records `count` entries, in batches. */
export async function fill(ledger: LedgerHandle, count: number, batch = 100): Promise<void> {
  for (let from = ledger.size(), end = from + count; from < end; from += batch)
    await ledger.record({
      drafts: Array.from({ length: Math.min(batch, end - from) }, (_, at) => draft(from + at)),
    });
}

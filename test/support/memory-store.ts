import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { Json } from '../../src/lib/json.ts';
import type { LedgerEntry } from '../../src/domain/ledger.ts';
import type { Ledger, RecordBatch } from '../../src/domain/ports/ledger.ts';
import type { Space, Store, StoreBatch, Stored } from '../../src/domain/ports/store.ts';

/** What a crash leaves behind: rows and entries that were committed. Shared by the processes of one test. */
export interface Disk {
  readonly rows: Map<string, Stored & { readonly space: Space }>;
  readonly entries: LedgerEntry[];
  readonly payloads: Map<number, Json>;
  epoch: number;
}

export function emptyDisk(): Disk {
  return { rows: new Map(), entries: [], payloads: new Map(), epoch: 0 };
}

/** A store over a Disk, with the port's semantics of `expects` and epochs. It keeps no ledger rows: see diskLedger. */
export function diskStore(disk: Disk): Store {
  const unsupported = (): Promise<never> => Promise.reject(new WatchkeeperError('unsupported', 'kept by diskLedger'));
  return {
    get: (space, key) => Promise.resolve(disk.rows.get(`${space}\n${key}`)),
    list: (space, options) => {
      const rows = [...disk.rows.values()]
        .filter((row) => row.space === space && row.key.startsWith(options.prefix ?? ''))
        .sort((a, b) => (a.key < b.key ? -1 : 1));
      if (options.reverse === true) rows.reverse();
      const { after } = options;
      const from = rows.filter(
        (row) => after === undefined || (options.reverse === true ? row.key < after : row.key > after),
      );
      return Promise.resolve(structuredClone(from.slice(0, options.limit)));
    },
    commit: (batch) =>
      new Promise((resolve) => {
        commit(disk, batch);
        resolve();
      }),
    newEpoch: () => Promise.resolve(++disk.epoch),
    epoch: () => Promise.resolve(disk.epoch),
    ledgerSize: () => Promise.resolve(disk.entries.length),
    ledgerEntries: unsupported,
    ledgerTile: unsupported,
    ledgerCheckpoint: unsupported,
    ledgerPayload: unsupported,
    ledgerPayloads: unsupported,
    erasePayload: unsupported,
    info: () => Promise.resolve({ engine: 'memory', bytes: 0 }),
    close: () => Promise.resolve(),
  };
}

function commit(disk: Disk, batch: Omit<StoreBatch, 'ledger'>): void {
  if (batch.epoch < disk.epoch) throw new WatchkeeperError('fenced', `epoch ${disk.epoch} has begun`);
  for (const expected of batch.expects) {
    const version = disk.rows.get(`${expected.space}\n${expected.key}`)?.version ?? 0;
    if (version !== expected.version)
      throw new WatchkeeperError('conflict', `${expected.key}: version ${version}, not ${expected.version}`);
  }
  for (const put of batch.puts) {
    const key = `${put.space}\n${put.key}`;
    const version = (disk.rows.get(key)?.version ?? 0) + 1;
    if (put.value === undefined) disk.rows.delete(key);
    else disk.rows.set(key, { space: put.space, key: put.key, value: structuredClone(put.value), version });
  }
}

/** A ledger over a Disk: entries in order, no tree. Writes under the epoch it was opened with. */
export function diskLedger(disk: Disk, epoch: number): Ledger {
  return {
    record: (batch: RecordBatch) =>
      new Promise((resolve) => {
        commit(disk, { puts: batch.puts ?? [], expects: batch.expects ?? [], epoch });
        const made = batch.drafts.map((draft, offset): LedgerEntry => {
          const { payload, ...rest } = structuredClone(draft);
          const seq = disk.entries.length + offset;
          if (payload !== undefined) disk.payloads.set(seq, payload);
          return { v: 1, seq, epoch, ...rest };
        });
        disk.entries.push(...made);
        resolve(made);
      }),
    size: () => disk.entries.length,
    checkpoint: () => Promise.reject(new WatchkeeperError('unsupported', 'no tree')),
    entries: (fromSeq, limit) => Promise.resolve(disk.entries.slice(fromSeq, fromSeq + limit)),
    payload: (seq) => Promise.resolve(disk.payloads.get(seq)),
    flush: () => Promise.resolve(),
  };
}

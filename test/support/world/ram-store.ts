import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type {
  LedgerRows,
  Space,
  Store,
  StoredEntry,
  StoreBatch,
  Stored,
  StoredPayload,
} from '../../../src/domain/ports/store.ts';

/** What outlives a process: the rows and the ledger of a store kept in memory. */
export interface RamDisk {
  readonly rows: Map<Space, Map<string, Stored>>;
  readonly entries: StoredEntry[];
  readonly tiles: Map<string, Uint8Array>;
  readonly checkpoints: { readonly size: number; readonly note: string }[];
  readonly payloads: Map<number, StoredPayload>;
  epoch: number;
}

export function emptyRamDisk(): RamDisk {
  return { rows: new Map(), entries: [], tiles: new Map(), checkpoints: [], payloads: new Map(), epoch: 0 };
}

/** The store port over memory, whole: it keeps the same contract as the database, without its fsyncs. */
export function ramStore(disk: RamDisk): Store {
  let open = true;
  const later = <T>(work: () => T): Promise<T> =>
    new Promise((resolve) => {
      if (!open) throw new WatchkeeperError('store-failed', 'the store is closed');
      resolve(work());
    });
  return {
    get: (space, key) => later(() => structuredClone(disk.rows.get(space)?.get(key))),
    list: (space, options) => later(() => structuredClone(list(disk, space, options))),
    commit: (batch) => later(() => commit(disk, batch)),
    newEpoch: () => later(() => ++disk.epoch),
    epoch: () => later(() => disk.epoch),
    ledgerSize: () => later(() => disk.entries.length),
    ledgerEntries: (fromSeq, limit) => later(() => disk.entries.slice(fromSeq, fromSeq + limit)),
    ledgerTile: (level, index) => later(() => disk.tiles.get(`${level}/${index}`)),
    ledgerCheckpoint: (size) =>
      later(() =>
        size === undefined ? disk.checkpoints.at(-1) : disk.checkpoints.findLast((one) => one.size === size),
      ),
    ledgerPayload: (seq) => later(() => disk.payloads.get(seq)),
    ledgerPayloads: (fromSeq, width) =>
      later(() =>
        Array.from({ length: width }, (_, at) => disk.payloads.get(fromSeq + at)).filter((one) => one !== undefined),
      ),
    erasePayload: (seq) => later(() => void disk.payloads.delete(seq)),
    info: () => later(() => ({ engine: 'memory 1.0', bytes: 1 })),
    close: () => {
      open = false;
      return Promise.resolve();
    },
  };
}

function list(disk: RamDisk, space: Space, options: Parameters<Store['list']>[1]): readonly Stored[] {
  const { prefix = '', after, reverse = false, limit } = options;
  const rows = [...(disk.rows.get(space)?.values() ?? [])]
    .filter((row) => row.key.startsWith(prefix))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  if (reverse) rows.reverse();
  return rows.filter((row) => after === undefined || (reverse ? row.key < after : row.key > after)).slice(0, limit);
}

function commit(disk: RamDisk, batch: StoreBatch): void {
  if (batch.epoch !== disk.epoch)
    throw new WatchkeeperError('fenced', `the epoch is ${disk.epoch}, not ${batch.epoch}`);
  for (const { space, key, version } of batch.expects) {
    const found = disk.rows.get(space)?.get(key)?.version ?? 0;
    if (found !== version) throw new WatchkeeperError('conflict', `${key}: version ${found}, not ${version}`);
  }
  const { ledger } = batch;
  if (ledger !== undefined && ledger.fromSeq !== disk.entries.length)
    throw new WatchkeeperError('conflict', `the ledger has ${disk.entries.length} entries, not ${ledger.fromSeq}`);
  const same = disk.checkpoints.find((one) => one.size === ledger?.checkpoint.size);
  if (same !== undefined && same.note !== ledger?.checkpoint.note)
    throw new WatchkeeperError('conflict', `another checkpoint of size ${same.size} is kept`);
  for (const { space, key, value } of batch.puts) {
    const rows = disk.rows.get(space) ?? new Map<string, Stored>();
    disk.rows.set(space, rows);
    if (value === undefined) rows.delete(key);
    else rows.set(key, { key, value: structuredClone(value), version: (rows.get(key)?.version ?? 0) + 1 });
  }
  if (ledger !== undefined) append(disk, ledger);
}

function append(disk: RamDisk, rows: LedgerRows): void {
  disk.entries.push(...rows.entries.map((data, at) => ({ seq: rows.fromSeq + at, data })));
  for (const tile of rows.tiles) disk.tiles.set(`${tile.level}/${tile.index}`, tile.data);
  for (const payload of rows.payloads) disk.payloads.set(payload.seq, payload);
  if (disk.checkpoints.at(-1)?.size !== rows.checkpoint.size) disk.checkpoints.push(rows.checkpoint);
}

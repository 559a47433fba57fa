import type { LedgerEntry } from '../domain/ledger.ts';
import type { Store, StoredPayload } from '../domain/ports/store.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import type { Json } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { commitTo } from './commitment.ts';
import { readEntry } from './entry.ts';
import { decodePayloads, payloadsPath } from './payloads.ts';
import { tileWidth } from './tree.ts';
import { exportedEntry, exportedHashes, type ExportedLedger } from './verify-export.ts';

/** An entry as people look at it: with its payload, where it has one that was not erased. */
export interface ReadEntry {
  readonly entry: LedgerEntry;
  readonly payload?: Json;
}

// As verify-export: each byte of a payload may be escaped once more in its line.
const payloadFileBytes = tileWidth * (2 * limits.ledgerPayloadBytes + 512);

/** Entries of a store, without opening the ledger for writing. @throws `ledger-invalid` for what cannot be read. */
export async function readStoredEntries(store: Store, fromSeq: number, limit: number): Promise<readonly ReadEntry[]> {
  const rows = await store.ledgerEntries(fromSeq, limit);
  return Promise.all(rows.map(async (row) => joined(row.data, row.seq, await store.ledgerPayload(row.seq))));
}

/** The same of an exported folder. Believes the folder: verify it first. */
export async function readExportedEntries(
  exported: ExportedLedger,
  fromSeq: number,
  limit: number,
): Promise<readonly ReadEntry[]> {
  const { size } = await exportedHashes(exported);
  const payloads = new Map<number, readonly StoredPayload[]>();
  const found: ReadEntry[] = [];
  for (let seq = fromSeq; seq < Math.min(size, fromSeq + limit); seq++) {
    const bundle = Math.floor(seq / tileWidth);
    const beside = payloads.get(bundle) ?? (await payloadsOf(exported, bundle));
    payloads.set(bundle, beside);
    const data = await exportedEntry(exported, seq, size);
    found.push(
      joined(
        data,
        seq,
        beside.find((payload) => payload.seq === seq),
      ),
    );
  }
  return found;
}

/** How many entries an exported ledger has, as its checkpoint says. */
export async function exportedSize(exported: ExportedLedger): Promise<number> {
  return (await exportedHashes(exported)).size;
}

async function payloadsOf(exported: ExportedLedger, bundle: number): Promise<readonly StoredPayload[]> {
  try {
    const path = `${exported.folder}/${payloadsPath(bundle)}`;
    const bytes = await exported.files.read(path, payloadFileBytes, exported.signal);
    return decodePayloads(new TextDecoder().decode(bytes));
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    if (error.code === 'not-found') return [];
    throw error;
  }
}

function joined(data: Uint8Array, seq: number, payload: StoredPayload | undefined): ReadEntry {
  const entry = readEntry(data);
  if (typeof entry === 'string' || entry.seq !== seq)
    throw new WatchkeeperError('ledger-invalid', `ledger entry ${seq} cannot be read`, {
      fix: 'Run "watchkeeper ledger verify": it names what is damaged.',
    });
  if (payload === undefined) return { entry };
  if (commitTo(payload.data, payload.salt) !== entry.commitment)
    throw new WatchkeeperError('ledger-invalid', `the payload of entry ${seq} is not the one that was committed to`);
  return { entry, payload: JSON.parse(Buffer.from(payload.data).toString('utf8')) as Json };
}

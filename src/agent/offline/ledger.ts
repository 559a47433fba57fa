import { join } from 'node:path';

import { WatchkeeperError } from '../../lib/errors.ts';
import type { Store } from '../../domain/ports/store.ts';
import { readFiles, writeFiles } from '../../io/index.ts';
import {
  exportedSize,
  exportLedger,
  parseVerifier,
  proveExportedInclusion,
  proveInclusion,
  readExportedEntries,
  readIdentity,
  readStoredEntries,
  verifyExport,
  verifyReceipt,
  verifyStore,
  type ExportResult,
  type LedgerReport,
  type ReadEntry,
  type ReceiptContent,
} from '../../ledger/index.ts';
import { openSqliteStore } from '../../store/index.ts';
import { loadConfig } from '../load/index.ts';
import { loadOptions } from '../open.ts';
import { openStoreToRead, storePath } from '../stores.ts';
import { quietAmbient, type ConnectionIo } from './connections.ts';
import type { ResourcePlace } from './resources.ts';

/** A ledger to look at without a daemon: an exported folder, or a store, opened read-only. */
export interface LookedAtLedger {
  readonly kind: 'export' | 'data-dir' | 'database';
  /** Where it is: a folder, or the database and its schema. */
  readonly folder: string;
  size(): Promise<number>;
  /** Recomputes everything. `vkeys` are keys to trust; without any, those that the ledger itself names. */
  verify(vkeys?: readonly string[]): Promise<LedgerReport>;
  entries(fromSeq: number, limit: number): Promise<readonly ReadEntry[]>;
  /** A receipt that anyone can verify offline. */
  proof(seq: number): Promise<string>;
  exportTo(folder: string): Promise<ExportResult>;
  /** The public keys that sign it. */
  vkeys(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/**
 * Opens whatever ledger is in `folder`.
 *
 * @throws `not-found` when there is none.
 */
export async function openLedgerToLookAt(folder: string, signal: AbortSignal): Promise<LookedAtLedger> {
  if ((await readFiles.stat(join(folder, 'checkpoint'), signal)) !== undefined) return exportedLedger(folder, signal);
  if ((await readFiles.stat(storePath(folder), signal)) !== undefined) {
    const store = await openSqliteStore({ path: storePath(folder), readOnly: true });
    return storedLedger(store, { kind: 'data-dir', folder }, signal);
  }
  throw new WatchkeeperError('not-found', `there is no ledger in ${folder}`, {
    fix: 'Name the folder of an exported ledger, or a data folder with --data-dir.',
  });
}

/**
 * Opens the ledger of the daemon that a configuration describes: in its database where it names one, else in `dataDir`. A
 * configuration that cannot be read counts as none: a daemon goes on with its last good one while somebody has a typo in it.
 *
 * @throws `not-found` when there is none.
 */
export async function openConfiguredLedger(
  place: ResourcePlace,
  dataDir: string,
  io: ConnectionIo,
): Promise<LookedAtLedger> {
  const loaded = await loadConfig(loadOptions(place).config);
  if (!loaded.ok || loaded.config.store.kind !== 'postgres') return openLedgerToLookAt(dataDir, place.signal);
  const { host, database, schema } = loaded.config.store;
  const store = await openStoreToRead(loaded.config, quietAmbient(io));
  return storedLedger(store, { kind: 'database', folder: `${host}/${database}/${schema}` }, place.signal);
}

/** Verifies a receipt with nothing but a public key. */
export function verifyReceiptText(receipt: string, vkeys: readonly string[]): ReceiptContent {
  return verifyReceipt(receipt, vkeys.map(parseVerifier));
}

function exportedLedger(folder: string, signal: AbortSignal): LookedAtLedger {
  const exported = { files: readFiles, folder, signal };
  return {
    kind: 'export',
    folder,
    size: () => exportedSize(exported),
    verify: (vkeys) => verifyExport(exported, vkeys === undefined ? {} : { vkeys }),
    entries: (fromSeq, limit) => readExportedEntries(exported, fromSeq, limit),
    proof: (seq) => proveExportedInclusion(exported, seq),
    exportTo: () =>
      Promise.reject(
        new WatchkeeperError('usage', `${folder} is an exported ledger already`, { fix: 'Copy the folder.' }),
      ),
    vkeys: async () => {
      const text = new TextDecoder().decode(await readFiles.read(join(folder, 'vkey'), 64 * 1024, signal));
      return text.split('\n').filter((line) => line !== '');
    },
    close: () => Promise.resolve(),
  };
}

function storedLedger(
  store: Store,
  place: Pick<LookedAtLedger, 'kind' | 'folder'>,
  signal: AbortSignal,
): LookedAtLedger {
  return {
    ...place,
    size: () => store.ledgerSize(),
    verify: (vkeys) => verifyStore(store, vkeys === undefined ? {} : { vkeys }),
    entries: (fromSeq, limit) => readStoredEntries(store, fromSeq, limit),
    proof: (seq) => proveInclusion(store, seq),
    exportTo: (target) => exportLedger({ store, files: writeFiles, folder: target, signal }),
    vkeys: async () => (await readIdentity(store)).vkeys,
    close: () => store.close(),
  };
}

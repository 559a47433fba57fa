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

/** A ledger to look at without a daemon: an exported folder, or the store in a data folder, opened read-only. */
export interface LookedAtLedger {
  /** `export` or `data-dir`. */
  readonly kind: 'export' | 'data-dir';
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

/** Where the store lies in a data folder. */
export function storePath(dataDir: string): string {
  return join(dataDir, 'watchkeeper.db');
}

/** Opens the store of a data folder beside whoever writes to it. Changes nothing. */
export function openStoreReadOnly(dataDir: string): Promise<Store> {
  return openSqliteStore({ path: storePath(dataDir), readOnly: true });
}

/**
 * Opens whatever ledger is in `folder`.
 *
 * @throws `not-found` when there is none.
 */
export async function openLedgerToLookAt(folder: string, signal: AbortSignal): Promise<LookedAtLedger> {
  if ((await readFiles.stat(join(folder, 'checkpoint'), signal)) !== undefined) return exportedLedger(folder, signal);
  if ((await readFiles.stat(storePath(folder), signal)) !== undefined) return storedLedger(folder, signal);
  throw new WatchkeeperError('not-found', `there is no ledger in ${folder}`, {
    fix: 'Name the folder of an exported ledger, or a data folder with --data-dir.',
  });
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

async function storedLedger(folder: string, signal: AbortSignal): Promise<LookedAtLedger> {
  const store = await openStoreReadOnly(folder);
  return {
    kind: 'data-dir',
    folder,
    size: () => store.ledgerSize(),
    verify: (vkeys) => verifyStore(store, vkeys === undefined ? {} : { vkeys }),
    entries: (fromSeq, limit) => readStoredEntries(store, fromSeq, limit),
    proof: (seq) => proveInclusion(store, seq),
    exportTo: (target) => exportLedger({ store, files: writeFiles, folder: target, signal }),
    vkeys: async () => (await readIdentity(store)).vkeys,
    close: () => store.close(),
  };
}

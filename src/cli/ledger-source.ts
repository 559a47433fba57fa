import type { Command } from 'commander';

import type { LedgerView, LookedAtLedger, ReadEntry } from '../agent/index.ts';
import { findDaemon, readDaemonFile, type Daemon, type DaemonOptions } from './daemon.ts';
import { daemonOptions } from './daemon-options.ts';
import { findDataDir } from './data-dir.ts';
import { sourceOfResources } from './resource-options.ts';
import { absolute, type Shell } from './shell.ts';

/** Where a ledger may be: with a daemon, or in its data folder. */
export type LedgerWhere = DaemonOptions;

/** Adds the options that say so. */
export function ledgerOptions(command: Command): Command {
  return daemonOptions(command);
}

/** A ledger to read and prove from, wherever it is. */
export interface LedgerSource {
  size(): Promise<number>;
  entries(fromSeq: number, limit: number): Promise<readonly ReadEntry[]>;
  proof(seq: number): Promise<string>;
  close(): Promise<void>;
}

/**
 * Opens the ledger in a folder; without one, asks the daemon when one is known, and else looks into the data folder.
 *
 * @throws `not-found` when there is none.
 */
export async function openLedger(
  shell: Shell,
  options: LedgerWhere,
  folder: string | undefined,
): Promise<LedgerSource> {
  if (folder === undefined && (await daemonKnown(shell, options))) return fromDaemon(await findDaemon(shell, options));
  return lookAtLedger(shell, options, folder);
}

/** Opens the ledger in a folder, or else the one of the configured store, without asking a daemon. @throws `not-found`. */
export async function lookAtLedger(
  shell: Shell,
  options: LedgerWhere,
  folder: string | undefined,
): Promise<LookedAtLedger> {
  const { openConfiguredLedger, openLedgerToLookAt } = await import('../agent/index.ts');
  if (folder !== undefined) return openLedgerToLookAt(absolute(shell, folder), shell.signal);
  const given = options.dataDir === undefined ? {} : { dataDir: options.dataDir };
  const place = { ...sourceOfResources(shell, given), signal: shell.signal };
  return openConfiguredLedger(place, await findDataDir(shell, options.dataDir), shell);
}

async function daemonKnown(shell: Shell, options: LedgerWhere): Promise<boolean> {
  if (options.url !== undefined || shell.environment['WATCHKEEPER_URL'] !== undefined) return true;
  return (await readDaemonFile(shell, await findDataDir(shell, options.dataDir))) !== undefined;
}

function fromDaemon(daemon: Daemon): LedgerSource {
  return {
    size: async () => (await daemon.get<LedgerView>('/api/v1/ledger')).size,
    entries: async (fromSeq, limit) =>
      (
        await daemon.get<{ readonly entries: readonly ReadEntry[] }>(
          `/api/v1/ledger/entries?from=${fromSeq}&limit=${limit}`,
        )
      ).entries,
    proof: (seq) => daemon.text(`/api/v1/ledger/proof/${seq}`),
    close: () => Promise.resolve(),
  };
}

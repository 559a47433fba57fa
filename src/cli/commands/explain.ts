import type { Command } from 'commander';

import type { IncidentView, LedgerView } from '../../agent/index.ts';
import type { LedgerEntry } from '../../domain/ledger.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { findDaemon, type Daemon, type DaemonOptions } from '../daemon.ts';
import { daemonOptions } from '../daemon-options.ts';
import { renderExplain } from '../render/explain.ts';
import { makeCommand, onAction, type Making } from '../run-command.ts';
import { required } from '../values.ts';

// Enough for the entries of an incident that is being looked at; older ones are found with `ledger show --incident`.
const newestEntries = 500;

/** `explain`: why the watch did, or did not. */
export function explainCommand(making: Making): Command {
  const command = daemonOptions(
    makeCommand('explain', 'why it did, or did not: the whole story of one incident'),
  ).argument('<id>', 'the incident: the first characters are enough');
  return onAction<DaemonOptions>(making, command, async ({ shell, options, args, emit }) => {
    const daemon = await findDaemon(shell, options);
    const view = await daemon.get<IncidentView>(`/api/v1/incidents/${encodeURIComponent(required(args, 0))}`);
    const seqs = await entriesAbout(daemon, view.incident.id);
    emit({ ...view, ledgerSeqs: seqs }, (style) => renderExplain(view, seqs, style));
    return undefined;
  });
}

async function entriesAbout(daemon: Daemon, incident: string): Promise<readonly number[]> {
  try {
    const { size } = await daemon.get<LedgerView>('/api/v1/ledger');
    const from = Math.max(0, size - newestEntries);
    const { entries } = await daemon.get<{ readonly entries: readonly { readonly entry: LedgerEntry }[] }>(
      `/api/v1/ledger/entries?from=${from}&limit=${newestEntries}`,
    );
    return entries.filter(({ entry }) => entry.subject.incident === incident).map(({ entry }) => entry.seq);
  } catch (thrown) {
    // The story is worth more than its references.
    const error = WatchkeeperError.from(thrown);
    if (error.code === 'too-large') return [];
    throw error;
  }
}

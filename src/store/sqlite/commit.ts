import type { Expect, LedgerRows, Put, StoreBatch } from '../../domain/ports/store.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { packFrames } from '../../lib/frames.ts';
import { integer, text } from './rows.ts';
import type { Statements } from './statements.ts';

/**
 * Writes a batch inside the transaction that the caller has begun. Everything that could make the batch wrong (a newer
 * epoch, a changed version, another writer's entries) is checked in that same transaction, before the first write.
 *
 * @throws WatchkeeperError `fenced` or `conflict`; the caller rolls back and nothing is written.
 */
export function writeBatch(run: Statements, batch: StoreBatch): void {
  checkEpoch(run, batch.epoch);
  for (const expect of batch.expects) checkVersion(run, expect);
  if (batch.ledger) checkSize(run, batch.ledger);
  for (const put of batch.puts) writePut(run, put);
  if (batch.ledger) writeLedger(run, batch.ledger);
}

function checkEpoch(run: Statements, mine: number): void {
  const row = run.epoch.get();
  const stored = row ? integer(row, 'epoch') : -1;
  // A lower one is as bad: an epoch we were given is gone, so this is not the store that gave it.
  if (stored !== mine)
    throw new WatchkeeperError('fenced', `epoch ${mine} may no longer write: the store is at epoch ${stored}`, {
      fix: 'Stop acting; another leader has taken over.',
    });
}

function checkVersion(run: Statements, expect: Expect): void {
  const row = run.version.get(expect.space, expect.key);
  const stored = row ? integer(row, 'version') : 0;
  if (stored !== expect.version)
    throw new WatchkeeperError(
      'conflict',
      `${expect.space} ${expect.key} has version ${stored}, not ${expect.version}: somebody else changed it first`,
    );
}

function checkSize(run: Statements, rows: LedgerRows): void {
  const row = run.size.get();
  const stored = row ? integer(row, 'size') : -1;
  if (stored !== rows.fromSeq)
    throw new WatchkeeperError('conflict', `the ledger has ${stored} entries, not ${rows.fromSeq}: it would fork`, {
      fix: 'Stop acting; another writer has appended to this ledger.',
    });
}

function writePut(run: Statements, put: Put): void {
  if (put.value === undefined) run.remove.run(put.space, put.key);
  else run.put.run(put.space, put.key, JSON.stringify(put.value));
}

function writeLedger(run: Statements, rows: LedgerRows): void {
  const { size, note } = rows.checkpoint;
  if (size !== rows.fromSeq + rows.entries.length)
    throw new WatchkeeperError('internal', `a checkpoint of ${size} does not fit its entries`);
  if (rows.entries.length > 0 || isNew(run, rows.checkpoint))
    run.append.run(size, rows.fromSeq, note, packFrames(rows.entries));
  for (const tile of rows.tiles) run.addTile.run(tile.level, tile.index, tile.data);
  for (const payload of rows.payloads) run.addPayload.run(payload.seq, payload.commitment, payload.salt, payload.data);
}

// The same size may be committed again without new entries (an empty ledger opened twice); it must then say the same.
function isNew(run: Statements, checkpoint: LedgerRows['checkpoint']): boolean {
  const row = run.checkpoint.get(checkpoint.size);
  if (row === undefined) return true;
  if (text(row, 'note') !== checkpoint.note)
    throw new WatchkeeperError('conflict', `another checkpoint of ${checkpoint.size} entries is already stored`);
  return false;
}

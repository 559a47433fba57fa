import type { Expect, LedgerRows, Put, StoreBatch } from '../../domain/ports/store.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { packFrames } from '../../lib/frames.ts';
import type { Connection } from './connection.ts';
import { integer, text } from './rows.ts';

/**
 * Writes a batch inside the transaction that the caller has begun. The first statement takes the fence: it locks the row
 * of the epoch, so that no other writer commits in between, and leaves the token of this commit in it.
 *
 * @throws WatchkeeperError `fenced` or `conflict`; the caller rolls back and nothing is written.
 */
export async function writeBatch(tx: Connection, batch: StoreBatch, token: string): Promise<void> {
  await takeFence(tx, batch.epoch, token);
  await checkVersions(tx, batch.expects);
  if (batch.ledger) await checkSize(tx, batch.ledger);
  await writePuts(tx, batch.puts);
  if (batch.ledger) await writeLedger(tx, batch.ledger);
}

async function takeFence(tx: Connection, mine: number, token: string): Promise<void> {
  const [held] = await tx.query('UPDATE fence SET token = $1 WHERE epoch = $2 RETURNING epoch', [token, mine]);
  if (held !== undefined) return;
  const [row] = await tx.query('SELECT epoch FROM fence');
  throw fenced(mine, integer(row, 'epoch'));
}

/** What a deposed writer is told. */
export function fenced(mine: number, stored: number): WatchkeeperError {
  // A lower one is as bad: an epoch we were given is gone, so this is not the store that gave it.
  return new WatchkeeperError('fenced', `epoch ${mine} may no longer write: the store is at epoch ${stored}`, {
    fix: 'Stop acting; another leader has taken over.',
  });
}

async function checkVersions(tx: Connection, expects: readonly Expect[]): Promise<void> {
  if (expects.length === 0) return;
  const [wrong] = await tx.query(
    `SELECT e.space, e.key, e.version AS wanted, coalesce(s.version, 0) AS stored
     FROM unnest($1::text[], $2::text[], $3::bigint[]) AS e (space, key, version)
     LEFT JOIN state s ON s.space = e.space AND s.key = e.key
     WHERE coalesce(s.version, 0) <> e.version LIMIT 1`,
    [expects.map(({ space }) => space), expects.map(({ key }) => key), expects.map(({ version }) => version)],
  );
  if (wrong === undefined) return;
  const what = `${text(wrong, 'space')} ${text(wrong, 'key')}`;
  throw new WatchkeeperError(
    'conflict',
    `${what} has version ${integer(wrong, 'stored')}, not ${integer(wrong, 'wanted')}: somebody else changed it first`,
  );
}

async function checkSize(tx: Connection, rows: LedgerRows): Promise<void> {
  const [row] = await tx.query('SELECT coalesce(max(size), 0) AS size FROM append');
  const stored = integer(row, 'size');
  if (stored !== rows.fromSeq)
    throw new WatchkeeperError('conflict', `the ledger has ${stored} entries, not ${rows.fromSeq}: it would fork`, {
      fix: 'Stop acting; another writer has appended to this ledger.',
    });
}

interface Net {
  readonly put: Put;
  /** Whether an earlier life of the key ends in this batch. */
  readonly fresh: boolean;
  /** By how much its version rises. */
  readonly writes: number;
}

// One statement may write a row once only, so what a batch does to a key is added up first.
function net(puts: readonly Put[]): readonly Net[] {
  const byKey = new Map<string, Net>();
  for (const put of puts) {
    const name = `${put.space}\n${put.key}`;
    const before = byKey.get(name);
    if (put.value === undefined) byKey.set(name, { put, fresh: true, writes: 0 });
    else byKey.set(name, { put, fresh: before?.fresh ?? false, writes: (before?.writes ?? 0) + 1 });
  }
  return [...byKey.values()];
}

async function writePuts(tx: Connection, puts: readonly Put[]): Promise<void> {
  const changes = net(puts);
  const removed = changes.filter(({ fresh }) => fresh).map(({ put }) => put);
  if (removed.length > 0)
    await tx.query(
      `DELETE FROM state s USING unnest($1::text[], $2::text[]) AS r (space, key)
       WHERE s.space = r.space AND s.key = r.key`,
      [removed.map(({ space }) => space), removed.map(({ key }) => key)],
    );
  const written = changes.filter(({ writes }) => writes > 0);
  if (written.length > 0)
    await tx.query(
      `INSERT INTO state (space, key, value, version)
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
       ON CONFLICT (space, key) DO UPDATE SET value = excluded.value, version = state.version + excluded.version`,
      [
        written.map(({ put }) => put.space),
        written.map(({ put }) => put.key),
        written.map(({ put }) => JSON.stringify(put.value)),
        written.map(({ writes }) => writes),
      ],
    );
}

async function writeLedger(tx: Connection, rows: LedgerRows): Promise<void> {
  const { size, note } = rows.checkpoint;
  if (size !== rows.fromSeq + rows.entries.length)
    throw new WatchkeeperError('internal', `a checkpoint of ${size} does not fit its entries`);
  if (rows.entries.length > 0 || (await isNew(tx, rows.checkpoint)))
    await tx.query('INSERT INTO append (size, first, note, entries) VALUES ($1, $2, $3, $4)', [
      size,
      rows.fromSeq,
      note,
      packFrames(rows.entries),
    ]);
  for (const tile of rows.tiles)
    await tx.query('INSERT INTO tile (level, idx, data) VALUES ($1, $2, $3)', [tile.level, tile.index, tile.data]);
  if (rows.payloads.length > 0)
    await tx.query(
      `INSERT INTO payload (seq, commitment, salt, data)
       SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::bytea[])`,
      [
        rows.payloads.map(({ seq }) => seq),
        rows.payloads.map(({ commitment }) => commitment),
        rows.payloads.map(({ salt }) => Buffer.from(salt)),
        rows.payloads.map(({ data }) => Buffer.from(data)),
      ],
    );
}

// The same size may be committed again without new entries (an empty ledger opened twice); it must then say the same.
async function isNew(tx: Connection, checkpoint: LedgerRows['checkpoint']): Promise<boolean> {
  const [row] = await tx.query('SELECT note FROM append WHERE size = $1', [checkpoint.size]);
  if (row === undefined) return true;
  if (text(row, 'note') !== checkpoint.note)
    throw new WatchkeeperError('conflict', `another checkpoint of ${checkpoint.size} entries is already stored`);
  return false;
}

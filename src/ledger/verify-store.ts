import type { Store } from '../domain/ports/store.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import { firstDifference } from './first-difference.ts';
import { storeHashes } from './hashes.ts';
import { identityKeys, readIdentity } from './identity.ts';
import { parseVerifier } from './note.ts';
import { joinHashes, tileWidth } from './tree.ts';
import { maxProblems, type LedgerReport } from './report.ts';
import { verifyLedger } from './verify.ts';
import type { VerifiableLedger } from './fetch.ts';

/** What a verification trusts. */
export interface VerifyOptions {
  /** Keys to trust. Without any, the ones the ledger itself names: that finds damage, not a forger with a key of his own. */
  readonly vkeys?: readonly string[];
}

/** Verifies the ledger in a store, straight from its rows; says of one that does not hold up to where it does. */
export async function verifyStore(store: Store, options: VerifyOptions = {}): Promise<LedgerReport> {
  const keys = options.vkeys?.map(parseVerifier) ?? identityKeys(await readIdentity(store));
  const report = await verifyLedger(await storeSource(store), keys);
  if (report.ok) return report;
  const found = await firstDifference(store, report.size, keys);
  if (found === undefined) return report;
  // First in the list: it is what to look at first.
  return {
    ...report,
    problems: [found, ...report.problems].slice(0, maxProblems),
    problemCount: report.problemCount + 1,
  };
}

async function storeSource(store: Store): Promise<VerifiableLedger> {
  const hashes = await storeHashes(store);
  return {
    async checkpoint() {
      const stored = await store.ledgerCheckpoint();
      if (stored === undefined) throw new WatchkeeperError('ledger-invalid', 'there is no checkpoint');
      if (stored.size !== hashes.size)
        throw new WatchkeeperError('ledger-invalid', `${hashes.size} entries, but a checkpoint of ${stored.size}`);
      return stored.note;
    },
    async bundle(index, width) {
      const rows = await store.ledgerEntries(index * tileWidth, width);
      return rows.map((row) => row.data);
    },
    async tile(level, index, width) {
      const tile = width === tileWidth ? await store.ledgerTile(level, index) : undefined;
      return tile ?? joinHashes(await hashes.tile(level, index));
    },
    payloads: (index, width) => store.ledgerPayloads(index * tileWidth, width),
  };
}

// A process that appends to a ledger and says on its standard output, line by line, what was acknowledged and what failed.
//   node ledger-victim.ts FOLDER honest|early|deaf|brink
// `early` says so before it is so, and `deaf` does not listen when it fails: both are planted, the suite must notice them.
// `brink` dies when the write-ahead log is about to be folded into the database.
import { statSync, writeSync } from 'node:fs';
import path from 'node:path';

import { systemClock, systemRandom } from '../../../src/io/index.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import { openLedger, signerFromSeed, type LedgerHandle } from '../../../src/ledger/index.ts';
import { openSqliteStore } from '../../../src/store/index.ts';
import { victimOrigin, type VictimLine } from './ledger-victim-says.ts';

const [, , folder = '.', mode = 'honest'] = process.argv;
const file = path.join(folder, 'store.db');
// The store folds its log at 1000 pages of 4 KiB, each with a header of 24 bytes.
const brinkBytes = 980 * (4_096 + 24);
const commits = mode === 'brink' ? Number.POSITIVE_INFINITY : 24;
const attemptsAfterFailure = 3;

// A plain write: what was said before a kill is in the file.
const say = (line: VictimLine): void => void writeSync(1, `${JSON.stringify(line)}\n`);
const fail = (thrown: unknown): void => say({ failed: WatchkeeperError.from(thrown).code });

async function append(ledger: LedgerHandle, id: string): Promise<void> {
  const draft = {
    type: 'incident-updated' as const,
    actor: 'daemon',
    atMs: 0,
    subject: { incident: id },
    body: { text: 'x'.repeat(1_500) },
    payload: { text: 'y'.repeat(3_000) },
  };
  if (mode === 'early') say({ acked: id });
  const recorded = ledger.record({ drafts: [draft, draft] });
  if (mode === 'deaf') await recorded.catch(fail);
  else await recorded;
  if (mode !== 'early') say({ acked: id });
}

async function run(): Promise<void> {
  const store = await openSqliteStore({ path: file });
  const epoch = await store.newEpoch();
  const key = signerFromSeed(victimOrigin, Buffer.alloc(32, 7));
  const ledger = await openLedger({
    store,
    key,
    origin: victimOrigin,
    clock: systemClock,
    random: systemRandom,
    epoch,
  });
  for (let number = 0, failures = 0; number < commits && failures < attemptsAfterFailure; number += 1) {
    try {
      await append(ledger, `${epoch}-${number}`);
    } catch (thrown) {
      fail(thrown);
      failures += 1;
    }
    if (mode === 'brink' && statSync(`${file}-wal`).size > brinkBytes) process.kill(process.pid, 'SIGKILL');
  }
  await ledger.close();
  await store.close();
  say({ done: true });
}

await run().catch(fail);

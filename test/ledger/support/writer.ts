import { statSync, writeSync } from 'node:fs';
import path from 'node:path';

import { systemClock, systemRandom } from '../../../src/io/index.ts';
import { openLedger, signerFromSeed } from '../../../src/ledger/index.ts';
import { openSqliteStore } from '../../../src/store/index.ts';

// A process that appends until it is killed or fails, and says after each commit how far it is. Tells the world by a plain
// write, so that nothing acknowledged is still in a buffer when it dies.
process.on('SIGXFSZ', () => undefined);
const origin = 'test.example/ledger/default';
const file = path.join(process.argv[2] ?? '', 'store.db');
const store = await openSqliteStore({ path: file });
const ledger = await openLedger({
  store,
  key: signerFromSeed(origin, Buffer.alloc(32, 7)),
  origin,
  clock: systemClock,
  random: systemRandom,
  epoch: await store.newEpoch(),
});
for (let number = 0; ; number++) {
  const body = { number, text: 'x'.repeat(number % 200) };
  const drafts = Array.from({ length: 1 + (number % 5) }, () => ({
    type: 'incident-updated' as const,
    actor: 'daemon',
    atMs: number,
    subject: {},
    body,
    payload: { number },
  }));
  await ledger.record({ drafts });
  writeSync(1, `${JSON.stringify({ size: ledger.size(), walBytes: statSync(`${file}-wal`).size })}\n`);
}

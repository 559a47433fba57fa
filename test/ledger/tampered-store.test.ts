import { DatabaseSync } from 'node:sqlite';

import { expect, test } from 'vitest';

import { verifyStore } from '../../src/ledger/index.ts';
import { openSqliteStore } from '../../src/store/index.ts';
import { fill, ledgerIn } from './support/ledgers.ts';
import { testFolder } from './support/folder.ts';

// Appends of 10, 1 and 300 entries; somebody with the file flips one bit in the text of an entry of one of them.
async function flipped(append: 0 | 1 | 2) {
  const { store, ledger, path } = await ledgerIn(testFolder());
  await fill(ledger, 10);
  await fill(ledger, 1);
  await fill(ledger, 300, 300);
  await store.close();
  const db = new DatabaseSync(path);
  db.exec('DROP TRIGGER append_no_update');
  const rows = db.prepare('SELECT size, entries FROM append WHERE size > 0 ORDER BY size').all();
  const { size, entries } = rows[append] as { size: number; entries: Uint8Array };
  const at = Buffer.from(entries).indexOf('grüße');
  entries[at] = (entries[at] ?? 0) ^ 1;
  db.prepare('UPDATE append SET entries = ? WHERE size = ?').run(entries, size);
  db.close();
  const again = await openSqliteStore({ path, readOnly: true });
  try {
    return (await verifyStore(again)).problems;
  } finally {
    await again.close();
  }
}

test.each([
  [0, 0, /^one of the entries 0 to 9, written in one commit, .* the 0 entries before/],
  [1, 10, /^entry 10 or its checkpoint was changed; the 10 entries before/],
  [2, 11, /^one of the entries 11 to 310, written in one commit, .* the 11 entries before/],
] as const)(
  'a bit flipped in commit %i of a store names that commit, and says what stands before it',
  async (append, seq, message) => {
    const problems = await flipped(append);
    expect(problems[0]).toMatchObject({ file: 'store', seq, message: expect.stringMatching(message) as string });
  },
);

import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, test } from 'vitest';

import { writeFiles } from '../../src/io/index.ts';
import { loadOrCreateKey } from '../../src/ledger/index.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { never } from './support/exports.ts';
import { testFolder } from './support/folder.ts';

const load = (file: string, begun: boolean) =>
  loadOrCreateKey({
    ...{ files: writeFiles, random: seededRandom(1), path: file, name: 'example.com/log', signal: never },
    begun: () => Promise.resolve(begun),
  });

describe('the signing key', () => {
  test('is made on the first start, and the same on the next', async () => {
    const file = path.join(testFolder(), 'ledger.key');
    const made = await load(file, false);
    expect((await load(file, true)).text).toBe(made.text);
  });

  test('that is gone is never made anew beside a ledger that it signed', async () => {
    const file = path.join(testFolder(), 'ledger.key');
    await expect(load(file, true)).rejects.toMatchObject({
      code: 'ledger-invalid',
      message: `${file} is gone, and the ledger here was signed with it`,
    });
    expect(existsSync(file)).toBe(false);
  });

  test('that is no key is named with its file', async () => {
    const file = path.join(testFolder(), 'ledger.key');
    writeFileSync(file, 'junk', { mode: 0o600 });
    await expect(load(file, true)).rejects.toMatchObject({
      code: 'malformed',
      message: expect.stringContaining(file) as string,
    });
  });
});

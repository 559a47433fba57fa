import { join } from 'node:path';

import type { Change } from '../../domain/change.ts';
import { readFiles } from '../../io/index.ts';
import { readChanges } from '../backtest/read.ts';
import { openSqliteStore } from '../../store/index.ts';
import { storePath } from '../stores.ts';

/** Changes that somebody wrote down: a list as in `changes.json`, each entry naming its service. @throws `malformed`. */
export function changesFromText(file: string, text: string): readonly Change[] {
  return readChanges(file, text);
}

const most = 20_000;
const page = 1_000;

/** The changes a daemon with this data folder has seen and still keeps; none when there is no store. */
export async function knownChanges(dataDir: string, signal: AbortSignal): Promise<readonly Change[]> {
  if ((await readFiles.stat(storePath(join(dataDir)), signal)) === undefined) return [];
  const store = await openSqliteStore({ path: storePath(dataDir), readOnly: true });
  try {
    const found: Change[] = [];
    let after: string | undefined;
    do {
      const rows = await store.list('change', { limit: page, ...(after === undefined ? {} : { after }) });
      for (const { value } of rows) found.push(value as unknown as Change);
      after = rows.length < page ? undefined : rows.at(-1)?.key;
    } while (after !== undefined && found.length < most);
    return found;
  } finally {
    await store.close();
  }
}

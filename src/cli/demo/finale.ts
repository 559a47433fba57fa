import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';

import type { Player } from './cast.ts';
import { claim, quote, type Play } from './acts.ts';

/** The daemon is stopped; what is left must speak for itself: the ledger is exported, verified, and one entry proven. */
export async function finale(play: Play, daemon: Player, keepLedger: string | undefined): Promise<void> {
  const { narrator, stage, watcher } = play;
  narrator.act('Last: the ledger, with nobody left to ask');
  const intent = watcher.entries().findLast(({ entry }) => entry.type === 'step-intent');
  claim(intent !== undefined, 'the ledger holds an intent');
  narrator.does('stopping the daemon');
  await daemon.end();
  const folder = path.join(stage.folder, 'ledger');
  narrator.does('watchkeeper ledger export, then ledger verify: every hash recomputed from the exported files alone');
  await quote(play, ['ledger', 'export', folder, '--data-dir', stage.dataDir], 3);
  await quote(play, ['ledger', 'verify', folder], 12);
  const { seq } = intent.entry;
  narrator.does(
    `watchkeeper ledger proof ${seq}: a receipt that the last rollback was written down before it was done`,
  );
  const receipt = path.join(stage.folder, 'receipt.txt');
  const ask = ['ledger', 'proof', String(seq), '--folder', folder];
  await quote(play, ask, 30);
  await stage.cast.run([...stage.cli, ...ask, '--out', receipt], stage.environment);
  const [vkey = ''] = (await readFile(path.join(folder, 'vkey'), 'utf8')).split('\n');
  narrator.does('watchkeeper ledger receipt-verify, with nothing but that text and the public key');
  await quote(play, ['ledger', 'receipt-verify', receipt, '--vkey', vkey], 12);
  if (keepLedger === undefined) return;
  await cp(folder, keepLedger, { recursive: true, errorOnExist: true, force: false });
  narrator.holds(`the ledger is kept in ${keepLedger}`);
}

/**
 * How fast the ledger is, beside what the disk itself can do in the same minute: run with `node bench/ledger.ts`. Figures that
 * depend on the disk are only worth something as a ratio to the raw probe, which is taken in turns with them.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { readFiles, systemClock, systemRandom, writeFiles } from '../src/io/index.ts';
import { exportLedger, openLedger, signerFromSeed, verifyExport, verifyStore } from '../src/ledger/index.ts';
import type { LedgerDraft } from '../src/domain/ledger.ts';
import { median } from '../src/lib/stats.ts';
import { openSqliteStore } from '../src/store/index.ts';

const rounds = 7;
const roundMs = 400;
const groupEntries = 64;
const verifyEntries = 100_000;
const origin = 'bench.example/ledger/default';

const folder = mkdtempSync(path.join(tmpdir(), 'watchkeeper-bench-ledger-'));
const store = await openSqliteStore({ path: path.join(folder, 'store.db') });
const ledger = await openLedger({
  store,
  key: signerFromSeed(origin, systemRandom.bytes(32)),
  origin,
  clock: systemClock,
  random: systemRandom,
  epoch: await store.newEpoch(),
});
let number = 0;

function draft(): LedgerDraft {
  number++;
  return {
    type: 'step-outcome',
    actor: 'daemon',
    atMs: systemClock.nowMs(),
    subject: { incident: `inc-${number}`, plan: 'a'.repeat(64), step: 'rollback', service: 'checkout' },
    body: { status: 'succeeded', attempt: 1, message: 'now at v2' },
  };
}

/** Units of work done a second, for about `roundMs`. */
async function rate(work: () => number | Promise<number>): Promise<number> {
  const start = performance.now();
  let done = 0;
  while (performance.now() - start < roundMs) done += await work();
  return (done * 1_000) / (performance.now() - start);
}

const raw = openSync(path.join(folder, 'raw'), 'a');
const row = Buffer.alloc(400, 1);
const single: number[] = [];
const probe: number[] = [];
const grouped: number[] = [];
for (let round = 0; round < rounds; round++) {
  probe.push(
    await rate(() => {
      writeSync(raw, row);
      fdatasyncSync(raw);
      return 1;
    }),
  );
  single.push(await rate(async () => (await ledger.record({ drafts: [draft()] })).length));
  grouped.push(
    await rate(async () => (await ledger.record({ drafts: Array.from({ length: groupEntries }, draft) })).length),
  );
}
closeSync(raw);

while (ledger.size() < verifyEntries) await ledger.record({ drafts: Array.from({ length: 1_000 }, draft) });
await ledger.close();
const out = path.join(folder, 'export');
const signal = new AbortController().signal;
await exportLedger({ store, files: writeFiles, folder: out, signal });
const verifyFolder: number[] = [];
const verifyRows: number[] = [];
for (let round = 0; round < 3; round++) {
  verifyFolder.push(await timed(() => verifyExport({ files: readFiles, folder: out, signal })));
  verifyRows.push(await timed(() => verifyStore(store)));
}

async function timed(work: () => Promise<{ readonly ok: boolean; readonly size: number }>): Promise<number> {
  const start = performance.now();
  const report = await work();
  if (!report.ok) throw new Error('the ledger under measurement does not verify');
  return (report.size * 1_000) / (performance.now() - start);
}

const ratios = single.map((value, at) => value / (probe[at] ?? Number.NaN));
report('raw append + fdatasync', median(probe), 'appends/s');
report('one signed entry a commit', median(single), 'entries/s');
report('one signed entry a commit, share of raw', median(ratios), 'ratio', 0.5);
report(`${groupEntries} entries a commit`, median(grouped), 'entries/s', 50_000);
report('verify an export', median(verifyFolder), 'entries/s', 150_000);
report('verify the store', median(verifyRows), 'entries/s', 150_000);
await store.close();
rmSync(folder, { recursive: true, force: true });

function report(name: string, value: number | undefined, unit: string, atLeast?: number): void {
  const line = { bench: 'ledger', name, value, unit, ...(atLeast === undefined ? {} : { atLeast }) };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

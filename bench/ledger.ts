/**
 * How fast the ledger is, beside what the disk itself can do in the same minute: run with `node bench/ledger.ts`. Figures that
 * depend on the disk are only worth something as a ratio to the raw probe, which is taken in turns with them.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { readFiles, systemClock, systemRandom, writeFiles } from '../src/io/index.ts';
import { exportLedger, openLedger, signerFromSeed, verifyExport, verifyStore } from '../src/ledger/index.ts';
import type { LedgerDraft } from '../src/domain/ledger.ts';
import { median } from '../src/lib/stats.ts';
import { emptyRoot, hashLeaf, hashNode } from '../src/ledger/hash.ts';
import { openSqliteStore } from '../src/store/index.ts';
import { report, spent } from './report.ts';

const bench = 'ledger';
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

interface Measured {
  /** Units of work a second. */
  readonly rate: number;
  /** Processor time of a unit, all threads together, in microseconds. */
  readonly cpu: number;
}

/** Does work for about `roundMs`. */
async function rate(work: () => number | Promise<number>): Promise<Measured> {
  let done = 0;
  const { wallMs, cpuMs } = await spent(async () => {
    const start = performance.now();
    while (performance.now() - start < roundMs) done += await work();
  });
  return { rate: (done * 1_000) / wallMs, cpu: (cpuMs * 1_000) / done };
}

const raw = openSync(path.join(folder, 'raw'), 'a');
const row = Buffer.alloc(400, 1);
const groupBytes = Buffer.alloc(groupEntries * row.length, 1);
const single: Measured[] = [];
const probe: Measured[] = [];
const grouped: Measured[] = [];
const groupProbe: Measured[] = [];
const bareRows: Measured[] = [];
const bareBlob: Measured[] = [];
const bare = new DatabaseSync(path.join(folder, 'bare.db'));
bare.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
  CREATE TABLE one (seq INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT; CREATE TABLE many (data BLOB NOT NULL) STRICT`);
const insertOne = bare.prepare('INSERT INTO one (data) VALUES (?)');
const insertMany = bare.prepare('INSERT INTO many (data) VALUES (?)');
const appendRaw = (bytes: Uint8Array): void => {
  writeSync(raw, bytes);
  fdatasyncSync(raw);
};
for (let round = 0; round < rounds; round++) {
  probe.push(
    await rate(() => {
      appendRaw(row);
      return 1;
    }),
  );
  single.push(await rate(async () => (await ledger.record({ drafts: [draft()] })).length));
  groupProbe.push(
    await rate(() => {
      appendRaw(groupBytes);
      return groupEntries;
    }),
  );
  bareRows.push(
    await rate(() => {
      bare.exec('BEGIN IMMEDIATE');
      for (let entry = 0; entry < groupEntries; entry++) insertOne.run(row);
      bare.exec('COMMIT');
      return groupEntries;
    }),
  );
  bareBlob.push(
    await rate(() => {
      insertMany.run(groupBytes);
      return groupEntries;
    }),
  );
  grouped.push(
    await rate(async () => (await ledger.record({ drafts: Array.from({ length: groupEntries }, draft) })).length),
  );
}
closeSync(raw);
bare.close();

while (ledger.size() < verifyEntries) await ledger.record({ drafts: Array.from({ length: 1_000 }, draft) });
await ledger.close();
const out = path.join(folder, 'export');
const signal = new AbortController().signal;
await exportLedger({ store, files: writeFiles, folder: out, signal });
const verifyFolder: Measured[] = [];
const verifyRows: Measured[] = [];
const hashed: Measured[] = [];
const leaf = Buffer.alloc(row.length, 1);
for (let round = 0; round < rounds; round++) {
  hashed.push(
    await timed(() => {
      // What no verifier can do without: one hash a leaf, and one a node above it.
      for (let entry = 0; entry < verifyEntries; entry++) hashNode(hashLeaf(leaf), emptyRoot);
      return Promise.resolve({ ok: true, size: verifyEntries });
    }),
  );
  verifyFolder.push(await timed(() => verifyExport({ files: readFiles, folder: out, signal })));
  verifyRows.push(await timed(() => verifyStore(store)));
}

async function timed(work: () => Promise<{ readonly ok: boolean; readonly size: number }>): Promise<Measured> {
  let size = 0;
  const { wallMs, cpuMs } = await spent(async () => {
    const verified = await work();
    if (!verified.ok) throw new Error('the ledger under measurement does not verify');
    size = verified.size;
  });
  return { rate: (size * 1_000) / wallMs, cpu: (cpuMs * 1_000) / size };
}

const share = (of: readonly Measured[], raw: readonly Measured[]): number =>
  median(of.map(({ rate }, at) => rate / (raw[at]?.rate ?? Number.NaN))) ?? Number.NaN;
print('raw: append and fdatasync', probe);
print('one signed entry a commit', single);
report({ bench, name: 'one signed entry a commit: share of raw', value: share(single, probe), unit: '', atLeast: 0.5 });
print(`raw: append and fdatasync, ${groupEntries} at once`, groupProbe);
print(`raw: bare SQLite, ${groupEntries} rows a commit`, bareRows);
print(`raw: bare SQLite, the same bytes as one row a commit`, bareBlob);
print(`${groupEntries} signed entries a commit`, grouped, 50_000);
report({
  bench,
  name: `${groupEntries} signed entries a commit: share of raw`,
  value: share(grouped, groupProbe),
  unit: '',
});
print('raw: two hashes an entry', hashed);
print('verify an export', verifyFolder, 150_000);
report({ bench, name: 'verify an export: share of raw', value: share(verifyFolder, hashed), unit: '' });
print('verify the store', verifyRows, 150_000);
report({ bench, name: 'verify the store: share of raw', value: share(verifyRows, hashed), unit: '' });
report({
  bench,
  name: 'load of the machine meanwhile, this bench included',
  value: loadavg()[0] ?? Number.NaN,
  unit: 'runnable',
});
await store.close();
rmSync(folder, { recursive: true, force: true });

// The median round, the best one (other programs only ever slow it down), and what an entry cost the processor.
function print(name: string, rounds: readonly Measured[], atLeast?: number): void {
  const bar = atLeast === undefined ? {} : { atLeast };
  const rates = rounds.map((round) => round.rate);
  const unit = 'entries/s';
  report({ bench, name, value: median(rates) ?? Number.NaN, unit, ...bar });
  report({ bench, name: `${name}: best round`, value: Math.max(...rates), unit, ...bar });
  const cpu = median(rounds.map((round) => round.cpu)) ?? Number.NaN;
  report({ bench, name: `${name}: processor time`, value: cpu, unit: 'µs an entry' });
}

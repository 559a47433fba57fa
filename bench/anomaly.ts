/**
 * What kind `anomaly` costs: points a second through the engine, and through the detector with its bookkeeping, at
 * fleets of several sizes, and the memory of 100,000 series as the kernel counts it. Beside it, from the same run, the
 * raw probe: adding each point to a sum kept in the same place in memory.
 * usage: node bench/anomaly.ts [--rss]   (--rss: only the memory of 100,000 series; run so by itself, in its own process)
 */
import { spawnSync } from 'node:child_process';
import { setFlagsFromString } from 'node:v8';
import { setTimeout as pause } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';

import { emptySeen } from '../src/detectors/anomaly/engine.ts';
import { floats, rowBytes, rowsPerChunk } from '../src/detectors/anomaly/layout.ts';
import { natureOf } from '../src/detectors/anomaly/nature.ts';
import { emptyChunk } from '../src/detectors/anomaly/rows.ts';
import { foldSample } from '../src/detectors/anomaly/sample.ts';
import { tuning } from '../src/detectors/anomaly/tuning.ts';
import { createDetector, parseDetector } from '../src/detectors/index.ts';
import type { Detector } from '../src/domain/ports/detector.ts';
import { seriesKey, type Series } from '../src/domain/telemetry.ts';
import { report } from './report.ts';

const fromMs = 1_767_571_200_000;
let state = 1;
const random = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};

function running() {
  const parsed = parseDetector({
    apiVersion: 'watchkeeper.dev/v1alpha1',
    kind: 'Detector',
    metadata: { name: 'bench', labels: {} },
    spec: { on: 'load', kind: 'anomaly', params: { falseAlarms: '1/year' } },
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return createDetector(parsed.value, undefined);
}

/** A fleet with keys and labels of ordinary length. Every sweep has one sample of each series. */
function fleet(count: number): Series[] {
  return Array.from({ length: count }, (_, n) => {
    const labels = { instance: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}:9100`, mode: `m${n % 7}` };
    const meta = { source: 'prom', service: `service-${n % 400}`, signal: 'load', unit: '1', nature: 'gauge' } as const;
    return { key: seriesKey(meta.service, meta.signal, labels), ...meta, labels, samples: [{ tMs: 0, v: 0 }] };
  });
}

function sweep(series: Series[], index: number): void {
  for (let n = 0; n < series.length; n++)
    series[n] = { ...series[n]!, samples: [{ tMs: fromMs + index * 10_000, v: n + 10 * random() }] };
}

const context = {
  changesOf: () => [],
  services: () => [],
  service: () => undefined,
  slo: () => undefined,
  isRead: () => true,
  isWatched: () => false,
};
const nothing = { logs: [], changes: [], external: [], gaps: [] };

/** Memory of the process in bytes, as the kernel counts it, after V8 has given back all that it does not need. */
async function restingRss(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as (options: Readonly<Record<string, string>>) => void;
  for (let round = 0; round < 3; round++) {
    gc({ type: 'major', flavor: 'last-resort', execution: 'sync' });
    await pause(500);
  }
  return process.memoryUsage().rss;
}

if (process.argv.includes('--rss')) {
  // The world is made before, and changed in place, so that what grows is the detector. Code is compiled before, too.
  const samples = Array.from({ length: 100_000 }, () => ({ tMs: 0, v: 0 }));
  const series = fleet(100_000).map((one, n) => ({ ...one, key: flat(one.key), samples: [samples[n]!] }));
  const steps = (detector: Detector, batch: readonly Series[]): void => {
    for (let index = 0; index < 100; index++) {
      for (const sample of samples) {
        sample.tMs = fromMs + index * 10_000;
        sample.v = 100 + 10 * random();
      }
      detector.step({ asOfMs: fromMs + index * 10_000, series: batch, ...nothing }, context);
    }
  };
  steps(running(), series.slice(0, 1_000));
  const before = await restingRss();
  const detector = running();
  steps(detector, series);
  process.stdout.write(`${String(((await restingRss()) - before) / series.length)}\n`);
  // Alive until it was measured.
  process.exit(detector.step({ asOfMs: fromMs, series: [], ...nothing }, context).length < 0 ? 3 : 0);
}

/** A string in one piece: one that was put together holds on to its parts until somebody reads it. */
function flat(text: string): string {
  return Buffer.from(text).toString();
}

/** Nanoseconds of processor time a point. */
function costOf(points: number, work: () => void): number {
  const cpu = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(cpu);
  return ((user + system) * 1_000) / points;
}

const seen = emptySeen();
const manner = {
  nature: natureOf({ nature: 'gauge', unit: '1' }, undefined),
  freezes: true,
  falseAlarmEveryMs: 31_557_600_000,
  tuned: tuning,
};
const costs = new Map<number, number>();
for (const size of [1_000, 10_000, 100_000, 500_000]) {
  const chunks = Array.from({ length: Math.ceil(size / rowsPerChunk) }, emptyChunk);
  const sweeps = Math.max(3, Math.round(3_000_000 / size));
  const shown = { v: 0, certain: 0, most: Infinity };
  const points = (from: number, until: number): void => {
    for (let index = from; index < until; index++)
      for (let n = 0; n < size; n++) {
        shown.v = shown.certain = 100 + 10 * random();
        foldSample(chunks[(n / rowsPerChunk) | 0]!, n % rowsPerChunk, fromMs + index * 10_000, shown, manner, seen);
      }
  };
  points(0, Math.max(2, Math.round(500_000 / size)));
  const cost = costOf(size * sweeps, () => points(1_000, 1_000 + sweeps));
  const probe = costOf(size * sweeps, () => {
    for (let index = 0; index < sweeps; index++)
      for (let n = 0; n < size; n++) {
        const row = chunks[(n / rowsPerChunk) | 0]!.floats;
        const at = (n % rowsPerChunk) * floats;
        row[at] = row[at]! + 100 + 10 * random();
      }
  });
  costs.set(size, cost);
  const name = `engine, ${size.toLocaleString('en')} series`;
  report({ bench: 'anomaly', name: `${name}: points a second a core`, value: 1e9 / cost, unit: '1/s', atLeast: 1e6 });
  report({ bench: 'anomaly', name: `${name}: raw probe`, value: 1e9 / probe, unit: '1/s' });
}
report({
  bench: 'anomaly',
  name: 'engine: cost of a point at 500,000 series over that at 1,000',
  value: costs.get(500_000)! / costs.get(1_000)!,
  unit: '×',
});

for (const size of [1_000, 100_000]) {
  const detector = running();
  const series = fleet(size);
  const sweeps = Math.max(5, Math.round(500_000 / size));
  let spentNs = 0;
  for (let index = 0; index < 60 + sweeps; index++) {
    sweep(series, index);
    const cost = costOf(1, () => detector.step({ asOfMs: fromMs + index * 10_000, series, ...nothing }, context));
    if (index >= 60) spentNs += cost;
  }
  const value = (1e9 * size * sweeps) / spentNs;
  report({
    bench: 'anomaly',
    name: `detector, ${size.toLocaleString('en')} series: points a second a core`,
    value,
    unit: '1/s',
  });
}

report({ bench: 'anomaly', name: 'a row of state', value: rowBytes, unit: 'bytes' });
const child = spawnSync(process.execPath, ['--max-semi-space-size=2', import.meta.filename, '--rss'], {
  encoding: 'utf8',
});
const value = Number(child.stdout);
report({ bench: 'anomaly', name: 'memory of a series, all in, of 100,000', value, unit: 'bytes', atMost: 512 });

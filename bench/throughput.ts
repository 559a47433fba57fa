/**
 * From bytes on the wire to a verdict, end to end: `node bench/throughput.ts [SERIES...] [--prometheus]`. A process serves the
 * metrics of a fleet; another reads and judges them with everything the daemon reads and judges with (HTTP, parser,
 * scrape source, window, detectors, alerts, incidents), started with the flags the product is started with; a raw probe
 * reads the same bytes and does nothing else. With `--prometheus` Debian's Prometheus reads the same endpoints under the nearest equivalent rules,
 * in the same run. Bars: 100,000 series each 10 s in one core and 512 MB; 500,000 each 15 s in two cores and 2 GB.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { rolldown } from 'rolldown';

import { prometheusCost } from './throughput/prometheus.ts';
import { report } from './report.ts';

const folder = path.join(import.meta.dirname, 'throughput');
const asked = process.argv.slice(2).filter((word) => /^\d+$/.test(word));
const sizes = asked.length > 0 ? asked.map(Number) : [1_000, 10_000, 100_000];
const beside = process.argv.includes('--prometheus');
const bank = process.argv.find((word) => word.startsWith('--kinds='))?.slice('--kinds='.length) ?? 'threshold,anomaly';
// The product sets the second for itself (src/main.ts).
const flags = ['--max-semi-space-size=2', '--heap-growing-percent=25'];

interface Ran {
  readonly cpuS: readonly number[];
  readonly rssMb: readonly number[];
  readonly peakMb: number;
  readonly samples: number;
}

// Bundled as the product is: sources read one by one, and what strips their types, would be counted as its memory.
const built = mkdtempSync(path.join(tmpdir(), 'throughput-'));
const daemon = path.join(built, 'daemon.js');
try {
  const bundle = await rolldown({
    input: path.join(folder, 'daemon.ts'),
    platform: 'node',
    external: ['@resvg/resvg-js', 'cpu-features', /sshcrypto\.node$/],
    transform: { define: { __dirname: 'import.meta.dirname' } },
    tsconfig: false,
  });
  await bundle.write({ dir: built, format: 'esm' });
  await bundle.close();
  for (const series of sizes) await measure(series);
} finally {
  rmSync(built, { recursive: true, force: true });
}

function asNumber(option: string): number | undefined {
  const text = process.argv.find((word) => word.startsWith(option))?.slice(option.length);
  return text === undefined ? undefined : Number(text);
}

async function measure(series: number): Promise<void> {
  const intervalS = series > 100_000 ? 15 : 10;
  const sweeps = asNumber('--sweeps=') ?? (series > 100_000 ? 40 : 60);
  const server = spawn(process.execPath, [path.join(folder, 'server.ts'), String(series)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const [port = 0, targets = 0] = await new Promise<readonly number[]>((resolve, reject) => {
      server.once('error', reject);
      server.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim().split(' ').map(Number)));
    });
    const run = (kinds: string, many: number): Ran =>
      JSON.parse(
        execFileSync(
          process.execPath,
          [...flags, daemon, ...[port, targets, series, many, intervalS].map(String), kinds],
          { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1e8 },
        ),
      ) as Ran;
    const probe = run('probe', 10);
    print(`probe`, series, intervalS, probe);
    print(bank.replaceAll(',', ' and '), series, intervalS, run(bank, sweeps));
    if (beside) {
      const cost = await prometheusCost(port, targets, intervalS, 60, 60);
      const name = `prometheus beside, ${series.toLocaleString('en')} series`;
      report({ bench: 'throughput', name: `${name}: cores`, value: cost.cpuS / cost.seconds, unit: '' });
      report({ bench: 'throughput', name: `${name}: memory`, value: cost.rssMb, unit: 'MiB' });
    }
  } finally {
    server.kill();
  }
}

function print(what: string, series: number, intervalS: number, { cpuS, peakMb }: Ran): void {
  // What is met once (every series for the first time, code that is not compiled yet) is left out of what a sweep costs.
  const steady = cpuS.slice(Math.min(10, Math.floor(cpuS.length / 2)));
  const mean = steady.reduce((sum, one) => sum + one, 0) / steady.length;
  const name = `${what}, ${series.toLocaleString('en')} series each ${intervalS} s`;
  const bars = series === 100_000 ? [1, 512] : series === 500_000 ? [2, 2_048] : [];
  const [cores, memory] = what === 'probe' ? [] : bars;
  const put = (figure: string, value: number, unit: string, atMost?: number): void =>
    report({
      bench: 'throughput',
      name: `${name}: ${figure}`,
      value,
      unit,
      ...(atMost === undefined ? {} : { atMost }),
    });
  put('cores', mean / intervalS, '', cores);
  put('largest sweep', Math.max(...cpuS), 'CPU s', cores === undefined ? undefined : cores * intervalS);
  put('peak memory', peakMb, 'MiB', memory);
  put('cost of a point', (mean / series) * 1e6, 'µs');
  put('points a core', series / mean, '1/s');
}

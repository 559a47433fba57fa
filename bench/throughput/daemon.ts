/**
 * The reading and judging half of the daemon, in a process of its own, against the endpoints of `server.ts`:
 * `node bench/throughput/daemon.ts PORT TARGETS SERIES SWEEPS INTERVAL_S KINDS`. Everything is the daemon's: HTTP, parser, scrape source,
 * window, detectors, alerts and incidents (`observe`). Only the clock is set, so that sweeps follow one another without
 * the wait between them. Prints one JSON line: processor seconds of each sweep, and memory as the kernel counts it.
 */
import { readFileSync } from 'node:fs';

import { createBank } from '../../src/agent/bank.ts';
import { createChangeLog } from '../../src/agent/changes.ts';
import { createInbox } from '../../src/agent/inbox.ts';
import { observe } from '../../src/agent/observe.ts';
import { signalsFor } from '../../src/agent/watch-sources.ts';
import type { WatchState } from '../../src/agent/watch-state.ts';
import { createWindow } from '../../src/agent/window.ts';
import { buildCatalog } from '../../src/catalog/index.ts';
import { createDetector } from '../../src/detectors/index.ts';
import type { Change } from '../../src/domain/change.ts';
import type { Log, ReaderIo } from '../../src/domain/ports/io.ts';
import {
  createScrubber,
  createSecrets,
  makeReaderIo,
  readFiles,
  systemClock,
  systemRandom,
} from '../../src/io/index.ts';
import { limits } from '../../src/lib/limits.ts';
import { sourceKinds } from '../../src/sources/index.ts';
import { detectors, servicesOf } from './world.ts';

const [port = 0, targets = 1, series = 1_000, sweeps = 10, intervalS = 10] = process.argv.slice(2, 7).map(Number);
const kinds = new Set((process.argv[7] ?? 'threshold,regression,anomaly').split(','));
const probeOnly = kinds.has('probe');

let nowMs = 1_767_225_600_000;
const clock = { ...systemClock, nowMs: () => nowMs };
const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (message, fields) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
  child: () => log,
};
const secrets = createSecrets(readFiles, {}, createScrubber());
const io: ReaderIo = makeReaderIo({ clock, random: systemRandom, log, secrets });
const signal = new AbortController().signal;
const urls = Array.from({ length: targets }, (_, index) => `http://127.0.0.1:${port}/metrics/${index}`);

const services = servicesOf(series);
const opened = sourceKinds['scrape']?.open(
  'fleet',
  {
    targets: urls.map((url) => ({ url })),
    interval: `${intervalS}s`,
    timeout: '30s',
    maxSeries: Math.min(limits.seriesPerCollect, Math.max(series, 1_000)),
  },
  io,
);
if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
const source = opened.value;
const built = buildCatalog(services);
if (!built.ok) throw new Error(JSON.stringify(built.issues));
const byName = new Map(services.map((service) => [service.name, service]));
const bank = createBank(createDetector, log);
bank.replace(detectors(kinds), () => undefined);
const window = createWindow(2 * 3_600_000);
const changes = createChangeLog([]);
const inbox = createInbox();
let state: WatchState = { alerts: [], incidents: [], verdicts: new Map() };
let ids = 0;
let samples = 0;
let gaps = 0;
let unknown = 0;

/** A deploy of one service in fifty, every fifteenth sweep. */
function deploysAt(sweep: number): readonly Change[] {
  if (sweep % 15 !== 14) return [];
  return services
    .filter((_, index) => index % 50 === 0)
    .map(({ name }) => ({
      id: `${name}-${sweep}`,
      kind: 'deploy',
      service: name,
      atMs: nowMs,
      what: 'current',
      from: `v${sweep - 1}`,
      to: `v${sweep}`,
      source: 'bench',
      attributes: {},
    }));
}

async function sweepOnce(sweep: number): Promise<void> {
  const collected = await source.collect(
    {
      fromMs: nowMs - intervalS * 1_000,
      untilMs: nowMs,
      stepMs: intervalS * 1_000,
      signals: signalsFor('fleet', services),
      services,
      mode: 'live',
    },
    signal,
  );
  for (const gap of collected.gaps.slice(0, sweep < 2 ? 0 : 1))
    process.stderr.write(`sweep ${sweep}: ${gap.message}\n`);
  inbox.collected('fleet', collected, nowMs);
  inbox.changes(deploysAt(sweep));
  gaps += sweep < 2 ? 0 : collected.gaps.length;
  const observed = observe(state, inbox.drain(), {
    asOfMs: nowMs,
    elapsedMs: intervalS * 1_000,
    window,
    changes,
    bank,
    catalog: built.ok ? built.value : never(),
    services: byName,
    sources: new Set(['fleet']),
    gaps: collected.gaps,
    newId: () => `incident-${++ids}`,
  });
  state = observed.state;
  samples += observed.newSamples;
  unknown += sweep < 2 ? 0 : observed.findings.filter((finding) => finding.state === 'unknown').length;
}

function never(): never {
  throw new Error('there is no catalog');
}

async function probe(): Promise<void> {
  for (const url of urls)
    await io.http.request({ method: 'GET', url, timeoutMs: 30_000, maxBytes: limits.scrapeBodyBytes, signal });
}

const cpuS: number[] = [];
const rssMb: number[] = [];
for (let sweep = 0; sweep < sweeps; sweep++) {
  const before = process.cpuUsage();
  if (probeOnly) await probe();
  else await sweepOnce(sweep);
  const { user, system } = process.cpuUsage(before);
  cpuS.push((user + system) / 1e6);
  rssMb.push(status('VmRSS'));
  nowMs += intervalS * 1_000;
}
const heap = process.memoryUsage();
process.stdout.write(
  `${JSON.stringify({ heapMb: heap.heapUsed / 1e6, heapTotalMb: heap.heapTotal / 1e6, buffersMb: heap.arrayBuffers / 1e6, cpuS, rssMb, peakMb: status('VmHWM'), samples, gaps, unknown, series: window.seriesCount, firing: state.alerts.length })}\n`,
);
process.exit(0);

function status(field: string): number {
  const line = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(line?.[1] ?? NaN) / 1_024;
}

import { createHash } from 'node:crypto';

import { createBank, type DetectorBank } from '../../src/agent/bank.ts';
import { createChangeLog } from '../../src/agent/changes.ts';
import { storedDetector } from '../../src/agent/detector-rows.ts';
import { observe } from '../../src/agent/observe.ts';
import type { WatchState } from '../../src/agent/watch-state.ts';
import { createWindow } from '../../src/agent/window.ts';
import { buildCatalog } from '../../src/catalog/index.ts';
import { createDetector, parseDetector } from '../../src/detectors/index.ts';
import type { Change } from '../../src/domain/change.ts';
import type { DetectorDefinition } from '../../src/domain/definitions.ts';
import type { Service } from '../../src/domain/service.ts';
import { seriesKey, type Series } from '../../src/domain/telemetry.ts';
import type { Json } from '../../src/lib/json.ts';
import { recordingLog } from './quiet-log.ts';

/** A stretch of watching: how many series, how long, how often, and before which steps the daemon is started anew. */
export interface SoakOptions {
  readonly series: number;
  readonly days: number;
  readonly everyMs: number;
  readonly restarts: ReadonlySet<number>;
  /** Called at the end of each day, with its number from 1. */
  readonly onDay?: (day: number) => void;
}

/** What was said in all that time. */
export interface Soaked {
  /** Of every finding and every change of an alert or an incident, in order. */
  readonly digest: string;
  readonly findings: number;
  readonly events: number;
  readonly deploys: number;
  readonly restarts: number;
}

const fromMs = 1_767_571_200_000;
const perService = 20;
const soaked: ReadonlySet<string> = new Set(['soak']);
const dayMs = 86_400_000;

interface Soaking {
  bank: DetectorBank;
  state: WatchState;
  changes: ReturnType<typeof createChangeLog>;
  window: ReturnType<typeof createWindow>;
}

/**
 * Runs the observing half of the daemon (window, detectors, alerts, incidents) through simulated days: daily rhythm,
 * noise, deploys with transients, bad deploys that are rolled back, faults that no change explains. A restart keeps
 * what the store would keep, as text, and nothing else.
 */
export function soak(options: SoakOptions): Soaked {
  const services = servicesOf(options.series);
  const byName = new Map(services.map((service) => [service.name, service]));
  const built = buildCatalog(services);
  if (!built.ok) throw new Error(JSON.stringify(built.issues));
  const series = seriesOf(options.series);
  const hash = createHash('sha256');
  const count = { findings: 0, events: 0, deploys: 0, restarts: 0 };
  let ids = 0;
  let now: Soaking = started({ alerts: [], incidents: [], verdicts: new Map() }, [], new Map());
  const steps = Math.round((options.days * dayMs) / options.everyMs);
  for (let step = 0; step < steps; step++) {
    if (options.restarts.has(step)) {
      now = restarted(now);
      count.restarts++;
    }
    const asOfMs = fromMs + step * options.everyMs;
    const deploys = deploysAt(services.length, asOfMs, options.everyMs);
    count.deploys += deploys.length;
    for (let n = 0; n < series.length; n++) turn(series[n]!.samples[0]!, n, asOfMs, options.everyMs);
    const intake = { series, logs: [], spans: [], changes: deploys, resources: [], findings: [], gaps: [] };
    const observed = observe(now.state, intake, {
      asOfMs,
      elapsedMs: options.everyMs,
      window: now.window,
      changes: now.changes,
      bank: now.bank,
      catalog: built.value,
      services: byName,
      sources: soaked,
      gaps: [],
      newId: () => `incident-${++ids}`,
    });
    now.state = observed.state;
    count.findings += observed.findings.length;
    count.events += observed.drafts.length;
    for (const said of [...observed.findings, ...observed.drafts]) hash.update(JSON.stringify(said));
    if ((step + 1) % Math.round(dayMs / options.everyMs) === 0) {
      now.window.prune(asOfMs);
      options.onDay?.(Math.round(((step + 1) * options.everyMs) / dayMs));
    }
  }
  return { digest: hash.digest('hex'), ...count };
}

function started(state: WatchState, changes: readonly Change[], rows: ReadonlyMap<string, Json>): Soaking {
  const bank = createBank(createDetector, recordingLog());
  bank.replace(definitions, (name) => storedDetector(rows, name));
  return { bank, state, changes: createChangeLog(changes), window: createWindow(2 * 3_600_000) };
}

function restarted({ bank, state, changes }: Soaking): Soaking {
  const rows = new Map<string, Json>();
  for (const { key, value } of bank.save(true)) rows.set(key, JSON.parse(JSON.stringify(value)) as Json);
  const kept = JSON.parse(JSON.stringify({ ...state, verdicts: [...state.verdicts] })) as Pick<
    WatchState,
    'alerts' | 'incidents'
  > & { readonly verdicts: [string, never][] };
  return started({ ...kept, verdicts: new Map(kept.verdicts) }, structuredClone(changes.all()), rows);
}

const definitions: readonly DetectorDefinition[] = [
  { on: 'latency', kind: 'regression', severity: 'critical' },
  { on: 'errors', kind: 'threshold', params: { above: 0.2 }, hold: '10m' },
  { on: 'errors', kind: 'anomaly', params: { falseAlarms: '1/month' } },
  { on: 'traffic', kind: 'anomaly', params: { falseAlarms: '1/month' } },
  { on: 'memory', kind: 'anomaly', params: { falseAlarms: '1/year' } },
].map((spec) => {
  const parsed = parseDetector({
    apiVersion: 'watchkeeper.dev/v1alpha1',
    kind: 'Detector',
    metadata: { name: `${spec.kind}-${spec.on}`, labels: {} },
    spec,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.value;
});

const signals = [
  { signal: 'latency', unit: 's', nature: 'latency' },
  { signal: 'errors', unit: 'ratio', nature: 'ratio' },
  { signal: 'traffic', unit: '1/s', nature: 'rate' },
  { signal: 'memory', unit: 'By', nature: 'gauge' },
] as const;

function servicesOf(series: number): readonly Service[] {
  return Array.from({ length: Math.ceil(series / perService) }, (_, index) => ({
    name: `svc-${index}`,
    labels: {},
    owner: { team: 'soak', escalate: 'soak' },
    dependsOn: index === 0 ? [] : [`svc-${Math.floor(index / 2)}`],
    runsOn: [],
    slos: [],
    origin: 'declared',
    telemetry: Object.fromEntries(
      signals.map(({ signal, unit, nature }) => [signal, { source: 'soak', unit, nature, query: {} }]),
    ),
  }));
}

// One in ten is a latency: regression costs more than the others, and is asked of few series.
function kindOf(n: number): (typeof signals)[number] {
  return signals[n % 10 === 0 ? 0 : 1 + (n % 3)] ?? signals[0];
}

function seriesOf(count: number): (Series & { readonly samples: { tMs: number; v: number }[] })[] {
  return Array.from({ length: count }, (_, n) => {
    const service = `svc-${Math.floor(n / perService)}`;
    const labels = { instance: `10.0.${n >> 8}.${n & 255}:8080` };
    const { signal, unit, nature } = kindOf(n);
    const about = { source: 'soak', service, signal, labels, unit, nature };
    return { key: seriesKey(service, signal, labels), ...about, samples: [{ tMs: 0, v: 0 }] };
  });
}

/** The same number in [0, 1) for the same arguments, whatever came before: a restart must not change the world. */
function noise(a: number, b: number): number {
  let x = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35);
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
  return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32;
}

const deployEveryMs = 2 * dayMs;

// Each service is deployed every other day, at its own time.
function lastDeploy(service: number, atMs: number): { readonly number: number; readonly ageMs: number } {
  const since = atMs - fromMs - Math.floor(noise(service, 1) * deployEveryMs);
  return {
    number: Math.floor(since / deployEveryMs),
    ageMs: ((since % deployEveryMs) + deployEveryMs) % deployEveryMs,
  };
}

function deploysAt(services: number, atMs: number, everyMs: number): readonly Change[] {
  const made: Change[] = [];
  for (let service = 0; service < services; service++) {
    const { number, ageMs } = lastDeploy(service, atMs);
    if (number < 0 || ageMs >= everyMs) continue;
    const about = { service: `svc-${service}`, what: 'current', source: 'soak', attributes: {} };
    made.push({ id: `${service}-${number}`, kind: 'deploy', atMs, from: `v${number}`, to: `v${number + 1}`, ...about });
  }
  return made;
}

// One deploy in eight is bad for three hours; one day in fifty something else is wrong for an hour.
function turn(sample: { tMs: number; v: number }, n: number, atMs: number, everyMs: number): void {
  const service = Math.floor(n / perService);
  const step = Math.round((atMs - fromMs) / everyMs);
  const { signal } = kindOf(n);
  const { number, ageMs } = lastDeploy(service, atMs);
  const bad = number >= 0 && noise(service, 1_000 + number) < 1 / 8 && ageMs < 3 * 3_600_000;
  const day = Math.floor((atMs - fromMs) / dayMs);
  const odd = noise(service, 5_000 + day) < 1 / 50 && (atMs - fromMs) % dayMs < 3_600_000;
  const warm = number < 0 ? 0 : Math.exp(-ageMs / 240_000);
  const rhythm = 1 + 0.4 * Math.sin((2 * Math.PI * (atMs - fromMs)) / dayMs + service);
  const jitter = noise(n, step);
  sample.tMs = atMs;
  if (signal === 'latency') sample.v = (0.2 + 0.02 * jitter) * (1 + warm + (bad ? 1.5 : 0) + (odd ? 1 : 0));
  else if (signal === 'errors') sample.v = Math.min(1, 0.004 * jitter + 0.05 * warm + (bad ? 0.4 : 0));
  else if (signal === 'traffic') sample.v = 100 * rhythm * (0.95 + 0.1 * jitter) * (odd ? 3 : 1);
  else sample.v = 5e8 * (1 + 0.02 * jitter + Math.min(1, ageMs / (10 * deployEveryMs)));
}

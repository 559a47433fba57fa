import { seriesKey, type Sample, type Series } from '../../src/domain/telemetry.ts';
import type { Change } from '../../src/domain/change.ts';
import type { Recording } from '../../src/detectors/index.ts';

/**
 * Services under continuous deployment, with transients and faults of shapes that no file in the repository has. Minutes;
 * everything follows from the seed.
 */
export interface DeployWorld {
  readonly recording: Recording;
  readonly faults: readonly { readonly fromMs: number; readonly untilMs: number }[];
  readonly healthy: readonly number[];
  readonly rollbacks: readonly number[];
}

const minuteMs = 60_000;
const startMs = 1_767_600_000_000;

/** How much of its height a healthy transient has `k` minutes after the deploy. */
const transients: readonly ((k: number) => number)[] = [
  (k) => Math.exp(-k / 3),
  (k) => Math.exp(-k / 12),
  (k) => Math.exp(-k / 3) + 0.8 * Math.exp(-(((k - 12) / 3) ** 2)),
  (k) => (k < 4 ? 0 : Math.exp(-(k - 4) / 4)),
  (k) => (k < 9 ? 1 : 0),
  () => 0,
];

/** How much of its height a fault has `k` minutes after the deploy that brought it. */
const faults: readonly ((k: number) => number)[] = [
  () => 1,
  (k) => (k < 18 ? 0 : 1),
  (k) => Math.min(1, k / 10),
  (k) => (k < 2 ? 0.3 : 1),
];

function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** One service: `days` days, faults only after the first half. Errors and latency; a rollback an hour into each fault. */
export function deployWorld(seed: number, days: number): DeployWorld {
  const random = generator(seed * 7_919 + 17);
  for (let i = 0; i < 8; i++) random();
  const normal = (): number => Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random());
  const minutes = days * 1_440;
  const shape = transients[seed % transients.length] ?? (() => 0);
  const errorLift = new Float64Array(minutes);
  const latencyLift = new Float64Array(minutes);
  const changes: Change[] = [];
  const wrong: { fromMs: number; untilMs: number }[] = [];
  const healthy: number[] = [];
  const rollbacks: number[] = [];
  const height = { errors: 0.01 + 0.04 * random(), latency: 0.3 + random() };
  const settle = (at: number): void => {
    const scale = 0.7 + 0.6 * random();
    for (let k = 0; k < 70 && at + k < minutes; k++) {
      errorLift[at + k] = (errorLift[at + k] ?? 0) + scale * height.errors * shape(k);
      latencyLift[at + k] = (latencyLift[at + k] ?? 0) + scale * height.latency * shape(k);
    }
  };
  const change = (at: number, kind: 'deploy' | 'rollback', to: string): void => {
    const id = `${kind}-${at}`;
    changes.push({
      id,
      kind,
      service: 'svc',
      atMs: startMs + at * minuteMs,
      what: 'current',
      to,
      source: 's',
      attributes: {},
    });
    settle(at);
  };
  for (let at = 200 + Math.floor(random() * 60); at < minutes - 200; at += 150 + Math.floor(random() * 150)) {
    change(at, 'deploy', `v${at}`);
    if (at < minutes / 2 || random() < 0.6) {
      healthy.push(startMs + at * minuteMs);
      continue;
    }
    const fault = faults[Math.floor(random() * faults.length)] ?? (() => 1);
    const onErrors = random() < 0.5;
    for (let k = 0; k < 60; k++) {
      if (onErrors) errorLift[at + k] = (errorLift[at + k] ?? 0) + 0.04 * fault(k);
      else latencyLift[at + k] = (latencyLift[at + k] ?? 0) + 0.9 * fault(k);
    }
    wrong.push({ fromMs: startMs + at * minuteMs, untilMs: startMs + (at + 60) * minuteMs });
    change(at + 60, 'rollback', 'before');
    rollbacks.push(startMs + (at + 60) * minuteMs);
    at += 60;
  }
  let wander = 0;
  const errors: Sample[] = [];
  const latency: Sample[] = [];
  for (let minute = 0; minute < minutes; minute++) {
    wander = 0.95 * wander + 0.025 * normal();
    const tMs = startMs + minute * minuteMs;
    const share = 0.002 + (errorLift[minute] ?? 0);
    const requests = 1_500 * (1.2 + Math.sin((2 * Math.PI * minute) / 1_440));
    errors.push({ tMs, v: Math.max(0, share + normal() * Math.sqrt(share / requests)) });
    latency.push({ tMs, v: 0.2 * Math.exp(wander + 0.05 * normal()) * (1 + (latencyLift[minute] ?? 0)) });
  }
  const series = [seriesOf('errors', 'ratio', 'ratio', errors), seriesOf('latency', 's', 'latency', latency)];
  const span = { fromMs: startMs, untilMs: startMs + (minutes - 1) * minuteMs, stepMs: minuteMs };
  const recording = { ...span, services: [], series, changes, logs: [], external: [], gaps: [] };
  return { recording, faults: wrong, healthy, rollbacks };
}

function seriesOf(signal: string, unit: string, nature: Series['nature'], samples: readonly Sample[]): Series {
  return { key: seriesKey('svc', signal, {}), source: 's', service: 'svc', signal, labels: {}, unit, nature, samples };
}

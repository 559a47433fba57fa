import { seriesKey, type Sample, type Series } from '../../../src/domain/telemetry.ts';
import type { Change } from '../../../src/domain/change.ts';
import type { Recording } from '../../../src/detectors/index.ts';
import { drawFrom, type Draw } from './draw.ts';
import { faults, type Lift } from './faults.ts';
import { transients, type Course } from './transients.ts';

/** One genuine fault: from its first harm to when it was put right. */
export interface Label {
  readonly kind: string;
  readonly fromMs: number;
  readonly untilMs: number;
  /** The version that brought it, if a deploy did. */
  readonly cause: string | null;
  readonly leak: boolean;
}

/** A service under continuous deployment for some days, a minute a sample; everything follows from the seed. */
export interface ServiceWorld {
  readonly family: string;
  readonly recording: Recording;
  readonly labels: readonly Label[];
  /** Nothing before this is judged: a service has its first healthy deploys to learn from. */
  readonly judgedFromMs: number;
}

/** What to make. */
export interface ServicePlan {
  readonly seed: number;
  readonly name: string;
  readonly family: string;
  /** Names of faults, each of which comes in turn. */
  readonly faults: readonly string[];
  readonly days: number;
  readonly quietDays: number;
  /** Requests a second; drawn when absent. */
  readonly traffic?: number;
}

const minuteMs = 60_000;
const startMs = 1_767_600_000_000;

interface Nature {
  readonly traffic: number;
  readonly daily: number;
  readonly errors: number;
  readonly latency: number;
  readonly noise: number;
  /** How far latency wanders in the long run, and within how many minutes it forgets where it was. */
  readonly wander: number;
  readonly memory: number;
  readonly heights: { errors: number; latency: number; cpu: number };
  readonly mebibytes: number;
  readonly warmMemory: number;
  readonly batch: { at: number; length: number; latency: number } | undefined;
  readonly holiday: { day: number; traffic: number } | undefined;
  /** Samples missing after a restart. */
  readonly hole: number;
}

function natureOf(draw: Draw, plan: ServicePlan): Nature {
  return {
    traffic: plan.traffic ?? draw.logBetween(8, 2_500),
    daily: draw.between(0.1, 0.6),
    errors: draw.logBetween(0.0001, 0.005),
    latency: draw.logBetween(40, 500),
    noise: draw.between(0.02, 0.1),
    wander: draw.between(0.02, 0.165),
    memory: draw.logBetween(1.5, 35),
    heights: { errors: draw.logBetween(0.004, 0.06), latency: draw.logBetween(0.15, 2.5), cpu: draw.between(0, 0.4) },
    mebibytes: draw.logBetween(200, 4_000),
    warmMemory: draw.between(50, 120),
    batch: draw.chance(0.3)
      ? { at: draw.whole(0, 1_439), length: draw.whole(30, 80), latency: draw.between(0.1, 0.5) }
      : undefined,
    holiday: draw.chance(0.15)
      ? { day: plan.quietDays + draw.whole(0, plan.days - plan.quietDays - 1), traffic: draw.chance(0.5) ? 0.5 : 1.6 }
      : undefined,
    hole: draw.chance(0.2) ? draw.whole(1, 4) : 0,
  };
}

const signals = ['errors', 'latency', 'traffic', 'cpu', 'memory'] as const;
type Lifts = Readonly<Record<(typeof signals)[number], Float64Array>>;

/** Makes the world of one service. */
export function serviceWorld(plan: ServicePlan): ServiceWorld {
  const draw = drawFrom(plan.seed);
  const nature = natureOf(draw, plan);
  const minutes = plan.days * 1_440;
  const lifts = Object.fromEntries(signals.map((name) => [name, new Float64Array(minutes)])) as Lifts;
  const restarts: number[] = [];
  const changes: Change[] = [];
  const labels: Label[] = [];
  const family = transients[plan.family]?.(draw);
  if (family === undefined) throw new Error(`no transient is called ${plan.family}`);

  const put = (at: number, length: number, lift: Lift): void => {
    for (const name of signals) {
      const course = lift[name];
      if (course === undefined) continue;
      const into = lifts[name];
      for (let k = 0; k < length && at + k < minutes; k++) into[at + k] = (into[at + k] ?? 0) + course(k);
    }
  };
  const change = (at: number, kind: 'deploy' | 'rollback', to: string): void => {
    const atMs = startMs + at * minuteMs;
    const id = `${plan.name}-${kind}-${at}`;
    changes.push({ id, kind, service: plan.name, atMs, what: 'current', to, source: 's', attributes: {} });
    restarts.push(at);
    const course = family(draw);
    const own = (height: number): Course => {
      const scaled = height * draw.between(0.8, 1.25);
      return (k) => scaled * course(k);
    };
    const { heights } = nature;
    put(at, 120, { errors: own(heights.errors), latency: own(heights.latency), cpu: own(heights.cpu) });
  };

  let next = draw.whole(0, 99);
  const quiet = plan.quietDays * 1_440;
  for (let at = draw.whole(150, 400); at < minutes - 420; at += draw.whole(150, 480)) {
    const faulty = at >= quiet && plan.faults.length > 0 && draw.chance(0.4);
    const name = plan.faults[next % Math.max(1, plan.faults.length)] ?? '';
    const fault = faulty ? faults[name] : undefined;
    if (fault === undefined) {
      change(at, 'deploy', `v${at}`);
      continue;
    }
    next++;
    const from = at + fault.onset(draw);
    const until = from + draw.whole(60, 140);
    // The last good version goes on being the newest change for as long as a fault comes on its own.
    if (fault.byDeploy) change(at, 'deploy', `v${at}`);
    put(from, until - from, fault.lift(draw, { heights: nature.heights }));
    const cause = fault.byDeploy ? `v${at}` : null;
    const span = { fromMs: startMs + from * minuteMs, untilMs: startMs + until * minuteMs };
    labels.push({ kind: name, ...span, cause, leak: fault.leak === true });
    if (fault.byDeploy) change(until, 'rollback', 'the version before');
    at = until;
  }
  benign(draw, nature, minutes, put);
  const series = samplesOf(draw, plan, nature, lifts, restarts);
  const recording: Recording = {
    fromMs: startMs,
    untilMs: startMs + (minutes - 1) * minuteMs,
    stepMs: minuteMs,
    services: [],
    series,
    changes,
    logs: [],
    external: [],
    gaps: [],
  };
  return { family: plan.family, recording, labels, judgedFromMs: startMs + quiet * minuteMs };
}

// What is nobody's fault and has nothing to do with a deploy: crowds, a nightly batch, hiccups of a minute or two.
function benign(
  draw: Draw,
  nature: Nature,
  minutes: number,
  put: (at: number, length: number, lift: Lift) => void,
): void {
  for (let day = 0; day * 1_440 < minutes; day++) {
    if (draw.chance(0.6)) {
      const crowd = draw.between(0.2, 0.6);
      const tau = draw.between(5, 25);
      const course =
        (height: number): Course =>
        (k) =>
          height * Math.exp(-k / tau);
      const at = day * 1_440 + draw.whole(0, 1_300);
      put(at, 120, { traffic: course(crowd), cpu: course(crowd), latency: course(crowd / 8) });
    }
    if (draw.chance(0.5)) {
      const height = draw.between(0.002, 0.02);
      put(day * 1_440 + draw.whole(0, 1_430), draw.whole(1, 2), { errors: () => height, latency: () => 0.2 });
    }
    const { batch } = nature;
    if (batch !== undefined)
      put(day * 1_440 + batch.at, batch.length, { latency: () => batch.latency, cpu: () => 0.7 });
  }
}

function samplesOf(
  draw: Draw,
  plan: ServicePlan,
  nature: Nature,
  lifts: Lifts,
  restarts: readonly number[],
): readonly Series[] {
  const samples = Object.fromEntries(signals.map((name) => [name, [] as Sample[]])) as Record<string, Sample[]>;
  const starts = [...restarts].sort((a, b) => a - b);
  const carried = Math.exp(-1 / nature.memory);
  let wander = 0;
  let restart = -10_000;
  for (let minute = 0; minute < plan.days * 1_440; minute++) {
    while ((starts[0] ?? Infinity) <= minute) restart = starts.shift() ?? restart;
    wander = carried * wander + nature.wander * Math.sqrt(1 - carried * carried) * draw.normal();
    const since = minute - restart;
    const at = (name: (typeof signals)[number]): number => lifts[name][minute] ?? 0;
    const day = Math.floor(minute / 1_440);
    const crowd = nature.holiday?.day === day ? nature.holiday.traffic : 1;
    const base = nature.traffic * crowd * (1 + nature.daily * Math.sin((2 * Math.PI * minute) / 1_440));
    const mean = base * (1 + at('traffic')) * Math.exp(0.02 * draw.normal());
    const requests = draw.poisson(mean * 60);
    const share = Math.min(1, nature.errors * Math.exp(0.1 * draw.normal()) + at('errors'));
    const failed = Math.min(requests, draw.poisson(share * requests));
    const busy = (base / nature.traffic) * (1 + at('traffic'));
    const latency = nature.latency * (0.9 + 0.1 * busy) * Math.exp(wander + nature.noise * draw.normal());
    const warmth = 0.74 + 0.26 * (1 - Math.exp(-since / (nature.warmMemory / 2)));
    const values = {
      traffic: requests / 60,
      errors: requests === 0 ? undefined : failed / requests,
      latency: requests === 0 ? undefined : latency * (1 + at('latency')),
      cpu: (mean / 60) * (1 + at('cpu') - at('traffic')) * Math.exp(0.03 * draw.normal()),
      memory: nature.mebibytes * (warmth + at('memory')) * Math.exp(0.005 * draw.normal()),
    };
    if (since < nature.hole) continue;
    const tMs = startMs + minute * minuteMs;
    for (const name of signals) {
      const v = values[name];
      if (v !== undefined) samples[name]?.push({ tMs, v: Number(v.toPrecision(6)) });
    }
  }
  return signals.map((name) => {
    const { unit, nature: kind } = kinds[name];
    const about = { source: 's', service: plan.name, signal: name, labels: {}, unit, nature: kind };
    return { key: seriesKey(plan.name, name, {}), ...about, samples: samples[name] ?? [] };
  });
}

const kinds = {
  errors: { unit: 'ratio', nature: 'ratio' },
  latency: { unit: 'ms', nature: 'latency' },
  traffic: { unit: '1/s', nature: 'rate' },
  cpu: { unit: '1', nature: 'gauge' },
  memory: { unit: 'MiBy', nature: 'gauge' },
} as const;

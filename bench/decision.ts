/**
 * How long one decision takes with 100 rules in force, beside what the same machine needs in the same run to print the
 * input as JSON and to hash it: `node bench/decision.ts`. Bar: p99 at most 200 µs.
 */
import { performance } from 'node:perf_hooks';

import { sha256Hex } from '../src/lib/canonical.ts';
import { quantile } from '../src/lib/stats.ts';
import { decide, defaultCaps } from '../src/policy/index.ts';
import type { DecisionInput } from '../src/policy/index.ts';
import { report } from './report.ts';
import { act, input, NOW, observation, plan, policies, step } from '../test/policy/world.ts';

const rules = {
  allow: Array.from({ length: 70 }, (_, index) => ({
    actions: index % 2 === 0 ? ['host.*'] : ['kubernetes.*', `cloud${index}.*`],
    services: { tier: ['important', index === 68 ? 'critical' : `tier-${index}`] },
    autonomy: 'act',
    earn: { runs: 10, success: '90%' },
    bounds: { units: '50%', keepHealthy: '51%', parallel: 2, perHour: 60, perDay: 600 },
    when: `diagnosis.confidence >= 0.${index % 9} && budget('availability').remaining > 0.2 && target.revisions > 1`,
  })),
  never: Array.from({ length: 25 }, (_, index) => ({
    actions: index % 2 === 0 ? ['*.delete-*'] : ['*'],
    when: `incident.severity == 'info' && service.name == 'other-${index}'`,
  })),
  freeze: Array.from({ length: 5 }, (_, index) => ({
    cron: `0 ${index} * * SUN`,
    for: '1h',
    timezone: 'Europe/Berlin',
  })),
  storm: { if: { unhealthyServices: '30%' } },
};

const set = policies(rules);
const history = Array.from({ length: 200 }, (_, index) =>
  act({ executionId: `x${index}`, targetKey: `host.unit/${index}`, atMs: NOW - 86_400_000 * 2 - index * 1_000 }),
);
const planned = plan();
// What is new with every decision: the time, and a fresh look at the target.
const inputs = Array.from({ length: 20_000 }, (_, index): DecisionInput => {
  const asOfMs = NOW + index;
  const observations = { restart: observation(step(), { atMs: asOfMs, facts: { revisions: 3, running: false } }) };
  const base = input([], { plan: planned, history, policies: set, observations });
  return { ...base, asOfMs, caps: defaultCaps };
});

const rounds = 9;

interface Took {
  /** Microseconds of each piece of work, a list a round. */
  readonly wall: readonly (readonly number[])[];
  /** Processor time of the whole process per piece of work, collecting garbage included, in microseconds. */
  readonly cpu: number;
}

function measure(work: (each: DecisionInput) => unknown): Took {
  const one = (each: DecisionInput): number => {
    const from = performance.now();
    work(each);
    return (performance.now() - from) * 1_000;
  };
  const settle = inputs.slice(0, inputs.length / 10);
  settle.forEach(one);
  const rest = inputs.slice(settle.length);
  const each = Math.ceil(rest.length / rounds);
  const before = process.cpuUsage();
  const wall = Array.from({ length: rounds }, (_, round) => rest.slice(round * each, (round + 1) * each).map(one));
  const { user, system } = process.cpuUsage(before);
  return { wall, cpu: (user + system) / rest.length };
}

// Other programs on the machine only ever add to the tail, so the quietest round says most about the work itself.
function reportTook(name: string, took: Took, atMost?: number): void {
  const figure = (what: string, value: number | undefined, bar = {}): void =>
    report({ bench: 'decision', name: `${name}: ${what}`, value: value ?? Number.NaN, unit: 'µs', ...bar });
  const all = took.wall.flat();
  const tails = took.wall.map((round) => quantile(round, 0.99) ?? Number.NaN);
  figure('processor time', took.cpu);
  figure('p50', quantile(all, 0.5));
  figure('p99 of the quietest round', Math.min(...tails), atMost === undefined ? {} : { atMost });
  figure('p99 of all', quantile(all, 0.99));
}

const first = inputs[0];
if (first === undefined || decide(first).outcome !== 'allow')
  throw new Error(
    `the bench must measure a grant, not: ${first === undefined ? '' : (decide(first).reasons[0] ?? '')}`,
  );
reportTook(
  'raw: the input as JSON, and its SHA-256',
  measure((each) => sha256Hex(JSON.stringify({ ...each, policies: set.digest }))),
);
reportTook('a decision with 100 rules', measure(decide), 200);

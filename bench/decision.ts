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
const base = input([], { plan: planned, history, policies: set });
const observed = observation(step(), { facts: { revisions: 3, running: false } });
const decisions = 18_000;
const rounds = 9;

// What is new with every decision: the time, and a fresh look at the target, its condition and what is under way.
function fresh(index: number): DecisionInput {
  const asOfMs = NOW + index;
  const blast = { ...observed.blast, targets: [...observed.blast.targets] };
  const observations = { restart: { ...observed, atMs: asOfMs, facts: { ...observed.facts }, blast } };
  return { ...base, asOfMs, observations, conditions: [], inFlight: [], approvals: [], caps: defaultCaps };
}

interface Took {
  /** Microseconds of each piece of work, a list a round. */
  readonly wall: readonly (readonly number[])[];
  /** Processor time of the whole process per piece of work, making the input and collecting garbage included, in microseconds. */
  readonly cpu: number;
}

function measure(work: (each: DecisionInput) => unknown): Took {
  for (let index = 0; index < decisions / 10; index++) work(fresh(index));
  const before = process.cpuUsage();
  const wall = Array.from({ length: rounds }, () =>
    Array.from({ length: decisions / rounds }, (_, index) => {
      const each = fresh(index);
      const from = performance.now();
      work(each);
      return (performance.now() - from) * 1_000;
    }),
  );
  const { user, system } = process.cpuUsage(before);
  return { wall, cpu: (user + system) / decisions };
}

// Other programs on the machine only ever add to the tail, so the quietest round says most about the work itself.
function reportTook(name: string, { wall, cpu }: Took, atMost?: number): void {
  const figure = (what: string, value: number | undefined, bar = {}): void =>
    report({ bench: 'decision', name: `${name}: ${what}`, value: value ?? Number.NaN, unit: 'µs', ...bar });
  const tails = wall.map((round) => quantile(round, 0.99) ?? Number.NaN);
  figure('processor time', cpu);
  figure('p50', quantile(wall.flat(), 0.5));
  figure('p99 of all', quantile(wall.flat(), 0.99), atMost === undefined ? {} : { atMost });
  figure('p99 of the quietest round', Math.min(...tails));
}

const first = fresh(0);
if (decide(first).outcome !== 'allow')
  throw new Error(`the bench must measure a grant, not: ${decide(first).reasons[0] ?? ''}`);
// Nobody binds a decision to its input for less: the second is what is left when every digest that can be remembered is.
const lasting = new Set(['plan', 'history', 'service', 'groups', 'policies', 'labelsOf']);
reportTook(
  'raw: the whole input as JSON, and its SHA-256',
  measure((each) => sha256Hex(JSON.stringify({ ...each, policies: set.digest }))),
);
reportTook(
  'raw: what is new in it as JSON, and its SHA-256',
  measure((each) => sha256Hex(JSON.stringify(each, (key, value: unknown) => (lasting.has(key) ? null : value)))),
);
reportTook('a decision with 100 rules', measure(decide), 200);

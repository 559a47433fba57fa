import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { canonicalJson } from '../../src/lib/canonical.ts';
import type { Json } from '../../src/lib/json.ts';
import { globMatches } from '../../src/lib/glob.ts';
import { decide } from '../../src/policy/index.ts';
import type { DecisionInput } from '../../src/policy/index.ts';
import { act, approvalOf, HOUR, input, NOW, observation, plan, policies, step } from './world.ts';

/* Random policies in random worlds, against an oracle written again in the plainest way. */

const actionGlob = fc.constantFrom('*', 'host.*', 'host.service-restart', 'kubernetes.*', '*.delete-*');
const autonomy = fc.constantFrom('observe', 'suggest', 'approve', 'act');
const when = fc.constantFrom(
  'true',
  'false',
  'diagnosis.confidence >= 0.8',
  "budget('availability').remaining > 0.2",
  "incident.severity == 'critical'",
);
const failing = fc.constantFrom("budget('nope').remaining > 0.2", 'target.absent > 1', "change.kind == 'deploy'");

interface Allow {
  readonly actions: readonly string[];
  readonly autonomy: string;
  readonly when?: string;
  readonly bounds?: { readonly units?: number; readonly perHour?: number };
}
const allow = fc.record(
  {
    actions: fc.array(actionGlob, { minLength: 1, maxLength: 2 }),
    autonomy,
    when,
    bounds: fc.record(
      { units: fc.integer({ min: 0, max: 3 }), perHour: fc.integer({ min: 0, max: 3 }) },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['actions', 'autonomy'] },
) as fc.Arbitrary<Allow>;
const never = fc.record(
  { actions: fc.array(actionGlob, { minLength: 1, maxLength: 2 }), when, unless: when },
  { requiredKeys: ['actions'] },
);
const spec = fc.record(
  {
    scope: fc.constantFrom({}, { env: 'prod' }, { env: 'dev' }),
    allow: fc.array(allow, { maxLength: 3 }),
    never: fc.array(never, { maxLength: 1 }),
    protect: fc.constantFrom<string[][]>([], ['service:cart'], ['service:shop']),
    storm: fc.constantFrom({ if: { unhealthyServices: '30%' } }, { if: { unhealthyServices: '90%' } }),
  },
  { requiredKeys: ['allow'] },
);
const specs = fc.array(spec, { minLength: 1, maxLength: 3 });

const world = fc.record({
  ceiling: fc.constantFrom('act', 'act', 'act', 'approve', 'suggest'),
  confidence: fc.constantFrom(0.5, 0.9),
  remaining: fc.constantFrom(0.1, 0.9),
  past: fc.integer({ min: 0, max: 3 }),
  unhealthy: fc.constantFrom(0, 1, 4),
  paused: fc.constantFrom(false, false, false, true),
  busy: fc.constantFrom(false, false, false, true),
  approved: fc.boolean(),
});
type World = typeof world extends fc.Arbitrary<infer W> ? W : never;

function build(written: readonly Json[], of: World): DecisionInput {
  const base = input(written, {
    ceiling: of.ceiling,
    diagnosis: { cause: 'host', confidence: of.confidence, verdict: 'conclusive', service: 'shop', gaps: [] },
    budgets: { availability: { remaining: of.remaining } },
    history: Array.from({ length: of.past }, (_, n) =>
      act({ executionId: `x${n}`, targetKey: `host.unit/${n}`, atMs: NOW - n * 60_000 - 1 }),
    ),
    serviceHealth: { total: 10, unhealthy: of.unhealthy },
    agent: { unwell: [], ...(of.paused ? { paused: { by: 'cli:ana', atMs: NOW, reason: 'x' } } : {}) },
    observations: { restart: observation(step(), of.busy ? { busy: 'ansible' } : {}) },
  });
  return of.approved ? { ...base, approvals: [approvalOf(base)] } : base;
}

const rank = { deny: 0, 'require-approval': 1, allow: 2 } as const;
const wide = (written: readonly Json[], of: World): number => rank[decide(build(written, of)).outcome];

type Spec = typeof spec extends fc.Arbitrary<infer S> ? S : never;
const json = (written: readonly Spec[]): readonly Json[] => written as unknown as readonly Json[];

describe('whatever is written, and however the world is', () => {
  test('taking a grant away, adding a prohibition, a policy or a protection never widens', () => {
    fc.assert(
      fc.property(specs, world, fc.nat(), fc.nat(), never, spec, (written, of, p, r, more, another) => {
        const before = wide(json(written), of);
        const at = p % written.length;
        const chosen = written[at]!;
        const put = (changed: object): readonly Json[] =>
          json(written.map((each, index) => (index === at ? { ...chosen, ...changed } : each)));
        if (chosen.allow.length > 0) {
          const less = chosen.allow.filter((_, index) => index !== r % chosen.allow.length);
          expect(wide(put({ allow: less }), of)).toBeLessThanOrEqual(before);
        }
        expect(wide(put({ never: [...(chosen.never ?? []), more] }), of)).toBeLessThanOrEqual(before);
        expect(wide(put({ protect: ['host.unit:*'] }), of)).toBe(0);
        // Where no policy is in scope nothing is granted, and the first one that is may well grant: so one always is here.
        const open = { allow: [{ actions: ['*'], autonomy: 'act' }] };
        const beside = wide([open, ...json(written)], of);
        expect(wide([open, ...json([...written, another])], of)).toBeLessThanOrEqual(beside);
      }),
      { numRuns: 150 },
    );
  });

  test('a condition that cannot be evaluated denies, whatever else grants', () => {
    fc.assert(
      fc.property(specs, world, failing, (written, of, source) => {
        const broken = {
          allow: [
            { actions: ['*'], autonomy: 'act' },
            { actions: ['*'], autonomy: 'act', when: source },
          ],
        };
        expect(wide([...json(written), broken], of)).toBe(0);
        expect(wide([...json(written), { never: [{ when: source }] }], of)).toBe(0);
        expect(wide([...json(written), { never: [{ unless: source }] }], of)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('an approval, more room, and a better world never narrow; a pause always denies', () => {
    fc.assert(
      fc.property(specs, world, (written, of) => {
        const before = wide(json(written), of);
        expect(wide(json(written), { ...of, approved: true })).toBeGreaterThanOrEqual(before);
        expect(wide(json(written), { ...of, ceiling: 'act' })).toBeGreaterThanOrEqual(before);
        expect(wide(json(written), { ...of, past: 0 })).toBeGreaterThanOrEqual(before);
        expect(wide(json(written), { ...of, paused: true })).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  test('the outcome is what the oracle says', () => {
    fc.assert(
      fc.property(specs, world, (written, of) => {
        expect(decide(build(json(written), of)).outcome).toBe(oracle(written, of));
      }),
      { numRuns: 400 },
    );
  });

  test('the same input, stored and read back, gives the same bytes', () => {
    fc.assert(
      fc.property(specs, world, (written, of) => {
        const one = build(json(written), of);
        const { policies: set, ...rest } = one;
        const other = { ...(JSON.parse(JSON.stringify(rest)) as typeof rest), policies: policies(...json(written)) };
        expect(other.policies.digest).toBe(set.digest);
        const bytes = (of: DecisionInput): string => canonicalJson(decide(of) as unknown as Json);
        expect(bytes(other)).toBe(bytes(one));
      }),
      { numRuns: 100 },
    );
  });
});

function oracle(written: readonly Spec[], of: World): string {
  const action = 'host.service-restart';
  const matches = (globs: readonly string[]): boolean => globs.some((glob) => globMatches(glob, action));
  const truth = (source: string | undefined): boolean =>
    source === undefined ||
    source === 'true' ||
    source.startsWith('incident') ||
    (source.startsWith('diagnosis') && of.confidence >= 0.8) ||
    (source.startsWith('budget') && of.remaining > 0.2);
  if (of.paused || of.busy) return 'deny';
  if (written.some((each) => each.protect?.includes('service:shop'))) return 'deny';
  const inScope = written.filter(
    (each) => !('env' in (each.scope ?? {})) || (each.scope as { env: string }).env === 'prod',
  );
  const forbidden = inScope
    .flatMap((each) => each.never ?? [])
    .some((rule) => matches(rule.actions) && truth(rule.when) && !(rule.unless !== undefined && truth(rule.unless)));
  if (forbidden) return 'deny';
  const storm = inScope.some((each) => each.storm?.if.unhealthyServices === '30%' && of.unhealthy >= 3);
  if (storm || inScope.length === 0) return 'deny';
  const ladder = ['observe', 'suggest', 'approve', 'act'];
  const best = inScope.map((each) =>
    Math.max(
      0,
      ...each.allow
        .filter((rule) => matches(rule.actions) && truth(rule.when))
        .filter((rule) => (rule.bounds?.units ?? 9) >= 1 && of.past < (rule.bounds?.perHour ?? 9))
        .map((rule) => Math.min(ladder.indexOf(rule.autonomy), ladder.indexOf(of.ceiling))),
    ),
  );
  const strictest = Math.min(...best);
  if (strictest < 2) return 'deny';
  return strictest === 3 || of.approved ? 'allow' : 'require-approval';
}

test('a plan that is older than its life, on whatever policy, is denied', () => {
  fc.assert(
    fc.property(specs, world, fc.integer({ min: 0, max: HOUR }), (written, of, late) => {
      const base = build(json(written), of);
      expect(decide({ ...base, asOfMs: plan().expiresAtMs + late }).outcome).toBe('deny');
    }),
    { numRuns: 50 },
  );
});

test('bounds: more healthy units, fewer touched and fewer replicas never narrow; what is ill is never made a reason to act on what is well', () => {
  const small = fc.integer({ min: 0, max: 10 });
  const bounds = fc.record(
    { pods: fc.constantFrom(1, 3, '25%', '50%'), keepHealthy: fc.constantFrom(1, 5, '51%', '90%'), replicasMax: small },
    { requiredKeys: [] },
  );
  const figures = fc.record({
    total: fc.integer({ min: 1, max: 10 }),
    touched: small,
    ready: small,
    taken: small,
    after: small,
  });
  fc.assert(
    fc.property(bounds, figures, (of, given) => {
      const total = given.total;
      const decided = (touched: number, healthyNow: number, healthyAfter: number, replicasAfter: number): number => {
        const blast = { touched, total, healthyNow, healthyAfter, replicasAfter, targets: [], dependents: [] };
        const observations = { restart: observation(step(), { blast }) };
        return rank[
          decide(input([{ allow: [{ actions: ['*'], autonomy: 'act', bounds: of }] }], { observations })).outcome
        ];
      };
      const [touched, now] = [Math.min(given.touched, total), Math.min(given.ready, total)];
      const after = Math.max(0, now - given.taken);
      const before = decided(touched, now, after, given.after);
      expect(decided(Math.max(0, touched - 1), now, after, given.after)).toBeGreaterThanOrEqual(before);
      expect(decided(touched, now, Math.min(now, after + 1), given.after)).toBeGreaterThanOrEqual(before);
      expect(decided(touched, now, after, Math.max(0, given.after - 1))).toBeGreaterThanOrEqual(before);
      const { keepHealthy } = of;
      if (keepHealthy !== undefined && after < now) {
        const most =
          typeof keepHealthy === 'number' ? keepHealthy : Math.ceil((Number.parseInt(keepHealthy, 10) * total) / 100);
        if (after < most) expect(before).toBe(0);
      }
    }),
    { numRuns: 300 },
  );
});

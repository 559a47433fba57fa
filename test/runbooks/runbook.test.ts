import { describe, expect, test } from 'vitest';

import { digest } from '../../src/lib/canonical.ts';
import type { Json } from '../../src/lib/json.ts';
import { assemblePlan, checkConditions, matchRunbooks, resolveSteps, suggestSteps } from '../../src/runbooks/index.ts';
import type { ResolvedRunbook } from '../../src/runbooks/index.ts';
import type { Diagnosis } from '../../src/domain/diagnosis.ts';
import type { Observation } from '../../src/domain/remediation.ts';
import { actions, change, context, facts, issuesOf, MINUTE, NOW, rollBack, runbook } from './world.ts';

const [rollBackStep] = rollBack.steps;

describe('what people write', () => {
  test('the example of the handbook is read whole', () => {
    const parsed = runbook(rollBack);
    expect(parsed.steps[0]).toMatchObject({ id: 'rollback', action: 'host.release-rollback', retries: 1 });
    expect(parsed.steps[0]?.once).toEqual(['target.revisions > 1', '!change.irreversible']);
    expect(parsed.verify).toEqual([
      { expect: 'errors < baseline * 1.2', withinMs: 10 * MINUTE, forMs: 3 * MINUTE },
      { expect: 'restarts == 0', atMs: 60 * MINUTE },
    ]);
    expect(parsed.attempts).toEqual({ per: 'target', max: 2, inMs: 6 * 60 * MINUTE });
  });

  test.each([
    [{ ...rollBack, sumary: 'x' }, 'spec.sumary: unknown key sumary (summary?)'],
    [{ ...rollBack, when: 'diagnosis.cuase == 1' }, 'spec.when: diagnosis has no field "cuase" (cause?)'],
    [{ ...rollBack, when: 'diagnosis.confidence' }, 'spec.when: the expression must be a bool, not a double'],
    [{ ...rollBack, require: ['targt.revisions > 1'] }, 'spec.require.0: unknown name "targt" (target?)'],
    [
      { ...rollBack, steps: [{ ...rollBackStep, do: 'host.release-rolback' }] },
      'spec.steps.0.do: unknown action host.release-rolback (host.release-rollback?)',
    ],
    [
      { ...rollBack, steps: [{ ...rollBackStep, with: { too: '{{ change.previous }}' } }] },
      'spec.steps.0.with.too: unknown key too (to?)',
    ],
    [
      { ...rollBack, steps: [{ ...rollBackStep, with: { to: '; rm -rf /' } }] },
      'spec.steps.0.with.to: must be a release name',
    ],
    [
      { ...rollBack, steps: [{ ...rollBackStep, with: { to: '{{ change.previus }}' } }] },
      'spec.steps.0.with.to: change has no field "previus" (previous?)',
    ],
    [
      { ...rollBack, steps: [{ ...rollBackStep, with: { to: '{{ change.previous' } }] },
      'spec.steps.0.with.to: {{ is never closed',
    ],
    [
      { ...rollBack, steps: [{ ...rollBackStep, timeout: '{{ params.timout }}' }] },
      'spec.steps.0.timeout: params has no field "timout" (timeout?)',
    ],
    [{ ...rollBack, steps: [rollBackStep, rollBackStep] }, 'spec.steps.1.id: there are two steps rollback'],
    [
      { ...rollBack, params: { timeout: { type: 'duration', default: '30m', max: '20m' } } },
      'spec.params.timeout.default: is more than its max',
    ],
    [
      { ...rollBack, verify: [{ expect: 'errors < 1' }] },
      'spec.verify.0: needs either within (with for, if it must last) or at',
    ],
    [
      { ...rollBack, verify: [{ expect: 'errors < 1', within: '3m', for: '3m' }] },
      'spec.verify.0.for: must be shorter than within',
    ],
    [
      { ...rollBack, verify: [{ expect: '1 < 2', at: '3m' }] },
      'spec.verify.0.expect: names no signal, so nothing could ever refute it',
    ],
    [{ ...rollBack, verify: [] }, /spec.verify: /],
  ] as const)('%#: one fault gives one clear error', (spec, expected) => {
    const issues = issuesOf(spec as unknown as Json);
    expect(issues).toHaveLength(1);
    if (typeof expected === 'string') expect(issues[0]).toBe(expected);
    else expect(issues[0]).toMatch(expected);
  });

  test('where the signals that exist are known, a signal that does not is refused', () => {
    const known = { actions, signals: new Set(['errors', 'restarts', 'latency']) };
    expect(issuesOf(rollBack, known)).toEqual([]);
    expect(issuesOf({ ...rollBack, verify: [{ expect: 'erors < 1', at: '3m' }] }, known)).toEqual([
      'spec.verify.0.expect: no service has a signal erors (errors?)',
    ]);
  });
});

describe('matching', () => {
  const only = (more: Parameters<typeof facts>[0]): string => {
    const [report] = matchRunbooks([runbook(rollBack)], facts(more));
    return `${String(report?.matched)}: ${report?.because ?? ''}`;
  };

  test('says which clause is not so, and what it looked at', () => {
    expect(only({})).toBe('true: Return to the previous version when a deploy broke the service');
    expect(only({ change: change({ kind: 'config' }) })).toBe(
      `false: not so: change.kind == 'deploy' (change.kind is "config")`,
    );
    expect(only({ change: change({ atMs: NOW - 180 * MINUTE }) })).toBe(
      `false: not so: change.age < duration('2h') (change.age is 3h)`,
    );
    const base = facts();
    const { change: _none, ...without } = base;
    const [report] = matchRunbooks([runbook(rollBack)], without);
    expect(report?.because).toBe(`cannot tell whether change.kind == 'deploy': change is not known`);
  });

  test('orders by match, priority, specificity, then name', () => {
    const always = { ...rollBack, when: 'true' };
    const list = [
      runbook({ ...rollBack, when: 'false', priority: 9 }, 'never'),
      runbook(always, 'b'),
      runbook(always, 'a'),
      runbook({ ...always, services: { env: 'prod' } }, 'for-prod'),
      runbook({ ...always, priority: 1 }, 'first'),
      runbook({ ...always, services: { env: 'dev' } }, 'for-dev'),
    ];
    expect(matchRunbooks(list, facts()).map((report) => `${report.runbook.name} ${report.matched}`)).toEqual([
      'first true',
      'for-prod true',
      'a true',
      'b true',
      'never false',
      'for-dev false',
    ]);
  });
});

const looked = (step: string) => {
  const target = { kind: 'release', id: '/srv/shop/current', service: 'shop', labels: {} };
  const observation: Observation = {
    target,
    atMs: NOW,
    facts: { revisions: 3 },
    stateHash: 's',
    blast: { touched: 1, total: 1, healthyAfter: 0, targets: [], dependents: [] },
  };
  return { [step]: { target, observation, preview: { describe: 'roll back', diff: ['v3 -> v2'] } } };
};

const resolved = (more: Parameters<typeof facts>[0] = {}, given = {}): ResolvedRunbook => {
  const parsed = resolveSteps(runbook(rollBack), facts(more), context, given);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.value;
};

describe('filling in', () => {
  test('takes the traits of the action as it is now, not as it was when the runbook was loaded (I7)', () => {
    const worse = new Map(
      [...actions].map(([kind, action]) => [
        kind,
        { ...action, traits: { ...action.traits, reversible: false, destructive: true } },
      ]),
    );
    const parsed = resolveSteps(runbook(rollBack), facts(), { actions: worse }, {});
    expect(parsed.ok && parsed.value.steps[0]?.traits).toMatchObject({ reversible: false, destructive: true });
  });
  test('templates become typed values', () => {
    expect(resolved().steps[0]).toMatchObject({ params: { to: 'v2' }, timeoutMs: 5 * MINUTE });
    expect(resolved({}, { timeout: '90s' }).steps[0]?.timeoutMs).toBe(90_000);
    expect(resolveSteps(runbook(rollBack), facts(), context, { timeout: '1h' }).ok).toBe(false);
    expect(resolveSteps(runbook(rollBack), facts(), context, { tiemout: '1m' })).toMatchObject({
      ok: false,
      issues: [{ suggestion: 'timeout' }],
    });
  });

  test.each(['../../etc', 'v2; reboot', '-rf', '', 'a\nb', '{{ 1 }}', 'x'.repeat(2_000), '$(id)'])(
    'hostile text from the world (%j) is never a parameter',
    (from) => {
      expect(resolveSteps(runbook(rollBack), facts({ change: change({ from }) }), context).ok).toBe(false);
    },
  );

  test('a fact that is missing refuses, and says which', () => {
    const { from: _from, ...unknown } = change();
    const parsed = resolveSteps(runbook(rollBack), facts({ change: unknown }), context);
    expect(parsed).toMatchObject({
      ok: false,
      issues: [{ message: '{{ change.previous }}: change.previous is not known' }],
    });
  });
});

describe('the plan', () => {
  const parts = {
    resolved: resolved(),
    looked: looked('rollback'),
    incidentId: 'i1',
    service: 'shop',
    diagnosisId: 'd1',
    because: 'v3 broke it',
    proposedBy: 'watchkeeper',
    asOfMs: NOW,
  };

  test('is named by all that is in it', () => {
    const one = assemblePlan(parts);
    const other = assemblePlan({ ...parts, asOfMs: NOW + 1 });
    if (!one.ok || !other.ok) throw new Error('not assembled');
    const { id, ...rest } = one.value;
    expect(id).toBe(digest(rest as unknown as Json));
    expect(other.value.id).not.toBe(id);
    expect(one.value.steps[0]).toMatchObject({ describe: 'roll back', stateHash: 's', params: { to: 'v2' } });
  });

  test('is not made when a target was not looked at', () => {
    expect(assemblePlan({ ...parts, looked: {} })).toMatchObject({ ok: false });
  });

  test('conditions are evaluated on live state, and what cannot be read is an error', () => {
    const [step] = parts.resolved.steps;
    if (step === undefined) throw new Error('no step');
    const { observation } = looked('x')['x']!;
    const check = (more: object, live = {}): readonly string[] =>
      checkConditions(step, {
        ...facts(more),
        observation: { ...observation, facts: { revisions: 3, ...live } },
        signals: {},
      }).map((each) => each.outcome);
    expect(check({})).toEqual(['true', 'true', 'false']);
    expect(check({}, { revisions: 1 })).toEqual(['false', 'true', 'false']);
    expect(check({ budgets: { availability: { burn: 21 } } })).toEqual(['true', 'true', 'true']);
    expect(check({ budgets: {} })).toEqual(['true', 'true', 'error']);
    expect(check({ change: change({ irreversible: true }) })).toEqual(['true', 'false', 'false']);
    expect(check({}, { revisions: null })[0]).toBe('error');
  });
});

test('something is suggested for every cause, and never nothing', () => {
  const diagnosis: Diagnosis = {
    id: 'd',
    incidentId: 'i1',
    asOfMs: NOW,
    verdict: 'inconclusive',
    cause: 'unknown',
    service: 'shop',
    confidence: 0.2,
    summary: '',
    hypotheses: [],
    gaps: [{ source: 'prom', reason: 'timeout', message: 'no answer', fromMs: 0, untilMs: 1 }],
    needed: 'the logs of shop',
  };
  const base = { ...facts(), services: [facts().service] };
  for (const cause of ['change', 'dependency', 'resource', 'traffic', 'host', 'external', 'unknown'] as const) {
    const steps = suggestSteps({ ...base, diagnosis: { ...diagnosis, cause } });
    expect(steps.length).toBeGreaterThanOrEqual(3);
    expect(steps.at(-1)).toContain('Ask shop');
  }
  expect(suggestSteps({ ...base, diagnosis: { ...diagnosis, cause: 'change' } })[0]).toBe(
    'Take back the deploy of shop to v3 (current, 6m ago): return to v2.',
  );
});

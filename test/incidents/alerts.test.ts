import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Alert, Finding } from '../../src/domain/alert.ts';
import { stepAlerts } from '../../src/incidents/index.ts';
import type { AlertStep, AlertTransition } from '../../src/incidents/index.ts';
import { definition, finding, minute } from './worlds.ts';

type Word = Finding['state'] | 'nothing' | Partial<Finding>;

/** Runs words half a minute apart through the reducer; gives the state after each, and all transitions. */
const run = (
  words: readonly Word[],
  more: Partial<AlertStep> = {},
  clock: (step: number) => number = (at) => at * 30_000,
) => {
  let alerts: readonly Alert[] = [];
  const transitions: AlertTransition[] = [];
  const states = words.map((word, at) => {
    const asOfMs = clock(at);
    const told = typeof word === 'string' ? { state: word === 'nothing' ? ('unknown' as const) : word } : word;
    const next = stepAlerts(alerts, {
      findings: word === 'nothing' ? [] : [finding({ atMs: asOfMs, ...told })],
      definitions: new Map([['error-regression', definition()]]),
      asOfMs,
      elapsedMs: 30_000,
      ...more,
    });
    alerts = next.alerts;
    transitions.push(...next.transitions);
    return next.alerts[0]?.status;
  });
  return { alerts, transitions, states, told: transitions.map((transition) => transition.to) };
};

const times = (count: number, word: Word): readonly Word[] => Array.from({ length: count }, () => word);

describe('an alert', () => {
  test('is pending until hold has passed, then fires', () => {
    expect(run(times(4, 'bad')).states).toEqual(['pending', 'pending', 'firing', 'firing']);
  });

  test('fires at once when critical and beyond doubt, and not when merely critical', () => {
    expect(run([{ severity: 'critical', confidence: 0.99 }]).states).toEqual(['firing']);
    expect(run([{ severity: 'critical', confidence: 0.98 }]).states).toEqual(['pending']);
    expect(run([{ severity: 'warning', confidence: 1 }]).states).toEqual(['pending']);
  });

  test('that is good before it fired is dropped', () => {
    const { states, told } = run(['bad', 'good', 'bad', 'good']);
    expect(states).toEqual(['pending', undefined, 'pending', undefined]);
    expect(told).toEqual(['pending', 'dropped', 'pending', 'dropped']);
  });

  test('resolves only after being good for clear, without a break', () => {
    const { states } = run([...times(3, 'bad'), ...times(9, 'good'), 'bad', ...times(10, 'good')]);
    expect(states).not.toContain('resolved');
    expect(run([...times(3, 'bad'), ...times(11, 'good')]).states.at(-1)).toBe('resolved');
  });

  test('stays, and is marked, while nothing is known (I10)', () => {
    for (const dark of ['unknown', 'nothing'] as const) {
      const { alerts, told } = run([...times(3, 'bad'), ...times(500, dark)]);
      expect(alerts[0]).toMatchObject({ status: 'firing' });
      expect(alerts[0]?.unknownSinceMs).toBeDefined();
      expect(told).toEqual(['pending', 'firing', 'unknown']);
    }
  });

  test('does not clear by time spent in the dark, nor fire by it', () => {
    const clearing = run([...times(3, 'bad'), 'good', ...times(20, 'unknown'), 'good', 'good']);
    expect(clearing.states.at(-1)).toBe('firing');
    expect(clearing.told).toContain('heard-again');
    const holding = run(['bad', ...times(20, 'unknown'), 'bad']);
    expect(holding.states.at(-1)).toBe('pending');
  });

  test('is never started by unknown or good', () => {
    expect(run([...times(5, 'unknown'), ...times(5, 'good')]).alerts).toEqual([]);
  });

  test('keeps the last bad finding, and its gravest severity', () => {
    const { alerts, told } = run([
      ...times(3, 'bad'),
      { severity: 'critical', reason: 'worse' },
      { reason: 'less' },
      'good',
    ]);
    expect(alerts[0]).toMatchObject({ severity: 'critical', finding: { reason: 'less' } });
    expect(told).toContain('graver');
  });

  test('that flaps stays firing until it has been calm for a while', () => {
    const flap = [...times(3, 'bad'), ...Array.from({ length: 6 }, (_, at): Word => (at % 2 === 0 ? 'good' : 'bad'))];
    const { states, told } = run([...flap, ...times(15, 'good')]);
    expect(told).toContain('flapping');
    expect(states.at(-1)).toBe('firing');
    expect(run([...flap, ...times(32, 'good')]).states.at(-1)).toBe('resolved');
  });

  test('that returns after it was resolved is a new one that remembers its flaps', () => {
    const once = [...times(3, 'bad'), ...times(11, 'good')];
    const { alerts } = run([...once, 'bad']);
    expect(alerts[0]).toMatchObject({ status: 'pending', startsAtMs: 14 * 30_000 });
    expect(alerts[0]?.flaps.length).toBe(2);
  });

  test('carries shadow mode', () => {
    const definitions = new Map([['error-regression', definition({ mode: 'shadow' })]]);
    expect(run(['bad'], { definitions }).alerts[0]?.mode).toBe('shadow');
  });
});

describe('a wall clock that jumps', () => {
  test.each([3_600_000, -3_600_000])('by %i ms neither fires nor resolves anything', (jump) => {
    const clock = (at: number): number => 10 * 3_600_000 + at * 30_000 + (at >= 4 ? jump : 0);
    const calm = [...times(3, 'bad'), ...times(9, 'good')];
    expect(run(calm, {}, clock).states).toEqual(run(calm).states);
    const holding: readonly Word[] = [...times(3, 'good'), ...times(2, 'bad')];
    expect(run(holding, {}, clock).states.at(-1)).toBe('pending');
    expect(run(holding, {}, (at) => at * 30_000 + (at >= 3 ? jump : 0)).states.at(-1)).toBe('pending');
  });
});

describe('an alert whose ground is gone', () => {
  const firing = run(times(3, 'bad')).alerts;
  const step = {
    findings: [],
    definitions: new Map([['error-regression', definition()]]),
    asOfMs: 5 * minute,
    elapsedMs: 1,
  };

  test('resolves with its detector, saying so', () => {
    const { alerts } = stepAlerts(firing, { ...step, definitions: new Map() });
    expect(alerts[0]).toMatchObject({ status: 'resolved', because: 'the detector error-regression was removed' });
  });

  test('resolves with its service, saying so', () => {
    const { alerts } = stepAlerts(firing, { ...step, services: new Set(['cart']) });
    expect(alerts[0]).toMatchObject({ status: 'resolved', because: 'checkout is no longer watched' });
  });

  test('resolves when the thing is known to be gone, and not otherwise', () => {
    const gone = new Map([[firing[0]!.fingerprint, 'pod checkout-1 was replaced']]);
    expect(stepAlerts(firing, { ...step, gone }).alerts[0]).toMatchObject({
      status: 'resolved',
      because: 'pod checkout-1 was replaced',
    });
    expect(stepAlerts(firing, step).alerts[0]?.status).toBe('firing');
  });
});

describe('an external alert', () => {
  const external = (more: Partial<Finding>): Finding =>
    finding({ detector: 'alertmanager', kind: 'external', ...more });
  const none = new Map<string, never>();

  test('fires as told and resolves as told', () => {
    const fired = stepAlerts([], { findings: [external({})], definitions: none, asOfMs: 0, elapsedMs: 0 });
    expect(fired.alerts[0]?.status).toBe('firing');
    const over = stepAlerts(fired.alerts, {
      findings: [external({ state: 'good' })],
      definitions: none,
      asOfMs: 1,
      elapsedMs: 1,
    });
    expect(over.alerts[0]?.status).toBe('resolved');
  });

  test('expires when its sender said it would, by time that really passed', () => {
    const findings = [external({ numbers: { endsAtMs: 4 * minute } })];
    const fired = stepAlerts([], { findings, definitions: none, asOfMs: 0, elapsedMs: 0 });
    const later = (asOfMs: number, elapsedMs: number) =>
      stepAlerts(fired.alerts, { findings: [], definitions: none, asOfMs, elapsedMs }).alerts[0]?.status;
    expect(later(60 * minute, minute)).toBe('firing');
    expect(later(minute, 4 * minute)).toBe('resolved');
  });
});

describe('alerts that are over', () => {
  test('are remembered up to a number, the newest, however many names a sender makes up', () => {
    const definitions = new Map([['errors', definition({ name: 'errors', holdMs: 0, clearMs: 0 })]]);
    let alerts: readonly Alert[] = [];
    const step = (findings: readonly Finding[], asOfMs: number): void => {
      const settings = { maxActive: 3 };
      ({ alerts } = stepAlerts(alerts, { findings, definitions, asOfMs, elapsedMs: 1_000, settings }));
    };
    for (let n = 0; n < 8; n++)
      for (const state of ['bad', 'good'] as const)
        step(
          [finding({ detector: 'errors', labels: { name: `n${n}` }, state })],
          n * 2_000 + (state === 'bad' ? 0 : 1_000),
        );
    step([], 20_000);
    expect(alerts.map(({ labels, status }) => `${labels['name']} ${status}`).sort()).toEqual([
      'n5 resolved',
      'n6 resolved',
      'n7 resolved',
    ]);
  });
});

describe('the reducer', () => {
  const definitions = new Map([['error-regression', definition({ holdMs: 0 })]]);
  const arbitrary: fc.Arbitrary<Finding> = fc
    .record({
      service: fc.constantFrom('a', 'b', 'c'),
      state: fc.constantFrom('bad', 'good', 'unknown'),
      severity: fc.constantFrom('info', 'warning', 'critical'),
      reason: fc.string({ unit: 'binary', maxLength: 5 }),
      labels: fc.constantFrom({}, { instance: '1' }),
    })
    .map((more) => finding(more as Partial<Finding>));

  test('does not depend on the order of findings, and repeats itself exactly', () => {
    fc.assert(
      fc.property(fc.array(fc.array(arbitrary, { maxLength: 12 }), { maxLength: 8 }), (batches) => {
        let forward: readonly Alert[] = [];
        let backward: readonly Alert[] = [];
        for (const [at, findings] of batches.entries()) {
          const step = { definitions, asOfMs: at * minute, elapsedMs: minute };
          const one = stepAlerts(forward, { ...step, findings });
          const two = stepAlerts(backward, { ...step, findings: [...findings].reverse() });
          expect(two).toEqual(one);
          expect(new Set(one.alerts.map((found) => found.fingerprint)).size).toBe(one.alerts.length);
          forward = one.alerts;
          backward = two.alerts;
        }
      }),
    );
  });

  test('no alert that was firing vanishes without being resolved', () => {
    fc.assert(
      fc.property(fc.array(fc.array(arbitrary, { maxLength: 6 }), { maxLength: 12 }), (batches) => {
        let state: readonly Alert[] = [];
        for (const [at, findings] of batches.entries()) {
          const next = stepAlerts(state, { definitions, asOfMs: at * minute, elapsedMs: minute, findings });
          for (const before of state.filter((found) => found.status === 'firing'))
            expect(next.alerts.map((found) => found.fingerprint)).toContain(before.fingerprint);
          state = next.alerts;
        }
      }),
    );
  });

  test('keeps ten thousand alerts of a storm and says how many it left out, the gravest first', () => {
    const findings = Array.from({ length: 10_500 }, (_, at) =>
      finding({ service: `s${at}`, severity: at >= 10_400 ? 'critical' : 'warning' }),
    );
    const { alerts } = stepAlerts([], { findings, definitions, asOfMs: 0, elapsedMs: 0 });
    expect(alerts).toHaveLength(10_001);
    expect(alerts.filter((found) => found.severity === 'critical')).toHaveLength(101);
    expect(alerts.find((found) => found.detector === 'watchkeeper')?.finding.numbers).toEqual({
      refused: 500,
      limit: 10_000,
    });
    const calm = stepAlerts(alerts, { findings: [], definitions: new Map(), asOfMs: minute, elapsedMs: minute });
    expect(calm.alerts.find((found) => found.detector === 'watchkeeper')?.status).toBe('firing');
  });
});

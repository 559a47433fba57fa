import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Finding } from '../../src/domain/alert.ts';
import type { Sample, Series } from '../../src/domain/telemetry.ts';
import type { VerifyRule } from '../../src/domain/remediation.ts';
import { baselines, rememberedBaselines, signalSamples, verifyStep } from '../../src/runbooks/index.ts';

const T0 = 1_700_000_000_000;
const STEP = 15_000;
const MINUTE = 60_000;

/** Samples every 15 s from just after the act: one letter a sample: g(ood) 0.01, b(ad) 0.5, . none. */
const drawn = (letters: string): readonly Sample[] =>
  Array.from(letters).flatMap((letter, index) =>
    letter === '.' ? [] : [{ tMs: T0 + (index + 1) * STEP, v: letter === 'g' ? 0.01 : 0.5 }],
  );

const rule: VerifyRule = { expect: 'errors < baseline * 1.2', withinMs: 5 * MINUTE, forMs: MINUTE };
const baseline = { errors: 0.02 };

const after = (letters: string, asOfMs = T0 + letters.length * STEP, rules = [rule]): string =>
  verifyStep(rules, { errors: drawn(letters) }, baseline, T0, asOfMs).status;

describe('within and for', () => {
  test('passes as soon as it has held long enough', () => {
    expect(after('bbgggg')).toBe('pending');
    expect(after('bbggggg')).toBe('passed');
    expect(after('bbggbggggg')).toBe('passed');
  });

  test('a break starts the count again', () => {
    expect(after('gggbggg')).toBe('pending');
    expect(after('gggg' + '.'.repeat(9) + 'g')).toBe('pending');
  });

  test('fails at the end, and before it only when it cannot pass any more', () => {
    expect(after('b'.repeat(15))).toBe('pending');
    expect(after('b'.repeat(16))).toBe('failed');
    expect(after('b'.repeat(15) + 'ggggg')).toBe('passed');
    expect(after('b'.repeat(14) + 'gb' + 'ggg')).toBe('failed');
    expect(after('b'.repeat(17))).toBe('failed');
  });

  test('missing data when the time is up is inconclusive, not broken and not well', () => {
    expect(after('.'.repeat(19))).toBe('pending');
    expect(after('.'.repeat(20))).toBe('inconclusive');
    expect(after('bbb' + '.'.repeat(17))).toBe('inconclusive');
    expect(after('ggg' + '.'.repeat(17))).toBe('inconclusive');
    expect(after('.'.repeat(18) + 'gg')).toBe('inconclusive');
    expect(verifyStep([rule], { errors: drawn('g'.repeat(20)) }, {}, T0, T0 + 5 * MINUTE).status).toBe('inconclusive');
  });

  test('samples from before the act, and not-a-number, prove nothing', () => {
    const before = drawn('g'.repeat(20)).map((sample) => ({ ...sample, tMs: sample.tMs - 10 * MINUTE }));
    expect(verifyStep([rule], { errors: before }, baseline, T0, T0 + MINUTE).status).toBe('pending');
    const broken = drawn('g'.repeat(20)).map((sample) => ({ ...sample, v: Number.NaN }));
    expect(verifyStep([rule], { errors: broken }, baseline, T0, T0 + 5 * MINUTE).status).toBe('inconclusive');
  });
});

describe('at', () => {
  const at: VerifyRule = { expect: 'errors <= baseline.errors', atMs: 4 * MINUTE };

  test('looks once, when it is due', () => {
    expect(after('b'.repeat(15), T0 + 4 * MINUTE - 1, [at])).toBe('pending');
    expect(after('b'.repeat(15) + 'g', T0 + 4 * MINUTE, [at])).toBe('passed');
    expect(after('g'.repeat(15) + 'b', T0 + 4 * MINUTE, [at])).toBe('failed');
    expect(after('gggg', T0 + 4 * MINUTE, [at])).toBe('inconclusive');
  });

  test('several rules: any failure fails, then waiting, then doubt', () => {
    expect(after('ggggggg', T0 + 2 * MINUTE, [rule, at])).toBe('pending');
    expect(after('g'.repeat(15) + 'b', T0 + 4 * MINUTE, [rule, at])).toBe('failed');
    expect(after('g'.repeat(16), T0 + 4 * MINUTE, [rule, at])).toBe('passed');
    const dueAtMs = verifyStep([rule, at], {}, baseline, T0, T0).dueAtMs;
    expect(dueAtMs).toBe(T0 + 5 * MINUTE);
  });
});

test('what has passed or failed stays so, and going on step by step says the same as looking once', () => {
  const letters = fc.array(fc.constantFrom('g', 'b', '.'), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(letters, (drawing) => {
      const errors = drawn(drawing.join(''));
      let soFar = verifyStep([rule], { errors }, baseline, T0, T0);
      let settled: string | undefined;
      for (let index = 1; index <= drawing.length; index++) {
        const asOfMs = T0 + index * STEP;
        const seen = errors.filter((sample) => sample.tMs <= asOfMs);
        soFar = verifyStep([rule], { errors: seen }, baseline, T0, asOfMs, soFar);
        if (settled !== undefined) expect(soFar.status).toBe(settled);
        if (soFar.status === 'passed' || soFar.status === 'failed') settled = soFar.status;
      }
      expect(soFar.status).toBe(verifyStep([rule], { errors }, baseline, T0, T0 + drawing.length * STEP).status);
    }),
  );
});

test('instances are taken together: the worst of a ratio, the sum of a rate; a baseline has a floor', () => {
  const series = (signal: string, nature: Series['nature'], instance: string, v: number): Series => ({
    key: `${signal}${instance}`,
    source: 's',
    service: 'shop',
    signal,
    labels: { instance },
    unit: '1',
    nature,
    samples: [{ tMs: 1_000, v }],
  });
  const all = [
    series('errors', 'ratio', 'a', 0),
    series('errors', 'ratio', 'b', 0.0002),
    series('traffic', 'rate', 'a', 3),
    series('traffic', 'rate', 'b', 4),
  ];
  expect(signalSamples(all, 'shop', 0, 2_000)).toEqual({
    errors: [{ tMs: 1_000, v: 0.0002 }],
    traffic: [{ tMs: 1_000, v: 7 }],
  });
  expect(baselines(all, 'shop', 0, 2_000)).toEqual({ errors: 0.001, traffic: 7 });
  expect(signalSamples(all, 'other', 0, 2_000)).toEqual({});
});

describe('what is normal, when the samples from before are gone', () => {
  const finding = (
    signal: string,
    numbers: Readonly<Record<string, number>>,
    seen: readonly Sample[] = [],
  ): Finding => ({
    ...{ detector: 'd', kind: 'regression', service: 'shop', signal, labels: {}, state: 'bad', atMs: 9_000 },
    ...{ sinceMs: 5_000, severity: 'critical', reason: 'x', numbers, confidence: 1 },
    chart: { seriesKey: signal, expected: [], seen },
  });
  const seen = [1, 2, 3, 4, 5, 6, 7].map((second) => ({ tMs: second * 1_000, v: second < 6 ? 0.01 : 0.4 }));

  test('is what the alert kept of the time before, and nothing of the time since', () => {
    expect(rememberedBaselines([finding('errors', { before: 0.3 }, seen)], 5_500)).toEqual({ errors: 0.01 });
  });

  test('is else the level that its detector compared with, the worst of several', () => {
    const several = [finding('latency', { before: 0.2 }), finding('latency', { before: 0.3 }), finding('errors', {})];
    expect(rememberedBaselines(several, 5_500)).toEqual({ latency: 0.3 });
  });
});

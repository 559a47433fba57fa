import { describe, expect, it } from 'vitest';

import { createDetector } from '../../src/detectors/index.ts';
import type { Finding } from '../../src/domain/alert.ts';
import type { Change } from '../../src/domain/change.ts';
import { seriesKey, type SeriesMeta } from '../../src/domain/telemetry.ts';
import { detector } from './helpers.ts';

const fromMs = 1_767_571_200_000;
const errors: SeriesMeta = {
  ...{ key: seriesKey('shop', 'errors', {}), source: 'hosts', service: 'shop', signal: 'errors' },
  ...{ labels: {}, unit: 'ratio', nature: 'ratio' },
};

interface Heard extends Pick<Change, 'kind' | 'to'> {
  readonly at: number;
  /** From which sample on it is known. */
  readonly heardAt: number;
}

/** What is said after each sample of a ratio, one a step, by a detector that hears of changes late. */
function told(values: readonly number[], stepMs: number, changes: readonly Heard[]): readonly Finding[] {
  const running = createDetector(detector({ on: 'errors', kind: 'regression' }), undefined);
  return values.flatMap((v, index) => {
    const asOfMs = fromMs + index * stepMs;
    const known = changes.flatMap(({ at, heardAt, kind, to = '' }, nth): readonly Change[] =>
      heardAt > index
        ? []
        : [
            {
              id: `c${nth}`,
              source: 'hosts',
              service: 'shop',
              what: 'shop',
              kind,
              to,
              attributes: {},
              atMs: fromMs + at * stepMs,
            },
          ],
    );
    const series = [{ ...errors, samples: [{ tMs: asOfMs, v }] }];
    const nothing = { slo: () => undefined, service: () => undefined, services: () => [] };
    return running.step(
      { asOfMs, series, logs: [], changes: [], external: [], gaps: [] },
      { ...nothing, changesOf: () => known, isRead: () => true, isWatched: () => true },
    );
  });
}

const well = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => [0.001, 0.003, 0.002, 0, 0.004][i % 5] ?? 0);
const ill = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => [0.31, 0.29, 0.33, 0.3][i % 4] ?? 0);

describe('regression that hears of a deploy after what it did', () => {
  it.each([1_000, 15_000, 60_000])(
    'holds it against the deploy all the same, as one trouble (a sample each %i ms)',
    (stepMs) => {
      for (const late of [0, 1, 3, 4, 6, 10, 20]) {
        const said = told([...well(60), ...ill(60)], stepMs, [
          { at: 60, heardAt: 60 + late, kind: 'deploy', to: 'v2' },
        ]);
        const bad = said.filter(({ state }) => state === 'bad');
        const last = bad.at(-1);
        expect(last?.reason, `heard of ${late} samples late`).toContain('v2 was deployed');
        expect(last?.changeId, `heard of ${late} samples late`).toBe('c0');
        expect(new Set(bad.map(({ sinceMs }) => sinceMs)).size, `heard of ${late} samples late`).toBe(1);
      }
    },
  );

  it('holds it against the deploy that follows a rollback, however late that is heard of', () => {
    for (const late of [0, 3, 5, 10]) {
      const values = [...well(60), ...ill(20), ...well(78), ...ill(60)];
      const said = told(values, 1_000, [
        { at: 60, heardAt: 62, kind: 'deploy', to: 'v2' },
        { at: 80, heardAt: 82, kind: 'rollback', to: 'v1' },
        { at: 158, heardAt: 158 + late, kind: 'deploy', to: 'v3' },
      ]);
      expect(said.findLast(({ state }) => state === 'bad')?.changeId, `heard of ${late} samples late`).toBe('c2');
    }
  });

  it('blames no deploy that came after the trouble had begun', () => {
    const said = told([...well(60), ...ill(60)], 1_000, [{ at: 75, heardAt: 78, kind: 'deploy', to: 'v2' }]);
    expect(said.filter(({ state }) => state === 'bad').map(({ changeId }) => changeId)).not.toContain('c0');
  });
});

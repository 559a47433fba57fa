import { describe, expect, it } from 'vitest';

import type { Json } from '../../src/lib/json.ts';
import { createDetector } from '../../src/detectors/index.ts';
import type { DetectorDefinition } from '../../src/domain/definitions.ts';
import { detectorContract, fromMs, recordingOf } from '../contract/detector.ts';
import { detector } from './helpers.ts';

/** One definition of every kind, watching things that happen in `world`. */
const definitions: readonly DetectorDefinition[] = [
  detector({
    on: 'errors',
    kind: 'threshold',
    params: { above: '5%' },
    afterChange: { expect: { upTo: '3x', for: '2m' } },
  }),
  detector({ on: 'errors', kind: 'regression' }),
  detector({ on: 'errors', kind: 'anomaly' }),
  detector({ on: 'errors', kind: 'burn-rate' }),
  detector({ on: 'errors', kind: 'absence', params: { for: '1m', grace: '1m' } }),
  detector({ on: 'errors', kind: 'forecast', params: { limit: '60%' } }),
  detector({ kind: 'log-pattern', params: { learn: '2m' } }),
  detector({ on: 'errors', kind: 'event', params: { when: 'rises', within: '2m' } }),
  detector({ kind: 'event', params: { changes: ['deploy'], within: '5m' } }),
  detector({ kind: 'external' }),
];

for (const definition of definitions)
  detectorContract(definition.kind + (definition.on === '' ? '' : ` on ${definition.on}`), definition);

describe('a bank of folds', () => {
  it('follows no more series than its limit, and says which service has more', async () => {
    const { foldPerSeries } = await import('../../src/detectors/bank.ts');
    const rule = {
      name: 'r',
      kind: 'k',
      on: 'errors',
      severity: 'warning',
      afterChange: { expect: 'none' },
      changesOf: [],
    } as const;
    const fold = { init: () => ({ v: 0 }), add: () => undefined, judge: () => [] };
    const bank = foldPerSeries<{ v: number }>(rule, fold, undefined, { maxSeries: 3 });
    const [one] = recordingOf({ values: [0.1], deploys: [], gapAt: 50 }).series;
    const series = Array.from({ length: 5 }, (_, index) => ({
      ...one!,
      key: `k${index}`,
      labels: { i: String(index) },
    }));
    const batch = { asOfMs: fromMs, series, logs: [], changes: [], external: [], gaps: [] };
    const context = {
      changesOf: () => [],
      services: () => [],
      service: () => undefined,
      slo: () => undefined,
      isRead: () => true,
      isWatched: () => false,
    };
    const findings = bank.step(batch, context);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ state: 'unknown', service: 'checkout', numbers: { refused: 2, limit: 3 } });
  });
  it('starts anew from a state it cannot read', () => {
    for (const definition of definitions)
      for (const state of [null, 7, 'x', [], {}, { version: 99, tracks: [] }] as Json[])
        expect(() => createDetector(definition, state).save()).not.toThrow();
  });
});

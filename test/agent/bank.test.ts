import { expect, test } from 'vitest';

import { createBank, type BankContext } from '../../src/agent/bank.ts';
import { storedDetector } from '../../src/agent/detector-rows.ts';
import { createDetector } from '../../src/detectors/index.ts';
import type { DetectorDefinition } from '../../src/domain/definitions.ts';
import type { DetectorBatch } from '../../src/domain/ports/detector.ts';
import { seriesKey, type Gap, type Labels, type Series, type SeriesMeta } from '../../src/domain/telemetry.ts';
import type { Json } from '../../src/lib/json.ts';
import { detector } from '../detectors/helpers.ts';
import { serviceAt } from '../support/host-service.ts';
import { recordingLog } from '../support/quiet-log.ts';

const series = (signal: string): Series => ({ service: 'checkout', signal, samples: [] }) as unknown as Series;
const gap = (signal: string): Gap => ({ service: 'checkout', signal }) as unknown as Gap;

/** What a detector on these signals is handed of a batch. */
function handed(
  on: string,
  signals: readonly string[],
  runsOn?: DetectorDefinition['runsOn'],
): readonly [series: string[], gaps: string[]] {
  let seen: DetectorBatch | undefined;
  const bank = createBank(
    () => ({
      step: (batch) => {
        seen = batch;
        return [];
      },
      save: () => null,
    }),
    recordingLog(),
  );
  bank.replace(
    [{ name: 'd', digest: 'd', on, runsOn, services: {} } as unknown as DetectorDefinition],
    () => undefined,
  );
  const empty = { logs: [], changes: [], external: [] };
  const batch = { ...empty, asOfMs: 0, series: signals.map(series), gaps: signals.map(gap) };
  bank.step(batch, {
    services: new Map([['checkout', { ...serviceAt({}), name: 'checkout' }]]),
  } as unknown as BankContext);
  return [seen?.series.map(({ signal }) => signal) ?? [], seen?.gaps.map(({ signal = '' }) => signal) ?? []];
}

test('a detector on a pattern is handed every signal that fits it, as the shipped one for OOM kills asks', () => {
  const signals = ['oom_kills', 'unit_oom_kills', 'restarts'];
  expect(handed('*oom_kills', signals)).toEqual([
    ['oom_kills', 'unit_oom_kills'],
    ['oom_kills', 'unit_oom_kills'],
  ]);
  expect(handed('oom_kills', signals)).toEqual([['oom_kills'], ['oom_kills']]);
});

test('traffic comes with what is judged beside it, and once where the pattern fits it', () => {
  expect(handed('errors', ['errors', 'traffic'])[0]).toEqual(['errors', 'traffic']);
  expect(handed('t*', ['errors', 'traffic'])[0]).toEqual(['traffic']);
});

test('a detector for one platform is handed nothing of services that run elsewhere, though their signals have its name', () => {
  expect(handed('availability', ['availability'], 'host')).toEqual([['availability'], ['availability']]);
  expect(handed('availability', ['availability'], 'azure')).toEqual([[], []]);
});

test('of many series that cannot be read, ten of a signal are told apart, those an alert is about too, and the others counted', () => {
  const definition = detector({ on: 'errors', kind: 'threshold', params: { above: '5%' } });
  const bank = createBank(createDetector, recordingLog());
  bank.replace([definition], () => undefined);
  const meta = { source: 'fleet', service: 'checkout', signal: 'errors', unit: 'ratio', nature: 'ratio' } as const;
  const given = Array.from({ length: 30 }, (_, n) => {
    const labels = { n: String(n) };
    return { ...meta, labels, key: seriesKey(meta.service, meta.signal, labels), samples: [{ tMs: 60_000, v: 0.01 }] };
  });
  const context: BankContext = {
    services: new Map([['checkout', { ...serviceAt({}), name: 'checkout' }]]),
    changesOf: () => [],
    dependenciesOf: () => [],
    dependentsOf: () => [],
    isRead: () => true,
    isWatched: (_, { labels }) => labels['n'] === '20',
  };
  const nothing = { logs: [], changes: [], external: [], gaps: [] };
  bank.step({ ...nothing, asOfMs: 60_000, series: given }, context);
  const lost: Gap = { source: 'fleet', reason: 'timeout', message: 'no answer', fromMs: 60_000, untilMs: 70_000 };
  const said = bank.step({ ...nothing, asOfMs: 70_000, series: [], gaps: [lost] }, context);
  expect(said.map(({ labels, state }) => [labels['n'] ?? labels['more'], state])).toEqual(
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 'series'].map((n) => [String(n), 'unknown']),
  );
  expect(said.at(-1)?.numbers).toEqual({ series: 19 });
  expect(said.at(-1)?.reason).toContain('19 more series of errors of checkout are unknown too');
  expect(said.at(-1)?.reason).toContain('cannot be read: no answer');
});

test('what describes a series is shared with whoever keeps it too, after a restart as well, and only where it says the same', () => {
  const definition = detector({ on: 'errors', kind: 'threshold', params: { above: '5%' } });
  const key = seriesKey('checkout', 'errors', { n: '1' });
  const meta = (unit: string): SeriesMeta => ({
    ...{ key, source: 'fleet', service: 'checkout', signal: 'errors', labels: { n: '1' }, unit, nature: 'ratio' },
  });
  const rows = new Map<string, Json>();
  const labelsSaid = (described: SeriesMeta, atMs: number): Labels | undefined => {
    const bank = createBank(createDetector, recordingLog());
    bank.replace([definition], (name) => storedDetector(rows, name));
    const said = bank.step(
      {
        ...{ logs: [], changes: [], external: [], gaps: [], asOfMs: atMs },
        series: [{ ...meta('ratio'), samples: [{ tMs: atMs, v: 0.4 }] }],
      },
      {
        services: new Map([['checkout', { ...serviceAt({}), name: 'checkout' }]]),
        ...{
          changesOf: () => [],
          dependenciesOf: () => [],
          dependentsOf: () => [],
          isRead: () => true,
          isWatched: () => true,
        },
        describe: () => described,
      },
    );
    for (const put of bank.save(true)) rows.set(put.key, JSON.parse(JSON.stringify(put.value)) as Json);
    return said[0]?.labels;
  };
  const same = meta('ratio');
  expect(labelsSaid(same, 60_000)).toBe(same.labels);
  expect(labelsSaid(same, 70_000)).toBe(same.labels);
  const other = meta('%');
  expect(labelsSaid(other, 80_000)).toEqual(other.labels);
  expect(labelsSaid(other, 90_000)).not.toBe(other.labels);
});

import { expect, test } from 'vitest';

import { createBank, type BankContext } from '../../src/agent/bank.ts';
import type { DetectorDefinition } from '../../src/domain/definitions.ts';
import type { DetectorBatch } from '../../src/domain/ports/detector.ts';
import type { Gap, Series } from '../../src/domain/telemetry.ts';
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

import { describe, expect, it } from 'vitest';

import { createMetrics } from '../../src/agent/metrics.ts';
import { createSourceWatch } from '../../src/agent/watch-sources.ts';
import type { Collected, Source } from '../../src/domain/ports/source.ts';
import { scrapeSource } from '../../src/sources/scrape/index.ts';
import type { Gap } from '../../src/domain/telemetry.ts';
import { WatchkeeperError } from '../../src/lib/errors.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const nothing: Collected = { series: [], logs: [], changes: [], resources: [], findings: [], gaps: [] };

/** Watches one source for a while, and gives its status and how often it was asked. */
async function watched(collect: Source['collect'], forMs: number) {
  const clock = virtualClock();
  let calls = 0;
  const watch = createSourceWatch({
    ...{ clock, random: seededRandom(1), log: recordingLog(), metrics: createMetrics() },
    ...{ services: () => [], deliver: () => undefined },
  });
  const source: Source = {
    ...{ id: 'web', kind: 'scrape', intervalMs: 10_000, traits: scrapeSource.traits },
    ...{ discover: () => Promise.resolve([]), check: () => Promise.resolve(), close: () => Promise.resolve() },
    collect: (request, signal) => {
      calls++;
      return collect(request, signal);
    },
  };
  watch.start(source);
  for (let passed = 0; passed < forMs; passed += 1_000) await clock.advance(1_000);
  const [status] = watch.statuses();
  const stopped = watch.stop('web');
  await clock.advance(1_000);
  await stopped;
  return { status, calls };
}

describe('a source', () => {
  it('that does not answer in time is said to be late, whatever it makes of being stopped', async () => {
    const { status } = await watched(
      (_request, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new WatchkeeperError('aborted', 'stopped')), { once: true });
        }),
      15_000,
    );
    expect(status?.gaps).toMatchObject([{ source: 'web', reason: 'timeout', message: 'no answer within 10s' }]);
  });

  it.each<readonly [string, Gap['reason'], number]>([
    ['that answers that there is nothing yet is asked again at its pace', 'missing', 60],
    ['that cannot be reached is asked less and less often', 'unreachable', 15],
  ])('%s', async (_what, reason, most) => {
    const { calls } = await watched(
      ({ fromMs, untilMs }) =>
        Promise.resolve({ ...nothing, gaps: [{ source: 'web', reason, message: 'm', fromMs, untilMs }] }),
      600_000,
    );
    expect(calls).toBeGreaterThan(most - 6);
    expect(calls).toBeLessThanOrEqual(most + 2);
  });
});

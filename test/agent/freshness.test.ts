import { describe, expect, test } from 'vitest';

import { createFreshness } from '../../src/agent/freshness.ts';
import type { SourceStatus } from '../../src/agent/watch-sources.ts';
import type { Catalog } from '../../src/catalog/index.ts';
import type { Alert, Finding, Incident } from '../../src/domain/alert.ts';
import type { Source } from '../../src/domain/ports/source.ts';
import { limits } from '../../src/lib/limits.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const incident = {
  id: 'i1',
  service: 'shop',
  services: ['shop'],
  alerts: ['a1'],
  status: 'open',
} as unknown as Incident;
const finding = { detector: 'errors-high', service: 'shop', signal: 'errors', state: 'bad' } as Finding;
const alert = {
  fingerprint: 'a1',
  detector: 'errors-high',
  kind: 'threshold',
  service: 'shop',
  status: 'firing',
  finding,
} as Alert;

function process(kind = 'threshold') {
  const clock = virtualClock();
  const world = {
    clock,
    alerts: [{ ...alert, kind }] as readonly Alert[],
    statuses: [] as readonly SourceStatus[],
    answer: () => {
      const { startedMs } = status;
      world.statuses = [{ ...status, lastAnswerMs: startedMs }];
    },
    sayAgain: () => {
      world.alerts = world.alerts.map((one) => ({ ...one, finding: { ...one.finding } }));
    },
  };
  const status: SourceStatus = {
    id: 'prom',
    kind: 'prometheus',
    intervalMs: 15_000,
    startedMs: clock.nowMs(),
    gaps: [],
    calls: 1,
  };
  world.statuses = [status];
  const freshness = createFreshness({
    clock,
    sources: () => [{ id: 'prom', intervalMs: 15_000 } as Source, { id: 'other', intervalMs: 15_000 } as Source],
    statuses: () => world.statuses,
    catalog: () => ({ get: () => ({ telemetry: { errors: { source: 'prom' } } }) }) as unknown as Catalog,
    state: () => ({ alerts: world.alerts, incidents: [incident], verdicts: new Map() }),
  });
  freshness.inherit([incident]);
  return { world, freshness };
}

describe('an incident known from the last process', () => {
  test('waits for its source, then for its alert, and is then as any other', () => {
    const { world, freshness } = process();
    // A word said before the source has answered is made of what was stored.
    world.sayAgain();
    expect(freshness.whyWait(incident)).toContain('prom has not answered');
    world.answer();
    expect(freshness.whyWait(incident)).toContain('errors-high has not seen it again');
    expect(freshness.whyDoubt(incident)).toContain('errors-high has not seen it again');
    world.sayAgain();
    expect(freshness.whyWait(incident)).toBeUndefined();
    expect(freshness.whyDoubt(incident)).toBeUndefined();
  });

  test('is decided on in the end when nothing comes, so that people hear of it, and is still not to be acted on', async () => {
    const { world, freshness } = process();
    await world.clock.advance(limits.freshFactsWaitMs + 1);
    // The source is given up as stale by now: that it does not answer is for policy to refuse.
    expect(freshness.whyWait(incident)).toBeUndefined();
    expect(freshness.whyDoubt(incident)).toContain('whether it still is so is not known');
    world.answer();
    world.sayAgain();
    expect(freshness.whyDoubt(incident)).toBeUndefined();
  });

  test('that looks well waits for its end however long that takes', async () => {
    const { world, freshness } = process();
    world.answer();
    freshness.whyWait(incident);
    world.alerts = world.alerts.map((one) => ({ ...one, goodSinceMs: world.clock.nowMs() }));
    await world.clock.advance(limits.freshFactsWaitMs * 5);
    expect(freshness.whyWait(incident)).toContain('is well again');
    expect(freshness.whyDoubt(incident)).toContain('is well again');
  });

  test('raised by another system is confirmed by that system alone, not by being restated from memory', () => {
    const { world, freshness } = process('external');
    world.answer();
    freshness.whyWait(incident);
    world.sayAgain();
    expect(freshness.whyWait(incident)).toContain('has not seen it again');
    freshness.heard([finding]);
    expect(freshness.whyWait(incident)).toBeUndefined();
  });

  test('never holds up an incident of this process', () => {
    const { freshness } = process();
    expect(freshness.whyWait({ ...incident, id: 'i2' })).toBeUndefined();
    expect(freshness.whyDoubt({ ...incident, id: 'i2' })).toBeUndefined();
  });
});

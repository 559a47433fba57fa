import { describe, expect, it } from 'vitest';

import { createDetector, holdAndClear, replay } from '../../src/detectors/index.ts';
import { finer } from '../support/deploys/finer.ts';
import { deployWorld, type DeployWorld } from './deploy-world.ts';
import { detector } from './helpers.ts';

const definitions = [
  detector({ on: 'errors', kind: 'regression', severity: 'critical' }, 'error-regression'),
  detector({ on: 'latency', kind: 'regression', severity: 'critical' }, 'latency-regression'),
];

interface Score {
  faults: number;
  caught: number;
  delays: number[];
  healthy: number;
  pagedHealthy: number;
  pagedRollbacks: number;
}

function score(
  worlds: readonly DeployWorld[],
  changesOf: (world: DeployWorld) => DeployWorld['recording']['changes'],
): Score {
  const total: Score = { faults: 0, caught: 0, delays: [], healthy: 0, pagedHealthy: 0, pagedRollbacks: 0 };
  for (const world of worlds) {
    const recording = { ...world.recording, changes: changesOf(world) };
    const fired: { atMs: number; untilMs: number }[] = [];
    for (const definition of definitions) {
      const holding = holdAndClear(definition);
      replay({ changesOf: ['self'] }, createDetector(definition, undefined), recording, holding, (asOfMs, findings) => {
        const { fired: began, ended } = holding.step(findings, asOfMs);
        for (const _one of began) fired.push({ atMs: asOfMs, untilMs: Number.POSITIVE_INFINITY });
        if (ended.length > 0) for (const one of fired) one.untilMs = Math.min(one.untilMs, asOfMs);
      });
    }
    const during = (fromMs: number, untilMs: number) => fired.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs);
    const firstHalf = recording.fromMs + (recording.untilMs - recording.fromMs) / 2;
    for (const fault of world.faults) {
      total.faults++;
      const first = Math.min(...during(fault.fromMs, fault.untilMs).map(({ atMs }) => atMs));
      if (Number.isFinite(first)) {
        total.caught++;
        total.delays.push((first - fault.fromMs) / 60_000);
      }
    }
    // Judged once a few deploys were seen; the very first ones are not held against it.
    const judged = world.healthy.filter((atMs) => atMs >= firstHalf);
    total.healthy += judged.length;
    total.pagedHealthy += judged.filter((atMs) => during(atMs, atMs + 45 * 60_000).length > 0).length;
    total.pagedRollbacks += world.rollbacks.filter((atMs) => during(atMs, atMs + 45 * 60_000).length > 0).length;
  }
  total.delays.sort((a, b) => a - b);
  return total;
}

describe('regression on the same worlds, sampled four times a minute', () => {
  const worlds = Array.from({ length: 9 }, (_, index) => deployWorld(index + 1, 4));
  const seeing = score(
    worlds.map((world, index) => ({ ...world, recording: finer(world.recording, 4, index) })),
    (world) => world.recording.changes,
  );

  it('catches six faults of seven, half of them within ten minutes', () => {
    expect(seeing.caught / seeing.faults).toBeGreaterThanOrEqual(6 / 7);
    expect(seeing.delays[Math.floor(seeing.delays.length / 2)]).toBeLessThanOrEqual(10);
  });
  it('pages on at most five healthy deploys of a hundred, and on hardly a rollback', () => {
    expect(seeing.pagedHealthy / seeing.healthy).toBeLessThanOrEqual(0.05);
    expect(seeing.pagedRollbacks).toBeLessThanOrEqual(1);
  });
});

describe('regression on shapes of its own world (long, two-humped, delayed and flat transients; late, ramping and masked faults)', () => {
  const worlds = Array.from({ length: 9 }, (_, index) => deployWorld(index + 1, 4));
  const seeing = score(worlds, (world) => world.recording.changes);

  it('catches nine faults of ten', () => {
    expect(seeing.faults).toBeGreaterThan(15);
    expect(seeing.caught / seeing.faults).toBeGreaterThanOrEqual(0.9);
  });
  it('pages on at most five healthy deploys of a hundred, and on hardly a rollback', () => {
    expect(seeing.healthy).toBeGreaterThan(25);
    expect(seeing.pagedHealthy / seeing.healthy).toBeLessThanOrEqual(0.05);
    expect(seeing.pagedRollbacks).toBeLessThanOrEqual(1);
  });
  it('is quick: half of the faults within ten minutes, late onsets included', () => {
    expect(seeing.delays[Math.floor(seeing.delays.length / 2)]).toBeLessThanOrEqual(10);
  });
  it('is clearly worse when it is told of no change, or of changes at other times: the context is not decoration', () => {
    const blind = score(worlds, () => []);
    const misled = score(worlds, ({ recording }) => {
      const spanMs = recording.untilMs - recording.fromMs;
      return recording.changes
        .map((one) => ({
          ...one,
          atMs: recording.fromMs + ((one.atMs - recording.fromMs + spanMs / 3 + 71 * 60_000) % spanMs),
        }))
        .sort((a, b) => a.atMs - b.atMs);
    });
    const quality = (one: Score): number => one.caught / one.faults - one.pagedHealthy / one.healthy;
    expect(quality(blind)).toBeLessThan(quality(seeing) - 0.15);
    expect(quality(misled)).toBeLessThan(quality(seeing) - 0.15);
  });
});

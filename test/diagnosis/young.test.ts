import { describe, expect, it } from 'vitest';

import type { Change } from '../../src/domain/change.ts';
import type { Series } from '../../src/domain/telemetry.ts';
import { change, diagnoseWorld, logs, now, onset, series } from './world.ts';

/** One value a second, from 70 s before the onset: all that a daemon started a minute ago has seen. */
function fine(name: string, valueAt: (sinceOnsetS: number) => number): Series {
  const samples = Array.from({ length: (now - onset) / 1_000 + 70 }, (_, index) => {
    const tMs = onset - 70_000 + index * 1_000;
    return { tMs, v: valueAt((tMs - onset) / 1_000) * (1 + 0.05 * Math.sin(index * 2.399)) };
  });
  return { ...series(name, 0), samples };
}

function deployed(to: string, from: string, secondsBefore: number): Change {
  const atMs = onset - secondsBefore * 1_000;
  return { ...change('checkout', 0), id: to, from, to, atMs, attributes: { path: '/srv/shop/checkout/current' } };
}

const world = {
  graph: { checkout: ['cart'] },
  changes: [deployed('v1', 'v0', 65), deployed('v2', 'v1', 30), deployed('v3', 'v2', 1)],
  series: [
    fine('checkout/errors', (s) => (s >= 0 ? 0.36 : s > -30 && s < -25 ? 0.2 : 0.001)),
    fine('checkout/traffic', () => 60),
    fine('cart/errors', () => 0.001),
    fine('cart/latency', () => 0.012),
  ],
  logs: [
    ...logs('checkout', 'the price is not there yet', 3, onset - 29_000, 'warn'),
    ...logs('checkout', 'TypeError: Cannot read properties of undefined at /srv/shop/checkout/releases/v3/app.mjs:9'),
  ],
  changeId: 'v3',
};

describe('a diagnosis by a daemon that has watched for a minute, one sample a second', () => {
  it('tells three deploys within a minute apart: the last one broke it', () => {
    const diagnosis = diagnoseWorld(world);
    expect(diagnosis).toMatchObject({ verdict: 'conclusive', cause: 'change', changeId: 'v3' });
    expect(diagnosis.confidence).toBeGreaterThanOrEqual(0.8);
  });
  it('says of the others that another took their place before it began', () => {
    const other = diagnoseWorld(world).hypotheses.find((one) => one.changeId === 'v2');
    expect(other?.against.map((one) => one.text)).toContainEqual(expect.stringContaining('v3 took its place'));
  });
  it('does not take the place of the releases, which every stack trace names, for a telling word', () => {
    const texts = diagnoseWorld(world).hypotheses.flatMap((one) => one.for.map((evidence) => evidence.text));
    expect(texts.join('\n')).not.toMatch(/share telling words/);
  });
});

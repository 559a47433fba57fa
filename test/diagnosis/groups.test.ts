import { describe, expect, test } from 'vitest';

import { change, diagnoseWorld, minute, onset, series } from './world.ts';
import type { World } from './world.ts';

/** Ten hosts; a release came to two of them. */
const hosts = Array.from({ length: 10 }, (_, index) => `web-${index + 1}`);
const touched = ['web-1', 'web-2'];
const release = change('checkout', 1, { instances: touched });
const errors = (isIll: (host: string) => boolean) =>
  hosts.map((host) => series('checkout/errors', 0.004, isIll(host) ? 0.3 : 0.004, onset, { host }));

function diagnosed(isIll: (host: string) => boolean, more: Partial<World> = {}) {
  const world = { graph: { checkout: [] }, changes: [release], series: errors(isIll), ...more };
  const diagnosis = diagnoseWorld(world);
  return { ...diagnosis, blamed: diagnosis.hypotheses.find((one) => one.changeId === release.id) };
}

describe('a release on two hosts of ten', () => {
  test('is the cause when those two are ill and the eight others are fine, and that is said', () => {
    const { verdict, cause, summary, blamed } = diagnosed((host) => touched.includes(host));
    expect({ verdict, cause }).toEqual({ verdict: 'conclusive', cause: 'change' });
    expect(summary).toContain('on web-1 and web-2');
    expect(blamed?.for.map((one) => one.text).join('\n')).toMatch(
      /errors is 30\.?\d*% where it was applied \(2: web-1, web-2\) and 0\.4\d*% where it was not \(8: web-1?\d, /,
    );
  });

  test('is not when all ten are ill, those it never came to included', () => {
    const { cause, blamed } = diagnosed(() => true);
    expect(cause).not.toBe('change');
    expect(blamed?.confidence).toBeLessThan(0.5);
    expect(blamed?.against.map((one) => one.text).join()).toContain('where it was not (8:');
  });

  test('is not when only hosts are ill that it never came to', () => {
    const { cause, blamed } = diagnosed((host) => !touched.includes(host));
    expect(cause).not.toBe('change');
    expect(blamed?.confidence ?? 0).toBeLessThan(0.5);
  });

  test('counts a host that has it by another roll-out to neither side', () => {
    const earlier = change('checkout', 100, { id: 'earlier', instances: ['web-3', 'web-4', 'web-5'] });
    const ill = new Set([...touched, 'web-3', 'web-4', 'web-5']);
    const { blamed } = diagnosed((host) => ill.has(host), { changes: [earlier, release] });
    expect(blamed?.for.map((one) => one.text).join('\n')).toContain('where it was not (5: ');
  });

  test('does not take the place of a release that went to all: it still runs on eight', () => {
    const all = change('checkout', 30, { id: 'all', from: 'v0', to: 'v1' });
    const { hypotheses } = diagnosed((host) => !touched.includes(host), { changes: [all, release] });
    const texts = hypotheses.find((one) => one.changeId === 'all')?.against.map((one) => one.text) ?? [];
    expect(texts.join()).not.toContain('took its place');
    const back = change('checkout', -1, { id: 'back', kind: 'rollback', to: 'v1', atMs: onset - minute / 2 });
    expect(
      diagnosed((host) => touched.includes(host), { changes: [release, back] })
        .blamed?.against.map((one) => one.text)
        .join(),
    ).toContain('took its place');
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { parseAnnouncedChange } from '../../../src/sources/announce/index.ts';
import type { Json } from '../../../src/lib/json.ts';

const nowMs = Date.parse('2026-03-01T02:00:00Z');
const ci = { id: 'token:ci', groups: [] };

const read = (input: Json, at = nowMs) => {
  const parsed = parseAnnouncedChange(input, at, ci);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.value;
};

describe('an announced change', () => {
  test('needs a service and a version, and is a deploy of now by whoever sent it', () => {
    expect(read({ service: 'checkout', version: 'v42' })).toMatchObject({
      kind: 'deploy',
      service: 'checkout',
      to: 'v42',
      atMs: nowMs,
      actor: 'token:ci',
      source: 'announce',
      attributes: { announcedBy: 'token:ci' },
    });
  });

  test('may say all that a change can', () => {
    const change = read({
      service: 'checkout',
      version: 'v42',
      previous: 'v41',
      kind: 'rollback',
      at: '2026-03-01T02:58:00+01:00',
      actor: 'ana',
      ref: 'https://ci/1',
      irreversible: true,
      instances: ['a'],
    });
    expect(change).toMatchObject({
      from: 'v41',
      actor: 'ana',
      ref: 'https://ci/1',
      irreversible: true,
      instances: ['a'],
    });
    expect(change.atMs).toBe(nowMs - 120_000);
  });

  test('sent again is the same change; another occasion of the same version is another', () => {
    const body = { service: 'checkout', version: 'v42' };
    const same = (a: Json, b: Json, later = 0) => read(a).id === read(b, nowMs + later).id;
    expect(same({ ...body, ref: 'run/1' }, { ...body, ref: 'run/1' }, 3_600_000)).toBe(true);
    expect(same({ ...body, ref: 'run/1' }, { ...body, ref: 'run/2' })).toBe(false);
    expect(same({ ...body, id: 'x' }, { ...body, id: 'x' }, 3_600_000)).toBe(true);
    expect(same(body, body, 60_000)).toBe(true);
    expect(same(body, body, 3_600_000)).toBe(false);
    expect(same(body, { ...body, service: 'cart' })).toBe(false);
  });

  test('a little ahead of our clock is of now; far ahead or long ago is refused', () => {
    const at = (offsetMs: number) => ({ service: 'a', version: '1', at: new Date(nowMs + offsetMs).toISOString() });
    expect(read(at(60_000)).atMs).toBe(nowMs);
    for (const offset of [180_000, -31 * 86_400_000])
      expect(parseAnnouncedChange(at(offset), nowMs, ci)).toMatchObject({ ok: false, issues: [{ path: ['at'] }] });
  });

  test.each<[string, Json, readonly string[]]>([
    ['no version', { service: 'a' }, ['version']],
    ['an unknown kind', { service: 'a', version: '1', kind: 'deployment' }, ['kind']],
    ['an unknown key', { service: 'a', version: '1', prevoius: '0' }, ['prevoius']],
    ['a time without an offset', { service: 'a', version: '1', at: '2026-03-01T02:00:00' }, ['at']],
  ])('with %s is refused where it is wrong', (_, input, path) => {
    const parsed = parseAnnouncedChange(input, nowMs, ci);
    expect(parsed.ok ? [] : parsed.issues.map((issue) => issue.path)).toEqual([path]);
  });

  test('never throws, whatever JSON it is, and keeps hostile text on one line', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void parseAnnouncedChange(value as Json, nowMs, ci)));
    expect(read({ service: 'a', version: 'v1\u001b[2J\nx' }).to).toBe('v1 [2J x');
  });
});

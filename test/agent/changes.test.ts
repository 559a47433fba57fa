import { describe, expect, test } from 'vitest';

import { createChangeLog } from '../../src/agent/changes.ts';
import type { Change } from '../../src/domain/change.ts';

const minute = 60_000;

function seenOn(host: string, atMinute: number, more: Partial<Change> = {}): Change {
  const atMs = atMinute * minute;
  return {
    ...{
      id: `${host}@${atMinute}`,
      kind: 'deploy',
      service: 'shop',
      what: 'current',
      from: 'v1',
      to: 'v2',
      source: 'fleet',
    },
    ...{ atMs, instances: [host], instanceAtMs: { [host]: atMs }, attributes: {} },
    ...more,
  };
}

describe('a release that goes from host to host', () => {
  test('is one change, given again under its id with each host that is new', () => {
    const log = createChangeLog([]);
    expect(log.add([seenOn('web-2', 1), seenOn('web-1', 1)])).toEqual([
      expect.objectContaining({ id: 'web-2@1', instances: ['web-1', 'web-2'] }),
    ]);
    expect(log.add([seenOn('web-3', 20)])).toEqual([
      expect.objectContaining({
        ...{ id: 'web-2@1', atMs: minute, instances: ['web-1', 'web-2', 'web-3'] },
        instanceAtMs: { 'web-1': minute, 'web-2': minute, 'web-3': 20 * minute },
      }),
    ]);
    expect(log.of('shop')).toHaveLength(1);
    expect(log.byId('web-2@1')?.instances).toHaveLength(3);
  });

  test('is dated by its first host, whichever was read first', () => {
    const log = createChangeLog([]);
    log.add([seenOn('web-1', 5)]);
    expect(log.add([seenOn('web-2', 2)])).toMatchObject([{ id: 'web-1@5', atMs: 2 * minute }]);
  });

  test('is still one change when the daemon starts again and reads all of it anew', () => {
    const before = createChangeLog([]);
    before.add([seenOn('web-1', 1), seenOn('web-2', 3)]);
    const after = createChangeLog(before.all());
    expect(after.add([seenOn('web-2', 3), seenOn('web-1', 1)])).toEqual([]);
    expect(after.all()).toEqual(before.all());
  });

  test.each([
    ['from another version', seenOn('web-2', 2, { from: 'v0' })],
    ['to another version', seenOn('web-2', 2, { to: 'v3' })],
    ['of another kind', seenOn('web-2', 2, { kind: 'rollback' })],
    ['of another link', seenOn('web-2', 2, { what: 'other' })],
    ['seen by another source', seenOn('web-2', 2, { source: 'elsewhere', kind: 'config' })],
    ['after a pause of more than half an hour', seenOn('web-2', 32)],
    ['a second time on the same host', seenOn('web-1', 10)],
    ['on all instances', { ...seenOn('web-2', 2), instances: ['web-2'], instanceAtMs: undefined } as never],
  ])('is another change %s', (_how, other) => {
    const log = createChangeLog([]);
    log.add([seenOn('web-1', 1)]);
    expect(log.add([other])).toEqual([other]);
    expect(log.of('shop')).toHaveLength(2);
  });

  test('names no more instances than are bounded', () => {
    const log = createChangeLog([]);
    const hosts = Array.from({ length: 2_100 }, (_, index) => seenOn(`web-${index}`, 1));
    expect(log.add(hosts)[0]?.instances).toHaveLength(2_000);
  });
});

test('a change that was seen before a restart is not told again by the audit log alone, and another one is', () => {
  const { instances: _hosts, instanceAtMs: _times, ...swap } = seenOn('a', 1);
  const log = createChangeLog([swap]);
  const { from: _from, ...event } = { ...swap, id: 'event', to: 'slotsswap', attributes: { toldBy: 'audit-log' } };
  expect(log.add([{ ...event, atMs: 3 * minute }])).toEqual([]);
  expect(log.add([{ ...event, atMs: 30 * minute }])).toMatchObject([{ id: 'event' }]);
  expect(log.add([{ ...event, id: 'scaled', kind: 'scale', atMs: 3 * minute }])).toMatchObject([{ id: 'scaled' }]);
});

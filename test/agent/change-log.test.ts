import { expect, it } from 'vitest';

import { createChangeLog } from '../../src/agent/changes.ts';
import type { Change } from '../../src/domain/change.ts';

const rollout: Change = {
  ...{ id: 'c1', kind: 'deploy', service: 'web', atMs: 1_000, what: 'ecs/shop/web', from: 'web:1', to: 'web:2' },
  ...{ source: 'aws', attributes: {} },
};

it('takes in later who made a change, once, and does not tell the change anew for it', () => {
  const log = createChangeLog([]);
  expect(log.add([rollout])).toEqual([rollout]);
  expect(log.add([{ ...rollout, actor: 'ana', ref: 'e1' }])).toEqual([]);
  expect(log.of('web')).toEqual([{ ...rollout, actor: 'ana', ref: 'e1' }]);
  expect(log.byId('c1')?.actor).toBe('ana');
  expect(log.add([{ ...rollout, actor: 'mallory' }])).toEqual([]);
  expect(log.byId('c1')?.actor).toBe('ana');
});

const seen: Change = { ...rollout, what: 'lambda/pay:live', from: '6', to: '7' };
const record: Change = {
  ...{ id: 'e1', kind: 'deploy', service: 'web', atMs: 61_000, what: 'lambda/pay:live', to: 'UpdateAlias' },
  ...{ source: 'aws', actor: 'ana', ref: 'event-1', attributes: { event: 'UpdateAlias', toldBy: 'audit-log' } },
};

it("takes an audit log's record of a rollout that was seen before a restart for that rollout, and of none else", () => {
  const log = createChangeLog([{ ...seen, actor: 'ana', ref: 'event-1' }]);
  expect(log.add([record])).toEqual([]);
  const apart = [
    { ...record, id: 'e2', atMs: 3_600_000 },
    { ...record, id: 'e3', what: 'lambda/other:live' },
  ];
  expect(log.add(apart)).toEqual(apart);
});

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

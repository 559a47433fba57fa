import * as z from 'zod';

import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import { oneLine } from '../../lib/text.ts';
import { until } from '../until.ts';
import type { Reach } from './place.ts';
import { swapAction } from './swap.ts';

const params = z.strictObject({});
const answer = z.object({
  properties: z.object({
    replicationRole: z.string().default(''),
    replicationState: z.string().default(''),
    partnerServers: z
      .array(z.object({ location: z.string().nullish(), replicationRole: z.string().nullish() }))
      .default([]),
    databases: z.array(z.string()).nullish(),
  }),
});

/** Makes a server of a failover group its primary, without losing data: Azure waits until the other has sent all. */
export const sqlFailover = swapAction<z.infer<typeof params>, 'failover-group'>({
  kind: 'azure.sql-failover',
  summary: 'Make the server of a failover group its primary, without loss of data',
  // Going back is the same act at the other server, which has a Service of its own.
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'failover-group',
  setting: 'role',
  asks: () => ({ look: ['failoverGroups.get'], act: ['failoverGroups.failover'] }),
  look: async (_given, reach) => {
    const { replicationRole, replicationState, databases, partnerServers } = await readGroup(reach);
    const { server, name } = reach.place.resource;
    const base = {
      now: { value: replicationRole },
      facts: {
        ...{ role: replicationRole, replication: replicationState, databases: databases?.length ?? 0 },
        partners: partnerServers.map(({ location }) => oneLine(location ?? '', 60)),
      },
      blast: {
        ...{ touched: Math.max(1, databases?.length ?? 1), total: Math.max(1, databases?.length ?? 1) },
        ...{ healthyAfter: 0, targets: [`${server}/${name}`], dependents: [] },
      },
      ...(/SEEDING|SUSPENDED|PENDING/i.test(replicationState) ? { busy: `replication is ${replicationState}` } : {}),
    };
    if (partnerServers.length === 0) return { ...base, to: { refused: 'the group has no other server' } };
    return { ...base, to: 'Primary' };
  },
  read: async (reach) => ({ value: (await readGroup(reach)).replicationRole }),
  write: async (reach) => {
    await reach.ask('failoverGroups.failover');
  },
  finish: (reach, to) =>
    until(reach.context, limits.azurePollMs, async () => {
      const { replicationRole, replicationState } = await readGroup(reach);
      const message = `${reach.place.resource.server} is ${replicationRole}, and replication ${replicationState}`;
      return { is: replicationRole === to ? 'done' : 'under-way', message };
    }),
});

async function readGroup(reach: Reach<'failover-group'>) {
  return answer.parse(await reach.ask('failoverGroups.get')).properties;
}

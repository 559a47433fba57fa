import { expect, it } from 'vitest';

import type { JsonObject } from '../../../src/lib/json.ts';
import { sourceOver, webApp } from './fake-azure.ts';

const never = new AbortController().signal;
const idOf = (digit: number): string => `${String(digit).repeat(8)}-2222-3333-4444-555555555555`;
const subscriptions = [
  { name: 'prod', id: idOf(1) },
  { name: 'data', id: idOf(2) },
  { name: 'partner', id: idOf(3), tenantId: idOf(9) },
];
const app = (digit: number): JsonObject => ({
  ...{ id: `/subscriptions/${idOf(digit)}/x`, name: `app${digit}`, type: 'microsoft.app/containerapps' },
  ...{ location: 'westeurope', resourceGroup: 'shop', subscriptionId: idOf(digit) },
  tags: { 'watchkeeper-service': `app${digit}` },
});

it('asks Resource Graph in each tenant for its own subscriptions: a token sees no other', async () => {
  const { source, asked } = sourceOver(({ subscription }) => ({ data: [app(subscription === 'partner' ? 3 : 1)] }), {
    subscriptions,
  });
  expect((await source.discover(never)).map(({ name, runsOn }) => [name, runsOn])).toMatchObject([
    ['app1', [{ azure: { subscription: 'prod' } }]],
    ['app3', [{ azure: { subscription: 'partner' } }]],
  ]);
  expect(asked.map(({ subscription, body }) => [subscription, (body as JsonObject)['subscriptions']])).toEqual([
    ['prod', [idOf(1), idOf(2)]],
    ['partner', [idOf(3)]],
  ]);
});

it('asks a workspace in the tenant that is said, or in that of its service, with one pace for a tenant', async () => {
  const { source, asked, clock } = sourceOver(() => ({ value: [], data: [], tables: [] }), { subscriptions });
  const service = (name: string, subscription: string, said?: string) => {
    const place = { source: 'azure', region: 'westeurope', resourceGroup: 'shop', subscription };
    const query = { workspace: idOf(5), ...(said === undefined ? {} : { subscription: said }) };
    return {
      ...{ ...webApp, name },
      runsOn: [{ on: 'azure', azure: { ...place, resource: { is: 'container-app', name } } } as const],
      logs: [{ source: 'azure', query: { ...query, table: 'AppTraces' } }],
      traces: [{ source: 'azure', query }],
    };
  };
  const services = [service('a', 'partner'), service('b', 'data'), service('c', 'data', 'partner')];
  const untilMs = clock.nowMs();
  const request = { fromMs: untilMs - 300_000, untilMs, stepMs: 60_000, signals: [], services };
  await source.collect({ ...request, mode: 'history' }, never);
  const as = asked.filter(({ operation }) => operation === 'logs.query').map(({ subscription }) => subscription);
  // Logs of each service, and one query for the traces of each tenant.
  expect(as.sort()).toEqual(['partner', 'partner', 'partner', 'prod', 'prod']);
});

import { expect, it } from 'vitest';

import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { sourceOver, subscriptionId, webApp } from './fake-azure.ts';

const never = new AbortController().signal;
const set = `/subscriptions/${subscriptionId}/resourceGroups/shop/providers/Microsoft.Compute/virtualMachineScaleSets/web`;
const place = { source: 'azure', region: 'westeurope', resourceGroup: 'shop' };
const services = [
  { ...webApp, runsOn: [{ on: 'azure', azure: { ...place, resource: { is: 'scale-set', name: 'web' } } }] } as const,
];
const query = { state: 'availability' };
const signals = [
  {
    service: 'web',
    signal: 'availability',
    binding: { source: 'azure', unit: 'ratio', nature: 'ratio', query } as const,
  },
];

it('reads a scale set of Flexible orchestration from its machines, page after page, for it has no view of its own', async () => {
  const machine = (name: string, provisioningState: string, power = 'running'): JsonObject => ({
    name,
    properties: { provisioningState, instanceView: { statuses: [{ code: `PowerState/${power}` }] } },
  });
  const { source, asked, clock } = sourceOver((call) => {
    if (call.operation === 'scaleSets.get')
      return {
        ...{ id: set, sku: { name: 'Standard_B2s', capacity: 4 } },
        properties: { provisioningState: 'Succeeded', orchestrationMode: 'Flexible' },
      };
    if (call.operation === 'machines.list' && call.next === undefined)
      return { value: [machine('web_1', 'Succeeded'), machine('web_2', 'Failed')], nextLink: 'https://next' };
    if (call.operation === 'machines.list')
      return { value: [machine('web_3', 'Succeeded', 'deallocated'), machine('web_4', 'Succeeded')] };
    return new WatchkeeperError('not-found', call.operation);
  });
  const untilMs = clock.nowMs();
  const { series, resources } = await source.collect(
    { fromMs: untilMs - 300_000, untilMs, stepMs: 60_000, signals, services, mode: 'live' },
    never,
  );
  expect(series).toMatchObject([
    {
      signal: 'availability',
      samples: [{ v: 0.5 }],
      note: 'web_2: Failed PowerState/running, web_3: Succeeded PowerState/deallocated',
    },
  ]);
  expect(resources).toMatchObject([{ attributes: { wanted: 4, well: 2 } }]);
  const lists = asked.filter(({ operation }) => operation === 'machines.list');
  expect(lists).toMatchObject([
    {
      on: '/resourceGroups/shop',
      query: { $filter: `'virtualMachineScaleSet/id' eq '${set}'`, $expand: 'instanceView' },
    },
    { on: '/resourceGroups/shop', next: 'https://next' },
  ]);
  expect(asked.some(({ operation }) => operation === 'scaleSets.instanceView')).toBe(false);
});

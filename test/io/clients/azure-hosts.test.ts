import { expect, test } from 'vitest';

import type { AzureReaders } from '../../../src/domain/ports/azure.ts';
import { cloudHosts } from '../../../src/io/clients/cloud/hosts.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { noAws } from '../../support/no-aws.ts';
import { noGcp } from '../../support/no-gcp.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

const id = '00000000-0000-0000-0000-000000000001';

// A row as the query projects it; empty texts stand for what a join found nothing for.
function row(name: string, more: JsonObject = {}): JsonObject {
  return {
    ...{ id: `/subscriptions/${id}/resourceGroups/shop/providers/Microsoft.Compute/virtualMachines/${name}`, name },
    ...{ vmId: '11111111-2222-3333-4444-555555555555', location: 'westeurope', subscriptionId: id, zone: '1' },
    ...{ size: 'Standard_B2s', os: 'Linux', privateIp: '10.0.0.4', publicIp: '', tags: { role: 'web' } },
    ...more,
  };
}

function list(pages: readonly JsonObject[], tags: Readonly<Record<string, string>> = { role: 'web' }) {
  const asked: JsonObject[] = [];
  const azure: AzureReaders = {
    reader: () => ({
      ask: ({ operation, body = {} }) => {
        expect(operation).toBe('graph.query');
        asked.push(body as JsonObject);
        return Promise.resolve(pages[asked.length - 1] ?? {});
      },
      use: () => ({ calls: {}, dollars: 0 }),
      close: () => undefined,
    }),
  };
  const config: JsonObject = { subscriptions: [{ name: 'prod', id }] };
  const clouds = cloudHosts([{ id: 'azure', kind: 'azure', config }], {
    ...{ clock: virtualClock(), aws: noAws, gcp: noGcp, azure },
  });
  return { asked, answer: clouds.list({ source: 'azure', tags }, AbortSignal.timeout(10_000)) };
}

test('running machines with the tags are hosts, from page to page, and tags are no part of the query', async () => {
  const { asked, answer } = list([
    { data: [row('web-1'), row('db-1', { tags: { role: 'db' } })], $skipToken: 'more' },
    { data: [row('win-1', { os: 'Windows', publicIp: '203.0.113.9' }), row('bare', { tags: null }), { name: 'odd' }] },
  ]);
  expect(await answer).toEqual({
    hosts: [
      {
        ...{ id: '11111111-2222-3333-4444-555555555555', name: 'web-1', tags: { role: 'web' }, os: 'linux' },
        privateAddress: '10.0.0.4',
        place: { region: 'westeurope', account: 'prod', zone: 'westeurope-1', instance_type: 'Standard_B2s' },
      },
      expect.objectContaining({ name: 'win-1', os: 'windows', publicAddress: '203.0.113.9' }),
    ],
  });
  expect(asked).toHaveLength(2);
  expect(asked[1]).toMatchObject({ subscriptions: [id], options: { $skipToken: 'more' } });
  expect(JSON.stringify(asked[0])).not.toContain('role');
});

test('a list that is not whole is none: hosts that are left out would end', async () => {
  const { answer } = list([{ data: [row('web-1')], resultTruncated: 'true' }]);
  expect(await answer).toEqual({
    hosts: [],
    problem:
      'azure does not say which hosts there are (Azure has more machines than are read: the list is not whole): none of its hosts is known',
  });
});

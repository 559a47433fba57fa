import { describe, expect, test } from 'vitest';

import type { AwsCall, AwsReaders } from '../../../../src/domain/ports/aws.ts';
import { cloudHosts } from '../../../../src/io/clients/cloud/hosts.ts';
import { inventoryConfig, type InventoryConfig } from '../../../../src/io/clients/ssh/inventory/config.ts';
import { readFleet } from '../../../../src/io/clients/ssh/inventory/fleet.ts';
import { WatchkeeperError } from '../../../../src/lib/errors.ts';
import type { JsonObject } from '../../../../src/lib/json.ts';
import { noAzure } from '../../../support/no-azure.ts';
import { noGcp } from '../../../support/no-gcp.ts';
import { memoryFiles } from '../../../support/memory-files.ts';
import { virtualClock } from '../../../support/virtual-clock.ts';

const signal = AbortSignal.timeout(60_000);
const minute = 60_000;

function instance(id: string, more: JsonObject = {}): JsonObject {
  return {
    ...{ InstanceId: id, PrivateIpAddress: '10.0.0.1', InstanceType: 't3.small' },
    ...{ Placement: { AvailabilityZone: 'eu-west-1a' }, Tags: [] },
    ...more,
  };
}

const tags = (all: Record<string, string>): JsonObject => ({
  Tags: Object.entries(all).map(([Key, Value]) => ({ Key, Value })),
});

/** A daemon whose AWS answers DescribeInstances as told; calls are kept. */
function world(answer: (call: AwsCall) => JsonObject, inventory: JsonObject = {}, aws: JsonObject = {}) {
  const clock = virtualClock();
  const calls: AwsCall[] = [];
  const peer = { answer };
  const readers: AwsReaders = {
    reader: () => ({
      ask: async (call) => {
        await Promise.resolve();
        calls.push(call);
        return peer.answer(call);
      },
      use: () => ({ calls: {}, dollars: 0 }),
      close: () => undefined,
    }),
  };
  const sources = [{ id: 'aws', kind: 'aws', config: { regions: ['eu-west-1'], ...aws } }];
  const io = {
    files: memoryFiles(),
    cloudHosts: cloudHosts(sources, { clock, aws: readers, azure: noAzure, gcp: noGcp }),
  };
  const parsed = inventoryConfig.parse({
    login: { user: 'watch', keyFile: '/key' },
    cloud: [{ source: 'aws', tags: { role: 'web' }, groups: ['role'], labels: ['team'] }],
    ...inventory,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  const config: InventoryConfig = parsed.value;
  return { clock, calls, peer, read: () => readFleet(config, io, signal) };
}

const page = (instances: readonly JsonObject[], NextToken?: string): JsonObject => ({
  Reservations: [{ Instances: instances }],
  ...(NextToken === undefined ? {} : { NextToken }),
});

describe('hosts of a cloud', () => {
  test('are its running instances that bear the tags, with groups, labels and place, from page to page', async () => {
    const { read, calls } = world(({ input }) =>
      input['NextToken'] === undefined
        ? page([instance('i-00000001', tags({ Name: 'web-1', role: 'web', team: 'shop' }))], 'more')
        : page([instance('i-00000002', { Platform: 'windows', PrivateIpAddress: '10.0.0.2' })]),
    );
    expect(await read()).toEqual({
      problems: [],
      hosts: [
        {
          ...{ name: 'web-1', address: '10.0.0.1', os: 'linux', groups: ['web'] },
          labels: {
            ...{ team: 'shop', account: 'default', region: 'eu-west-1', zone: 'eu-west-1a' },
            ...{ instance_type: 't3.small', instance: 'i-00000001' },
          },
        },
        {
          ...{ name: 'i-00000002', address: '10.0.0.2', os: 'windows', groups: [] },
          labels: {
            ...{ account: 'default', region: 'eu-west-1', zone: 'eu-west-1a' },
            ...{ instance_type: 't3.small', instance: 'i-00000002' },
          },
        },
      ],
    });
    expect(calls.map(({ input }) => input)).toEqual([
      {
        MaxResults: 1_000,
        Filters: [
          { Name: 'instance-state-name', Values: ['running'] },
          { Name: 'tag:role', Values: ['web'] },
        ],
      },
      expect.objectContaining({ NextToken: 'more' }),
    ]);
  });

  test('are looked for in every region of every account', async () => {
    const accounts = ['prod', 'data'].map((name) => ({ name, roleArn: `arn:aws:iam::123456789012:role/${name}` }));
    const { read, calls } = world(() => page([]), {}, { accounts, regions: ['eu-west-1', 'us-east-1'] });
    await read();
    expect(calls.map(({ account, region }) => `${account ?? ''} ${region}`).sort()).toEqual([
      ...['data eu-west-1', 'data us-east-1', 'prod eu-west-1', 'prod us-east-1'],
    ]);
  });

  test('are called by their id when their name is not theirs alone, or is none', async () => {
    const named = (id: string, Name: string, ip: string): JsonObject =>
      instance(id, { ...tags({ Name }), PrivateIpAddress: ip });
    const { read } = world(() =>
      page([
        named('i-00000001', 'web', '10.0.0.1'),
        named('i-00000002', 'web', '10.0.0.2'),
        named('i-00000003', '$(reboot)', '10.0.0.3'),
      ]),
    );
    expect((await read()).hosts.map(({ name }) => name)).toEqual(['i-00000001', 'i-00000002', 'i-00000003']);
  });

  test('give way to what watchkeeper.yaml says of them, and keep what it does not say', async () => {
    const { read } = world(() => page([instance('i-00000001', tags({ Name: 'web-1' }))]), {
      hosts: { 'web-1': { user: 'other', groups: ['canary'] } },
    });
    expect((await read()).hosts).toMatchObject([
      { name: 'web-1', address: '10.0.0.1', user: 'other', groups: ['canary'] },
    ]);
  });

  test('without the address that is wanted are told of, the first ten one by one', async () => {
    const many = Array.from({ length: 12 }, (_, index) => instance(`i-000000${String(index).padStart(2, '0')}`));
    const { read } = world(() => page(many), {
      cloud: [{ source: 'aws', tags: { role: '*' }, address: 'public' }],
    });
    const { hosts, problems } = await read();
    expect(hosts).toEqual([]);
    expect(problems).toHaveLength(11);
    expect(problems[0]).toBe('aws: i-00000000 has no public address');
    expect(problems[10]).toBe('aws: and 2 more');
  });

  test('that are not as the reference says are no hosts, and take no other with them', async () => {
    const { read } = world(() =>
      page([
        { InstanceId: '; rm -rf /', PrivateIpAddress: '10.0.0.1' },
        { InstanceId: 'i-00000001', PrivateIpAddress: '-oProxyCommand=x' },
        instance('i-00000002'),
      ]),
    );
    const { hosts, problems } = await read();
    expect(hosts.map(({ name }) => name)).toEqual(['i-00000002']);
    expect(problems).toEqual(['aws: i-00000001 has no private address']);
  });

  test('are asked for every two minutes at most, however often the inventory is read', async () => {
    const { read, calls, clock } = world(() => page([instance('i-00000001')]));
    await Promise.all([read(), read(), read()]);
    await read();
    expect(calls).toHaveLength(1);
    await clock.advance(2 * minute);
    await read();
    expect(calls).toHaveLength(2);
  });

  test('stay when the cloud cannot be asked any more, and the inventory says so', async () => {
    const { read, peer, clock } = world(() => page([instance('i-00000001')]));
    await read();
    peer.answer = () => {
      throw new WatchkeeperError('unauthorized', 'the credentials have expired');
    };
    await clock.advance(2 * minute);
    const { hosts, problems } = await read();
    expect(hosts.map(({ name }) => name)).toEqual(['i-00000001']);
    expect(problems).toEqual([
      expect.stringMatching(
        /^aws does not say which hosts there are \(the credentials have expired\): its 1 hosts of 2/,
      ),
    ]);
  });

  test('are not there when the cloud could never be asked, which is said', async () => {
    const { read } = world(() => {
      throw new WatchkeeperError('unreachable', 'no route');
    });
    expect(await read()).toEqual({
      hosts: [],
      problems: ['aws does not say which hosts there are (no route): none of its hosts is known'],
    });
  });
});

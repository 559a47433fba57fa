import * as z from 'zod';

import type { AwsReader } from '../../../domain/ports/aws.ts';
import type { CloudHost, CloudHostsQuery } from '../../../domain/ports/cloud-hosts.ts';
import type { JsonObject } from '../../../lib/json.ts';
import { limits } from '../../../lib/limits.ts';
import { awsConnection, awsRegion, readAccounts } from './config.ts';

/** Of a source's whole block: where its machines are. */
export const awsScope = z.object({
  ...awsConnection,
  accounts: readAccounts.default([{ name: 'default' }]),
  regions: z.array(awsRegion).min(1).max(40),
});

// What an answer of DescribeInstances is read for (EC2 API reference, Instance). Whatever is not as it says is not a host.
const text = z.string().min(1).max(1_024);
const instance = z.object({
  InstanceId: z.string().regex(/^i-[0-9a-f]{8,32}$/),
  PrivateIpAddress: text.optional(),
  PublicIpAddress: text.optional(),
  Platform: z.string().optional(),
  InstanceType: text.optional(),
  Placement: z.object({ AvailabilityZone: text.optional() }).optional(),
  Tags: z.array(z.object({ Key: text, Value: z.string().max(1_024) })).default([]),
});
const page = z.object({
  Reservations: z.array(z.object({ Instances: z.array(z.unknown()).default([]) })).default([]),
  NextToken: z.string().optional(),
});

/** The running instances of EC2 in all accounts and regions of a source that bear the tags, by DescribeInstances. */
export async function awsHosts(
  reader: AwsReader,
  scope: z.output<typeof awsScope>,
  { tags }: CloudHostsQuery,
  signal: AbortSignal,
): Promise<readonly CloudHost[]> {
  const corners = scope.accounts.flatMap(({ name }) => scope.regions.map((region) => ({ account: name, region })));
  const found = await Promise.all(corners.map((corner) => listed(reader, corner, tags, signal)));
  return found.flat();
}

interface Corner {
  readonly account: string;
  readonly region: string;
}

async function listed(
  reader: AwsReader,
  corner: Corner,
  tags: CloudHostsQuery['tags'],
  signal: AbortSignal,
): Promise<readonly CloudHost[]> {
  const hosts: CloudHost[] = [];
  const Filters = [
    { Name: 'instance-state-name', Values: ['running'] },
    ...Object.entries(tags).map(([key, value]) => ({ Name: `tag:${key}`, Values: [value] })),
  ];
  let token: string | undefined;
  do {
    const input = { Filters, MaxResults: 1_000, ...(token === undefined ? {} : { NextToken: token }) };
    const answer = await reader.ask({ service: 'ec2', operation: 'DescribeInstances', input, ...corner }, signal);
    const { Reservations, NextToken } = page.parse(answer);
    hosts.push(
      ...Reservations.flatMap(({ Instances }) => Instances.flatMap((one) => hostOf(one as JsonObject, corner))),
    );
    token = NextToken;
  } while (token !== undefined && hosts.length <= limits.cloudHosts);
  return hosts;
}

function hostOf(found: JsonObject, { account, region }: Corner): readonly CloudHost[] {
  const parsed = instance.safeParse(found);
  if (!parsed.success) return [];
  const { InstanceId, PrivateIpAddress, PublicIpAddress, Platform, InstanceType, Placement, Tags } = parsed.data;
  const tags = Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value]));
  const zone = Placement?.AvailabilityZone;
  return [
    {
      id: InstanceId,
      ...(tags['Name'] === undefined || tags['Name'] === '' ? {} : { name: tags['Name'] }),
      ...(PrivateIpAddress === undefined ? {} : { privateAddress: PrivateIpAddress }),
      ...(PublicIpAddress === undefined ? {} : { publicAddress: PublicIpAddress }),
      // EC2 says "windows", and nothing of any other.
      os: Platform?.toLowerCase() === 'windows' ? 'windows' : 'linux',
      tags,
      place: {
        ...{ account, region },
        ...(zone === undefined ? {} : { zone }),
        ...(InstanceType === undefined ? {} : { instance_type: InstanceType }),
      },
    },
  ];
}

import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import type { AwsCall } from '../../domain/ports/aws.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { Reach } from './swap.ts';

type DatabaseReach = Reach<'database' | 'database-cluster'>;

const clusters = z.object({
  DBClusters: z
    .array(
      z.object({
        Status: z.string().default(''),
        DBClusterMembers: z
          .array(
            z.object({
              DBInstanceIdentifier: z.string(),
              IsClusterWriter: z.boolean().default(false),
              PromotionTier: z.number().nullish(),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
});
const instances = z.object({
  DBInstances: z
    .array(
      z.object({
        DBInstanceIdentifier: z.string(),
        DBInstanceStatus: z.string().default(''),
        MultiAZ: z.boolean().nullish(),
        AvailabilityZone: z.string().nullish(),
        SecondaryAvailabilityZone: z.string().nullish(),
      }),
    )
    .default([]),
});

/** A cluster as a hand sees it. */
export interface Cluster {
  readonly status: string;
  readonly writer: string;
  readonly members: readonly { readonly name: string; readonly status: string; readonly tier: number }[];
}

/** An instance that is no member of a cluster. */
export interface Database {
  readonly status: string;
  readonly multiAz: boolean;
  readonly zone: string;
  readonly otherZone: string;
}

/** Reads a cluster and its members. @throws `not-found`. */
export async function readCluster({ place, session, context }: DatabaseReach): Promise<Cluster> {
  const { id } = place.resource;
  const ask = (operation: string, input: AwsCall['input']): Promise<JsonObject> =>
    session.ask({ service: 'rds', operation, input }, context.signal);
  const [found] = clusters.parse(await ask('DescribeDBClusters', { DBClusterIdentifier: id })).DBClusters;
  if (found === undefined)
    throw new WatchkeeperError('not-found', `there is no database cluster ${id} in ${place.region}`);
  const filter = [{ Name: 'db-cluster-id', Values: [id] }];
  const { DBInstances } = instances.parse(await ask('DescribeDBInstances', { Filters: filter }));
  const members = found.DBClusterMembers.map(({ DBInstanceIdentifier: name, PromotionTier }) => {
    const one = DBInstances.find(({ DBInstanceIdentifier }) => DBInstanceIdentifier === name);
    return { name, status: one?.DBInstanceStatus ?? 'unknown', tier: PromotionTier ?? 1 };
  });
  const writer = found.DBClusterMembers.find(({ IsClusterWriter }) => IsClusterWriter)?.DBInstanceIdentifier ?? 'none';
  return { status: found.Status, writer, members };
}

/** Reads an instance. @throws `not-found`. */
export async function readDatabase({ place, session, context }: DatabaseReach): Promise<Database> {
  const { id } = place.resource;
  const call = { service: 'rds', operation: 'DescribeDBInstances', input: { DBInstanceIdentifier: id } } as const;
  const [found] = instances.parse(await session.ask(call, context.signal)).DBInstances;
  if (found === undefined) throw new WatchkeeperError('not-found', `there is no database ${id} in ${place.region}`);
  return {
    ...{ status: found.DBInstanceStatus, multiAz: found.MultiAZ ?? false },
    ...{ zone: found.AvailabilityZone ?? '', otherZone: found.SecondaryAvailabilityZone ?? '' },
  };
}

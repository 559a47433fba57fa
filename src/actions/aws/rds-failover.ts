import * as z from 'zod';

import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import { until } from '../until.ts';
import type { AwsAccess } from '../../domain/ports/action.ts';
import type { PlaceOf } from './place.ts';
import { readCluster, readDatabase, type Cluster } from './rds.ts';
import { swapAction, type Reach, type SwapLook } from './swap.ts';

type Kinds = 'database' | 'database-cluster';
const params = z.strictObject({
  /** The instance that is to be the writer of a cluster. Default: the available reader that is promoted first. */
  to: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be the identifier of a database instance')
    .exactOptional(),
});
type Params = z.infer<typeof params>;

/** Makes another instance of a database cluster the writer, or moves a Multi-AZ instance to its other zone. */
export const rdsFailover = swapAction<Params, Kinds>({
  kind: 'aws.rds-failover',
  summary: 'Fail a database over to another instance, or to its other zone, and wait until it is available',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: ['database', 'database-cluster'],
  setting: 'writer',
  access: rdsAccess,
  look: (given, reach) => {
    const { is } = reach.place.resource;
    return is === 'database' ? lookAtInstance(given, reach) : lookAtCluster(given, reach);
  },
  read: async (reach) => ({ value: (await standing(reach)).writer }),
  write: async ({ place, session, context }, to) => {
    const { is, id } = place.resource;
    const call =
      is === 'database'
        ? { operation: 'RebootDBInstance', input: { DBInstanceIdentifier: id, ForceFailover: true } }
        : { operation: 'FailoverDBCluster', input: { DBClusterIdentifier: id, TargetDBInstanceIdentifier: to } };
    await session.ask({ service: 'rds', ...call }, context.signal);
  },
  finish: (reach, to) =>
    until(reach.context, limits.awsPollMs, async () => {
      const { writer, status } = await standing(reach);
      const message = `the writer is ${writer}, and the database ${status}`;
      return { is: writer === to && status === 'available' ? 'done' : 'under-way', message };
    }),
});

function rdsAccess({ region, resource: { is, id } }: PlaceOf<Kinds>): AwsAccess {
  const arn = (what: string): string => `arn:{partition}:rds:${region}:{account}:${what}`;
  const of = arn(is === 'database' ? `db:${id}` : `cluster:${id}`);
  const act =
    is === 'database'
      ? { actions: ['rds:RebootDBInstance'], resources: [of] }
      : // The instance that is named is judged as well where AWS does; of another cluster it is worth nothing without that.
        { actions: ['rds:FailoverDBCluster'], resources: [of, arn('db:*')] };
  return {
    look: [
      { actions: [is === 'database' ? 'rds:DescribeDBInstances' : 'rds:DescribeDBClusters'], resources: [of] },
      // Which of the members are available; their names are known only then.
      ...(is === 'database' ? [] : [{ actions: ['rds:DescribeDBInstances'], resources: [arn('db:*')] }]),
    ],
    act: [act],
  };
}

async function standing(reach: Reach<Kinds>): Promise<{ readonly writer: string; readonly status: string }> {
  if (reach.place.resource.is === 'database-cluster') return readCluster(reach);
  const { zone, status } = await readDatabase(reach);
  return { writer: zone, status };
}

async function lookAtInstance({ to }: Params, reach: Reach<Kinds>): Promise<SwapLook> {
  const { id } = reach.place.resource;
  const { zone, otherZone, multiAz, status } = await readDatabase(reach);
  const base = {
    now: { value: zone },
    facts: { status, multiAz, zone, otherZone },
    blast: { touched: 1, total: 1, healthyAfter: 0, healthyNow: 1, targets: [id], dependents: [] },
    ...(status === 'available' ? {} : { busy: `the database is ${status}` }),
  };
  if (to !== undefined) return { ...base, to: { refused: `${id} is one instance: there is no other to name` } };
  if (!multiAz || otherZone === '') return { ...base, to: { refused: `${id} is not Multi-AZ: nothing stands by` } };
  return { ...base, to: otherZone };
}

async function lookAtCluster({ to }: Params, reach: Reach<Kinds>): Promise<SwapLook> {
  const { id } = reach.place.resource;
  const cluster = await readCluster(reach);
  const { writer, status, members } = cluster;
  const available = members.filter((one) => one.status === 'available').length;
  const base = {
    now: { value: writer },
    facts: { status, writer, members: members.map(({ name, status: one }) => `${name} ${one}`) },
    blast: {
      ...{ touched: 1, total: Math.max(1, members.length), healthyNow: available },
      ...{ healthyAfter: Math.max(0, available - 1), targets: [id], dependents: [] },
    },
    ...(status === 'available' ? {} : { busy: `the cluster is ${status}` }),
  };
  return { ...base, to: nextWriter(cluster, to) };
}

function nextWriter({ members, writer }: Cluster, wished: string | undefined): SwapLook['to'] {
  const readers = members.filter(({ name }) => name !== writer);
  const ready = readers.filter(({ status }) => status === 'available').sort((a, b) => a.tier - b.tier);
  const [first] = wished === undefined ? ready : ready.filter(({ name }) => name === wished);
  if (first !== undefined) return first.name;
  return { refused: wished === undefined ? 'no reader is available' : `${wished} is no reader that is available` };
}

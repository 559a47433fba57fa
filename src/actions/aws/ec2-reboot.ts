import * as z from 'zod';

import { digest } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { ActionContext, ActionResult, AwsAccess } from '../../domain/ports/action.ts';
import type { Observation } from '../../domain/remediation.ts';
import { defineAction } from '../define-action.ts';
import { writeFault } from '../faults.ts';
import { createOnce } from '../once.ts';
import { actSession, lookSession, placeOf, targetOf, type PlaceOf } from './place.ts';

const kind = 'aws.ec2-reboot';
const params = z.strictObject({});
const instances = z.object({
  Reservations: z
    .array(
      z.object({
        Instances: z
          .array(
            z.object({
              InstanceId: z.string(),
              State: z.object({ Name: z.string().default('') }).nullish(),
              Tags: z.array(z.object({ Key: z.string(), Value: z.string().default('') })).nullish(),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
});
const once = createOnce();

/** Reboots an EC2 instance: the operating system, with its disks and addresses kept. */
export const ec2Reboot = defineAction<z.infer<typeof params>>({
  kind,
  summary: 'Reboot an EC2 instance',
  // EC2 says nowhere that an instance was rebooted: nothing unclear may be repeated.
  traits: { reversible: false, idempotent: false, destructive: false, scope: 'host' },
  params: schemaOf(params),
  needs: ['in AWS, the calls that "watchkeeper permissions aws" prints for it'],
  awsAccess: (service) => accessTo(placeOf(service, 'instance')),
  target: (_given, service) => targetOf(placeOf(service, 'instance'), service),
  observe: (_given, context) => observe(context),
  preview: (_given, { facts, target }) => {
    if (facts['state'] !== 'running')
      throw new WatchkeeperError(
        'conflict',
        `${target.id} is ${JSON.stringify(facts['state'])}: only what runs is rebooted`,
      );
    return { describe: `reboot ${target.id}`, diff: [`${target.id}: running → rebooted`] };
  },
  before: () => ({}),
  run: (_given, _before, key, context) => once(key, () => run(key, context)),
  probe: () => Promise.resolve({ is: 'unknown', because: 'EC2 does not say whether an instance was rebooted' }),
});

function accessTo({ region, resource: { id } }: PlaceOf<'instance'>): AwsAccess {
  return {
    // It knows no resource.
    look: [{ actions: ['ec2:DescribeInstances'], resources: ['*'] }],
    act: [{ actions: ['ec2:RebootInstances'], resources: [`arn:{partition}:ec2:${region}:{account}:instance/${id}`] }],
  };
}

async function observe(context: ActionContext): Promise<Observation> {
  const place = placeOf(context.service, 'instance');
  const { id } = place.resource;
  const session = await lookSession(place, accessTo(place), context);
  const input = { InstanceIds: [id] };
  const answer = await session.ask({ service: 'ec2', operation: 'DescribeInstances', input }, context.signal);
  const found = instances.parse(answer).Reservations.flatMap(({ Instances }) => Instances)[0];
  if (found === undefined) throw new WatchkeeperError('not-found', `there is no instance ${id} in ${place.region}`);
  const state = found.State?.Name ?? '';
  const group = found.Tags?.find(({ Key }) => Key === 'aws:autoscaling:groupName')?.Value ?? '';
  const target = targetOf(place, context.service);
  return {
    ...{ target, atMs: context.io.clock.nowMs(), stateHash: digest([target.id, state]) },
    facts: { state, autoScalingGroup: group },
    blast: { touched: 1, total: 1, healthyAfter: 0, targets: [id], dependents: [] },
    ...(['pending', 'stopping', 'shutting-down'].includes(state) ? { busy: `the instance is ${state}` } : {}),
  };
}

async function run(key: string, context: ActionContext): Promise<ActionResult> {
  const place = placeOf(context.service, 'instance');
  const { id } = place.resource;
  try {
    const session = await actSession(place, accessTo(place), key, context);
    const call = { service: 'ec2', operation: 'RebootInstances', input: { InstanceIds: [id] } } as const;
    try {
      await session.ask(call, context.signal);
    } catch (thrown) {
      return writeFault(thrown);
    }
  } catch (thrown) {
    if (context.signal.aborted) throw thrown;
    return { is: 'failed', message: `nothing was done: ${WatchkeeperError.from(thrown).message}` };
  }
  return { is: 'done', message: `EC2 has taken the reboot of ${id}` };
}

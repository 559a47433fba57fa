import * as z from 'zod';

import { digest } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { ActionContext, ActionResult, GcpAccess } from '../../domain/ports/action.ts';
import type { GcpSession } from '../../domain/ports/gcp.ts';
import type { Observation } from '../../domain/remediation.ts';
import { defineAction } from '../define-action.ts';
import { writeFault } from '../faults.ts';
import { createOnce } from '../once.ts';
import { requestId } from './group.ts';
import { placeOf, targetOf, type PlaceOf } from './place.ts';

const params = z.strictObject({});
const answer = z.object({
  status: z.string().default(''),
  metadata: z
    .object({ items: z.array(z.object({ key: z.string(), value: z.string().nullish() })).default([]) })
    .nullish(),
});
const once = createOnce();

/** Resets an instance of Compute Engine: as if somebody had pressed the button, with its disks and addresses kept. */
export const gceReset = defineAction<z.infer<typeof params>>({
  kind: 'gcp.gce-reset',
  summary: 'Reset an instance of Compute Engine',
  // An instance does not say that it was reset: nothing unclear may be repeated.
  traits: { reversible: false, idempotent: false, destructive: false, scope: 'host' },
  params: schemaOf(params),
  needs: ['in Google Cloud, the roles that "watchkeeper permissions gcp" prints for it'],
  gcpAccess: (service) => accessTo(placeOf(service, 'instance')),
  target: (_given, service) => targetOf(placeOf(service, 'instance'), service),
  observe: (_given, context) => observe(context),
  preview: (_given, { facts, target }) => {
    if (facts['status'] !== 'RUNNING')
      throw new WatchkeeperError(
        'conflict',
        `${target.id} is ${JSON.stringify(facts['status'])}: only what runs is reset`,
      );
    return { describe: `reset ${target.id}`, diff: [`${target.id}: running → reset, without a shutdown`] };
  },
  before: () => ({}),
  run: (_given, _before, key, context) => once(key, () => run(key, context)),
  probe: () => Promise.resolve({ is: 'unknown', because: 'an instance does not say whether it was reset' }),
});

function accessTo({ location, resource: { name } }: PlaceOf<'instance'>): GcpAccess {
  const full = `projects/{project}/zones/${location}/instances/${name}`;
  const condition = `resource.type == "compute.googleapis.com/Instance" && resource.name == "${full}"`;
  const permissions = ['compute.instances.get', 'compute.instances.reset'];
  return {
    grants: [{ permissions, on: { is: 'project', condition } }],
    look: ['compute instances.get'],
    act: ['compute instances.reset'],
  };
}

function sessionOf(context: ActionContext, key?: string): GcpSession {
  const place = placeOf(context.service, 'instance');
  const { look, act } = accessTo(place);
  const { source, project } = place;
  return context.io.gcp.session({
    ...{ source, ...(project === undefined ? {} : { project }) },
    ...(key === undefined ? { allow: look } : { allow: [...look, ...act], act: key }),
  });
}

function instanceParams({ location, resource }: PlaceOf<'instance'>, project: string) {
  return { project, zone: location, instance: resource.name };
}

async function observe(context: ActionContext): Promise<Observation> {
  const place = placeOf(context.service, 'instance');
  const session = sessionOf(context);
  const call = { service: 'compute', method: 'instances.get', params: instanceParams(place, session.project) } as const;
  const { status, metadata } = answer.parse(await session.ask(call, context.signal));
  const group = metadata?.items.find(({ key }) => key === 'created-by')?.value ?? '';
  const target = targetOf(place, context.service);
  return {
    ...{ target, atMs: context.io.clock.nowMs(), stateHash: digest([target.id, status]) },
    facts: { status, createdBy: group.slice(0, 300) },
    blast: { touched: 1, total: 1, healthyAfter: 0, targets: [place.resource.name], dependents: [] },
    ...(['PROVISIONING', 'STAGING', 'STOPPING', 'SUSPENDING', 'REPAIRING'].includes(status)
      ? { busy: `the instance is ${status}` }
      : {}),
  };
}

async function run(key: string, context: ActionContext): Promise<ActionResult> {
  const place = placeOf(context.service, 'instance');
  let session: GcpSession;
  try {
    session = sessionOf(context, key);
  } catch (thrown) {
    return { is: 'failed', message: `nothing was done: ${WatchkeeperError.from(thrown).message}` };
  }
  const given = { ...instanceParams(place, session.project), requestId: requestId(key) };
  try {
    await session.ask({ service: 'compute', method: 'instances.reset', params: given }, context.signal);
  } catch (thrown) {
    return writeFault(thrown);
  }
  return { is: 'done', message: `Compute Engine has taken the reset of ${place.resource.name}` };
}

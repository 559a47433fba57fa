import * as z from 'zod';

import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { ActionResult, GcpAccess } from '../../domain/ports/action.ts';
import type { PlaceOf } from './place.ts';
import { swapAction, type Reach, type SwapLook } from './swap.ts';

const params = z.strictObject({});
type Params = z.infer<typeof params>;

const answer = z.object({
  state: z.string().default(''),
  gceZone: z.string().default(''),
  secondaryGceZone: z.string().default(''),
  settings: z
    .object({
      availabilityType: z.string().default(''),
      settingsVersion: z.union([z.string(), z.number()]).default(''),
    })
    .default({ availabilityType: '', settingsVersion: '' }),
});
type Instance = z.infer<typeof answer>;

/** Lets the standby of a highly available Cloud SQL instance take over. Connections break; nothing that was committed is lost. */
export const gcpSqlFailover = swapAction<Params, 'sql'>({
  kind: 'gcp.sql-failover',
  summary: 'Let the standby of a Cloud SQL instance take over',
  // Back is another failover, and as long an outage: that is for people to want.
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'sql',
  setting: 'zone',
  access,
  look,
  read: async (reach) => {
    const { gceZone, settings } = await readInstance(reach);
    return { value: gceZone, token: String(settings.settingsVersion) };
  },
  write: async (reach, _to, { token = '' }) => {
    // Cloud SQL refuses it when the settings are no more those that were read.
    const body = { failoverContext: { settingsVersion: token } };
    const call = { service: 'sql', method: 'instances.failover', params: instanceParams(reach), body } as const;
    await reach.session.ask(call, reach.context.signal);
  },
  finish: untilThere,
});

function access({ resource }: PlaceOf<'sql'>): GcpAccess {
  const name = `projects/{project}/instances/${resource.instance}`;
  const condition = `resource.type == "sqladmin.googleapis.com/Instance" && resource.name == "${name}"`;
  const permissions = ['cloudsql.instances.failover', 'cloudsql.instances.get'];
  return {
    grants: [{ permissions, on: { is: 'project', condition } }],
    look: ['sql instances.get'],
    act: ['sql instances.failover'],
  };
}

function instanceParams({ place, session }: Reach<'sql'>): { readonly project: string; readonly instance: string } {
  return { project: session.project, instance: place.resource.instance };
}

async function readInstance(reach: Reach<'sql'>): Promise<Instance> {
  const call = { service: 'sql', method: 'instances.get', params: instanceParams(reach) } as const;
  return answer.parse(await reach.session.ask(call, reach.context.signal));
}

async function look(_given: Params, reach: Reach<'sql'>): Promise<SwapLook> {
  const { state, gceZone, secondaryGceZone: standby, settings } = await readInstance(reach);
  const isDouble = settings.availabilityType === 'REGIONAL' && standby !== '';
  return {
    now: { value: gceZone },
    to: isDouble ? standby : { refused: 'it has no standby: it is not highly available' },
    facts: { state, zone: gceZone, standby, availability: settings.availabilityType },
    blast: {
      ...{ touched: 1, total: 1, healthyNow: state === 'RUNNABLE' ? 1 : 0, healthyAfter: 1 },
      ...{ targets: [reach.place.resource.instance], dependents: [] },
    },
    ...(state === 'MAINTENANCE' ? { busy: 'Google maintains it' } : {}),
  };
}

async function untilThere(reach: Reach<'sql'>, to: string): Promise<ActionResult> {
  const { clock } = reach.context.io;
  const untilMs = clock.monotonicMs() + reach.context.timeoutMs * 0.9;
  for (;;) {
    const { state, gceZone } = await readInstance(reach);
    if (gceZone === to && state === 'RUNNABLE') return { is: 'done', message: `it runs in ${to}` };
    if (clock.monotonicMs() + limits.gcpPollMs > untilMs)
      return {
        is: 'failed',
        message: `the failover was begun, but it did not run in ${to} in time: ${state} in ${gceZone}`,
      };
    await clock.sleep(limits.gcpPollMs, reach.context.signal);
  }
}

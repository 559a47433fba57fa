import * as z from 'zod';

import { limits } from '../../lib/limits.ts';
import { oneLine } from '../../lib/text.ts';
import type { ActionResult, GcpAccess } from '../../domain/ports/action.ts';
import type { BlastRadius } from '../../domain/remediation.ts';
import type { PlaceOf } from './place.ts';
import type { Reach } from './swap.ts';

const share = z.object({
  type: z.string().default(''),
  revision: z.string().default(''),
  percent: z.number().default(0),
  tag: z.string().optional(),
});
const service = z.object({
  name: z.string(),
  etag: z.string().default(''),
  traffic: z.array(share).default([]),
  scaling: z
    .object({ minInstanceCount: z.number().default(0), scalingMode: z.string().default('') })
    .default({ minInstanceCount: 0, scalingMode: '' }),
  latestReadyRevision: z.string().default(''),
  latestCreatedRevision: z.string().default(''),
  reconciling: z.boolean().default(false),
  terminalCondition: z
    .object({ state: z.string().default(''), message: z.string().default('') })
    .default({ state: '', message: '' }),
});

/** A service of Cloud Run as a hand sees it. */
export type RunService = z.infer<typeof service>;

/** What tells our write from all others: Cloud Run keeps the client of the last change. The reader knows it by that. */
export const ourClient = 'watchkeeper';

/** What acting on a service of Cloud Run needs: to change this one, and to read. */
export function runAccess({ location, resource }: PlaceOf<'run'>): GcpAccess {
  const name = `projects/{project}/locations/${location}/services/${resource.service}`;
  return {
    grants: [
      { permissions: ['run.services.get', 'run.services.update'], on: { is: 'resource', name } },
      // A list is asked of the project.
      { permissions: ['run.revisions.list'], on: { is: 'project' } },
    ],
    look: ['run services.get', 'run revisions.list'],
    act: ['run services.patch'],
  };
}

/** What no role of ours can say: Cloud Run lets nobody change a service who may not be the account it runs as. */
export const runBesides: readonly string[] = [
  'roles/iam.serviceAccountUser on the service account that the service itself runs as: Cloud Run asks for it at every change',
];

/** The service's full name. */
export function runName({ place, session }: Pick<Reach<'run'>, 'place' | 'session'>): string {
  return `projects/${session.project}/locations/${place.location}/services/${place.resource.service}`;
}

/** Reads the service. @throws `not-found` when there is none. */
export async function readRun(reach: Reach<'run'>): Promise<RunService> {
  const call = { service: 'run', method: 'services.get', params: { name: runName(reach) } } as const;
  return service.parse(await reach.session.ask(call, reach.context.signal));
}

/** One change of the service, only while it is what was read: Cloud Run refuses another state by its etag. */
export async function patchRun(
  reach: Reach<'run'>,
  fields: Readonly<Record<'traffic' | 'scaling', object | undefined>>,
  mask: string,
  etag: string,
  key: string,
): Promise<void> {
  const name = runName(reach);
  const given = JSON.parse(JSON.stringify(fields)) as Record<string, never>;
  const body = {
    ...given,
    name,
    ...(etag === '' ? {} : { etag }),
    client: ourClient,
    clientVersion: key.slice(0, 100),
  };
  const params = { name, updateMask: `${mask},client,clientVersion` };
  await reach.session.ask({ service: 'run', method: 'services.patch', params, body }, reach.context.signal);
}

/** Cloud Run moves requests, not instances: the service is the whole of what is touched. */
export function runBlast({ resource }: PlaceOf<'run'>): BlastRadius {
  return {
    ...{ touched: 1, total: 1, healthyNow: 1, healthyAfter: 1 },
    ...{ targets: [resource.service], dependents: [] },
  };
}

/** Who else is at it: a change that is not through yet. */
export function whoElse({ reconciling, latestCreatedRevision }: RunService, blamed: boolean): string | undefined {
  return reconciling && !blamed ? `a change (${shortName(latestCreatedRevision)}) is under way` : undefined;
}

/** Waits until Cloud Run says that the service is as it is meant, within the act's own time. */
export async function untilReady(reach: Reach<'run'>, what: string): Promise<ActionResult> {
  const { clock } = reach.context.io;
  const untilMs = clock.monotonicMs() + reach.context.timeoutMs * 0.9;
  for (;;) {
    const { reconciling, terminalCondition: is } = await readRun(reach);
    if (!reconciling && is.state === 'CONDITION_FAILED')
      return { is: 'failed', message: `${what} was set and failed: ${oneLine(is.message, 300)}` };
    if (!reconciling) return { is: 'done', message: `${what} is in force` };
    if (clock.monotonicMs() + limits.gcpPollMs > untilMs)
      return { is: 'failed', message: `${what} was set, but was not in force in time` };
    await clock.sleep(limits.gcpPollMs, reach.context.signal);
  }
}

/** The last part of a resource's name. */
export function shortName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

import * as z from 'zod';

import { gcpResourceName } from '../../../domain/places.ts';
import type { GcpReader } from '../../../domain/ports/gcp.ts';
import type { Found } from '../../../io/clients/cloud/change-desk.ts';
import { digest } from '../../../lib/canonical.ts';
import { oneLine } from '../../../lib/text.ts';
import { lookAt, shortName, type Look } from '../look/run.ts';
import { placeKey, type Watched } from '../watched.ts';

/** Reads what Cloud Deploy and Cloud SQL did since a time; each keeps that past itself. */
export async function lookAtDeliveries(
  source: string,
  watched: readonly Watched[],
  reader: GcpReader,
  sinceMs: number,
  signal: AbortSignal,
): Promise<Look<readonly Found[]>> {
  return lookAt(watched, async (of) => {
    const read = { deploy: rolloutsOf, sql: operationsOf }[of.place.resource.is as 'deploy' | 'sql'];
    const found = await (read as typeof rolloutsOf | undefined)?.(source, of, reader, signal);
    return found?.filter(({ atMs }) => atMs >= sinceMs);
  });
}

const rollouts = z.object({
  rollouts: z
    .array(
      z.object({
        name: z.string(),
        createTime: z.string(),
        deployStartTime: z.string().nullish(),
        targetId: z.string().default(''),
        state: z.string().default(''),
        failureReason: z.string().nullish(),
        rollbackOfRollout: z.string().nullish(),
      }),
    )
    .default([]),
});

async function rolloutsOf(
  source: string,
  of: Watched,
  reader: GcpReader,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const { resource, location } = of.place;
  if (resource.is !== 'deploy') return [];
  const parent = `projects/${of.project}/locations/${location}/deliveryPipelines/${resource.pipeline}/releases/-`;
  const params = { parent, pageSize: 50, filter: `targetId="${resource.target}"`, orderBy: 'createTime desc' };
  const call = { service: 'deploy', method: 'rollouts.list', params, project: of.project } as const;
  const all = rollouts
    .parse(await reader.ask(call, signal))
    .rollouts.filter(({ targetId }) => targetId === resource.target);
  return all.map((one, index): Found => {
    const before = all.slice(index + 1).find(({ state }) => state === 'SUCCEEDED');
    const startMs = Date.parse(one.deployStartTime ?? one.createTime);
    return {
      ...{ source, service: of.service, region: location, what: gcpResourceName(resource), atMs: startMs },
      id: digest(['gcp-deploy', of.service, placeKey(of), one.name]),
      kind: (one.rollbackOfRollout ?? '') === '' ? 'deploy' : 'rollback',
      ...(before === undefined ? {} : { from: releaseOf(before.name) }),
      to: releaseOf(one.name),
      ref: shortName(one.name),
      attributes: {
        location,
        state: one.state,
        ...(one.failureReason ? { reason: oneLine(one.failureReason, 200) } : {}),
      },
    };
  });
}

// `…/releases/v42/rollouts/v42-to-prod-0001`: the release is what was rolled out.
function releaseOf(name: string): string {
  return /\/releases\/([^/]+)\//.exec(name)?.[1] ?? shortName(name);
}

const operations = z.object({
  items: z
    .array(
      z.object({
        name: z.string(),
        operationType: z.string().default(''),
        user: z.string().nullish(),
        insertTime: z.string().nullish(),
        startTime: z.string().nullish(),
        status: z.string().default(''),
      }),
    )
    .default([]),
});
// What Cloud SQL does by itself, day by day.
const routine: ReadonlySet<string> = new Set(['BACKUP_VOLUME', 'DELETE_VOLUME', 'BACKUP', 'EXPORT']);

async function operationsOf(
  source: string,
  of: Watched,
  reader: GcpReader,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const { resource, location } = of.place;
  if (resource.is !== 'sql') return [];
  const params = { project: of.project, instance: resource.instance, maxResults: 50 };
  const call = { service: 'sql', method: 'operations.list', params, project: of.project } as const;
  return operations.parse(await reader.ask(call, signal)).items.flatMap((one): readonly Found[] => {
    const atMs = Date.parse(one.startTime ?? one.insertTime ?? '');
    if (routine.has(one.operationType) || !Number.isFinite(atMs)) return [];
    return [
      {
        ...{ source, service: of.service, region: location, what: gcpResourceName(resource), atMs },
        id: digest(['gcp-sql', of.service, placeKey(of), one.name]),
        kind: /RESTART|FAILOVER/.test(one.operationType) ? 'restart' : 'config',
        to: oneLine(one.operationType, 100),
        ...(one.user ? { actor: oneLine(one.user, 200) } : {}),
        ref: one.name,
        attributes: { location, status: one.status },
      },
    ];
  });
}

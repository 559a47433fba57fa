import * as z from 'zod';

import { gcpResourceName } from '../../../domain/places.ts';
import type { GcpReader } from '../../../domain/ports/gcp.ts';
import type { Found } from '../../../io/clients/cloud/change-desk.ts';
import type { ReadFault } from '../../../io/clients/http-reader.ts';
import { digest } from '../../../lib/canonical.ts';
import type { JsonObject } from '../../../lib/json.ts';
import { oneLine } from '../../../lib/text.ts';
import { lookAt, shortName, type Look } from '../look/run.ts';
import { pagesOf } from '../pages.ts';
import { placeKey, type Watched } from '../watched.ts';

/** Reads what Cloud Deploy and Cloud SQL did since a time; each keeps that past itself. */
export async function lookAtDeliveries(
  source: string,
  watched: readonly Watched[],
  reader: GcpReader,
  sinceMs: number,
  signal: AbortSignal,
): Promise<Look<readonly Found[]>> {
  const cut: [Watched, ReadFault][] = [];
  const look = await lookAt(watched, async (of) => {
    const read = { deploy: rolloutsOf, sql: operationsOf }[of.place.resource.is as 'deploy' | 'sql'];
    const got = await (read as typeof rolloutsOf | undefined)?.(source, of, reader, sinceMs, signal);
    const message = `${gcpResourceName(of.place.resource)} has more since the last look than is read: the newest were`;
    if (got?.more === true) cut.push([of, { reason: 'partial', message }]);
    return got?.found.filter(({ atMs }) => atMs >= sinceMs);
  });
  return { states: look.states, faults: new Map([...look.faults, ...cut]) };
}

/** What a list gave, the newest first, and whether it has more of the time that was asked for. */
interface Listed {
  readonly found: readonly Found[];
  readonly more: boolean;
}

const nothing: Listed = { found: [], more: false };
// Of each list; the newest come first.
const pagesPerLook = 5;
const approvedWithinMs = 24 * 3_600_000;

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
  sinceMs: number,
  signal: AbortSignal,
): Promise<Listed> {
  const { resource, location } = of.place;
  if (resource.is !== 'deploy') return nothing;
  const parent = `projects/${of.project}/locations/${location}/deliveryPipelines/${resource.pipeline}/releases/-`;
  const params = { parent, pageSize: 50, filter: `targetId="${resource.target}"`, orderBy: 'createTime desc' };
  const call = { service: 'deploy', method: 'rollouts.list', params, project: of.project } as const;
  // One that waited for its approval began later than it was made.
  const isLast = (page: JsonObject): boolean =>
    rollouts.parse(page).rollouts.some(({ createTime }) => Date.parse(createTime) < sinceMs - approvedWithinMs);
  const { pages, more } = await pagesOf(reader, call, signal, pagesPerLook, isLast);
  const all = pages
    .flatMap((page) => rollouts.parse(page).rollouts)
    .filter(({ targetId }) => targetId === resource.target);
  const found = all.map((one, index): Found => {
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
  return { found, more: more && all.every(({ createTime }) => Date.parse(createTime) >= sinceMs) };
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
  sinceMs: number,
  signal: AbortSignal,
): Promise<Listed> {
  const { resource, location } = of.place;
  if (resource.is !== 'sql') return nothing;
  const params = { project: of.project, instance: resource.instance, maxResults: 50 };
  const call = { service: 'sql', method: 'operations.list', params, project: of.project } as const;
  const isLast = (page: JsonObject): boolean => operations.parse(page).items.some((one) => beganMs(one) < sinceMs);
  const { pages, more } = await pagesOf(reader, call, signal, pagesPerLook, isLast);
  const all = pages.flatMap((page) => operations.parse(page).items);
  const found = all.flatMap((one): readonly Found[] => {
    const atMs = beganMs(one);
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
  return { found, more };
}

function beganMs({ startTime, insertTime }: z.infer<typeof operations>['items'][number]): number {
  return Date.parse(startTime ?? insertTime ?? '');
}

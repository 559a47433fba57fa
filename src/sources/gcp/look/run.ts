import * as z from 'zod';

import type { GcpReader } from '../../../domain/ports/gcp.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import { faultOfError, type ReadFault } from '../../../io/clients/http-reader.ts';
import type { Watched } from '../watched.ts';

/** A service of Cloud Run as it is now. */
export interface RunState {
  /** What serves: `web-00041`, and with a split `web-00041@90%+web-00042@10%`. */
  readonly serving: string;
  /** The newest revision that was made, and the newest that came up. */
  readonly created: string;
  readonly ready: string;
  readonly isFailing: boolean;
  /** Why it is not ready. */
  readonly said: string;
  /** When it was last changed, by whom, and with what. */
  readonly updatedMs: number;
  readonly modifier: string;
  readonly client: string;
  readonly clientVersion: string;
}

/** What a look gave: each place's state, or why it is not known. */
export interface Look<S> {
  readonly states: ReadonlyMap<Watched, S>;
  readonly faults: ReadonlyMap<Watched, ReadFault>;
}

const share = z.object({
  type: z.string().default(''),
  revision: z.string().default(''),
  percent: z.number().default(0),
});
const service = z.object({
  updateTime: z.string().nullish(),
  lastModifier: z.string().default(''),
  client: z.string().default(''),
  clientVersion: z.string().default(''),
  latestReadyRevision: z.string().default(''),
  latestCreatedRevision: z.string().default(''),
  traffic: z.array(share).default([]),
  trafficStatuses: z.array(share).default([]),
  terminalCondition: z
    .object({ state: z.string().default(''), message: z.string().default('') })
    .default({ state: '', message: '' }),
});

/** Looks at every service of Cloud Run among the places. What cannot be read is a fault of its own; the rest stands. */
export async function lookAtRun(
  watched: readonly Watched[],
  reader: GcpReader,
  signal: AbortSignal,
): Promise<Look<RunState>> {
  return lookAt(watched, async ({ place, project }) => {
    const { resource, location } = place;
    if (resource.is !== 'run') return undefined;
    const params = { name: `projects/${project}/locations/${location}/services/${resource.service}` };
    const call = { service: 'run', method: 'services.get', params, project } as const;
    return stateOf(service.parse(await reader.ask(call, signal)));
  });
}

/** Looks at each place; `undefined` is none of its kind. */
export async function lookAt<S>(
  watched: readonly Watched[],
  one: (watched: Watched) => Promise<S | undefined>,
): Promise<Look<S>> {
  const states = new Map<Watched, S>();
  const faults = new Map<Watched, ReadFault>();
  await Promise.all(
    watched.map(async (of) => {
      try {
        const state = await one(of);
        if (state !== undefined) states.set(of, state);
      } catch (thrown) {
        faults.set(of, faultFrom(thrown));
      }
    }),
  );
  return { states, faults };
}

function faultFrom(thrown: unknown): ReadFault {
  if (thrown instanceof z.ZodError)
    return { reason: 'malformed', message: 'Google Cloud answered what is not what it answers' };
  const fault = faultOfError(thrown);
  const isGone = thrown instanceof WatchkeeperError && thrown.code === 'not-found';
  return isGone ? { ...fault, reason: 'missing' } : fault;
}

function stateOf(found: z.infer<typeof service>): RunState {
  const { terminalCondition: condition } = found;
  const updatedMs = Date.parse(found.updateTime ?? '');
  return {
    serving: servingOf(found),
    created: shortName(found.latestCreatedRevision),
    ready: shortName(found.latestReadyRevision),
    isFailing: condition.state === 'CONDITION_FAILED',
    said: condition.state === 'CONDITION_SUCCEEDED' ? '' : condition.message,
    updatedMs: Number.isFinite(updatedMs) ? updatedMs : 0,
    modifier: found.lastModifier,
    client: found.client,
    clientVersion: found.clientVersion,
  };
}

// Traffic that follows the newest revision is that of the newest that came up.
function servingOf({
  traffic,
  trafficStatuses,
  latestReadyRevision,
}: Pick<z.infer<typeof service>, 'traffic' | 'trafficStatuses' | 'latestReadyRevision'>): string {
  const shares = new Map<string, number>();
  for (const { type, revision, percent } of trafficStatuses.length > 0 ? trafficStatuses : traffic) {
    const isLatest = type === 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST';
    const name = shortName(revision === '' && isLatest ? latestReadyRevision : revision);
    if (percent > 0 && name !== '') shares.set(name, (shares.get(name) ?? 0) + percent);
  }
  return sharesText(shares) || shortName(latestReadyRevision);
}

/** Shares of a whole in one word, the largest first: `a`, or `a@90%+b@10%`. */
export function sharesText(shares: ReadonlyMap<string, number>): string {
  const sorted = [...shares].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const [first] = sorted;
  if (first !== undefined && sorted.length === 1) return first[0];
  return sorted.map(([name, percent]) => `${name}@${percent}%`).join('+');
}

/** The last part of a resource's name. */
export function shortName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

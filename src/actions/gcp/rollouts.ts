import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { digest } from '../../lib/canonical.ts';
import { oneLine } from '../../lib/text.ts';
import type { Reach } from './swap.ts';

const answer = z.object({
  rollouts: z
    .array(
      z.object({
        name: z.string(),
        createTime: z.string().default(''),
        deployStartTime: z.string().nullish(),
        targetId: z.string().default(''),
        state: z.string().default(''),
        approvalState: z.string().default(''),
        failureReason: z.string().nullish(),
      }),
    )
    .default([]),
});

/** One rollout to a target of Cloud Deploy, as a hand sees it. */
export interface Rollout {
  readonly id: string;
  readonly release: string;
  readonly state: string;
  readonly createdMs: number;
  /** Whether it has touched the target. */
  readonly hasStarted: boolean;
  /** Whether the target wanted somebody's approval for it. */
  readonly wantedApproval: boolean;
  readonly reason: string;
}

const prefix = 'watchkeeper-';
const dead: ReadonlySet<string> = new Set(['APPROVAL_REJECTED', 'CANCELLED', 'FAILED', 'HALTED']);
const going: ReadonlySet<string> = new Set([
  'CANCELLING',
  'IN_PROGRESS',
  'PENDING',
  'PENDING_APPROVAL',
  'PENDING_RELEASE',
]);

/** The newest rollouts to the target, the newest first. */
export async function readRollouts({ place, session, context }: Reach<'deploy'>): Promise<readonly Rollout[]> {
  const { target } = place.resource;
  const parent = `${pipelineName({ place, session })}/releases/-`;
  const params = { parent, pageSize: 50, filter: `targetId="${target}"`, orderBy: 'createTime desc' };
  const { rollouts } = answer.parse(
    await session.ask({ service: 'deploy', method: 'rollouts.list', params }, context.signal),
  );
  return rollouts
    .filter(({ targetId }) => targetId === target)
    .map((one): Rollout => {
      const [, release = '', id = ''] = /\/releases\/([^/]+)\/rollouts\/([^/]+)$/.exec(one.name) ?? [];
      return {
        ...{ id, release, state: one.state, createdMs: Date.parse(one.createTime) || 0 },
        hasStarted: one.state === 'SUCCEEDED' || (one.deployStartTime ?? '') !== '',
        wantedApproval: /^(NEEDS_APPROVAL|APPROVED|REJECTED)$/.test(one.approvalState),
        reason: oneLine(one.failureReason ?? '', 300),
      };
    })
    .sort((a, b) => b.createdMs - a.createdMs);
}

/** `projects/…/deliveryPipelines/shop`. */
export function pipelineName({ place, session }: Pick<Reach<'deploy'>, 'place' | 'session'>): string {
  return `projects/${session.project}/locations/${place.location}/deliveryPipelines/${place.resource.pipeline}`;
}

/** The rollout whose release the target has, be it well or not; one of ours counts from when it was asked for. @throws `not-found`. */
export function presentOf(all: readonly Rollout[]): Rollout {
  const found = all.find((one) => one.hasStarted || (isOurs(one) && !dead.has(one.state)));
  if (found !== undefined) return found;
  throw new WatchkeeperError('not-found', 'nothing was rolled out to this target yet');
}

/** Whether it has not ended yet. */
export function isGoing({ state }: Rollout): boolean {
  return going.has(state);
}

/** Whether the watch asked for it: now, or at another time. */
export function isOurs({ id }: Rollout): boolean {
  return id.startsWith(prefix);
}

/** The name of an act's rollout: Cloud Deploy makes none twice. */
export function rolloutId(release: string, key: string): string {
  return `${prefix}${digest(['gcp-rollout', release, key]).slice(-32)}`;
}

/** What a rollout waits for or how it ended, in words. */
export function wordsOf({ id, release, state, reason }: Rollout): string {
  const is = `rollout ${id} of ${release} is ${state}`;
  if (state === 'PENDING_APPROVAL') return `${is}: somebody has to approve or reject it in Cloud Deploy`;
  return reason === '' ? is : `${is}: ${reason}`;
}

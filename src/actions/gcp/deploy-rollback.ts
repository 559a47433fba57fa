import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { GcpAccess } from '../../domain/ports/action.ts';
import { until, type Progress } from '../until.ts';
import { isGoing, isOurs, pipelineName, presentOf, readRollouts, rolloutId, wordsOf } from './rollouts.ts';
import { swapAction, type Reach, type SwapLook } from './swap.ts';

const release = z.string().regex(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be the name of a release, such as shop-41');
const params = z.strictObject({
  /** The release to roll out again. Default: that of the newest rollout that succeeded with another one. */
  toRelease: release.exactOptional(),
  /** The release, or the rollout, that is blamed. When another one is there by now, nothing is done. */
  from: release.exactOptional(),
});
type Params = z.infer<typeof params>;

/** Takes a target of Cloud Deploy back to an earlier release, and waits until that rollout has succeeded. */
export const deployRollback = swapAction<Params, 'deploy'>({
  kind: 'gcp.deploy-rollback',
  summary: 'Take a target of Cloud Deploy back to an earlier release and wait until its rollout has succeeded',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'deploy',
  setting: 'release',
  access,
  besides: [
    "roles/iam.serviceAccountUser on the service account that Cloud Deploy runs the target's jobs as: it asks for it at every rollout",
  ],
  look,
  read: async (reach) => ({ value: presentOf(await readRollouts(reach)).release }),
  write: async (reach, to, _now, key) => {
    const all = await readRollouts(reach);
    // Also for undo: what never succeeded there is not put back, and what is not listed any more is not known.
    if (!all.some(({ state, release: one }) => state === 'SUCCEEDED' && one === to))
      throw new WatchkeeperError('conflict', `no rollout of ${to} to this target that succeeded is listed`);
    const call = {
      ...({ service: 'deploy', method: 'deliveryPipelines.rollbackTarget' } as const),
      params: { name: pipelineName(reach) },
      body: { targetId: reach.place.resource.target, rolloutId: rolloutId(to, key), releaseId: to },
    };
    await reach.session.ask(call, reach.context.signal);
  },
  finish: (reach, to) => until(reach.context, limits.gcpPollMs, () => progressOf(reach, to)),
});

// Cloud Deploy asks for both: the first in its API, the second in what people roll back with.
function access(): GcpAccess {
  const permissions = ['clouddeploy.rollouts.create', 'clouddeploy.rollouts.list', 'clouddeploy.rollouts.rollback'];
  return {
    grants: [{ permissions, on: { is: 'project' } }],
    look: ['deploy rollouts.list'],
    act: ['deploy deliveryPipelines.rollbackTarget'],
  };
}

async function look(given: Params, reach: Reach<'deploy'>): Promise<SwapLook> {
  const all = await readRollouts(reach);
  const present = presentOf(all);
  const now = present.release;
  const earlier = all.filter((one) => one.state === 'SUCCEEDED' && one.release !== now);
  const candidates = [...new Set(earlier.map((one) => one.release))];
  const to = given.toRelease ?? candidates[0];
  const needsApproval = all[0]?.wantedApproval === true;
  const other = all.find(isGoing);
  const base = {
    now: { value: now },
    facts: { release: now, rollout: present.id, state: present.state, needsApproval, candidates },
    // What the target is keeps serving while its own strategy replaces it; Cloud Deploy does not say how much of it.
    blast: {
      ...{ touched: 1, total: 1, healthyNow: 1, healthyAfter: 1 },
      ...{ targets: [`${reach.place.resource.pipeline}/${reach.place.resource.target}`], dependents: [] },
    },
    diff: needsApproval ? ['somebody has to approve it in Cloud Deploy, as every rollout to this target'] : [],
    ...(other === undefined ? {} : { busy: wordsOf(other) }),
  };
  if (given.from !== undefined && given.from !== now && given.from !== present.id)
    return { ...base, to: { refused: `${given.from} is blamed, and ${now} is there by now` } };
  if (to === undefined) return { ...base, to: { refused: `no other release than ${now} has succeeded lately` } };
  if (to !== now && !candidates.includes(to))
    return { ...base, to: { refused: `no rollout of ${to} to this target that succeeded is listed` } };
  return { ...base, to };
}

async function progressOf(reach: Reach<'deploy'>, to: string): Promise<Progress> {
  const all = await readRollouts(reach);
  const present = presentOf(all);
  // Newer than whatever is there: that it was rejected or cancelled before it began leaves the target as it was.
  const [newest] = all;
  const rollout = newest !== undefined && isOurs(newest) && newest.release === to ? newest : present;
  const message = wordsOf(rollout);
  if (rollout.release !== to) return { is: 'failed', message: `${message}: somebody else rolled out` };
  if (rollout.state === 'SUCCEEDED') return { is: 'done', message };
  return { is: isGoing(rollout) ? 'under-way' : 'failed', message };
}

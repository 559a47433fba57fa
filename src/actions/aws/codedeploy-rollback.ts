import * as z from 'zod';

import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import { oneLine } from '../../lib/text.ts';
import { until } from '../until.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { AwsAccess } from '../../domain/ports/action.ts';
import { isGoing, readDeployments, type Deployment } from './codedeploy.ts';
import type { PlaceOf } from './place.ts';
import { swapAction, type Reach, type SwapLook } from './swap.ts';

const revision = z.string().regex(/^[\w./@:=+,-]{1,300}$/, 'must be a revision as it is shown: bucket/key@version');
const params = z.strictObject({
  /** The revision to deploy again. Default: that of the newest deployment that succeeded with another one. */
  toRevision: revision.exactOptional(),
  /** The revision, or the deployment, that is blamed. When another one was deployed by now, nothing is done. */
  from: revision.exactOptional(),
});
type Params = z.infer<typeof params>;

/** Deploys an earlier revision to a deployment group of CodeDeploy again, and waits until that has succeeded. */
export const codedeployRollback = swapAction<Params, 'codedeploy'>({
  kind: 'aws.codedeploy-rollback',
  summary: 'Deploy an earlier revision to a deployment group of CodeDeploy and wait until that has succeeded',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'codedeploy',
  setting: 'revision',
  access: codedeployAccess,
  look,
  read: async (reach) => ({ value: newestOf(await readDeployments(reach)).revisionName }),
  write: async (reach, to, _now, key) => {
    const all = await readDeployments(reach);
    const known = all.find(({ revisionName, revision: one }) => revisionName === to && one !== undefined);
    // Older than what is listed, or deleted: what is not seen is not deployed.
    if (known?.revision === undefined)
      throw new WatchkeeperError('conflict', `no deployment of ${to} is listed any more`);
    const { application, group } = reach.place.resource;
    const input = {
      ...{ applicationName: application, deploymentGroupName: group, revision: known.revision },
      // Another rollback after ours would be a second hand.
      ...{ description: `watchkeeper ${key}`.slice(0, 256), autoRollbackConfiguration: { enabled: false } },
    };
    await reach.session.ask({ service: 'codedeploy', operation: 'CreateDeployment', input }, reach.context.signal);
  },
  finish: (reach, to) =>
    until(reach.context, limits.awsPollMs, async () => {
      const newest = newestOf(await readDeployments(reach));
      const message = `deployment ${newest.id} of ${newest.revisionName} is ${newest.status}`;
      if (newest.revisionName !== to) return { is: 'failed', message: `${message}: somebody else deployed` };
      if (newest.status === 'Succeeded') return { is: 'done', message };
      return isGoing(newest)
        ? { is: 'under-way', message }
        : { is: 'failed', message: `${message}: ${oneLine(newest.error, 300)}` };
    }),
});

function codedeployAccess({ region, resource: { application, group } }: PlaceOf<'codedeploy'>): AwsAccess {
  const arn = (what: string): string => `arn:{partition}:codedeploy:${region}:{account}:${what}`;
  const ofGroup = [arn(`deploymentgroup:${application}/${group}`)];
  return {
    look: [{ actions: ['codedeploy:ListDeployments', 'codedeploy:BatchGetDeployments'], resources: ofGroup }],
    act: [
      { actions: ['codedeploy:CreateDeployment'], resources: ofGroup },
      // CodeDeploy asks these of whoever creates a deployment.
      {
        actions: ['codedeploy:GetApplicationRevision', 'codedeploy:RegisterApplicationRevision'],
        resources: [arn(`application:${application}`)],
      },
      { actions: ['codedeploy:GetDeploymentConfig'], resources: [arn('deploymentconfig:*')] },
    ],
  };
}

async function look(given: Params, reach: Reach<'codedeploy'>): Promise<SwapLook> {
  const all = await readDeployments(reach);
  const newest = newestOf(all);
  const now = newest.revisionName;
  const earlier = all.filter(({ status, revisionName }) => status === 'Succeeded' && revisionName !== now);
  const candidates = [...new Set(earlier.map(({ revisionName }) => revisionName))];
  const to = given.toRevision ?? candidates[0];
  const base = {
    now: { value: now },
    facts: { revision: now, deployment: newest.id, status: newest.status, candidates },
    blast: blastOf(newest, reach.place.resource.group),
    ...(isGoing(newest) ? { busy: `deployment ${newest.id} of ${now} is ${newest.status}` } : {}),
  };
  if (given.from !== undefined && given.from !== now && given.from !== newest.id)
    return { ...base, to: { refused: `${given.from} is blamed, and ${now} is deployed by now` } };
  if (to === undefined) return { ...base, to: { refused: `no other revision than ${now} has succeeded lately` } };
  if (to !== now && !candidates.includes(to))
    return { ...base, to: { refused: `no deployment of ${to} that succeeded is listed` } };
  return { ...base, to };
}

// How many instances are away at once is the deployment configuration's: the three that AWS has are known.
function blastOf({ instances, config }: Deployment, group: string): SwapLook['blast'] {
  const total = Math.max(1, instances);
  const away = config.endsWith('OneAtATime') ? 1 : config.endsWith('HalfAtATime') ? Math.ceil(total / 2) : total;
  return { touched: total, total, healthyAfter: total - away, targets: [group], dependents: [] };
}

function newestOf(all: readonly Deployment[]): Deployment {
  const [newest] = all;
  if (newest !== undefined) return newest;
  throw new WatchkeeperError('not-found', 'nothing was deployed to this deployment group yet');
}

import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { Observation } from '../../domain/remediation.ts';
import type { Service } from '../../domain/service.ts';
import type { LookedAt, ResolvedStep } from '../../runbooks/index.ts';
import type { Watch } from '../watch.ts';
import { withHosts } from './group-health.ts';

/** What was seen, or the sentence why it could not be. `misplaced`: the action is not for what the service is. */
export type Looked =
  | { readonly ok: true; readonly looked: Readonly<Record<string, LookedAt>> }
  | { readonly ok: false; readonly because: string; readonly misplaced: boolean };

/** Looks at every step's target, read-only, and asks what would be done to it. The first that cannot be says why. */
export async function lookAt(
  watch: Watch,
  service: Service,
  steps: readonly Pick<ResolvedStep, 'id' | 'action' | 'params'>[],
): Promise<Looked> {
  const looked: Record<string, LookedAt> = {};
  for (const step of steps) {
    const kind = watch.actions[step.action];
    if (!kind) return { ok: false, because: `there is no action ${step.action}`, misplaced: false };
    try {
      const target = kind.target(step.params, service);
      const observation = await observeOne(watch, service, step);
      looked[step.id] = { target, observation, preview: kind.preview(step.params, observation) };
    } catch (thrown) {
      const error = WatchkeeperError.from(thrown);
      const misplaced = error.code === 'unsupported';
      return { ok: false, because: `step ${step.id} (${step.action}): ${error.message}`, misplaced };
    }
  }
  return { ok: true, looked };
}

/** Live state of the targets of a plan's steps; one that cannot be read is left out, and the decision then refuses. */
export async function observeSteps(
  watch: Watch,
  service: Service,
  steps: readonly Pick<ResolvedStep, 'id' | 'action' | 'params'>[],
): Promise<Readonly<Record<string, Observation>>> {
  const seen: Record<string, Observation> = {};
  for (const step of steps) {
    try {
      seen[step.id] = await observeOne(watch, service, step);
    } catch (thrown) {
      watch.log.warn('a target could not be read', {
        step: step.id,
        action: step.action,
        error: WatchkeeperError.from(thrown),
      });
    }
  }
  return seen;
}

/** Adds what no hand can see: the services that depend on what is touched, and how the other hosts of a group fare. */
export function withSurroundings(watch: Watch, observed: Observation): Observation {
  const observation = withHosts(watch, observed);
  const dependents = watch
    .catalog()
    .allDependentsOf(observation.target.service)
    .map((reached) => reached.name);
  return { ...observation, blast: { ...observation.blast, dependents } };
}

async function observeOne(
  watch: Watch,
  service: Service,
  step: Pick<ResolvedStep, 'action' | 'params'>,
): Promise<Observation> {
  const kind = watch.actions[step.action];
  if (!kind) throw new WatchkeeperError('unsupported', `there is no action ${step.action}`);
  const deadline = watch.clock.deadline(limits.observeTimeoutMs, watch.signal);
  try {
    const { operatorIo: io, epoch } = watch;
    const context = { service, io, epoch, signal: deadline.signal, timeoutMs: limits.observeTimeoutMs };
    return withSurroundings(watch, await kind.observe(step.params, context));
  } finally {
    deadline.cancel();
  }
}

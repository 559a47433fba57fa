import { digest } from '../../../lib/canonical.ts';
import { objectAt } from '../../../lib/dig.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { JsonObject } from '../../../lib/json.ts';
import { limits } from '../../../lib/limits.ts';
import type { ActionContext, ActionResult } from '../../../domain/ports/action.ts';
import type { KubernetesObject, KubernetesOperator } from '../../../domain/ports/kubernetes.ts';
import {
  applications,
  findApplication,
  parseApplication,
  readGitops,
  type ArgoApplication,
} from '../../../io/clients/gitops/index.ts';
import { writeFault } from '../../faults.ts';
import { lookAtOwned, waitUntilMs, type OwnedWorkload } from './workload.ts';

/** A workload with the Application that owns it. */
export interface ArgoLook extends OwnedWorkload {
  readonly application: KubernetesObject;
  readonly app: ArgoApplication;
  /** `argocd/checkout`. */
  readonly id: string;
  /** Why a change of the Application's own spec would not last: it is owned itself. */
  readonly parentReverts?: string;
}

/** Which Application, recorded before anything is asked of it. */
export interface ArgoRef {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** @throws WatchkeeperError `unsupported` when no Application owns the workload. */
export async function lookAtArgo(given: { readonly workload?: string }, context: ActionContext): Promise<ArgoLook> {
  const owned = await lookAtOwned(given, context);
  const owner = owned.state?.owner;
  const { kind, name } = owned.place.workload;
  if (owner?.by !== 'argo') throw new WatchkeeperError('unsupported', `no Argo CD application owns ${kind} ${name}`);
  const found = await findApplication(owned.cluster, owner, context.signal);
  const application = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', ...found };
  const app = parseApplication(application);
  const parent = await readGitops(owned.cluster, application, context.signal);
  const id = `${app.namespace}/${app.name}`;
  return {
    ...owned,
    application,
    app,
    id,
    ...(parent?.reverts === undefined ? {} : { parentReverts: `application ${id} is owned itself: ${parent.reverts}` }),
  };
}

/** Who is syncing it right now, or nobody. */
export function syncing({ operation, state }: ArgoApplication): string | undefined {
  if (operation === undefined && state?.phase !== 'Running' && state?.phase !== 'Terminating') return undefined;
  const by = state?.by ?? (state?.automated === true ? 'Argo CD itself' : 'somebody');
  return `Argo CD is syncing it${state?.revision === undefined ? '' : ` to ${state.revision}`}, asked by ${by}`;
}

/** `spec.syncPolicy.automated` exactly as written, or null. */
export function automatedOf(application: KubernetesObject): JsonObject | null {
  return objectAt(application, 'spec', 'syncPolicy', 'automated') ?? null;
}

/** What a plan is bound to: how the Application syncs and what was deployed last. Its status churns beside that. */
export function argoDigest(application: KubernetesObject, app: ArgoApplication): string {
  const last = app.history.at(-1);
  return digest([application.metadata.uid ?? '', automatedOf(application), last?.id ?? -1, last?.revision ?? '']);
}

/** The Application that was recorded. @throws WatchkeeperError `not-found` when it is gone, `conflict` when it is another. */
export async function readApplication(
  cluster: KubernetesOperator,
  { uid, ...ref }: ArgoRef,
  signal: AbortSignal,
): Promise<{ readonly application: KubernetesObject; readonly app: ArgoApplication }> {
  const application = await cluster.get(applications, ref, signal);
  const id = `${ref.namespace}/${ref.name}`;
  if (application === undefined) throw new WatchkeeperError('not-found', `application ${id} is gone`);
  if (application.metadata.uid !== uid) throw new WatchkeeperError('conflict', `application ${id} is another by now`);
  return { application, app: parseApplication(application) };
}

const patchTries = 5;

/**
 * Patches the Application while it is as expected. Its controller writes status all the time, and each such write makes
 * the precondition fail for certain: then it is looked at anew.
 *
 * @param patch what to write to the Application that was just read, or why not.
 */
export async function patchApplication(
  cluster: KubernetesOperator,
  ref: ArgoRef,
  patch: (application: KubernetesObject, app: ArgoApplication) => JsonObject | ActionResult,
  signal: AbortSignal,
): Promise<ActionResult | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      const { application, app } = await readApplication(cluster, ref, signal);
      const body = patch(application, app);
      if ('is' in body) return body as ActionResult;
      const { uid, resourceVersion } = application.metadata;
      const metadata = { uid, resourceVersion } as JsonObject;
      await cluster.patch(applications, ref, { type: 'merge', body: { ...body, metadata } }, {}, signal);
      return undefined;
    } catch (thrown) {
      const isConflict = thrown instanceof WatchkeeperError && thrown.code === 'conflict';
      if (!isConflict || tries >= patchTries) return writeFault(thrown);
    }
  }
}

/** Waits for the end of the operation that carries our mark. `unknown` when time is up. */
export async function waitForSync(
  cluster: KubernetesOperator,
  ref: ArgoRef,
  mark: string,
  context: ActionContext,
): Promise<ActionResult> {
  const until = waitUntilMs(context);
  for (;;) {
    const { app } = await readApplication(cluster, ref, context.signal);
    const ended = syncEnded(app, mark);
    if (ended !== undefined) return ended;
    if (context.io.clock.monotonicMs() >= until)
      return { is: 'unknown', message: `Argo CD was asked to sync ${ref.name}, and has not said how it ended` };
    await context.io.clock.sleep(limits.gitopsPollMs, context.signal);
  }
}

/** How our operation ended; `undefined` while it has not. */
export function syncEnded({ operation, state, infos }: ArgoApplication, mark: string): ActionResult | undefined {
  if (!infos.includes(markInfo(mark)))
    return { is: 'unknown', message: 'the sync that was asked for is not there any more: another one took its place' };
  if (operation !== undefined || state === undefined) return undefined;
  if (state.phase === 'Succeeded') return { is: 'done', message: `Argo CD synced it to ${state.revision ?? 'there'}` };
  if (state.phase !== 'Failed' && state.phase !== 'Error') return undefined;
  return { is: 'failed', message: `Argo CD could not sync it: ${state.message.slice(0, 500)}` };
}

/** How our note reads among an operation's. */
export function markInfo(mark: string): string {
  return `watchkeeper=${mark}`;
}

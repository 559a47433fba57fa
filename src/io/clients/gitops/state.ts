import { textAt } from '../../../lib/dig.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { JsonObject } from '../../../lib/json.ts';
import type { KubernetesObject, KubernetesReader } from '../../../domain/ports/kubernetes.ts';
import { parseApplication } from './argo.ts';
import { fluxCommit, parseFlux } from './flux.ts';
import { gitopsOwner, type GitopsOwner } from './owner.ts';
import { applications, fluxAppliers, gitRepositories } from './resources.ts';

/** Who owns an object, and whether a write of ours to it would last. */
export interface GitopsState {
  readonly owner: GitopsOwner;
  /** `argocd/checkout`, `shop/checkout`. */
  readonly app: string;
  /** The owner acts by itself. When it could not be read it is taken to. */
  readonly autoSync: boolean;
  readonly repo?: string;
  /** What is applied now: a commit or a chart's version. */
  readonly revision?: string;
  /** Why a write would not last; absent when it would. */
  readonly reverts?: string;
}

/** Where Argo CD keeps its Applications, unless it was installed elsewhere. */
export const argoNamespace = 'argocd';

/**
 * Finds an Application: where the owner says, else in `argocd`, else the only one of that name in the cluster.
 *
 * @throws WatchkeeperError `not-found`; `conflict` when several have the name; what the reader throws.
 */
export async function findApplication(
  reader: KubernetesReader,
  owner: { readonly namespace?: string; readonly name: string },
  signal: AbortSignal,
): Promise<KubernetesObject> {
  const { name, namespace = argoNamespace } = owner;
  const found = await reader.get(applications, { namespace, name }, signal);
  if (found !== undefined) return found;
  const selection = { fieldSelector: `metadata.name=${name}`, limit: 2 };
  const elsewhere = owner.namespace === undefined ? await reader.list(applications, selection, signal) : undefined;
  const [only, second] = elsewhere?.items ?? [];
  if (only === undefined)
    throw new WatchkeeperError('not-found', `there is no Argo CD application ${namespace}/${name}`);
  if (second === undefined) return only;
  throw new WatchkeeperError('conflict', `there are several Argo CD applications called ${name}`);
}

/** Reads who owns an object. `undefined`: nobody that is known of. An owner that cannot be read is taken to act by itself. */
export async function readGitops(
  reader: KubernetesReader,
  object: KubernetesObject,
  signal: AbortSignal,
): Promise<GitopsState | undefined> {
  const owner = gitopsOwner(object);
  if (owner === undefined) return undefined;
  try {
    return await stateOf(reader, owner, object, signal);
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    if (error.code === 'aborted' || error.code === 'timeout') throw error;
    const reverts = `${ownerName(owner)} could not be read, and may revert this: ${error.message}`;
    return { owner, app: appOf(owner), autoSync: true, reverts };
  }
}

async function stateOf(
  reader: KubernetesReader,
  owner: GitopsOwner,
  object: KubernetesObject,
  signal: AbortSignal,
): Promise<GitopsState> {
  if (owner.by === 'argo') return argoState(await findApplication(reader, owner, signal));
  if (owner.by === 'flux') return fluxState(reader, owner, object, signal);
  // Helm looks at its objects only when somebody runs it.
  if (owner.by === 'helm') return { owner, app: appOf(owner), autoSync: false };
  return {
    owner,
    app: appOf(owner),
    autoSync: true,
    reverts: `the controller of ${ownerName(owner)} would revert this`,
  };
}

function argoState(object: KubernetesObject): GitopsState {
  const app = parseApplication(object);
  const named = { by: 'argo', namespace: app.namespace, name: app.name } as const;
  const when = app.selfHeal ? 'within minutes' : 'at the next commit';
  return {
    owner: named,
    app: appOf(named),
    autoSync: app.automated,
    ...(app.source.repo === undefined ? {} : { repo: app.source.repo }),
    ...(app.sync.revision === undefined ? {} : { revision: app.sync.revision }),
    ...(app.automated
      ? { reverts: `${ownerName(named)} would revert this ${when}; use argo-rollback or argo-suspend-sync` }
      : {}),
  };
}

async function fluxState(
  reader: KubernetesReader,
  owner: GitopsOwner & { readonly by: 'flux' },
  object: KubernetesObject,
  signal: AbortSignal,
): Promise<GitopsState> {
  const found = await reader.get(fluxAppliers[owner.kind], owner, signal);
  if (found === undefined) throw new WatchkeeperError('not-found', `there is no ${ownerName(owner)}`);
  const flux = parseFlux(owner.kind, found);
  const isOn = !flux.suspended && !(owner.kind === 'Kustomization' && isLeftAlone(object));
  const when = flux.corrects ? 'at its next run' : 'at its next upgrade';
  const repo = await repositoryOf(reader, flux.source, signal);
  return {
    owner,
    app: appOf(owner),
    autoSync: isOn,
    ...(repo === undefined ? {} : { repo }),
    ...(flux.applied === undefined ? {} : { revision: fluxCommit(flux.applied) }),
    ...(isOn ? { reverts: `${ownerName(owner)} would revert this ${when}; use flux-suspend first` } : {}),
  };
}

// Annotations by which an object tells kustomize-controller to keep its hands off.
function isLeftAlone({ metadata: { annotations } }: KubernetesObject): boolean {
  const ssa = textAt(annotations, 'kustomize.toolkit.fluxcd.io/ssa');
  const isOff = textAt(annotations, 'kustomize.toolkit.fluxcd.io/reconcile') === 'disabled';
  return isOff || ssa === 'Ignore' || ssa === 'IfNotPresent';
}

// Good to show, and not needed: who may not read it acts without.
async function repositoryOf(
  reader: KubernetesReader,
  source: ReturnType<typeof parseFlux>['source'],
  signal: AbortSignal,
): Promise<string | undefined> {
  if (source?.kind !== 'GitRepository') return undefined;
  try {
    return textAt(await reader.get(gitRepositories, source, signal), 'spec', 'url');
  } catch (thrown) {
    const { code } = WatchkeeperError.from(thrown);
    if (code === 'aborted' || code === 'timeout') throw thrown;
    return undefined;
  }
}

/** What people call an owner: `Argo CD application argocd/checkout`. */
export function ownerName(owner: GitopsOwner): string {
  if (owner.by === 'argo') return `Argo CD application ${appOf(owner)}`;
  if (owner.by === 'flux') return `Flux ${owner.kind} ${appOf(owner)}`;
  return owner.by === 'helm' ? `Helm release ${appOf(owner)}` : `${owner.kind} ${owner.name} (${owner.apiVersion})`;
}

function appOf(owner: GitopsOwner): string {
  if (owner.by === 'controller') return owner.name;
  return `${owner.namespace ?? argoNamespace}/${owner.name}`;
}

/**
 * `target.gitops` of an observation: `{by, app, autoSync, repo, revision, reverts}`. With no owner: `{by: 'nobody', app: '',
 * autoSync: false}`, so that conditions can always be evaluated.
 */
export function gitopsFacts(state: GitopsState | undefined): JsonObject {
  if (state === undefined) return { by: 'nobody', app: '', autoSync: false };
  const { owner, ...rest } = state;
  return { by: owner.by, ...rest };
}

/**
 * Refuses a plain write that would not last. Given the facts of an observation, for `preview` and again for `run`.
 *
 * @throws WatchkeeperError `conflict`, saying who would revert it and what to use instead.
 */
export function refuseFought(facts: JsonObject): void {
  const reverts = textAt(facts, 'gitops', 'reverts');
  if (reverts !== undefined) throw new WatchkeeperError('conflict', reverts);
}

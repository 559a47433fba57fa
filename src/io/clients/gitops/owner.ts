import { flagAt, listAt, objectAt, textAt } from '../../../lib/dig.ts';
import type { KubernetesObject } from '../../../domain/ports/kubernetes.ts';

/** Who keeps an object as it is written elsewhere, as far as the object itself says. Names are untrusted text (I12). */
export type GitopsOwner =
  /** `namespace` is known only when the Application is not in Argo CD's own namespace. */
  | { readonly by: 'argo'; readonly namespace?: string; readonly name: string }
  | {
      readonly by: 'flux';
      readonly kind: 'Kustomization' | 'HelmRelease';
      readonly namespace: string;
      readonly name: string;
    }
  /** A Helm release that nothing but a person or a pipeline upgrades. */
  | { readonly by: 'helm'; readonly namespace: string; readonly name: string }
  /** A custom resource whose controller made the object: an operator's own. */
  | { readonly by: 'controller'; readonly apiVersion: string; readonly kind: string; readonly name: string };

const argoTracking = 'argocd.argoproj.io/tracking-id';
const argoManagers = new Set(['argocd-controller', 'argocd-application-controller']);

/**
 * Says who owns an object. Argo CD's tracking id and Flux's labels come before Helm's annotations, since both install
 * charts. A tracking id counts only on the object it names: Deployments pass their annotations on. The label
 * `app.kubernetes.io/instance`, which charts set too, counts as Argo CD's only where its controller has written to the object.
 */
export function gitopsOwner(object: KubernetesObject): GitopsOwner | undefined {
  return argoOwner(object) ?? fluxOwner(object) ?? helmOwner(object) ?? controllerOwner(object);
}

/** The field managers that an owner of this sort writes under. */
export function managersOf(owner: GitopsOwner): readonly string[] {
  switch (owner.by) {
    case 'argo':
      return [...argoManagers];
    case 'flux':
      return [owner.kind === 'HelmRelease' ? 'helm-controller' : 'kustomize-controller'];
    case 'helm':
      return ['helm', 'Helm'];
    case 'controller':
      return [];
  }
}

function argoOwner({ metadata, ...object }: KubernetesObject): GitopsOwner | undefined {
  const tracked = argoTracked(textAt(metadata.annotations, argoTracking));
  const apiVersion = textAt(object, 'apiVersion') ?? '';
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
  const self = `${group}/${textAt(object, 'kind') ?? ''}:${metadata.namespace ?? ''}/${metadata.name}`;
  if (tracked !== undefined && tracked.of === self) return tracked.owner;
  const instance = textAt(metadata.labels, 'app.kubernetes.io/instance');
  const written = listAt(metadata, 'managedFields').some((entry) => argoManagers.has(textAt(entry, 'manager') ?? ''));
  return instance !== undefined && written ? applicationNamed(instance) : undefined;
}

// `checkout:apps/Deployment:shop/checkout`
function argoTracked(id: string | undefined): { readonly owner: GitopsOwner; readonly of: string } | undefined {
  const colon = id?.indexOf(':') ?? -1;
  if (id === undefined || colon < 1) return undefined;
  return { owner: applicationNamed(id.slice(0, colon)), of: id.slice(colon + 1) };
}

// Applications outside of Argo CD's namespace are called `namespace_name`; neither part can hold an underscore.
function applicationNamed(instance: string): GitopsOwner {
  const [first = '', second] = instance.split('_', 2);
  return second === undefined ? { by: 'argo', name: first } : { by: 'argo', namespace: first, name: second };
}

function fluxOwner({ metadata }: KubernetesObject): GitopsOwner | undefined {
  for (const [kind, group] of [
    ['HelmRelease', 'helm.toolkit.fluxcd.io'],
    ['Kustomization', 'kustomize.toolkit.fluxcd.io'],
  ] as const) {
    const name = textAt(metadata.labels, `${group}/name`);
    const namespace = textAt(metadata.labels, `${group}/namespace`);
    if (name !== undefined && namespace !== undefined) return { by: 'flux', kind, namespace, name };
  }
  return undefined;
}

function helmOwner({ metadata }: KubernetesObject): GitopsOwner | undefined {
  const name = textAt(metadata.annotations, 'meta.helm.sh/release-name');
  const namespace = textAt(metadata.annotations, 'meta.helm.sh/release-namespace') ?? metadata.namespace;
  return name === undefined || namespace === undefined ? undefined : { by: 'helm', namespace, name };
}

function controllerOwner({ metadata }: KubernetesObject): GitopsOwner | undefined {
  const reference = listAt(metadata, 'ownerReferences').find((one) => flagAt(one, 'controller'));
  const [apiVersion, kind, name] = ['apiVersion', 'kind', 'name'].map((key) => textAt(reference, key));
  if (apiVersion === undefined || kind === undefined || name === undefined || isBuiltIn(apiVersion)) return undefined;
  return { by: 'controller', apiVersion, kind, name };
}

// Kubernetes' own: `v1`, `apps/v1`, `batch/v1` and what ends in k8s.io.
function isBuiltIn(apiVersion: string): boolean {
  const [group = '', version] = apiVersion.split('/', 2);
  return version === undefined || !group.includes('.') || group.endsWith('.k8s.io');
}

/**
 * Whether somebody has applied a field of `spec` and would apply it again: a GitOps controller or a person by server-side
 * apply, other than `ours`. By `managedFields`; an object that carries none tells nothing, and the answer is no.
 */
export function isAppliedByOthers(object: KubernetesObject, field: string, ours: string): boolean {
  return listAt(object.metadata, 'managedFields').some(
    (entry) =>
      textAt(entry, 'operation') === 'Apply' &&
      textAt(entry, 'manager') !== ours &&
      objectAt(entry, 'fieldsV1', 'f:spec', `f:${field}`) !== undefined,
  );
}

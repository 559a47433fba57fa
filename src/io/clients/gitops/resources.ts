import type { KubernetesResource } from '../../../domain/ports/kubernetes.ts';

const kind = (group: string, version: string, plural: string, name: string): KubernetesResource => ({
  group,
  version,
  plural,
  kind: name,
  namespaced: true,
});

/** Argo CD's Applications. */
export const applications = kind('argoproj.io', 'v1alpha1', 'applications', 'Application');
/** Flux's Kustomizations: what kustomize-controller applies. */
export const kustomizations = kind('kustomize.toolkit.fluxcd.io', 'v1', 'kustomizations', 'Kustomization');
/** Flux's HelmReleases: what helm-controller installs. */
export const helmReleases = kind('helm.toolkit.fluxcd.io', 'v2', 'helmreleases', 'HelmRelease');
/** Where Flux takes Git from. */
export const gitRepositories = kind('source.toolkit.fluxcd.io', 'v1', 'gitrepositories', 'GitRepository');
/** Where Helm keeps its releases, among everything else that is secret. */
export const secrets = kind('', 'v1', 'secrets', 'Secret');

/** The collection of a Flux object that applies others. */
export const fluxAppliers = { Kustomization: kustomizations, HelmRelease: helmReleases } as const;

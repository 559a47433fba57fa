/**
 * Who owns an object in a cluster, and what its owner's own objects say: Argo CD, Flux, Helm. Read by sources (changes)
 * and by actions (whether a write lasts), through the same port with each one's credentials.
 */
export { parseApplication, type ArgoApplication, type ArgoDeployment } from './argo.ts';
export { fluxCommit, parseFlux, type FluxApplier, type FluxRelease } from './flux.ts';
export {
  decodeRelease,
  encodeRelease,
  helmRevision,
  helmSecretName,
  helmSecretType,
  type HelmRevision,
} from './helm.ts';
export { gitopsOwner, isAppliedByOthers, managersOf, type GitopsOwner } from './owner.ts';
export { applications, fluxAppliers, gitRepositories, helmReleases, kustomizations, secrets } from './resources.ts';
export {
  argoNamespace,
  findApplication,
  gitopsFacts,
  ownerName,
  readGitops,
  refuseFought,
  type GitopsState,
} from './state.ts';

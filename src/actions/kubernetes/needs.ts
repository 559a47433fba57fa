import type { KubernetesNeed } from '../../domain/ports/action.ts';

/** RBAC rules as people read them: `patch deployments.apps (its namespace)`. */
export function needsOf(access: readonly KubernetesNeed[]): readonly string[] {
  return access.map(({ in: where, group, resources, verbs }) => {
    const names = resources.map((name) => (group === '' ? name : `${name}.${group}`));
    return `${verbs.join(', ')} ${names.join(', ')} (${where === 'namespace' ? 'its namespace' : 'the cluster'})`;
  });
}

/** What is asked of whoever owns an object by GitOps: whether it would revert a write. Read only. */
export const ownerNeeds: readonly KubernetesNeed[] = [
  { in: 'cluster', group: 'argoproj.io', resources: ['applications'], verbs: ['get', 'list'] },
  { in: 'cluster', group: 'kustomize.toolkit.fluxcd.io', resources: ['kustomizations'], verbs: ['get'] },
  { in: 'cluster', group: 'helm.toolkit.fluxcd.io', resources: ['helmreleases'], verbs: ['get'] },
];

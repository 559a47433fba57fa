import type { KubernetesNeed } from '../../domain/ports/action.ts';

/** RBAC rules as people read them: `patch deployments.apps (its namespace)`. */
export function needsOf(access: readonly KubernetesNeed[]): readonly string[] {
  return access.map(({ in: where, group, resources, verbs }) => {
    const names = resources.map((name) => (group === '' ? name : `${name}.${group}`));
    return `${verbs.join(', ')} ${names.join(', ')} (${where === 'namespace' ? 'its namespace' : 'the cluster'})`;
  });
}

import type { JsonObject } from '../../lib/json.ts';
import type { ClusterPermissions, RbacRule } from './rules.ts';

/** Whom the rules are bound to: a ServiceAccount. */
export interface Account {
  readonly namespace: string;
  readonly name: string;
}

/** Roles and bindings, ready to be applied: a Role in each namespace, a ClusterRole only for what has no namespace. */
export function rbacManifests({ cluster, namespaces }: ClusterPermissions, account: Account): readonly JsonObject[] {
  const { name } = account;
  return [
    ...namespaces.flatMap(({ namespace, rules }) => [
      role('Role', { name, namespace }, rules),
      binding('RoleBinding', 'Role', { name, namespace }, account),
    ]),
    ...(cluster.length === 0
      ? []
      : [role('ClusterRole', { name }, cluster), binding('ClusterRoleBinding', 'ClusterRole', { name }, account)]),
  ];
}

const apiVersion = 'rbac.authorization.k8s.io/v1';

function role(kind: string, metadata: JsonObject, rules: readonly RbacRule[]): JsonObject {
  return { apiVersion, kind, metadata, rules: rules.map((rule) => ({ ...rule })) };
}

function binding(kind: string, of: string, metadata: JsonObject, account: Account): JsonObject {
  return {
    apiVersion,
    kind,
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: of, name: account.name },
    subjects: [{ kind: 'ServiceAccount', name: account.name, namespace: account.namespace }],
  };
}

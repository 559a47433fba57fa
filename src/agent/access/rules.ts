import type { ActionKind, KubernetesNeed } from '../../domain/ports/action.ts';
import type { ClusterReading } from '../../domain/ports/source.ts';
import type { Runbook } from '../../runbooks/index.ts';
import type { Service } from '../../domain/service.ts';
import { selects } from '../../lib/selector.ts';

/** One rule of Kubernetes RBAC, as a Role has it. */
export interface RbacRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** Only objects of these names; absent: all. */
  readonly resourceNames?: readonly string[];
}

/** What a ServiceAccount needs: in the whole cluster, and namespace by namespace. */
export interface ClusterPermissions {
  readonly cluster: readonly RbacRule[];
  readonly namespaces: readonly { readonly namespace: string; readonly rules: readonly RbacRule[] }[];
}

/** Where a look for services comes from. */
export interface WhoActs {
  readonly runbooks: readonly Runbook[];
  readonly services: readonly Service[];
  readonly actions: Readonly<Record<string, ActionKind>>;
  /** Only services in this cluster; absent: in any. */
  readonly cluster?: string;
  /** Namespaces where services are discovered, which no document names: every runbook may act there. */
  readonly namespaces: readonly string[];
}

/** The least that the hand needs in a cluster for the runbooks in force, and nothing more. */
export function operatorPermissions(who: WhoActs): ClusterPermissions {
  const everywhere: KubernetesNeed[] = [];
  const byNamespace = new Map<string, KubernetesNeed[]>();
  for (const runbook of who.runbooks) {
    const needs = runbook.steps.flatMap((step) => [...(who.actions[step.action]?.access ?? [])]);
    const namespaces = namespacesOf(runbook, who);
    if (needs.length === 0 || namespaces.length === 0) continue;
    everywhere.push(...needs.filter((need) => need.in === 'cluster'));
    for (const namespace of namespaces) {
      const known = byNamespace.get(namespace) ?? [];
      byNamespace.set(namespace, [...known, ...needs.filter((need) => need.in === 'namespace')]);
    }
  }
  const cluster = joined(everywhere);
  return {
    cluster,
    namespaces: [...byNamespace]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([namespace, needs]) => ({ namespace, rules: joined(needs) })),
  };
}

/** The least that readers need in a cluster, namespace by namespace where they are kept to some. */
export function readerPermissions(readings: readonly ClusterReading[]): ClusterPermissions {
  const names = [...new Set(readings.flatMap(({ namespaces = [] }) => namespaces))].sort();
  return {
    cluster: joined(readings.filter(({ namespaces }) => namespaces === undefined)),
    namespaces: names.map((namespace) => ({
      namespace,
      rules: joined(readings.filter(({ namespaces }) => namespaces?.includes(namespace) === true)),
    })),
  };
}

function namespacesOf(runbook: Runbook, { services, cluster, namespaces }: WhoActs): readonly string[] {
  const declared = services
    .filter((service) => selects(runbook.services, service))
    .flatMap((service) => service.runsOn)
    .flatMap((place) => (place.on === 'kubernetes' ? [place.kubernetes] : []))
    .filter((place) => cluster === undefined || place.cluster === cluster)
    .map((place) => place.namespace);
  return [...new Set([...declared, ...namespaces])];
}

type Need = Pick<KubernetesNeed, 'group' | 'resources' | 'verbs'> & Pick<ClusterReading, 'names'>;

// One rule for each set of verbs in a group; resources and verbs in order, so that the same needs print the same Role.
function joined(needs: readonly Need[]): readonly RbacRule[] {
  const verbsOf = new Map<string, { group: string; resource: string; verbs: Set<string>; names: string[] }>();
  for (const { group, resources, verbs, names = [] } of needs)
    for (const resource of resources) {
      const sorted = [...new Set(names)].sort();
      const key = `${group}/${resource} ${sorted.join()}`;
      const known = verbsOf.get(key) ?? { group, resource, verbs: new Set(), names: sorted };
      for (const verb of verbs) known.verbs.add(verb);
      verbsOf.set(key, known);
    }
  const rules = new Map<string, RbacRule & { readonly resources: string[] }>();
  for (const [, { group, resource, verbs, names }] of [...verbsOf].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const sorted = [...verbs].sort();
    const key = `${group} ${sorted.join()} ${names.join()}`;
    const resourceNames = names.length === 0 ? {} : { resourceNames: names };
    const known = rules.get(key) ?? { apiGroups: [group], resources: [], verbs: sorted, ...resourceNames };
    known.resources.push(resource);
    rules.set(key, known);
  }
  return [...rules.values()];
}

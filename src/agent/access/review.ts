import type { Json } from '../../lib/json.ts';
import type { KubernetesReader } from '../../domain/ports/kubernetes.ts';
import type { ClusterPermissions, RbacRule } from './rules.ts';

/** How what we may do compares with what we need, in sentences. */
export interface AccessReport {
  /** Needed and not given: acts that need it are refused, by name. */
  readonly missing: readonly string[];
  /** Given and not needed: more than the least. */
  readonly excess: readonly string[];
  /** Whether there was anything to compare: without a service known to run in the cluster nothing is needed there yet. */
  readonly compared: boolean;
}

/** Asks the API server about our own credentials. Changes nothing; may be asked of an operator or a reader. */
export async function reviewAccess(
  cluster: KubernetesReader,
  needed: ClusterPermissions,
  signal: AbortSignal,
): Promise<AccessReport> {
  const missing: string[] = [];
  const excess: string[] = [];
  const compared = needed.cluster.length + needed.namespaces.length > 0;
  // A cluster that is gone, or does not know us, is told even where there is nothing to compare.
  if (!compared) await cluster.rules('default', signal);
  for (const { group, resource, verb } of triples(needed.cluster))
    if (!(await cluster.may({ verb, group, resource }, signal)))
      missing.push(`${verb} ${nameOf(group, resource)} in the cluster`);
  for (const { namespace, rules } of needed.namespaces) {
    const granted = rulesIn(await cluster.rules(namespace, signal));
    const wanted = triples([...rules, ...needed.cluster]);
    for (const { group, resource, verb } of triples(rules))
      if (!granted.some((rule) => gives(rule, group, resource, verb)))
        // The list of rules may be incomplete (webhooks, node authorizers): the question itself decides.
        if (!(await cluster.may({ verb, group, resource, namespace }, signal)))
          missing.push(`${verb} ${nameOf(group, resource)} in ${namespace}`);
    for (const rule of granted) excess.push(...tooMuch(rule, wanted).map((what) => `${what} in ${namespace}`));
  }
  return { missing, excess: [...new Set(excess)].sort(), compared };
}

/**
 * What a reader's credentials are good for beyond reading, as the API server tells in the namespaces that are read, or in
 * `default`. What it lacks is told kind by kind, where it reads.
 */
export async function reviewReader(
  cluster: KubernetesReader,
  needed: ClusterPermissions,
  signal: AbortSignal,
): Promise<AccessReport> {
  const names = needed.namespaces.map(({ namespace }) => namespace);
  const excess: string[] = [];
  for (const namespace of names.length === 0 ? ['default'] : names) {
    const own = needed.namespaces.find((one) => one.namespace === namespace)?.rules ?? [];
    const wanted = triples([...own, ...needed.cluster]);
    for (const rule of rulesIn(await cluster.rules(namespace, signal)))
      excess.push(...tooMuch(rule, wanted, alsoOfReaders).map((what) => `${what} in ${namespace}`));
  }
  return { missing: [], excess: [...new Set(excess)].sort(), compared: true };
}

interface Triple {
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
}

function triples(rules: readonly RbacRule[]): readonly Triple[] {
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => ({ group, resource, verb })))),
  );
}

function gives(rule: RbacRule, group: string, resource: string, verb: string): boolean {
  const has = (list: readonly string[], value: string): boolean => list.includes(value) || list.includes('*');
  return has(rule.apiGroups, group) && has(rule.resources, resource) && has(rule.verbs, verb);
}

// Reading more than is needed is worth no alarm, but for secrets. What every account may ask about itself is none.
const harmless = new Set(['get', 'list', 'watch']);
const aboutOneself = new Set(['authorization.k8s.io', 'authentication.k8s.io']);

// A pod's own account holds the lease and answers in the status of custom resources, too.
const alsoOfReaders = ({ group, resource }: Triple): boolean =>
  (group === 'coordination.k8s.io' && resource === 'leases') ||
  (group === 'watchkeeper.dev' && resource.endsWith('/status'));

function tooMuch(
  rule: RbacRule,
  wanted: readonly Triple[],
  isFine: (one: Triple) => boolean = () => false,
): readonly string[] {
  return triples([rule])
    .filter((one) => !aboutOneself.has(one.group) && !isFine(one))
    .filter(({ resource, verb }) => !harmless.has(verb) || resource === 'secrets' || resource === '*')
    .filter(
      (one) =>
        !wanted.some(
          ({ group, resource, verb }) => group === one.group && resource === one.resource && verb === one.verb,
        ),
    )
    .map(({ group, resource, verb }) => `${verb} ${nameOf(group, resource)}`);
}

function nameOf(group: string, resource: string): string {
  const name = resource === '*' ? 'everything' : resource;
  return group === '' ? name : `${name}.${group}`;
}

function rulesIn(status: Readonly<Record<string, Json | undefined>>): readonly RbacRule[] {
  const { resourceRules } = status;
  return (Array.isArray(resourceRules) ? (resourceRules as readonly Json[]) : []).map((rule) => ({
    apiGroups: textsOf(rule, 'apiGroups'),
    // A rule for objects by name is no leave to act on others.
    resources: textsOf(rule, 'resourceNames').length > 0 ? [] : textsOf(rule, 'resources'),
    verbs: textsOf(rule, 'verbs'),
  }));
}

function textsOf(rule: Json, key: string): readonly string[] {
  const list =
    typeof rule === 'object' && rule !== null && !Array.isArray(rule)
      ? (rule as Readonly<Record<string, Json>>)[key]
      : [];
  return Array.isArray(list) ? (list as readonly Json[]).filter((one) => typeof one === 'string') : [];
}

import type { Service, TelemetryBinding } from '../../domain/service.ts';
import type { Labels } from '../../domain/telemetry.ts';
import type { ClusterView } from './cluster.ts';
import { delivererOf } from './deliveries.ts';
import type { Beside } from './beside/index.ts';
import type { WorkloadRecord } from './records/workload.ts';
import type { NamespaceRecord } from './records/others.ts';
import { metricNames, metricOf, type MetricName } from './signals/catalogue.ts';
import { certificatesOf } from './signals/used.ts';

/** What discovery looks at. */
export interface DiscoveryOptions {
  readonly source: string;
  readonly services: 'labelled' | 'all';
  readonly nodes: boolean;
  readonly view: ClusterView;
  readonly beside: Beside;
}

const ours = 'watchkeeper.dev/';

/** Services that the cluster shows: workloads that opted in, nodes, and the cluster itself. */
export function discoverServices(options: DiscoveryOptions): readonly Service[] {
  const { view } = options;
  const byName = new Map<string, Service>();
  const chosen = [...view.workloads()].filter((workload) => isChosen(workload, options));
  const names = new Set(chosen.map((workload) => nameOf(workload, options.source)));
  for (const workload of chosen) {
    const service = serviceOf(workload, options, names);
    const known = byName.get(service.name);
    byName.set(service.name, known === undefined ? service : joined(known, service));
  }
  const nodes = options.nodes ? [...view.table('nodes').all()] : [];
  return [...byName.values(), ...nodes.map(({ name }) => nodeService(name, options)), clusterService(options)];
}

// A workload that another one made is that one's affair.
function isChosen(workload: WorkloadRecord, { view, services }: DiscoveryOptions): boolean {
  if (workload.deleting || view.ownerOf(workload) !== undefined) return false;
  const said = markOf(workload);
  if (said !== undefined) return said === 'true';
  const space = view.table('namespaces').get('', workload.namespace);
  return services === 'all' || (space !== undefined && markOf(space) === 'true');
}

function markOf({
  labels,
  annotations,
}: {
  readonly labels: Labels;
  readonly annotations: Labels;
}): string | undefined {
  return labels[`${ours}watch`] ?? annotations[`${ours}watch`];
}

/** What a workload's service is called: as an annotation says, as Backstage knows it, or `checkout.shop`. */
function nameOf(workload: WorkloadRecord, source: string): string {
  const { annotations, labels } = workload;
  const said =
    annotations[`${ours}service`] ?? annotations['backstage.io/kubernetes-id'] ?? labels['backstage.io/kubernetes-id'];
  if (said !== undefined && isName(said)) return said;
  return `${workload.name}.${workload.namespace}${source === 'kubernetes' ? '' : `.${source}`}`;
}

function isName(text: string): boolean {
  return text.length <= 200 && /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(text);
}

function serviceOf(workload: WorkloadRecord, options: DiscoveryOptions, names: ReadonlySet<string>): Service {
  const { view, source } = options;
  const space = view.table('namespaces').get('', workload.namespace);
  const { annotations } = workload;
  const labels = labelsOf(workload, space, source);
  const name = nameOf(workload, source);
  return {
    name,
    labels,
    owner: {
      team: annotations[`${ours}team`] ?? space?.annotations[`${ours}team`] ?? labels['team'] ?? '',
      escalate: annotations[`${ours}escalate`] ?? space?.annotations[`${ours}escalate`] ?? '',
    },
    dependsOn: dependenciesOf(workload, options, names).filter((one) => one !== name),
    runsOn: [
      {
        on: 'kubernetes',
        kubernetes: {
          cluster: source,
          namespace: workload.namespace,
          workload: { kind: workload.kind, name: workload.name },
        },
      },
    ],
    telemetry: bindingsOf(workload, options),
    slos: [],
    origin: 'discovered',
  };
}

// `cart, payments-db`: a bare name is a workload beside this one, if there is one; any other is a service's name.
function dependenciesOf(
  { annotations, namespace }: WorkloadRecord,
  { source }: DiscoveryOptions,
  names: ReadonlySet<string>,
): readonly string[] {
  const said = (annotations[`${ours}depends-on`] ?? '').split(',').map((name) => name.trim());
  const found = said.filter(isName).map((name) => {
    const beside = `${name}.${namespace}${source === 'kubernetes' ? '' : `.${source}`}`;
    return names.has(beside) ? beside : name;
  });
  return [...new Set(found)].sort();
}

/**
 * A namespace's labels win over a workload's, and both are cut to plain names (`tier`, or `watchkeeper.dev/tier`): policies
 * choose services by labels, and whoever may deploy into a namespace must not choose its policies.
 */
function labelsOf(workload: WorkloadRecord, space: NamespaceRecord | undefined, source: string): Labels {
  const partOf = workload.labels['app.kubernetes.io/part-of'];
  return {
    ...(partOf === undefined ? {} : { system: partOf }),
    ...plain(workload.labels),
    ...plain(space?.labels ?? {}),
    ...{ kind: 'workload', workload: workload.kind, namespace: workload.namespace, cluster: source },
  };
}

function plain(labels: Labels): Labels {
  const pairs = Object.entries(labels).flatMap(([name, value]): [string, string][] => {
    const short = name.startsWith(ours) ? name.slice(ours.length) : name;
    return short.includes('/') || short === 'watch' || short === 'pod-template-hash' ? [] : [[short, value]];
  });
  return Object.fromEntries(pairs);
}

function bindingsOf(workload: WorkloadRecord, { view, beside, source }: DiscoveryOptions): Service['telemetry'] {
  const also: MetricName[] = [];
  const target = `${workload.kind}/${workload.name}`;
  const scaled = [...view.table('horizontalpodautoscalers').all()].some(
    (scaler) => scaler.namespace === workload.namespace && scaler.target === target,
  );
  if (scaled) also.push('autoscaler_saturated');
  // Whether there is one; how it fares now is asked later.
  if (delivererOf(workload, view, 0) !== undefined) also.push('delivery_failing');
  if (beside.has('volumes') && view.podsOf(workload).some(({ claims }) => claims.length > 0))
    also.push('disk', 'inodes');
  if (certificatesOf(workload, view).length > 0) also.push('certificate_expiry');
  const usual = metricNames.filter((name) => {
    const { kinds, beside: from } = metricOf(name);
    return kinds.includes(workload.kind) && (from === undefined || beside.has(from));
  });
  return bound([...usual, ...also], source);
}

function bound(names: readonly MetricName[], source: string): Service['telemetry'] {
  const binding = (name: MetricName): TelemetryBinding => {
    const { unit, nature } = metricOf(name);
    return { source, unit, nature, query: { metric: name } };
  };
  return Object.fromEntries(names.map((name) => [name, binding(name)]));
}

function nodeService(node: string, { beside, source }: DiscoveryOptions): Service {
  const names: MetricName[] = ['node_ready', 'node_pressure'];
  if (beside.node(node) !== undefined) names.push('node_cpu', 'node_memory');
  if (beside.disk(node) !== undefined) names.push('node_disk');
  return {
    ...standing(`node-${node}`, { kind: 'host', node, cluster: source }),
    telemetry: bound(names, source),
  };
}

function clusterService({ source }: DiscoveryOptions): Service {
  return standing(source, { kind: 'cluster', cluster: source });
}

function standing(name: string, labels: Labels): Service {
  return {
    ...{ name, labels, owner: { team: '', escalate: '' }, dependsOn: [], runsOn: [], telemetry: {}, slos: [] },
    origin: 'discovered',
  };
}

// One service of several workloads: a web part and a worker.
function joined(a: Service, b: Service): Service {
  return {
    ...a,
    labels: { ...b.labels, ...a.labels },
    dependsOn: [...new Set([...a.dependsOn, ...b.dependsOn])].sort(),
    runsOn: [...a.runsOn, ...b.runsOn],
    telemetry: { ...b.telemetry, ...a.telemetry },
  };
}

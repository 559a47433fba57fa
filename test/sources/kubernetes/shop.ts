import type { Service } from '../../../src/domain/service.ts';
import type { ReaderIo } from '../../../src/domain/ports/io.ts';
import type { Collected, CollectRequest, Source } from '../../../src/domain/ports/source.ts';
import type { Json, JsonObject } from '../../../src/lib/json.ts';
import { kubernetesSource } from '../../../src/sources/kubernetes/index.ts';
import { httpWorld } from '../../support/http-world.ts';
import { virtualCluster, type VirtualCluster } from '../../support/virtual-kubernetes.ts';
import type { VirtualClock } from '../../support/virtual-clock.ts';

export const never = new AbortController().signal;

/** A Deployment in a small cluster, with a controller that the test drives: each call is a step it would take. */
export interface Shop {
  readonly clock: VirtualClock;
  readonly cluster: VirtualCluster;
  readonly source: Source;
  /** Rolls a version out: the Deployment, its ReplicaSet with the next revision, and its pods. */
  deploy(version: string, more?: Rollout): void;
  /** Replaces the status of one container of a pod. */
  container(pod: string, status: JsonObject): void;
  /** Services as discovered, with the signals bound as discovered. */
  services(): Promise<readonly Service[]>;
  collect(more?: Partial<CollectRequest>): Promise<Collected>;
  /** The newest value of a signal, and its note. */
  read(signal: string, service?: string): Promise<{ readonly v?: number; readonly note?: string }>;
}

export interface Rollout {
  readonly name?: string;
  readonly replicas?: number;
  /** How many pods of the new version there are; default: all. */
  readonly pods?: number;
  /** Pods of the version before are kept. */
  readonly keep?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly memory?: string;
  readonly by?: string;
  readonly status?: JsonObject;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly templateAnnotations?: Readonly<Record<string, string>>;
}

export function openShop(config: Json = {}): Shop {
  const { io: base, clock } = httpWorld(() => 'refuse');
  const cluster = virtualCluster(clock);
  const io: ReaderIo = { ...base, kubernetes: cluster.readers };
  const parsed = kubernetesSource.config.parse({ usage: false, ...(config as JsonObject) });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  const source = kubernetesSource.create('kubernetes', parsed.value, io);
  cluster.put({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shop', labels: { 'watchkeeper.dev/watch': 'true', env: 'prod', team: 'payments' } },
  });
  cluster.put(nodeObject('node-1'));
  const hashes = new Map<string, string>();
  const deploy: Shop['deploy'] = (version, more = {}) => {
    const { name = 'checkout', replicas = 3, pods = replicas } = more;
    const template = templateObject(version, more);
    const content = JSON.stringify(template);
    const hash = hashes.get(content) ?? `h${hashes.size + 1}`;
    hashes.set(content, hash);
    const sets = cluster.all('ReplicaSet').filter((set) => set.metadata.name.startsWith(`${name}-`));
    const revision = 1 + Math.max(0, ...sets.map((set) => Number(set.metadata.annotations?.[revisionKey] ?? 0)));
    const deployment = cluster.put({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        ...{ name, namespace: 'shop', labels: { app: name, ...more.labels }, annotations: { ...more.annotations } },
        managedFields: [
          {
            manager: more.by ?? 'kubectl-client-side-apply',
            operation: 'Update',
            time: new Date(clock.nowMs()).toISOString(),
            fieldsV1: { 'f:spec': { 'f:template': {}, 'f:replicas': {} } },
          },
        ],
      },
      spec: { replicas, template },
      status: { replicas, updatedReplicas: pods, readyReplicas: replicas, availableReplicas: replicas, ...more.status },
    });
    const old = sets.find((set) => set.metadata.name === `${name}-${hash}`);
    const set = cluster.put({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        ...(old?.metadata ?? {}),
        ...{ name: `${name}-${hash}`, namespace: 'shop', labels: { 'pod-template-hash': hash } },
        annotations: { [revisionKey]: String(revision) },
        ownerReferences: ownedBy('Deployment', name, deployment.metadata.uid ?? ''),
      },
      spec: { replicas: pods, template },
    });
    if (more.keep !== true)
      for (const pod of cluster.all('Pod'))
        if (pod.metadata.name.startsWith(`${name}-`))
          cluster.remove('Pod', { namespace: 'shop', name: pod.metadata.name });
    for (let index = 0; index < pods; index++)
      cluster.put(podObject(name, hash, index, set.metadata.uid ?? '', more.memory));
  };
  const services = (): Promise<readonly Service[]> => source.discover(never);
  const collect: Shop['collect'] = async (more = {}) => {
    const known = more.services ?? (await services());
    return source.collect(
      {
        ...{ fromMs: clock.nowMs() - 5_000, untilMs: clock.nowMs(), stepMs: 5_000, mode: 'live', services: known },
        signals: known.flatMap((service) =>
          Object.entries(service.telemetry).map(([signal, binding]) => ({ service: service.name, signal, binding })),
        ),
        ...more,
      },
      never,
    );
  };
  return {
    ...{ clock, cluster, source, deploy, services, collect },
    container: (name, status) => {
      cluster.patch(
        'Pod',
        { namespace: 'shop', name },
        {
          status: { containerStatuses: [{ name: 'app', ready: false, restartCount: 0, ...status }] },
        },
      );
    },
    read: async (signal, service = 'checkout.shop') => {
      await clock.advance(5_000);
      const { series } = await collect();
      const found = series.find((one) => one.signal === signal && one.service === service);
      const v = found?.samples.at(-1)?.v;
      return { ...(v === undefined ? {} : { v }), ...(found?.note === undefined ? {} : { note: found.note }) };
    },
  };
}

const revisionKey = 'deployment.kubernetes.io/revision';

function ownedBy(kind: string, name: string, uid: string): Json {
  return [{ apiVersion: 'apps/v1', kind, name, uid, controller: true }];
}

function templateObject(version: string, { env = {}, memory, templateAnnotations }: Rollout): JsonObject {
  return {
    metadata: { labels: { app: 'checkout' }, ...(templateAnnotations && { annotations: { ...templateAnnotations } }) },
    spec: {
      containers: [
        {
          name: 'app',
          image: `shop/checkout:${version}`,
          env: Object.entries(env).map(([name, value]) => ({ name, value })),
          envFrom: [{ configMapRef: { name: 'settings' } }],
          ...(memory === undefined ? {} : { resources: { limits: { memory } } }),
        },
      ],
    },
  };
}

export function podObject(name: string, hash: string, index: number, owner: string, memory?: string) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...{ name: `${name}-${hash}-${index}`, namespace: 'shop', labels: { 'pod-template-hash': hash } },
      ownerReferences: ownedBy('ReplicaSet', `${name}-${hash}`, owner),
    },
    spec: {
      nodeName: 'node-1',
      containers: [{ name: 'app', ...(memory === undefined ? {} : { resources: { limits: { memory } } }) }],
    },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [
        { name: 'app', ready: true, restartCount: 0, state: { running: { startedAt: '2026-01-01T00:00:00Z' } } },
      ],
    },
  };
}

export function nodeObject(name: string, conditions: readonly JsonObject[] = [{ type: 'Ready', status: 'True' }]) {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    status: { conditions, nodeInfo: { kubeletVersion: 'v1.34.2' }, allocatable: { cpu: '4', memory: '8Gi' } },
  };
}

/** A container that crashed and waits for its next try. */
export function crashed(restarts: number, atMs: number, exitCode = 1, reason = 'Error'): JsonObject {
  return {
    restartCount: restarts,
    state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off restarting failed container' } },
    lastState: { terminated: { reason, exitCode, finishedAt: new Date(atMs).toISOString() } },
  };
}

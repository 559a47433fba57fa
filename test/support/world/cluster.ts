import type { JsonObject } from '../../../src/lib/json.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type {
  KubernetesObject,
  KubernetesOperators,
  KubernetesReader,
  KubernetesReaders,
  KubernetesRef,
} from '../../../src/domain/ports/kubernetes.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import { reconcile, type Controllers } from '../virtual-controllers.ts';
import { virtualCluster, type GivenObject, type VirtualCluster } from '../virtual-kubernetes.ts';
import { virtualHands, writtenBy } from '../virtual-operator.ts';
import type { Effect } from './host.ts';
import type { WorldFile } from './world-file.ts';

/** The simulated cluster: a Deployment in namespace `shop` for each service of the scenario that runs there. */
export interface SimCluster extends KubernetesOperators {
  /** The cluster as a source reads it. */
  readonly readers: KubernetesReaders;
  has(service: string): boolean;
  /** The image its pods run, by its version: `v3`. */
  version(service: string): string;
  /** Whether its pods die for lack of memory. */
  starved(service: string): boolean;
  /** Somebody else writes to an object. */
  write(by: string, kind: string, ref: KubernetesRef, change: JsonObject): void;
  rollOut(by: string, service: string, image: string): void;
  put(object: JsonObject): void;
  /** The status of so many pods of a service. */
  pods(service: string, count: number, status: JsonObject): void;
  /** Whether the source may read a kind. */
  kind(plural: string, is: 'forbidden' | 'unreachable' | 'well'): void;
  /** From now on its pods need so much memory. */
  needs(service: string, mi: number): void;
  /** What runs, for the end of a story: `v2 on 4 pods with 512Mi`. */
  told(service: string): string;
}

interface Hooks {
  /** Before each effect of ours: telemetry up to now is of the old state. */
  readonly onEffect: (effect: Effect) => void;
  /** Our write changed which image a service runs. */
  readonly onMoved: (service: string, from: string, to: string) => void;
}

type Workload = WorldFile['cluster'][string];

/** Makes the cluster of a scenario, an hour and more after everything in it was last changed. */
export function simCluster(file: WorldFile, clock: VirtualClock, hooks: Hooks): SimCluster {
  const workloads: Record<string, Workload> = { ...file.cluster };
  const past = { ...clock, nowMs: () => clock.nowMs() - 3 * 3_600_000 };
  const time = { ago: true };
  const cluster = virtualCluster({ ...clock, nowMs: () => (time.ago ? past.nowMs() : clock.nowMs()) });
  const controllers: Controllers = {
    healthy: (template) => !Object.values(workloads).some(({ broken }) => broken.some((image) => has(template, image))),
    status: (template) => ({
      containerStatuses: [{ name: 'app', ready: true, restartCount: 0, state: { running: { startedAt: longAgo } } }],
      ...(starves(workloads, template) ? killed : {}),
      ...statusOf(workloads, template, clock.nowMs()),
    }),
  };
  const hands = virtualHands(cluster, controllers);
  const running = new Map<string, string>();
  hands.onEffect = ({ verb, kind, name }, moment) => {
    const service = Object.keys(workloads).find((one) => name === one || name.startsWith(`${one}-`));
    if (service === undefined) {
      // An owner, a node: it was written to for the sake of the one service that a story is about.
      const [about = name] = Object.keys(workloads);
      const effect = { atMs: clock.nowMs(), what: 'wrote', detail: `${verb} ${kind} ${name}`, service: about } as const;
      if (moment === 'before') hooks.onEffect(effect);
      return;
    }
    if (moment === 'before') {
      running.set(service, sim.version(service));
      hooks.onEffect({ atMs: clock.nowMs(), what: 'wrote', detail: `${verb} ${kind} ${name}`, service });
      return;
    }
    const [from, to] = [running.get(service) ?? '', sim.version(service)];
    if (from !== to) hooks.onMoved(service, `shop:${from}`, `shop:${to}`);
  };
  const templateOf = (name: string): JsonObject => {
    const spec = cluster.find('Deployment', { namespace: 'shop', name })?.['spec'] as JsonObject;
    return spec['template'] as JsonObject;
  };
  const refused = new Map<string, WatchkeeperError>();
  const sim: SimCluster = {
    operator: (name) => hands.operator(name),
    readers: { reader: ({ cluster: name }) => readerOf(cluster.reader(name), refused) },
    put: (object) => {
      cluster.put(atMoment(object, cluster.clock.nowMs()) as GivenObject);
      reconcile(cluster, controllers);
    },
    pods: (service, count, status) => {
      const named = (pod: KubernetesObject): boolean => pod.metadata.labels?.['app'] === service;
      for (const pod of cluster.all('Pod').filter(named).slice(0, count))
        cluster.patch('Pod', pod.metadata, { status: atMoment(status, clock.nowMs()) });
      reconcile(cluster, controllers);
    },
    kind: (plural, is) => {
      if (is === 'well') refused.delete(plural);
      else
        refused.set(
          plural,
          new WatchkeeperError(is, `${plural}: the API server ${is === 'forbidden' ? 'refuses' : 'does not answer'}`),
        );
      cluster.endWatches();
    },
    has: (service) => Object.hasOwn(workloads, service),
    version: (service) => /shop:([\w.-]+)/.exec(JSON.stringify(templateOf(service)))?.[1] ?? '',
    starved: (service) => starves(workloads, templateOf(service)),
    write: (by, kind, ref, change) => {
      writtenBy(cluster, by, kind, ref, change);
      reconcile(cluster, controllers);
    },
    rollOut: (by, service, image) =>
      sim.write(
        by,
        'Deployment',
        { namespace: 'shop', name: service },
        { spec: { template: { spec: { containers: [{ name: 'app', image }] } } } },
      ),
    needs: (service, mi) => {
      const workload = workloads[service];
      if (workload !== undefined) workloads[service] = { ...workload, needsMi: mi };
      cluster.patch(
        'Deployment',
        { namespace: 'shop', name: service },
        { metadata: { labels: { needs: String(mi) } } },
      );
      for (const pod of cluster.all('Pod')) cluster.remove('Pod', pod.metadata);
      reconcile(cluster, controllers);
    },
    told: (service) => {
      const { spec } = cluster.find('Deployment', { namespace: 'shop', name: service }) as never as {
        spec: { replicas: number };
      };
      const memory = /"memory":"(\w+)"/.exec(JSON.stringify(templateOf(service)))?.[1] ?? 'no limit';
      return `${sim.version(service)} on ${spec.replicas} pods with ${memory}`;
    },
  };
  cluster.put(shop);
  for (const name of ['node-1', 'node-2']) cluster.put(node(name));
  for (const object of file.objects) cluster.put(atMoment(object, clock.nowMs()) as GivenObject);
  for (const [name, workload] of Object.entries(workloads)) {
    const [first = 'shop:v1', ...later] = workload.images;
    cluster.put(deployment(name, first, workload));
    if (workload.hpa) cluster.put(autoscaler(name, workload.hpa));
    if (workload.pdb !== undefined) cluster.put(budget(name, workload.pdb));
    reconcile(cluster, controllers);
    for (const image of later) sim.rollOut('ci', name, image);
    if (workload.paused) sim.write('ana', 'Deployment', { namespace: 'shop', name }, { spec: { paused: true } });
  }
  time.ago = false;
  if (file.clusterIsRead) void bookmarks(cluster, clock);
  return sim;
}

// As a real server does about once a minute, so that who watches hears that it is there.
async function bookmarks(cluster: VirtualCluster, clock: VirtualClock): Promise<void> {
  for (;;) {
    await clock.sleep(60_000, forever);
    cluster.bookmark();
  }
}

const forever = new AbortController().signal;
const longAgo = '2026-11-01T00:00:00Z';

function readerOf(reader: KubernetesReader, refused: ReadonlyMap<string, WatchkeeperError>): KubernetesReader {
  const check = (plural: string): void => {
    const fault = refused.get(plural);
    if (fault !== undefined) throw fault;
  };
  return {
    ...reader,
    list: async (resource, selection, signal) => {
      check(resource.plural);
      return reader.list(resource, selection, signal);
    },
    watch: async function* (resource, selection, signal) {
      check(resource.plural);
      for await (const event of reader.watch(resource, selection, signal)) {
        check(resource.plural);
        yield event;
      }
    },
  };
}

function atMoment(object: JsonObject, nowMs: number): JsonObject {
  return JSON.parse(JSON.stringify(object).replaceAll('"NOW"', `"${new Date(nowMs).toISOString()}"`)) as JsonObject;
}

const shop = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'shop', labels: { 'watchkeeper.dev/watch': 'true', env: 'prod' } },
};

function statusOf(workloads: Readonly<Record<string, Workload>>, template: JsonObject, nowMs: number): JsonObject {
  const found = Object.values(workloads).flatMap(({ pods }) =>
    Object.entries(pods).flatMap(([image, status]) => (has(template, image) ? [status as JsonObject] : [])),
  );
  return atMoment(found[0] ?? {}, nowMs);
}

const killed: JsonObject = {
  containerStatuses: [{ name: 'app', restartCount: 4, lastState: { terminated: { reason: 'OOMKilled' } } }],
};

function has(template: JsonObject, image: string): boolean {
  return JSON.stringify(template).includes(`"${image}"`);
}

function starves(workloads: Readonly<Record<string, Workload>>, template: JsonObject): boolean {
  const memory = Number(/"limits":\{"memory":"(\d+)Mi"/.exec(JSON.stringify(template))?.[1] ?? Number.NaN);
  return Object.entries(workloads).some(([name, { needsMi }]) => {
    return needsMi !== undefined && JSON.stringify(template).includes(`"app":"${name}"`) && memory < needsMi;
  });
}

const deployment = (name: string, image: string, { replicas, memory, metadata, reads }: Workload) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { namespace: 'shop', name, ...metadata, labels: { app: name, ...(metadata['labels'] as JsonObject) } },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%' } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [
          {
            ...{ name: 'app', image, resources: { limits: { memory } } },
            ...(reads.length > 0 && { envFrom: reads.map((one) => ({ configMapRef: { name: one } })) }),
          },
        ],
      },
    },
  },
});

const node = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  spec: {},
  status: { allocatable: { memory: '16Gi' }, conditions: [{ type: 'Ready', status: 'True' }] },
});

const autoscaler = (name: string, { min, max }: { readonly min: number; readonly max: number }) => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { namespace: 'shop', name },
  spec: { scaleTargetRef: { kind: 'Deployment', name }, minReplicas: min, maxReplicas: max },
});

const budget = (name: string, minAvailable: number) => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { namespace: 'shop', name },
  spec: { minAvailable, selector: { matchLabels: { app: name } } },
});

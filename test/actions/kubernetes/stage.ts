import type { Json, JsonObject } from '../../../src/lib/json.ts';
import type { ActionContext } from '../../../src/domain/ports/action.ts';
import type { Clock, OperatorIo } from '../../../src/domain/ports/io.ts';
import type { Place, WorkloadKind } from '../../../src/domain/places.ts';
import type { Service } from '../../../src/domain/service.ts';
import { recordingLog } from '../../support/quiet-log.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { reconcile, type Controllers } from '../../support/virtual-controllers.ts';
import { virtualCluster, type GivenObject, type VirtualCluster } from '../../support/virtual-kubernetes.ts';
import { virtualHands, writtenBy, type VirtualHands } from '../../support/virtual-operator.ts';

/** A clock in which waiting takes no time. */
export interface EagerClock extends Clock {
  pass(ms: number): void;
}

export function eagerClock(startMs = Date.parse('2026-11-20T14:00:00Z')): EagerClock {
  let nowMs = startMs;
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs - startMs,
    sleep: (ms, signal) => {
      nowMs += ms;
      return signal.aborted ? Promise.reject(new Error('stopped')) : Promise.resolve();
    },
    deadline: (_ms, parent) => ({ signal: parent, cancel: () => undefined }),
    pass: (ms) => (nowMs += ms),
  };
}

/** A cluster with a Deployment `shop/web` of four replicas, three revisions old, and hands for it. */
export interface KubeStage {
  readonly clock: EagerClock;
  readonly cluster: VirtualCluster;
  readonly hands: VirtualHands;
  readonly service: Service;
  readonly context: (signal?: AbortSignal, timeoutMs?: number) => ActionContext;
  put(object: GivenObject): void;
  /** Somebody else writes. */
  write(by: string, kind: string, name: string, change: JsonObject): void;
  /** Everything there is. */
  world(): Json;
  template(): Json;
}

const image = (version: string): JsonObject => ({
  spec: { template: { spec: { containers: [{ name: 'app', image: `shop:${version}` }] } } },
});

export const deploymentOf = (name: string, version: string, replicas = 4): GivenObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { namespace: 'shop', name, labels: { app: name } },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [
          {
            name: 'app',
            image: `shop:${version}`,
            env: [{ name: 'TOKEN', value: 's3cret' }],
            resources: { limits: { memory: '512Mi' }, requests: { memory: '256Mi' } },
          },
          { name: 'proxy', image: 'proxy:1', resources: { limits: { memory: '64Mi' } } },
        ],
      },
    },
  },
});

export const nodeOf = (name: string, ready = true): GivenObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  spec: {},
  status: { allocatable: { memory: '8Gi' }, conditions: [{ type: 'Ready', status: ready ? 'True' : 'Unknown' }] },
});

export function placeIn(kind: WorkloadKind, name: string): Place {
  return { on: 'kubernetes', kubernetes: { cluster: 'kubernetes', namespace: 'shop', workload: { kind, name } } };
}

export function serviceOn(...runsOn: readonly Place[]): Service {
  return {
    name: 'web',
    labels: { env: 'prod' },
    owner: { team: 'shop', escalate: 'shop-oncall' },
    dependsOn: [],
    runsOn,
    telemetry: {},
    slos: [],
    origin: 'discovered',
  };
}

const elsewhere = () => Promise.reject(new Error('not in a cluster'));

function handsIo(clock: Clock, kubernetes: VirtualHands): OperatorIo {
  const files = {
    read: elsewhere,
    list: elsewhere,
    stat: elsewhere,
    readlink: elsewhere,
    realpath: elsewhere,
    diskUsage: elsewhere,
  };
  return {
    clock,
    random: seededRandom(1),
    log: recordingLog(),
    secrets: { resolve: elsewhere },
    http: { request: elsewhere },
    exec: { run: elsewhere },
    processes: { kill: elsewhere },
    sockets: { connectUnix: elsewhere },
    files: { ...files, replaceSymlink: elsewhere, unlink: elsewhere },
    kubernetes,
  } as unknown as OperatorIo;
}

/** Deploys v1, v2 and v3, an hour apart, by `ci`; the last one ten minutes ago. */
export function kubeStage(controllers: Controllers = {}, place: Place = placeIn('Deployment', 'web')): KubeStage {
  const clock = eagerClock();
  const cluster = virtualCluster(clock);
  const hands = virtualHands(cluster, controllers);
  for (const name of ['n1', 'n2', 'n3']) cluster.put(nodeOf(name));
  const write = (by: string, kind: string, name: string, change: JsonObject): void => {
    const ref = kind === 'Node' ? { name } : { namespace: 'shop', name };
    writtenBy(cluster, by, kind, ref, change);
    reconcile(cluster, controllers);
  };
  cluster.put(deploymentOf('web', 'v1'));
  reconcile(cluster, controllers);
  for (const version of ['v2', 'v3']) {
    clock.pass(3_600_000);
    write('ci', 'Deployment', 'web', image(version));
  }
  clock.pass(600_000);
  const io = handsIo(clock, hands);
  const service = serviceOn(place);
  return {
    clock,
    cluster,
    hands,
    service,
    context: (signal = new AbortController().signal, timeoutMs = 60_000) => ({
      service,
      io,
      signal,
      timeoutMs,
      epoch: 1,
    }),
    put: (object) => {
      cluster.put(object);
      reconcile(cluster, controllers);
    },
    write,
    world: () => dump(cluster),
    template: () =>
      (cluster.find('Deployment', { namespace: 'shop', name: 'web' })?.['spec'] as JsonObject)['template'] ?? null,
  };
}

const dumped = [
  'Deployment',
  'ReplicaSet',
  'Pod',
  'Node',
  'HorizontalPodAutoscaler',
  'Job',
  'CronJob',
  'ConfigMap',
  'PersistentVolumeClaim',
];

function dump(cluster: VirtualCluster): Json {
  return dumped.flatMap((kind) => [...cluster.all(kind)]);
}

/** Of the image v9 nobody's pods become ready. */
export const illAt =
  (...versions: readonly string[]) =>
  (template: JsonObject): boolean =>
    !versions.some((version) => JSON.stringify(template).includes(`shop:${version}`));

import type { JsonObject } from '../../../src/lib/json.ts';
import type { KubernetesOperators } from '../../../src/domain/ports/kubernetes.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import { reconcile, type Controllers } from '../virtual-controllers.ts';
import { virtualCluster } from '../virtual-kubernetes.ts';
import { virtualHands, writtenBy } from '../virtual-operator.ts';
import type { Effect } from './host.ts';
import type { WorldFile } from './world-file.ts';

/** The simulated cluster: a Deployment in namespace `shop` for each service of the scenario that runs there. */
export interface SimCluster extends KubernetesOperators {
  has(service: string): boolean;
  /** The image its pods run, by its version: `v3`. */
  version(service: string): string;
  /** Whether its pods die for lack of memory. */
  starved(service: string): boolean;
  /** Somebody else writes to an object in `shop`. */
  write(by: string, kind: string, name: string, change: JsonObject): void;
  rollOut(by: string, service: string, image: string): void;
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
    status: (template) => (starves(workloads, template) ? killed : {}),
  };
  const hands = virtualHands(cluster, controllers);
  const running = new Map<string, string>();
  hands.onEffect = ({ verb, kind, name }, moment) => {
    const service = Object.keys(workloads).find((one) => name === one || name.startsWith(`${one}-`)) ?? name;
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
  const sim: SimCluster = {
    operator: (name) => hands.operator(name),
    has: (service) => Object.hasOwn(workloads, service),
    version: (service) => /shop:([\w.-]+)/.exec(JSON.stringify(templateOf(service)))?.[1] ?? '',
    starved: (service) => starves(workloads, templateOf(service)),
    write: (by, kind, name, change) => {
      writtenBy(cluster, by, kind, { namespace: 'shop', name }, change);
      reconcile(cluster, controllers);
    },
    rollOut: (by, service, image) =>
      sim.write(by, 'Deployment', service, { spec: { template: { spec: { containers: [{ name: 'app', image }] } } } }),
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
  for (const name of ['node-1', 'node-2']) cluster.put(node(name));
  for (const [name, workload] of Object.entries(workloads)) {
    const [first = 'shop:v1', ...later] = workload.images;
    cluster.put(deployment(name, first, workload));
    if (workload.hpa) cluster.put(autoscaler(name, workload.hpa));
    if (workload.pdb !== undefined) cluster.put(budget(name, workload.pdb));
    reconcile(cluster, controllers);
    for (const image of later) sim.rollOut('ci', name, image);
    if (workload.paused) sim.write('ana', 'Deployment', name, { spec: { paused: true } });
  }
  time.ago = false;
  return sim;
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

const deployment = (name: string, image: string, { replicas, memory }: Workload) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { namespace: 'shop', name, labels: { app: name } },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%' } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'app', image, resources: { limits: { memory } } }] },
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

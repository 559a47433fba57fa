import { listAt, numberAt, objectAt, textAt } from '../../src/lib/dig.ts';
import type { Json, JsonObject } from '../../src/lib/json.ts';
import type { ActionContext } from '../../src/domain/ports/action.ts';
import type { OperatorIo } from '../../src/domain/ports/io.ts';
import type { KubernetesResource } from '../../src/domain/ports/kubernetes.ts';
import type { Service } from '../../src/domain/service.ts';
import {
  applications,
  encodeRelease,
  helmReleases,
  helmSecretName,
  helmSecretType,
  kustomizations,
  secrets,
} from '../../src/io/clients/gitops/index.ts';
import { contextOf, realHands, serviceAt } from './host-service.ts';
import { memoryCluster, type MemoryCluster } from './memory-cluster.ts';

const of = (group: string, plural: string, kind: string): KubernetesResource => ({
  group,
  version: 'v1',
  plural,
  kind,
  namespaced: true,
});
export const deployments = of('apps', 'deployments', 'Deployment');
export const configMaps = of('', 'configmaps', 'ConfigMap');

/** A service in the memory cluster: Deployment shop/checkout, four pods of v3. */
export interface OwnedCluster {
  readonly world: MemoryCluster;
  readonly context: (signal?: AbortSignal, timeoutMs?: number) => ActionContext;
  image(): string;
}

export const workload = { namespace: 'shop', name: 'checkout' };
export const service: Service = {
  ...serviceAt({}),
  runsOn: [
    {
      on: 'kubernetes',
      kubernetes: { cluster: 'here', namespace: 'shop', workload: { kind: 'Deployment', name: 'checkout' } },
    },
  ],
};

/** Makes one; `metadata` carries the owner's marks. */
export function ownedCluster(metadata: JsonObject): OwnedCluster {
  const world = memoryCluster([deployments, configMaps, secrets, applications, kustomizations, helmReleases]);
  world.put(deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...workload, ...metadata },
    spec: {
      replicas: 4,
      template: {
        spec: { containers: [{ name: 'app', image: 'checkout:v3', terminationMessagePath: '/dev/termination-log' }] },
      },
    },
    status: { readyReplicas: 4 },
  });
  const io: OperatorIo = { ...realHands(), kubernetes: { operator: () => world.operator } };
  return {
    world,
    context: (signal, timeoutMs = 8_000) => contextOf(service, io, timeoutMs, signal),
    image: () =>
      textAt(listAt(world.take(deployments, workload), 'spec', 'template', 'spec', 'containers')[0], 'image') ?? '',
  };
}

export const argoMarks = {
  annotations: { 'argocd.argoproj.io/tracking-id': 'checkout:apps/Deployment:shop/checkout' },
};
export const application = { namespace: 'argocd', name: 'checkout' };

/** An Application with three deployments, and a controller that takes up what it is asked at once. */
export function playArgo(
  { world }: OwnedCluster,
  syncPolicy: JsonObject,
  phase = 'Succeeded',
): { readonly syncs: string[] } {
  const syncs: string[] = [];
  const source = { repoURL: 'https://github.com/acme/deploy.git', path: 'checkout', targetRevision: 'main' };
  const entry = (id: number): JsonObject => ({
    id,
    revision: `${id}`.repeat(40),
    source,
    deployedAt: `2026-11-1${id}T10:00:00Z`,
  });
  world.put(applications, {
    metadata: application,
    spec: { source, syncPolicy },
    status: {
      history: [entry(1), entry(2), entry(3)],
      sync: { status: 'Synced', revision: '3'.repeat(40) },
      resources: [{}, {}],
    },
  });
  world.onWrite = () => {
    const app = world.take(applications, application);
    const operation = objectAt(app, 'operation');
    if (operation === undefined || phase === '') return;
    const revision = textAt(operation, 'sync', 'revision') ?? '';
    syncs.push(revision);
    const history = listAt(app, 'status', 'history') as readonly JsonObject[];
    const last = numberAt(history.at(-1), 'id') ?? 0;
    const added = phase === 'Succeeded' ? [{ ...entry(last + 1), revision }] : [];
    const state = { phase, message: 'as played', operation, syncResult: { revision } };
    world.change(applications, application, {
      operation: null,
      status: { history: [...history, ...added], operationState: state },
    });
    if (phase === 'Succeeded') setImage(world, `checkout:v${revision[0] ?? ''}`);
  };
  return { syncs };
}

function setImage(world: MemoryCluster, image: string): void {
  world.change(deployments, workload, { spec: { template: { spec: { containers: [{ name: 'app', image }] } } } });
}

export const helmMarks = {
  labels: { 'app.kubernetes.io/managed-by': 'Helm' },
  annotations: { 'meta.helm.sh/release-name': 'shop', 'meta.helm.sh/release-namespace': 'shop' },
};

/** Puts the record of a revision of release shop, with what its chart makes. */
export function putRelease(
  { world }: OwnedCluster,
  revision: number,
  status: string,
  manifest: string,
  more: JsonObject = {},
): void {
  const name = helmSecretName('shop', revision);
  const release: JsonObject = {
    name: 'shop',
    namespace: 'shop',
    version: revision,
    manifest,
    info: {
      status,
      description: 'Upgrade complete',
      first_deployed: '2026-11-01T10:00:00Z',
      last_deployed: `2026-11-1${revision}T10:00:00Z`,
    },
    chart: { metadata: { name: 'shop', version: `1.${revision}.0` } },
    config: { key: 'hunter2' },
    ...more,
  };
  world.put(secrets, {
    metadata: { name, namespace: 'shop', labels: { owner: 'helm', name: 'shop', status, version: String(revision) } },
    type: helmSecretType,
    data: { release: encodeRelease(release) },
  });
}

/** What version `v` of the chart makes, and one more ConfigMap in some of them. */
export function chartOf(version: number, extra?: string): string {
  const extraMap =
    extra === undefined
      ? ''
      : `---\n# Source: shop/extra.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${extra}\ndata:\n  mode: "0644"\n`;
  return `---\n# Source: shop/deployment.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: checkout\nspec:\n  replicas: 4\n  template:\n    spec:\n      containers:\n        - name: app\n          image: checkout:v${version}\n${extraMap}`;
}

/** An object a chart made, as it is in the cluster. */
export function putExtra({ world }: OwnedCluster, name: string, data: Json = { mode: '0644' }): void {
  world.put(configMaps, { metadata: { name, namespace: 'shop', ...helmMarks }, data });
}

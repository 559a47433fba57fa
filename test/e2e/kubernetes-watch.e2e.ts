import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';

import type { IncidentView } from '../../src/agent/index.ts';
import type { Json, JsonObject } from '../../src/lib/json.ts';
import { gitopsDefinitions, playArgo, type PlayedArgo } from './peers/kubernetes/gitops.ts';
import { runProgram } from './peers/kubernetes/kubectl.ts';
import type { Cluster } from './peers/kubernetes/cluster.ts';
import { until } from './peers/peers.ts';
import { operate, type Operated } from './support/operator.ts';
import { deployment, kustomization, ofArgo, ofFlux, writeChart } from './support/workloads.ts';

/**
 * The whole daemon at work in a real control plane, as its manuals say to run it: the rights of the chart, the printed Roles,
 * a policy that lets it act, and every detector and runbook that it is shipped with.
 */
describe('the daemon as operator of a cluster', () => {
  let shop: Operated;
  let argo: PlayedArgo | undefined;
  let chart = '';
  let rolledOutMs = 0;

  const helmIn = (cluster: Cluster, ...argv: readonly string[]): Promise<string> =>
    runProgram('helm', [...argv, '--namespace', 'shop', '--kubeconfig', cluster.adminKubeconfig], '', {
      HOME: cluster.folder,
    });
  const helm = (...argv: readonly string[]): Promise<string> => helmIn(shop.cluster, ...argv);

  beforeAll(async () => {
    shop = await operate(policy, async (cluster) => {
      await cluster.apply([...gitopsDefinitions]);
      await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
      await cluster.apply([
        // Some that stay well: five ill services of six would be a storm.
        ...Array.from({ length: 15 }, (_, index) => deployment(`calm-${index}`, 'shop/calm:v1', { replicas: 1 })),
        deployment('checkout', 'shop/checkout:v1', { env: { MODE: 'plain' } }),
        deployment('search', 'shop/search:v1'),
        deployment('hungry', 'shop/hungry:v1', { memory: '1536Mi' }),
        ofFlux('cart', 'shop/cart:v1'),
        kustomization,
      ]);
      argo = await playArgo(cluster, 'orders', { revision: first, object: ofArgo('orders', 'shop/orders:v1') });
      chart = writeChart(cluster.folder, 'pay');
      await helmIn(cluster, 'install', 'pay', chart);
      for (const name of ['checkout', 'search', 'hungry', 'cart', 'orders', 'pay'])
        await cluster.kubectl(['-n', 'shop', 'rollout', 'status', `deployment/${name}`, '--timeout=60s']);
      rolledOutMs = performance.now();
    });
  }, 300_000);
  afterAll(async () => {
    await argo?.stop();
    await (shop as Operated | undefined)?.stop();
  });

  const read = (name: string): Promise<Deployment> =>
    shop.cluster.read<Deployment>('-n', 'shop', `deployment/${name}`, '--show-managed-fields');
  const image = async (name: string): Promise<string> => (await container(name)).image;
  const container = async (name: string) => {
    const [main] = (await read(name)).spec.template.spec.containers;
    if (main === undefined) throw new Error(`${name} has no container`);
    return main;
  };
  const explained = async ({ incident }: IncidentView): Promise<string> =>
    (await shop.cli('explain', incident.id)).replace(/\s+/g, ' ');
  const acts = ({ executions }: IncidentView): readonly unknown[] =>
    executions.map(({ plan, status, verification }) => [plan.runbook.name, status, verification?.status]);

  test('what the printed Roles allow is what the runbooks in force need, and nothing more', async () => {
    const told = (): Json | undefined =>
      shop.daemon.log().find(({ msg }) => msg === 'what we may do in a cluster')?.['access'];
    await until('it has been told', () => told() !== undefined);
    expect(told()).toBe('may do what the runbooks in force need, and nothing more');
    // Asked of the server as the hand, not reckoned.
    expect(shop.asked('hand').map(({ objectRef }) => objectRef?.resource)).toContain('selfsubjectrulesreviews');
    expect(shop.daemon.said()).not.toContain('the credentials of a reader are good for more');
  });

  test('a bad rollout is detected, diagnosed with its exact difference, undone under policy, verified and recorded', async () => {
    const bad = 'shop/checkout:v2-plays-crash-loop';
    await shop.cluster.apply(deployment('checkout', bad, { env: { MODE: 'eager' } }));
    const view = await shop.becomes('checkout.shop', 'it is over', isOver);
    expect(view.alerts.map(({ detector }) => detector)).toContain('kubernetes-crash-loop');
    const diagnosis = view.file?.diagnosis;
    expect(diagnosis?.cause).toBe('change');
    expect(diagnosis?.hypotheses[0]?.diff).toMatch(
      /^main\.env\.MODE: #\w+ -> #\w+; main\.image: shop\/checkout:v1 -> shop\/checkout:v2-plays-crash-loop$/,
    );
    expect(acts(view)).toEqual([['kubernetes-roll-back-broken-rollout', 'succeeded', 'passed']]);
    expect(view.executions[0]?.plan.steps[0]?.diff).toContain(
      `Deployment shop/checkout spec.template.spec.containers[main].image: ${bad} → shop/checkout:v1`,
    );
    const told = await explained(view);
    expect(told).toContain(`main.image: shop/checkout:v1 -> ${bad}`);
    expect(told).toContain('availability >= 1 has held');
    expect(await container('checkout')).toMatchObject({ image: 'shop/checkout:v1', env: [{ value: 'plain' }] });
    expect(shop.writesTo('deployments', 'checkout')).toHaveLength(1);
    const entries = (await shop.daemon.ledger())
      .map(({ entry }) => entry)
      .filter(({ subject }) => subject.incident === view.incident.id);
    for (const type of recorded) expect(entries.map((entry) => entry.type)).toContain(type);
    expect(JSON.parse(await shop.cli('ledger', 'verify', '--output', 'json'))).toMatchObject({ ok: true });
  });

  test('what Flux owns is not fought: to switch Flux off first is a question to people, and until they agree nothing is written', async () => {
    const bad = 'shop/cart:v2-plays-crash-loop';
    await shop.cluster.apply(ofFlux('cart', bad), { fieldManager: 'kustomize-controller' });
    const view = await shop.becomes('cart.shop', 'people are asked', ({ approvals }) =>
      approvals.some(({ status }) => status === 'waiting'),
    );
    expect(view.file?.plans.at(-1)?.steps.map(({ action }) => action)).toEqual([
      'kubernetes.flux-suspend',
      'kubernetes.rollout-undo',
    ]);
    expect(await explained(view)).toContain('suspend Flux Kustomization shop/apps');
    await until('the notice says so', () => shop.daemon.said().includes('suspend Flux Kustomization shop/apps'));
    expect(view.executions).toEqual([]);
    expect(await image('cart')).toBe(bad);
    expect([...shop.writesTo('deployments', 'cart'), ...shop.writesTo('kustomizations', 'apps')]).toEqual([]);
    expect((await read('cart')).metadata.managedFields.map(({ manager }) => manager)).not.toContain('watchkeeper');
    await shop.cluster.apply(ofFlux('cart', 'shop/cart:v1'), { fieldManager: 'kustomize-controller' });
  });

  test('what Argo CD owns is rolled back by Argo CD: it is asked, and the object is left to it', async () => {
    await argo?.push(second, ofArgo('orders', 'shop/orders:v2-plays-crash-loop'));
    const view = await shop.becomes('orders.shop', 'it is over', isOver);
    expect(acts(view)).toEqual([['gitops-argo-rollback-broken-rollout', 'succeeded', 'passed']]);
    expect(await image('orders')).toBe('shop/orders:v1');
    expect(shop.writesTo('deployments', 'orders')).toEqual([]);
    expect((await read('orders')).metadata.managedFields.map(({ manager }) => manager)).not.toContain('watchkeeper');
    expect(shop.writesTo('applications', 'orders')).toHaveLength(1);
    const { spec, status } = await shop.cluster.read<Application>('-n', 'argocd', 'applications.argoproj.io/orders');
    expect(spec.syncPolicy.automated).toBeUndefined();
    expect(status.history.map(({ revision }) => revision)).toEqual([first, second, first]);
  });

  test('a release that helm made is rolled back as helm does, and helm goes on from there', async () => {
    await helm('upgrade', 'pay', chart, '--set', 'tag=v2-plays-image-pull');
    const view = await shop.becomes('pay.shop', 'it is over', isOver);
    expect(acts(view)).toEqual([['gitops-helm-rollback-broken-rollout', 'succeeded', 'passed']]);
    const history = JSON.parse(await helm('history', 'pay', '--output', 'json')) as readonly Release[];
    expect(history.map(({ revision, status }) => [revision, status])).toEqual([
      [1, 'superseded'],
      [2, 'superseded'],
      [3, 'deployed'],
    ]);
    expect(history[2]?.description).toMatch(/^Rollback to 1 \(watchkeeper \w+\)$/);
    expect(await helm('get', 'manifest', 'pay')).toContain('"shop/pay:v1"');
    await helm('upgrade', 'pay', chart, '--set', 'tag=v3');
    expect(await image('pay')).toBe('shop/pay:v3');
    await helm('rollback', 'pay', '3');
    expect(await image('pay')).toBe('shop/pay:v1');
  });

  test('with one verb of the printed Role taken away it is refused by name and people are told; given back, it is done', async () => {
    const roles = await shop.roles();
    await shop.cluster.apply(without(roles, 'patch', 'deployments'));
    const bad = 'shop/search:v2-plays-image-pull';
    await shop.cluster.apply(deployment('search', bad));
    const view = await shop.becomes('search.shop', 'people are told', ({ file }) => file?.noticed.length === 1);
    const refusal = 'cannot patch resource "deployments" in API group "apps" in the namespace "shop"';
    expect(view.file?.standing).toContain(refusal);
    expect(await explained(view)).toContain(refusal);
    await until('the notice says so', () => shop.daemon.said().includes(refusal));
    expect(view.executions).toEqual([]);
    expect(await image('search')).toBe(bad);
    await shop.cluster.apply(roles);
    expect(acts(await shop.becomes('search.shop', 'it is over', isOver))).toEqual([
      ['kubernetes-roll-back-broken-rollout', 'succeeded', 'passed'],
    ]);
    expect(await image('search')).toBe('shop/search:v1');
  });

  test(
    'a container that is killed for lack of memory gets more, up to the cap, and not beyond',
    { timeout: 240_000 },
    async () => {
      const memory = async (): Promise<string | undefined> => (await container('hungry')).resources?.limits?.memory;
      const grow = (mebibytes: number): Promise<string> =>
        shop.cluster.kubectl([
          ...['-n', 'shop', 'annotate', 'pods', '-l', 'app=hungry', '--overwrite'],
          `play.watchkeeper.dev/grows-to-mi=${mebibytes}`,
        ]);
      // What somebody wrote less than two minutes ago is somebody's work in progress, and is left to them.
      await pause(Math.max(0, rolledOutMs + 121_000 - performance.now()));
      await grow(1_800);
      const fed = await shop.becomes('hungry.shop', 'it is over', isOver);
      expect(fed.alerts.map(({ detector }) => detector)).toContain('oom-kills');
      expect(acts(fed)).toEqual([['kubernetes-raise-memory', 'succeeded', 'passed']]);
      // Half as much again would be 2304Mi; the shipped cap is 2Gi.
      expect(await memory()).toBe('2Gi');
      await grow(4_000);
      const capped = await shop.becomes(
        'hungry.shop',
        'people are told',
        ({ incident, file }) => incident.id !== fed.incident.id && file?.noticed.length === 1,
      );
      const reason = 'container main of hungry has 2048Mi already, and the cap is 2048Mi';
      expect(capped.file?.standing).toContain(reason);
      await until('the notice says so', () => shop.daemon.said().includes(reason));
      expect(capped.executions).toEqual([]);
      expect(await memory()).toBe('2Gi');
      expect(shop.writesTo('deployments', 'hungry')).toHaveLength(1);
    },
  );
});

const [first, second] = ['a'.repeat(40), 'b'.repeat(40)];

const policy: JsonObject = {
  allow: [
    {
      actions: ['rollout-undo', 'resources-raise', 'argo-rollback', 'helm-rollback'].map(
        (name) => `kubernetes.${name}`,
      ),
      autonomy: 'act',
      bounds: { pods: '50%', parallel: 1, perHour: 20, perDay: 50 },
    },
    { actions: ['kubernetes.flux-suspend'], autonomy: 'approve' },
  ],
};

/** What the ledger must hold of an incident that was put right. */
const recorded = [
  ...[
    'incident-opened',
    'diagnosis',
    'plan',
    'decision',
    'step-intent',
    'step-started',
    'step-outcome',
    'verification',
  ],
  ...['execution-ended', 'incident-resolved'],
];

function isOver({ incident, executions }: IncidentView): boolean {
  return (
    incident.status === 'resolved' && executions.length > 0 && executions.every((one) => one.endedAtMs !== undefined)
  );
}

/** Manifests in which no rule gives that verb for that resource any more. */
function without(manifests: string, verb: string, resource: string): Json {
  interface Rule {
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
  }
  return parseAllDocuments(manifests).flatMap((document): readonly JsonObject[] => {
    const manifest = document.toJS() as (JsonObject & { readonly rules?: readonly Rule[] }) | null;
    if (manifest?.rules === undefined) return manifest === null ? [] : [manifest];
    const rules = manifest.rules.map((rule) =>
      rule.resources.includes(resource) ? { ...rule, verbs: rule.verbs.filter((one) => one !== verb) } : rule,
    );
    return [{ ...manifest, rules: rules as unknown as Json }];
  });
}

interface Deployment {
  readonly metadata: { readonly managedFields: readonly { readonly manager: string }[] };
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly Container[] } } };
}

interface Container {
  readonly image: string;
  readonly resources?: { readonly limits?: { readonly memory?: string } };
}

interface Application {
  readonly spec: { readonly syncPolicy: { readonly automated?: Json } };
  readonly status: { readonly history: readonly { readonly revision: string }[] };
}

interface Release {
  readonly revision: number;
  readonly status: string;
  readonly description: string;
}

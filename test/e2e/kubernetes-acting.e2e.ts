import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { actionKinds } from '../../src/actions/index.ts';
import { operatorPermissions, rbacManifests, reviewAccess, type ClusterPermissions } from '../../src/agent/index.ts';
import type { ActionContext, ActionKind } from '../../src/domain/ports/action.ts';
import type { OperatorIo } from '../../src/domain/ports/io.ts';
import type { Place, WorkloadKind } from '../../src/domain/places.ts';
import type { Service } from '../../src/domain/service.ts';
import {
  createScrubber,
  createSecrets,
  makeOperatorIo,
  readFiles,
  systemClock,
  systemRandom,
} from '../../src/io/index.ts';
import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { Json, JsonObject } from '../../src/lib/json.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { startCluster, type Cluster } from './peers/kubernetes/cluster.ts';
import { until } from './peers/peers.ts';

/** Every action that has a meaning on a control plane without kubelets, as a ServiceAccount with the generated Role. */
const account = { namespace: 'watchkeeper', name: 'watchkeeper-operator' };
const everything = Object.values(actionKinds).filter(({ access }) => access !== undefined);
const runbookOf = (kind: ActionKind): never =>
  ({ name: kind.kind, services: {}, steps: [{ id: 'act', action: kind.kind }] }) as never;

const serviceIn = (kind: WorkloadKind, name: string): Service => {
  const place: Place = {
    on: 'kubernetes',
    kubernetes: { cluster: 'kubernetes', namespace: 'shop', workload: { kind, name } },
  };
  return {
    name,
    labels: {},
    owner: { team: 't', escalate: 'e' },
    dependsOn: [],
    runsOn: [place],
    telemetry: {},
    slos: [],
    origin: 'declared',
  };
};

function handsWith(kubeconfig: string): OperatorIo {
  const secrets = createSecrets(readFiles, {}, createScrubber());
  const ambient = { clock: systemClock, random: systemRandom, log: recordingLog(), secrets };
  return makeOperatorIo(ambient, '/usr/bin:/bin', { kubernetes: [{ cluster: 'kubernetes', kubeconfig }] });
}

interface Deployment {
  readonly metadata: {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly managedFields?: readonly JsonObject[];
  };
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly spec: { readonly containers: readonly { readonly image: string; readonly resources?: Json }[] };
    };
  };
}

const deployment = (name: string, image: string, replicas = 3, more: JsonObject = {}): JsonObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'shop', labels: { app: name } },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [
          { name: 'app', image, resources: { limits: { memory: '128Mi' } }, env: [{ name: 'TOKEN', value: 's3cret' }] },
        ],
      },
    },
    ...more,
  },
});

describe('acting in a real cluster', () => {
  let cluster: Cluster;
  let io: OperatorIo;
  let kubeconfig: string;
  let needed: ClusterPermissions;
  const who = { runbooks: everything.map(runbookOf), services: [], actions: actionKinds, namespaces: ['shop'] };

  beforeAll(async () => {
    cluster = await startCluster({
      nodes: 3,
      // Nobody renews the nodes' leases: on a slow machine they would be given up in the middle.
      controllerManagerFlags: ['--node-monitor-grace-period=12h'],
    });
    await cluster.namespace('shop');
    kubeconfig = await cluster.serviceAccount(account.namespace, account.name);
    needed = operatorPermissions(who);
    await cluster.apply([...rbacManifests(needed, account)]);
    io = handsWith(kubeconfig);
    await until(
      'the Roles are in force',
      async () =>
        (await reviewAccess(io.kubernetes.operator('kubernetes'), needed, AbortSignal.timeout(10_000))).missing
          .length === 0,
    );
  }, 1_800_000);
  afterAll(() => (cluster as Cluster | undefined)?.stop());

  const contextOf = (service: Service, timeoutMs = 60_000, hands = io): ActionContext => ({
    service,
    io: hands,
    epoch: 1,
    signal: AbortSignal.timeout(timeoutMs),
    timeoutMs,
  });
  const prepared = async (name: string, service: Service, given: JsonObject, hands = io) => {
    const kind = actionKinds[`kubernetes.${name}`]!;
    const parsed = kind.params.parse(given);
    if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
    const observed = await kind.observe(parsed.value, contextOf(service, 20_000, hands));
    const preview = kind.preview(parsed.value, observed);
    return { kind, params: parsed.value, observed, preview, before: kind.before(parsed.value, observed) };
  };
  const read = (name: string): Promise<Deployment> => cluster.read<Deployment>('-n', 'shop', `deployment/${name}`);
  const rolledOut = (name: string): Promise<string> =>
    cluster.kubectl(['-n', 'shop', 'rollout', 'status', `deployment/${name}`, '--timeout=60s']);
  const apply = async (manifest: JsonObject): Promise<void> => {
    await cluster.apply(manifest);
  };

  test('the generated Role is enough, and nothing in it is too much', async () => {
    const report = await reviewAccess(io.kubernetes.operator('kubernetes'), needed, AbortSignal.timeout(20_000));
    expect(report).toEqual({ compared: true, missing: [], excess: [] });
  });

  test('a bad rollout is put back: dry run, diff, key, probe, and undo', async () => {
    const service = serviceIn('Deployment', 'checkout');
    await apply(deployment('checkout', 'shop/checkout:v1'));
    await rolledOut('checkout');
    await apply(deployment('checkout', 'shop/checkout:v2-plays-crash-loop'));
    await until(
      'the new revision is there',
      async () =>
        (await cluster.kubectl(['-n', 'shop', 'get', 'replicasets', '-l', 'app=checkout', '-o', 'name']))
          .trim()
          .split('\n').length === 2,
    );
    const { kind, params, before, observed, preview } = await prepared('rollout-undo', service, {
      from: 'v2-plays-crash-loop',
      toRevision: 'v1',
    });
    expect(observed.busy).toBeUndefined();
    expect(observed.facts).toMatchObject({ revisions: 2, revision: 2, to: 1, rolling: true });
    expect(preview.diff).toEqual([
      'Deployment shop/checkout spec.template.spec.containers[app].image: shop/checkout:v2-plays-crash-loop → shop/checkout:v1',
    ]);
    expect((await prepared('rollout-undo', service, {})).observed.busy).toMatch(/^kubectl changed it .* ago$/);
    expect((await kind.probe(params, before, contextOf(service), 'key-1')).is).toBe('not-done');
    expect(await kind.run(params, before, 'key-1', contextOf(service))).toMatchObject({ is: 'done' });
    const after = await read('checkout');
    expect(after.spec.template.spec.containers[0]?.image).toBe('shop/checkout:v1');
    expect(after.metadata.annotations).toMatchObject({ 'watchkeeper.dev/last-act': 'key-1' });
    expect((await kind.probe(params, before, contextOf(service), 'key-1')).is).toBe('done');
    // The same key again, as after a crash between the act and its record: nothing more happens.
    const { length } = JSON.stringify(await read('checkout'));
    expect(await kind.run(params, before, 'key-1', contextOf(service))).toMatchObject({ is: 'done' });
    expect(JSON.stringify(await read('checkout'))).toHaveLength(length);
    expect(await kind.undo(params, before, 'key-1-undo', contextOf(service))).toMatchObject({ is: 'done' });
    expect((await read('checkout')).spec.template.spec.containers[0]?.image).toBe('shop/checkout:v2-plays-crash-loop');
  });

  test('a plan that the world has overtaken is not carried out, and is not undone over somebody else', async () => {
    const service = serviceIn('Deployment', 'overtaken');
    await apply(deployment('overtaken', 'shop/overtaken:v1'));
    await rolledOut('overtaken');
    await apply(deployment('overtaken', 'shop/overtaken:v2'));
    await rolledOut('overtaken');
    const { kind, params, before } = await prepared('rollout-undo', service, {});
    await apply(deployment('overtaken', 'shop/overtaken:v3'));
    expect(await kind.run(params, before, 'key-2', contextOf(service))).toMatchObject({ is: 'failed' });
    await kind.undo(params, before, 'key-2-undo', contextOf(service));
    expect((await read('overtaken')).spec.template.spec.containers[0]?.image).toBe('shop/overtaken:v3');
    // Deleted and made again under the same name: it is another object.
    const again = await prepared('scale', service, { replicas: 4, max: 4 });
    await cluster.kubectl(['-n', 'shop', 'delete', 'deployment', 'overtaken', '--wait=true']);
    await apply(deployment('overtaken', 'shop/overtaken:v3'));
    expect(await again.kind.run(again.params, again.before, 'key-3', contextOf(service))).toMatchObject({
      is: 'failed',
      message: 'Deployment shop/overtaken is another object by now',
    });
  });

  test('more memory ends the killing, by the named container alone, and stops at the cap', async () => {
    const service = serviceIn('Deployment', 'hungry');
    const hungry = deployment('hungry', 'shop/hungry:v1', 1);
    const spec = hungry['spec'] as { template: { metadata: JsonObject } };
    spec.template.metadata = { ...spec.template.metadata, annotations: { 'play.watchkeeper.dev/needs-mi': '256' } };
    await apply(hungry);
    await until('it is killed', async () =>
      (await cluster.kubectl(['-n', 'shop', 'get', 'pods', '-l', 'app=hungry', '-o', 'json'])).includes('OOMKilled'),
    );
    const { kind, params, before, preview } = await prepared('resources-raise', service, { factor: 2, cap: '256Mi' });
    expect(preview.diff).toEqual([
      'Deployment shop/hungry spec.template.spec.containers[app].resources.limits.memory: 128Mi → 256Mi',
    ]);
    expect(await kind.run(params, before, 'key-4', contextOf(service))).toMatchObject({ is: 'done' });
    await rolledOut('hungry');
    await expect(prepared('resources-raise', service, { container: 'app', factor: 2, cap: '256Mi' })).rejects.toThrow(
      'the cap is 256Mi',
    );
  });

  test('scaling works on what nobody else scales, and refuses an autoscaler by name', async () => {
    const service = serviceIn('Deployment', 'scaled');
    await apply(deployment('scaled', 'shop/scaled:v1', 2));
    const { kind, params, before } = await prepared('scale', service, { factor: 2, max: 10 });
    expect(await kind.run(params, before, 'key-5', contextOf(service))).toMatchObject({ is: 'done' });
    expect((await read('scaled')).spec.replicas).toBe(4);
    expect(await kind.undo(params, before, 'key-5-undo', contextOf(service))).toMatchObject({ is: 'done' });
    expect((await read('scaled')).spec.replicas).toBe(2);
    await apply({
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'scaled', namespace: 'shop' },
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'scaled' },
        minReplicas: 2,
        maxReplicas: 5,
      },
    });
    await expect(prepared('scale', service, { factor: 2, max: 10 })).rejects.toThrow(
      'the autoscaler scaled has the replicas of scaled',
    );
    const bounds = await prepared('scale', service, { replicas: 6, max: 10, autoscaler: 'bounds' });
    expect(bounds.observed.blast.replicasAfter).toBe(6);
    expect(await bounds.kind.run(bounds.params, bounds.before, 'key-6', contextOf(service))).toMatchObject({
      is: 'done',
    });
    expect(
      await cluster.kubectl([
        '-n',
        'shop',
        'get',
        'hpa',
        'scaled',
        '-o',
        'jsonpath={.spec.minReplicas} {.spec.maxReplicas}',
      ]),
    ).toBe('6 6');
  });

  test('an eviction and a drain hold a disruption budget, one pod at a time', async () => {
    const service = serviceIn('Deployment', 'guarded');
    await apply(deployment('guarded', 'shop/guarded:v1', 3));
    await rolledOut('guarded');
    const budget = (minAvailable: number): JsonObject => ({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'guarded', namespace: 'shop' },
      spec: { minAvailable, selector: { matchLabels: { app: 'guarded' } } },
    });
    const allowed = async (many: string): Promise<void> =>
      until(
        `the budget allows ${many}`,
        async () =>
          (await cluster.kubectl([
            '-n',
            'shop',
            'get',
            'pdb',
            'guarded',
            '-o',
            'jsonpath={.status.disruptionsAllowed}',
          ])) === many,
      );
    await cluster.apply(budget(3));
    await allowed('0');
    const pods = await cluster.read<{
      items: { metadata: { name: string; uid: string }; spec: { nodeName: string } }[];
    }>('-n', 'shop', 'pods', '-l', 'app=guarded');
    const { name, uid } = pods.items[0]!.metadata;
    await expect(prepared('pod-delete', service, { pod: name })).rejects.toThrow(/disruption budget/i);
    const node = pods.items[0]!.spec.nodeName;
    const held = await prepared('node-drain', service, { node });
    const blocked = await held.kind.run(held.params, held.before, 'key-7', contextOf(service, 12_000));
    expect(blocked).toMatchObject({ is: 'failed' });
    expect(blocked.message).toMatch(/is cordoned.*disruption budget/);
    expect((await held.kind.probe(held.params, held.before, contextOf(service), 'key-7')).is).toBe('unknown');
    expect(await held.kind.undo(held.params, held.before, 'key-7-undo', contextOf(service))).toMatchObject({
      is: 'done',
    });
    expect(await cluster.kubectl(['get', 'node', node, '-o', 'jsonpath={.spec.unschedulable}'])).toBe('');

    await cluster.apply(budget(2));
    await allowed('1');
    const { kind, params, before } = await prepared('pod-delete', service, { pod: name });
    expect(await kind.run(params, before, 'key-8', contextOf(service))).toMatchObject({ is: 'done' });
    await until(
      'the pod is gone',
      async () => !(await cluster.kubectl(['-n', 'shop', 'get', 'pods', '-o', 'json'])).includes(uid),
    );
    expect((await kind.probe(params, before, contextOf(service), 'key-8')).is).toBe('done');
    await rolledOut('guarded');
    await allowed('1');
    let least = 3;
    const watching = { on: true };
    const watch = (async () => {
      while (watching.on) {
        const ready = await cluster.kubectl([
          '-n',
          'shop',
          'get',
          'pdb',
          'guarded',
          '-o',
          'jsonpath={.status.currentHealthy}',
        ]);
        least = Math.min(least, Number(ready));
        await wait(200);
      }
    })();
    const drain = await prepared('node-drain', service, { node });
    expect(await drain.kind.run(drain.params, drain.before, 'key-9', contextOf(service))).toMatchObject({ is: 'done' });
    watching.on = false;
    await watch;
    expect(least).toBeGreaterThanOrEqual(2);
    expect((await drain.kind.probe(drain.params, drain.before, contextOf(service), 'key-9')).is).toBe('done');
    await drain.kind.undo(drain.params, drain.before, 'key-9-undo', contextOf(service));
  });

  test('a failed Job runs again under a name of its own, once, and a ConfigMap is restored from an immutable copy', async () => {
    const job = (name: string): JsonObject => ({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name, namespace: 'shop' },
      spec: {
        backoffLimit: 0,
        template: { spec: { restartPolicy: 'Never', containers: [{ name: 'job', image: 'shop/job:v1-plays-fails' }] } },
      },
    });
    await apply(job('nightly'));
    await cluster.kubectl(['-n', 'shop', 'wait', '--for=condition=Failed', 'job/nightly', '--timeout=30s']);
    const service = serviceIn('Job', 'nightly');
    const { kind, params, before } = await prepared('job-rerun', service, {});
    for (let times = 0; times < 2; times++)
      expect(await kind.run(params, before, 'abcdef0123456789', contextOf(service))).toMatchObject({ is: 'done' });
    expect((await cluster.kubectl(['-n', 'shop', 'get', 'jobs', '-o', 'name'])).trim().split('\n').sort()).toEqual([
      'job.batch/nightly',
      'job.batch/nightly-again-abcdef0123',
    ]);
    const config = (name: string, level: string, more: JsonObject = {}): JsonObject => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'shop', annotations: name === 'web' ? {} : { 'watchkeeper.dev/copy-of': 'web' } },
      data: { level, ...(level === 'debug' ? { extra: 'key' } : {}) },
      ...more,
    });
    await cluster.apply([config('web-1', 'info', { immutable: true }), config('web', 'debug')]);
    const restore = await prepared('configmap-restore', service, { configMap: 'web' });
    const data = (): Promise<string> =>
      cluster.kubectl(['-n', 'shop', 'get', 'configmap', 'web', '-o', 'jsonpath={.data}']);
    expect(await restore.kind.run(restore.params, restore.before, 'key-10', contextOf(service))).toMatchObject({
      is: 'done',
    });
    expect(JSON.parse(await data())).toEqual({ level: 'info' });
    expect(await restore.kind.undo(restore.params, restore.before, 'key-10-undo', contextOf(service))).toMatchObject({
      is: 'done',
    });
    expect(JSON.parse(await data())).toEqual({ level: 'debug', extra: 'key' });
  });

  test('with one verb of the Role taken away the act is refused by name, before and in the act, and nothing is done', async () => {
    const service = serviceIn('Deployment', 'narrow');
    await apply(deployment('narrow', 'shop/narrow:v1', 2));
    await rolledOut('narrow');
    const full = await prepared('scale', service, { replicas: 3, max: 3 });
    const narrower: ClusterPermissions = {
      ...needed,
      namespaces: needed.namespaces.map(({ namespace, rules }) => ({
        namespace,
        rules: rules.map((rule) =>
          rule.apiGroups.includes('apps') ? { ...rule, verbs: rule.verbs.filter((verb) => verb !== 'patch') } : rule,
        ),
      })),
    };
    await cluster.apply([...rbacManifests(narrower, account)]);
    const operator = io.kubernetes.operator('kubernetes');
    await until(
      'the verb is gone',
      async () => (await reviewAccess(operator, needed, AbortSignal.timeout(10_000))).missing.length > 0,
    );
    const { missing } = await reviewAccess(operator, needed, AbortSignal.timeout(10_000));
    expect(missing).toContain('patch deployments.apps in shop');
    const forbidden = 'cannot patch resource "deployments" in API group "apps" in the namespace "shop"';
    await expect(prepared('scale', service, { replicas: 3, max: 3 })).rejects.toThrow(forbidden);
    const late = await full.kind.run(full.params, full.before, 'key-11', contextOf(service));
    expect(late.is).toBe('failed');
    expect(late.message).toContain(forbidden);
    expect((await full.kind.probe(full.params, full.before, contextOf(service), 'key-11')).is).toBe('not-done');
    expect((await read('narrow')).spec.replicas).toBe(2);
    await cluster.apply([...rbacManifests(needed, account)]);
    await until(
      'the verb is back',
      async () => (await reviewAccess(operator, needed, AbortSignal.timeout(10_000))).missing.length === 0,
    );
  });

  test('an API server that is gone in the middle leaves an unknown, and a probe settles it', async () => {
    const service = serviceIn('Deployment', 'cut');
    await apply(deployment('cut', 'shop/cut:v1', 1));
    await rolledOut('cut');
    const { kind, params, before } = await prepared('scale', service, { replicas: 2, max: 2 });
    await cluster.apiServer.kill();
    const cut = await kind
      .run(params, before, 'key-12', contextOf(service, 5_000))
      .catch((thrown: unknown) => WatchkeeperError.from(thrown));
    expect(cut instanceof WatchkeeperError || cut.is !== 'done').toBe(true);
    await cluster.apiServer.start();
    expect((await kind.probe(params, before, contextOf(service), 'key-12')).is).toBe('not-done');
    expect(await kind.run(params, before, 'key-12', contextOf(service))).toMatchObject({ is: 'done' });
  });

  test(
    'a process killed anywhere between intent and outcome leaves one effect at most, and a probe that knows',
    { timeout: 400_000 },
    async () => {
      const service = serviceIn('Deployment', 'killed');
      await apply(deployment('killed', 'shop/killed:v1', 1));
      await rolledOut('killed');
      const generation = async (): Promise<number> =>
        Number(
          await cluster.kubectl(['-n', 'shop', 'get', 'deployment', 'killed', '-o', 'jsonpath={.metadata.generation}']),
        );
      const seen = new Set<string>();
      for (let round = 0; round < 5; round++) {
        const { params, before, kind } = await prepared('scale', service, { replicas: 2 + (round % 2), max: 3 });
        const from = await generation();
        const key = `killed-${round}`;
        const given = JSON.stringify({ kind: kind.kind, params, before, key, service });
        const victim = spawn(
          process.execPath,
          [path.join(import.meta.dirname, 'support/kubernetes-victim.ts'), kubeconfig, given],
          {
            stdio: ['ignore', 'pipe', 'inherit'],
          },
        );
        await Promise.race([once(victim.stdout, 'data'), once(victim, 'exit')]);
        expect(victim.exitCode).toBeNull();
        await wait(round * 8);
        victim.kill('SIGKILL');
        await once(victim, 'exit');
        // What was on its way when the process died arrives or is lost within a moment.
        await wait(500);
        const look = await kind.probe(params, before, contextOf(service), key);
        seen.add(look.is);
        expect(await generation()).toBe(look.is === 'done' ? from + 1 : from);
        expect(look.is).not.toBe('unknown');
        expect(await kind.run(params, before, key, contextOf(service))).toMatchObject({ is: 'done' });
        expect(await generation()).toBe(from + 1);
      }
      expect(seen.size).toBeGreaterThan(0);
    },
  );
});

import { describe, expect, test } from 'vitest';

import { actionKinds } from '../../src/actions/index.ts';
import { threeWay } from '../../src/actions/kubernetes/gitops/helm-merge.ts';
import { objectAt, textAt } from '../../src/lib/dig.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import type { ActionKind } from '../../src/domain/ports/action.ts';
import {
  applications,
  decodeRelease,
  helmReleases,
  helmSecretName,
  kustomizations,
  secrets,
} from '../../src/io/clients/gitops/index.ts';
import { actionContract } from '../contract/action.ts';
import {
  application,
  argoMarks,
  chartOf,
  configMaps,
  deployments,
  helmMarks,
  ownedCluster,
  playArgo,
  putExtra,
  putRelease,
  workload,
  type OwnedCluster,
} from '../support/owned-cluster.ts';

const kindOf = (name: string): ActionKind => actionKinds[name]!;
const [rollback, suspendSync, suspend, helm] = [
  'argo-rollback',
  'argo-suspend-sync',
  'flux-suspend',
  'helm-rollback',
].map((name) => kindOf(`kubernetes.${name}`)) as [ActionKind, ActionKind, ActionKind, ActionKind];
const selfHeal = { automated: { prune: true, selfHeal: true }, syncOptions: ['CreateNamespace=true'] };
const elsewhere = {
  'another workload than the service has': { workload: 'cart' },
  'a name that is none': { workload: '../x' },
};
const policyOf = ({ world }: OwnedCluster): JsonObject | undefined =>
  objectAt(world.take(applications, application), 'spec', 'syncPolicy');
const act = async (kind: ActionKind, at: OwnedCluster, params: JsonObject = {}) => {
  const parsed = kind.params.parse(params);
  if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
  const observed = await kind.observe(parsed.value, at.context());
  const preview = kind.preview(parsed.value, observed);
  const before = kind.before(parsed.value, observed);
  return {
    observed,
    preview,
    before,
    run: (timeoutMs?: number) => kind.run(parsed.value, before, 'k', at.context(undefined, timeoutMs)),
    probe: () => kind.probe(parsed.value, before, at.context(), 'k'),
    undo: () => kind.undo(parsed.value, before, 'k-undo', at.context()),
  };
};

actionContract('kubernetes.argo-rollback with a controller that is played', {
  kind: rollback,
  probeTells: true,
  set: () => {
    const at = ownedCluster(argoMarks);
    const { syncs } = playArgo(at, selfHeal);
    return Promise.resolve({
      params: {},
      context: at.context,
      world: () => Promise.resolve(at.world.dump()),
      effects: () => Promise.resolve(syncs.length),
      restorable: () => Promise.resolve([policyOf(at), at.image()]),
      remove: () => Promise.resolve(),
    });
  },
  refused: {
    ...elsewhere,
    'a deployment that is not remembered': { to: 77 },
    'a revision that is none': { to: '--force' },
  },
});

actionContract('kubernetes.argo-suspend-sync', {
  kind: suspendSync,
  probeTells: true,
  set: () => {
    const at = ownedCluster(argoMarks);
    playArgo(at, selfHeal);
    return Promise.resolve({
      params: {},
      context: at.context,
      world: () => Promise.resolve(at.world.dump()),
      effects: () => Promise.resolve(at.world.writes.length),
      restorable: () => Promise.resolve(policyOf(at)),
      remove: () => Promise.resolve(),
    });
  },
  refused: elsewhere,
});

describe.each([
  ['Kustomization', 'kustomize', kustomizations, { suspend: false }],
  ['HelmRelease', 'helm', helmReleases, {}],
] as const)('a workload of a Flux %s', (name, group, resource, spec) => {
  const ref = { namespace: 'flux-system', name: 'apps' };
  const labels = {
    [`${group}.toolkit.fluxcd.io/name`]: 'apps',
    [`${group}.toolkit.fluxcd.io/namespace`]: 'flux-system',
  };
  const made = (metadata: JsonObject = {}): OwnedCluster => {
    const at = ownedCluster({ labels });
    at.world.put(resource, { metadata: { ...ref, ...metadata }, spec: { interval: '1m', ...spec } });
    return at;
  };
  actionContract(`kubernetes.flux-suspend of a ${name}`, {
    kind: suspend,
    probeTells: true,
    set: () => {
      const at = made();
      return Promise.resolve({
        params: {},
        context: at.context,
        world: () => Promise.resolve(at.world.dump()),
        effects: () => Promise.resolve(at.world.writes.length),
        restorable: () => Promise.resolve(objectAt(at.world.take(resource, ref), 'spec')),
        remove: () => Promise.resolve(),
      });
    },
    refused: elsewhere,
  });

  test('that somebody has resumed meanwhile is resumed: nothing is left to undo, and their word stands', async () => {
    const at = made();
    const { run, undo } = await act(suspend, at);
    expect(await run()).toMatchObject({ is: 'done' });
    at.world.change(resource, ref, { spec: { suspend: false } });
    expect(await undo()).toMatchObject({ is: 'done' });
    expect(objectAt(at.world.take(resource, ref), 'spec')?.['suspend']).toBe(false);
  });

  test('is not suspended by us when somebody else applies that very field', async () => {
    const managedFields = [
      { manager: 'kustomize-controller', operation: 'Apply', fieldsV1: { 'f:spec': { 'f:suspend': {} } } },
    ];
    await expect(act(suspend, made({ managedFields }))).rejects.toThrow('kept by somebody else');
  });

  test('is rolled back by nothing else: Argo CD and Helm say that it is not theirs', async () => {
    for (const kind of [rollback, suspendSync, helm])
      await expect(act(kind, made())).rejects.toMatchObject({ code: 'unsupported' });
  });
});

describe('a plain write to what Argo CD owns', () => {
  const restart = kindOf('kubernetes.rollout-restart');

  test('is refused with the action that would hold, and not while the owner is off', async () => {
    const at = ownedCluster(argoMarks);
    playArgo(at, selfHeal);
    await expect(act(restart, at)).rejects.toThrow(
      'Argo CD application argocd/checkout would revert this within minutes; use argo-rollback or argo-suspend-sync',
    );
    await (await act(suspendSync, at)).run();
    const observed = await restart.observe({}, at.context());
    expect(observed.facts['gitops']).toMatchObject({ by: 'argo', autoSync: false });
    expect(textAt(observed.facts, 'refused') ?? '').not.toContain('revert');
  });

  test('is refused when the owner may not be read', async () => {
    const at = ownedCluster(argoMarks);
    playArgo(at, {});
    at.world.forbid = (request) => request.endsWith('applications/checkout');
    await expect(act(restart, at)).rejects.toThrow('could not be read, and may revert this');
  });
});

describe('argo-rollback', () => {
  test('asks what argocd itself would ask, in one write with automated sync switched off', async () => {
    const at = ownedCluster(argoMarks);
    playArgo(at, selfHeal, '');
    const { preview, run } = await act(rollback, at, { prune: true });
    expect(preview.diff).toEqual([
      `Application argocd/checkout: ${'3'.repeat(40)} (deployment 3) → ${'2'.repeat(40)} (deployment 2)`,
      'spec.syncPolicy.automated: on → off',
    ]);
    expect(await run(300)).toMatchObject({ is: 'unknown' });
    const app = at.world.take(applications, application);
    expect(at.world.writes).toHaveLength(1);
    expect(policyOf(at)).toEqual({ syncOptions: ['CreateNamespace=true'] });
    expect(objectAt(app, 'operation')).toMatchObject({
      initiatedBy: { username: 'watchkeeper' },
      sync: {
        revision: '2'.repeat(40),
        prune: true,
        syncStrategy: { apply: {} },
        syncOptions: ['CreateNamespace=true'],
        source: { path: 'checkout' },
      },
    });
  });

  test.each([[2], ['2'.repeat(40)], ['2222222']])('goes to the deployment that %s names', async (to) => {
    const at = ownedCluster(argoMarks);
    playArgo(at, {});
    const { observed } = await act(rollback, at, { to });
    expect(observed.facts['to']).toEqual({ id: 2, revision: '2'.repeat(40) });
  });

  test('tells of a sync that failed, and that Argo CD is at work', async () => {
    const at = ownedCluster(argoMarks);
    playArgo(at, {}, 'Failed');
    const { run, probe } = await act(rollback, at);
    expect(await run()).toMatchObject({ is: 'failed', message: 'Argo CD could not sync it: as played' });
    expect(await probe()).toMatchObject({ is: 'unknown' });
    at.world.onWrite = () => undefined;
    at.world.change(applications, application, { status: { operationState: { phase: 'Running' } } });
    expect((await rollback.observe({ prune: false }, at.context())).busy).toContain('Argo CD is syncing it');
  });

  test('does not start when somebody has synced since the plan', async () => {
    const at = ownedCluster(argoMarks);
    const { syncs } = playArgo(at, {});
    const { run, probe } = await act(rollback, at);
    at.world.change(applications, application, {
      status: { history: [{ id: 9, revision: 'f'.repeat(40), source: {} }] },
    });
    expect(await run()).toMatchObject({ is: 'failed', message: expect.stringContaining('changed since') });
    expect(await probe()).toMatchObject({ is: 'unknown' });
    expect(syncs).toEqual([]);
  });

  test("goes on when only the controller's own writes came in between", async () => {
    const at = ownedCluster(argoMarks);
    const { syncs } = playArgo(at, {});
    const { run } = await act(rollback, at);
    const { operator } = at.world;
    const patch: typeof operator.patch = operator.patch.bind(operator);
    let raced = 0;
    Object.assign(at.world.operator, {
      patch: (...given: Parameters<typeof patch>) => {
        if (raced++ < 2) at.world.change(applications, application, { status: { reconciledAt: String(raced) } });
        return patch(...given);
      },
    });
    expect(await run()).toMatchObject({ is: 'done' });
    expect(syncs).toEqual(['2'.repeat(40)]);
  });

  test('a lost answer is unknown, and the probe finds that it happened', async () => {
    const at = ownedCluster(argoMarks);
    playArgo(at, {});
    const { run, probe } = await act(rollback, at);
    at.world.loseAnswer = true;
    expect(await run()).toMatchObject({ is: 'unknown' });
    expect(await probe()).toMatchObject({ is: 'done' });
  });

  test('refuses where a parent application would switch automated sync on again', async () => {
    const at = ownedCluster(argoMarks);
    playArgo(at, selfHeal);
    const tracking = 'root:argoproj.io/Application:argocd/checkout';
    at.world.change(applications, application, {
      metadata: { annotations: { 'argocd.argoproj.io/tracking-id': tracking } },
    });
    at.world.put(applications, { metadata: { namespace: 'argocd', name: 'root' }, spec: { syncPolicy: selfHeal } });
    for (const kind of [rollback, suspendSync])
      await expect(act(kind, at)).rejects.toThrow(
        'application argocd/checkout is owned itself: Argo CD application argocd/root',
      );
  });

  test('what may not be written is refused for certain, in the words of the server', async () => {
    const at = ownedCluster(argoMarks);
    playArgo(at, {});
    const { run } = await act(rollback, at);
    at.world.forbid = (request) => request === 'patch applications/checkout';
    expect(await run()).toMatchObject({ is: 'failed', message: expect.stringContaining('forbidden') });
  });
});

function helmWorld(): OwnedCluster {
  const at = ownedCluster(helmMarks);
  putRelease(at, 1, 'superseded', chartOf(1));
  putRelease(at, 2, 'superseded', chartOf(2, 'gone-in-v3'));
  putRelease(at, 3, 'deployed', chartOf(3, 'new-in-v3'));
  putExtra(at, 'new-in-v3');
  return at;
}
const recordAt = ({ world }: OwnedCluster, revision: number) =>
  world.take(secrets, { namespace: 'shop', name: helmSecretName('shop', revision) });
const statuses = (at: OwnedCluster): readonly string[] =>
  [1, 2, 3, 4, 5].flatMap((revision) => {
    const record = recordAt(at, revision);
    if (record === undefined) return [];
    const [label, inside] = [record.metadata.labels?.['status'], textAt(decodeRelease(record), 'info', 'status')];
    return [`${revision} ${label === inside ? label : `${label} but ${inside}`}`];
  });

actionContract('kubernetes.helm-rollback', {
  kind: helm,
  probeTells: true,
  set: () => {
    const at = helmWorld();
    const content = (): unknown => [
      at.image(),
      Object.keys(at.world.dump()).filter((key) => !key.includes('/secrets/')),
    ];
    return Promise.resolve({
      params: {},
      context: at.context,
      world: () => Promise.resolve(at.world.dump()),
      effects: () =>
        Promise.resolve(
          at.image() === 'checkout:v3'
            ? 0
            : at.world.writes.filter(({ what }) => what.startsWith('deployments/')).length,
        ),
      restorable: () => Promise.resolve(content()),
      remove: () => Promise.resolve(),
    });
  },
  refused: { ...elsewhere, 'a revision that is not kept': { to: 77 }, 'the revision that it is at': { to: 3 } },
});

describe('helm-rollback', () => {
  test('brings back what the revision had, removes what it had not, and records it as Helm does', async () => {
    const at = helmWorld();
    const { preview, run } = await act(helm, at);
    expect(preview.diff).toEqual([
      'Deployment shop/checkout spec.template.spec.containers[app].image: checkout:v3 → checkout:v2',
      'ConfigMap shop/gone-in-v3: created',
      'ConfigMap shop/new-in-v3: deleted',
    ]);
    expect(await run()).toMatchObject({ is: 'done' });
    expect(at.image()).toBe('checkout:v2');
    expect(at.world.take(configMaps, { namespace: 'shop', name: 'new-in-v3' })).toBeUndefined();
    expect(at.world.take(configMaps, { namespace: 'shop', name: 'gone-in-v3' })?.metadata.annotations).toEqual(
      helmMarks.annotations,
    );
    expect(statuses(at)).toEqual(['1 superseded', '2 superseded', '3 superseded', '4 deployed']);
    const record = decodeRelease(recordAt(at, 4)!);
    expect(record).toMatchObject({ version: 4, manifest: chartOf(2, 'gone-in-v3'), config: { key: 'hunter2' } });
    expect(textAt(record, 'info', 'description')).toMatch(/^Rollback to 2 \(watchkeeper [0-9a-f]{16}\)$/);
  });

  test('leaves what others added to the workload', async () => {
    const at = helmWorld();
    const containers = [
      { name: 'app', image: 'checkout:v3', env: [{ name: 'INJECTED', value: '1' }] },
      { name: 'mesh', image: 'mesh:1' },
    ];
    at.world.change(deployments, workload, { spec: { template: { spec: { containers } } } });
    await (await act(helm, at)).run();
    expect(objectAt(at.world.take(deployments, workload), 'spec', 'template', 'spec')).toEqual({
      containers: [
        { name: 'app', image: 'checkout:v2', env: [{ name: 'INJECTED', value: '1' }] },
        { name: 'mesh', image: 'mesh:1' },
      ],
    });
  });

  test('passes over revisions that failed', async () => {
    const at = helmWorld();
    putRelease(at, 2, 'failed', chartOf(2));
    expect((await act(helm, at)).observed.facts['to']).toBe(1);
  });

  test('holds while Helm is at work, and refuses what only Helm can do', async () => {
    const at = helmWorld();
    putRelease(at, 4, 'pending-upgrade', chartOf(4));
    expect((await helm.observe({}, at.context())).busy).toContain('revision 4 is pending-upgrade');
    const hooked = helmWorld();
    putRelease(hooked, 2, 'superseded', chartOf(2), { hooks: [{ name: 'migrate-back', events: ['pre-rollback'] }] });
    await expect(act(helm, hooked)).rejects.toThrow('rollback hooks (migrate-back)');
  });

  test('what the server would refuse is refused when planning, and nothing is recorded', async () => {
    const at = helmWorld();
    at.world.forbid = (request) => request.startsWith('delete configmaps/');
    await expect(act(helm, at)).rejects.toMatchObject({ code: 'forbidden' });
    expect(statuses(at)).toHaveLength(3);
  });

  test('refused half way says so, records a failed revision, and the way back works', async () => {
    const at = helmWorld();
    const { run, probe, undo } = await act(helm, at);
    at.world.forbid = (request) => request.startsWith('delete configmaps/');
    expect(await run()).toMatchObject({ is: 'failed', message: expect.stringContaining('half way') });
    expect(statuses(at)).toEqual(['1 superseded', '2 superseded', '3 deployed', '4 failed']);
    expect(await probe()).toMatchObject({ is: 'unknown' });
    at.world.forbid = () => false;
    expect(await undo()).toMatchObject({ is: 'done' });
    expect(at.image()).toBe('checkout:v3');
    expect(statuses(at).at(-1)).toBe('5 deployed');
  });

  test('a lost answer leaves the record pending: unknown, and the same key finishes it', async () => {
    const at = helmWorld();
    const { run, probe } = await act(helm, at);
    at.world.onWrite = ({ what }) => {
      if (what.startsWith('deployments/')) at.world.loseAnswer = true;
    };
    expect(await run()).toMatchObject({ is: 'unknown' });
    expect(await probe()).toMatchObject({ is: 'unknown', because: expect.stringContaining('pending-rollback') });
    at.world.onWrite = () => undefined;
    expect(await run()).toMatchObject({ is: 'done' });
    expect(await probe()).toMatchObject({ is: 'done' });
  });

  test('somebody else was faster: nothing is done', async () => {
    const at = helmWorld();
    const { run, probe } = await act(helm, at);
    putRelease(at, 4, 'deployed', chartOf(4));
    expect(await run()).toMatchObject({ is: 'failed', message: 'release shop is at revision 4 by now' });
    expect(await probe()).toMatchObject({ is: 'unknown' });
    expect(at.image()).toBe('checkout:v3');
  });

  test('no value of the chart is in what is shown or recorded', async () => {
    const { observed, before } = await act(helm, helmWorld());
    expect(JSON.stringify([observed, before])).not.toContain('hunter2');
  });
});

describe('what a manifest says, merged into what is there', () => {
  const merged = (from: JsonObject, to: JsonObject, live: JsonObject) => threeWay(from, to, live);

  test('is nothing when the live object says all of it, defaults beside', () => {
    const to = { spec: { ports: [{ containerPort: 80 }] } };
    expect(merged(to, to, { spec: { ports: [{ containerPort: 80, protocol: 'TCP' }], other: 1 } })).toBeUndefined();
  });
  test('removes what only the manifest before said, and not what others added', () => {
    expect(merged({ data: { a: '1', b: '2' } }, { data: { a: '1' } }, { data: { a: '1', b: '2', c: '3' } })).toEqual({
      data: { b: null },
    });
  });
  test('sets what somebody changed by hand', () => {
    expect(merged({ spec: { replicas: 2 } }, { spec: { replicas: 2 } }, { spec: { replicas: 5 } })).toEqual({
      spec: { replicas: 2 },
    });
  });
  test('an environment variable that turned from a value into a reference loses the value', () => {
    const [value, reference] = [
      { name: 'A', value: '1' },
      { name: 'A', valueFrom: { secretKeyRef: { name: 's' } } },
    ];
    expect(merged({ env: [reference] }, { env: [value] }, { env: [reference] })).toEqual({ env: [value] });
  });
});

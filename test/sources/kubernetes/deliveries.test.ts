import { describe, expect, test } from 'vitest';

import type { Change } from '../../../src/domain/change.ts';
import type { Json, JsonObject } from '../../../src/lib/json.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import { refusal } from '../../support/virtual-kubernetes.ts';
import { openShop, type Rollout, type Shop } from './shop.ts';

const commit = (digit: number): string => String(digit).repeat(40);
const isDelivery = ({ carried }: Change): boolean => carried !== undefined;

async function changes(shop: Shop): Promise<readonly Change[]> {
  await shop.clock.advance(2_000);
  return (await shop.collect()).changes.filter(({ service }) => service === 'checkout.shop');
}

/** A shop whose Deployment is delivered by somebody, looked at once and then left alone for a while. */
async function delivered(marks: Rollout, put: (shop: Shop) => void, config: Json = {}): Promise<Shop> {
  const shop = openShop(config);
  put(shop);
  shop.deploy('v1', marks);
  await shop.collect();
  await shop.clock.advance(180_000);
  await shop.collect();
  return shop;
}

const iso = (ms: number): string => new Date(ms).toISOString();

const argo: Rollout = {
  annotations: { 'argocd.argoproj.io/tracking-id': 'checkout:apps/Deployment:shop/checkout' },
  by: 'argocd-controller',
};
const flux: Rollout = {
  labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' },
  by: 'kustomize-controller',
};
const fluxHelm: Rollout = {
  labels: { 'helm.toolkit.fluxcd.io/name': 'checkout', 'helm.toolkit.fluxcd.io/namespace': 'shop' },
  by: 'helm-controller',
};
const helm = (chart: string): Rollout => ({
  labels: { 'helm.sh/chart': chart },
  annotations: { 'meta.helm.sh/release-name': 'checkout', 'meta.helm.sh/release-namespace': 'shop' },
  by: 'helm',
});

interface Synced {
  readonly revision: string;
  readonly at: number;
  readonly by?: string;
}

function application(shop: Shop, syncs: readonly Synced[], status: JsonObject = {}, namespace = 'argocd'): void {
  shop.cluster.put({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: 'checkout', namespace },
    spec: { source: { repoURL: 'https://github.com/acme/deploy.git', path: 'checkout' } },
    status: {
      history: syncs.map(({ revision, at, by }, id) => ({
        ...{ id, revision, deployStartedAt: iso(at), deployedAt: iso(at + 1_000) },
        initiatedBy: by === undefined ? { automated: true } : { username: by },
      })),
      ...status,
    },
  });
}

function kustomization(shop: Shop, revision: string, status: JsonObject = {}): void {
  shop.cluster.put({
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name: 'apps', namespace: 'flux-system' },
    spec: { sourceRef: { kind: 'GitRepository', name: 'deploy' } },
    status: {
      lastAppliedRevision: `main@sha1:${revision}`,
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: iso(shop.clock.nowMs()) }],
      ...status,
    },
  });
}

function repository(shop: Shop, url = 'ssh://git@github.com/acme/deploy'): void {
  shop.cluster.put({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name: 'deploy', namespace: 'flux-system' },
    spec: { url },
  });
}

function helmRelease(
  shop: Shop,
  versions: readonly { readonly chart: string; readonly at: number }[],
  more: JsonObject = {},
) {
  shop.cluster.put({
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    metadata: { name: 'checkout', namespace: 'shop' },
    spec: {},
    status: {
      history: versions
        .map(({ chart, at }, index) => ({
          ...{ version: index + 1, chartName: 'checkout', chartVersion: chart, lastDeployed: iso(at) },
          status: index === versions.length - 1 ? 'deployed' : 'superseded',
        }))
        .reverse(),
      ...more,
    },
  });
}

function release(shop: Shop, revision: number, status: string): void {
  const createdAt = String(Math.floor(shop.clock.nowMs() / 1_000));
  shop.cluster.put({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      ...{ name: `sh.helm.release.v1.checkout.v${revision}`, namespace: 'shop' },
      labels: { owner: 'helm', name: 'checkout', status, version: String(revision), createdAt },
    },
    type: 'helm.sh/release.v1',
    data: { release: 'aHVudGVyMg==' },
  });
}

describe('syncs of Argo CD', () => {
  const synced = (): Promise<Shop> =>
    delivered(argo, (shop) => application(shop, [{ revision: commit(1), at: shop.clock.nowMs() }]));

  test('a sync says from which commit to which, who asked for it, and where the commit lies', async () => {
    const shop = await synced();
    const at = shop.clock.nowMs();
    shop.deploy('v2', argo);
    application(shop, [
      { revision: commit(1), at: at - 180_000 },
      { revision: commit(2), at, by: 'ana' },
    ]);
    const found = await changes(shop);
    expect(found).toHaveLength(2);
    expect(found.find(isDelivery)).toMatchObject({
      ...{ kind: 'deploy', what: 'application/checkout', from: '111111111111', to: '222222222222', actor: 'ana' },
      ref: `https://github.com/acme/deploy/commit/${commit(2)}`,
      attributes: { app: 'argocd/checkout', revision: commit(2) },
    });
    const rollout = found.find((one) => !isDelivery(one));
    expect(rollout).toMatchObject({ from: 'v1', to: 'v2', actor: 'argocd-controller' });
    const { carried } = found.find(isDelivery) ?? {};
    expect(carried?.by).toBe('argocd-controller');
    expect(carried?.fromMs).toBeLessThanOrEqual(rollout?.atMs ?? 0);
    expect(carried?.untilMs).toBeGreaterThanOrEqual(rollout?.atMs ?? Infinity);
    expect(await changes(shop)).toEqual([]);
  });

  test('a sync that wrote nothing of the workload is no change of it', async () => {
    const shop = await synced();
    const at = shop.clock.nowMs();
    application(shop, [
      { revision: commit(1), at: at - 180_000 },
      { revision: commit(2), at },
    ]);
    expect(await changes(shop)).toEqual([]);
  });

  test('a sync that is heard of before what it wrote is told when that is heard of', async () => {
    const shop = await synced();
    const at = shop.clock.nowMs();
    application(shop, [
      { revision: commit(1), at: at - 180_000 },
      { revision: commit(2), at },
    ]);
    expect(await changes(shop)).toEqual([]);
    shop.deploy('v2', argo);
    expect((await changes(shop)).filter(isDelivery)).toHaveLength(1);
  });

  test('what a person writes meanwhile is not the work of the sync', async () => {
    const shop = await synced();
    const at = shop.clock.nowMs();
    shop.deploy('v2', { ...argo, by: 'kubectl-edit' });
    application(shop, [
      { revision: commit(1), at: at - 180_000 },
      { revision: commit(2), at },
    ]);
    expect((await changes(shop)).map(isDelivery)).toEqual([false]);
  });

  test('a commit that brings the state before back is a rollback', async () => {
    const shop = await synced();
    const syncs = [{ revision: commit(1), at: shop.clock.nowMs() - 180_000 }];
    for (const [version, revision] of [
      ['v2', 2],
      ['v1', 3],
    ] as const) {
      await shop.clock.advance(120_000);
      shop.deploy(version, argo);
      syncs.push({ revision: commit(revision), at: shop.clock.nowMs() });
      application(shop, syncs);
      const [change] = (await changes(shop)).filter(isDelivery);
      expect(change?.kind).toBe(version === 'v1' ? 'rollback' : 'deploy');
    }
  });

  test('after a restart the same sync is the same change', async () => {
    const shop = await synced();
    const at = shop.clock.nowMs();
    const syncs = [
      { revision: commit(1), at: at - 180_000 },
      { revision: commit(2), at },
    ];
    shop.deploy('v2', argo);
    application(shop, syncs);
    const seen = (await changes(shop)).find(isDelivery);
    const again = openShop();
    for (const kind of ['Namespace', 'Application', 'Deployment', 'ReplicaSet', 'Pod'])
      for (const object of shop.cluster.all(kind)) again.cluster.put(object as never);
    await again.clock.advance(200_000);
    expect((await changes(again)).find(isDelivery)?.id).toBe(seen?.id);
  });

  test('an Application is found where Argo CD was installed elsewhere, and not guessed at among several', async () => {
    for (const [namespaces, count] of [
      [['gitops'], 1],
      [['gitops', 'other'], 0],
    ] as const) {
      const put = (shop: Shop, syncs: readonly Synced[]): void => {
        for (const namespace of namespaces) application(shop, syncs, {}, namespace);
      };
      const shop = await delivered(argo, (one) => put(one, [{ revision: commit(1), at: one.clock.nowMs() }]));
      const at = shop.clock.nowMs();
      shop.deploy('v2', argo);
      put(shop, [
        { revision: commit(1), at: at - 180_000 },
        { revision: commit(2), at },
      ]);
      expect((await changes(shop)).filter(isDelivery)).toHaveLength(count);
    }
  });
});

describe('syncs of Flux', () => {
  test('a Kustomization says from which commit to which; the repository is asked for its address', async () => {
    const shop = await delivered(flux, (one) => {
      repository(one);
      kustomization(one, commit(1));
    });
    shop.deploy('v2', flux);
    kustomization(shop, commit(2));
    const found = (await changes(shop)).find(isDelivery);
    expect(found).toMatchObject({
      ...{ kind: 'deploy', what: 'kustomization/apps', from: '111111111111', to: '222222222222' },
      ...{ actor: 'kustomize-controller', ref: `https://github.com/acme/deploy/commit/${commit(2)}` },
    });
  });

  test('a new commit of the repository that leaves the workload alone is no change of it', async () => {
    const shop = await delivered(flux, (one) => kustomization(one, commit(1)));
    kustomization(shop, commit(2));
    expect(await changes(shop)).toEqual([]);
    // And a later sync is told from the commit before it.
    await shop.clock.advance(3_600_000);
    shop.deploy('v2', flux);
    kustomization(shop, commit(3));
    expect((await changes(shop)).find(isDelivery)).toMatchObject({ from: '222222222222', to: '333333333333' });
  });

  test('credentials in the address of a repository are told nobody', async () => {
    const shop = await delivered(flux, (one) => {
      repository(one, 'https://bot:hunter2@github.com/acme/deploy');
      kustomization(one, commit(1));
    });
    shop.deploy('v2', flux);
    kustomization(shop, commit(2));
    const found = await changes(shop);
    expect(found.some(isDelivery)).toBe(true);
    expect(JSON.stringify(found)).not.toContain('hunter2');
  });

  test('a HelmRelease says from which chart to which', async () => {
    const shop = await delivered(fluxHelm, (one) => helmRelease(one, [{ chart: '1.0.0', at: one.clock.nowMs() }]));
    const at = shop.clock.nowMs();
    shop.deploy('v2', fluxHelm);
    helmRelease(shop, [
      { chart: '1.0.0', at: at - 180_000 },
      { chart: '1.1.0', at },
    ]);
    expect((await changes(shop)).find(isDelivery)).toMatchObject({
      ...{ what: 'helmrelease/checkout', from: 'checkout-1.0.0', to: 'checkout-1.1.0', actor: 'helm-controller' },
    });
  });
});

describe('releases of Helm', () => {
  test('with leave to list Secrets they are told by revision, and what a Secret holds is never asked for', async () => {
    const shop = await delivered(helm('checkout-1.0.0'), (one) => release(one, 1, 'deployed'), { helm: true });
    shop.deploy('v2', helm('checkout-1.1.0'));
    release(shop, 1, 'superseded');
    release(shop, 2, 'deployed');
    const found = (await changes(shop)).filter(isDelivery);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ what: 'release/checkout', from: 'revision 1', to: 'revision 2', actor: 'helm' });
    expect(shop.cluster.calls.some(({ verb, resource }) => verb === 'get' && resource === 'secrets')).toBe(false);
  });

  test('without it, another version of the chart on the workload tells of one', async () => {
    const shop = await delivered(helm('checkout-1.0.0'), (one) => release(one, 1, 'deployed'));
    shop.deploy('v2', helm('checkout-1.1.0'));
    expect((await changes(shop)).find(isDelivery)).toMatchObject({
      ...{ kind: 'deploy', what: 'release/checkout', from: 'checkout-1.0.0', to: 'checkout-1.1.0', actor: 'helm' },
    });
    expect(shop.cluster.calls.some(({ resource }) => resource === 'secrets')).toBe(false);
  });
});

describe('what could not be delivered', () => {
  const told = async (marks: Rollout, put: (shop: Shop) => void, config: Json = {}) =>
    (await delivered(marks, put, config)).read('delivery_failing');

  test('all well is nought', async () => {
    expect(await told(argo, (shop) => application(shop, [{ revision: commit(1), at: shop.clock.nowMs() }]))).toEqual({
      v: 0,
    });
  });

  test.each([
    [
      'a sync that failed',
      { operationState: { phase: 'Failed', message: 'no such image', syncResult: { revision: commit(2) } } },
      'application/checkout (argocd/checkout): its sync to 222222222222 failed: no such image',
    ],
    [
      'an Application that cannot be rendered',
      { conditions: [{ type: 'ComparisonError', message: 'helm template: no such value' }] },
      'application/checkout (argocd/checkout): it cannot be synced (Unknown): helm template: no such value',
    ],
    [
      'something degraded that is no workload',
      { health: { status: 'Degraded' }, resources: [{ kind: 'Ingress', name: 'web', health: { status: 'Degraded' } }] },
      'application/checkout (argocd/checkout): degraded: Ingress/web',
    ],
    [
      'degraded, and no more is known',
      { health: { status: 'Degraded' } },
      'application/checkout (argocd/checkout): it is degraded',
    ],
  ] as const)('Argo CD: %s', async (_title, status, note) => {
    expect(await told(argo, (shop) => application(shop, [], status))).toEqual({ v: 1, note });
  });

  test('a workload that is degraded is told of by its own signals, not once more', async () => {
    const resources = [{ kind: 'Deployment', name: 'checkout', health: { status: 'Degraded' } }];
    const status = { health: { status: 'Degraded' }, resources };
    expect(await told(argo, (shop) => application(shop, [], status))).toEqual({ v: 0 });
  });

  test('Flux: a Kustomization that is not ready says why, and a suspended one is nobody fault', async () => {
    const conditions = [{ type: 'Ready', status: 'False', reason: 'BuildFailed', message: 'no such file' }];
    const status = { conditions, lastAttemptedRevision: `main@sha1:${commit(2)}` };
    expect(await told(flux, (shop) => kustomization(shop, commit(1), status))).toEqual({
      v: 1,
      note: 'kustomization/apps (flux-system/apps): it is not ready at 222222222222 (BuildFailed): no such file',
    });
    const suspended = await told(flux, (shop) => {
      kustomization(shop, commit(1), status);
      shop.cluster.patch('Kustomization', { namespace: 'flux-system', name: 'apps' }, { spec: { suspend: true } });
    });
    expect(suspended).toEqual({ v: 0 });
  });

  test('Flux: a HelmRelease that stalled will not try again', async () => {
    const conditions = [
      { type: 'Ready', status: 'False', reason: 'UpgradeFailed', message: 'timed out' },
      { type: 'Stalled', status: 'True', reason: 'RetriesExceeded', message: 'failed after 3 attempts' },
    ];
    expect(await told(fluxHelm, (shop) => helmRelease(shop, [], { conditions }))).toEqual({
      v: 1,
      note: 'helmrelease/checkout (shop/checkout): it stalled and will not try again by itself: failed after 3 attempts',
    });
  });

  test('Helm: a release that failed, and one that hangs', async () => {
    expect((await told(helm('a-1'), (shop) => release(shop, 2, 'failed'), { helm: true })).note).toBe(
      'release/checkout (shop/checkout): revision 2 failed',
    );
    const shop = await delivered(helm('a-1'), (one) => release(one, 2, 'pending-upgrade'), { helm: true });
    expect((await shop.read('delivery_failing')).v).toBe(0);
    await shop.clock.advance(15 * 60_000);
    expect((await shop.read('delivery_failing')).note).toMatch(/revision 2 is pending-upgrade for 18m/);
  });
});

describe('clusters that have or allow less', () => {
  test('where there is neither Argo CD nor Flux nothing is missing and nothing of theirs is read', async () => {
    const shop = await delivered({}, () => undefined);
    const { gaps } = await shop.collect();
    expect(gaps).toEqual([]);
    expect(shop.cluster.calls.some(({ resource }) => resource === 'applications')).toBe(false);
  });

  test('what is installed later is read from then on', async () => {
    const shop = await delivered(argo, () => undefined);
    application(shop, [{ revision: commit(1), at: shop.clock.nowMs() }]);
    await shop.clock.advance(120_000);
    await shop.collect();
    const at = shop.clock.nowMs();
    shop.deploy('v2', argo);
    application(shop, [
      { revision: commit(1), at: at - 120_000 },
      { revision: commit(2), at },
    ]);
    expect((await changes(shop)).some(isDelivery)).toBe(true);
  });

  test('an Application that may not be read is a gap, and of no other signal than its own', async () => {
    const shop = openShop();
    shop.cluster.fault = (call) => (call.resource === 'applications' ? refusal(call) : undefined);
    application(shop, []);
    shop.deploy('v1', argo);
    const { gaps } = await shop.collect();
    expect(gaps.map(({ reason, signal }) => [reason, signal])).toEqual([['unauthorized', 'applications']]);
    await expect(shop.source.check(new AbortController().signal)).rejects.toThrow(/may not list applications/);
  });

  test('when the server falls silent the last word of an Application is not told as if it were so now', async () => {
    const shop = await delivered(argo, (one) => application(one, [], { health: { status: 'Degraded' } }));
    expect((await shop.read('delivery_failing')).v).toBe(1);
    shop.cluster.fault = ({ resource }) =>
      resource === 'applications' ? new WatchkeeperError('unreachable', 'gone') : undefined;
    shop.cluster.endWatches(new WatchkeeperError('unreachable', 'gone'));
    await shop.clock.advance(60_000);
    expect(await shop.read('delivery_failing')).toEqual({});
    const { gaps } = await shop.collect();
    expect(gaps).toContainEqual(expect.objectContaining({ reason: 'unreachable', signal: 'delivery_failing' }));
  });

  test('hostile and broken objects are read without harm', async () => {
    const shop = await delivered(argo, (one) => {
      application(one, [], {
        history: ['x', { id: 'no' }, { id: 1, revision: 7 }] as Json,
        conditions: 'none',
        resources: 3,
      });
    });
    expect((await shop.read('delivery_failing')).v).toBe(0);
    application(shop, [], { operationState: { phase: 'Failed', message: 'x'.repeat(10_000) } });
    expect((await shop.read('delivery_failing')).note?.length).toBeLessThan(400);
  });
});

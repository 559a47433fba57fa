import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

import type { JsonObject } from '../../../src/lib/json.ts';
import { limits } from '../../../src/lib/limits.ts';
import type { KubernetesObject } from '../../../src/domain/ports/kubernetes.ts';
import {
  applications,
  decodeRelease,
  encodeRelease,
  fluxCommit,
  gitopsFacts,
  gitopsOwner,
  gitRepositories,
  helmReleases,
  helmRevision,
  isAppliedByOthers,
  kustomizations,
  parseApplication,
  readGitops,
  refuseFought,
} from '../../../src/io/clients/gitops/index.ts';
import { memoryCluster } from '../../support/memory-cluster.ts';

const never = new AbortController().signal;

function deployment(metadata: object = {}): KubernetesObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'checkout', namespace: 'shop', ...metadata },
  };
}

const tracked = (id: string) => deployment({ annotations: { 'argocd.argoproj.io/tracking-id': id } });
const byArgo = tracked('checkout:apps/Deployment:shop/checkout');
const byKustomization = deployment({
  labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' },
});
const release = {
  'meta.helm.sh/release-name': 'shop',
  'meta.helm.sh/release-namespace': 'shop',
};

describe('who owns an object', () => {
  it('is the Argo CD application that its tracking id names', () => {
    expect(gitopsOwner(byArgo)).toEqual({ by: 'argo', name: 'checkout' });
    expect(gitopsOwner(tracked('team_checkout:apps/Deployment:shop/checkout'))).toEqual({
      by: 'argo',
      namespace: 'team',
      name: 'checkout',
    });
  });

  it('is not the application of an object that the tracking id was copied from', () => {
    expect(gitopsOwner(tracked('checkout:apps/Deployment:shop/another'))).toBeUndefined();
    expect(gitopsOwner(tracked('nonsense'))).toBeUndefined();
  });

  it('is the application of the instance label only where Argo CD has written', () => {
    const labels = { 'app.kubernetes.io/instance': 'checkout' };
    expect(gitopsOwner(deployment({ labels }))).toBeUndefined();
    const managedFields = [{ manager: 'argocd-controller', operation: 'Apply' }];
    expect(gitopsOwner(deployment({ labels, managedFields }))).toEqual({ by: 'argo', name: 'checkout' });
  });

  it('is Flux before Helm, and Argo CD before both, since they install charts', () => {
    expect(gitopsOwner(deployment({ annotations: release }))).toEqual({ by: 'helm', namespace: 'shop', name: 'shop' });
    const labels = { 'helm.toolkit.fluxcd.io/name': 'shop', 'helm.toolkit.fluxcd.io/namespace': 'apps' };
    expect(gitopsOwner(deployment({ annotations: release, labels }))).toEqual({
      by: 'flux',
      kind: 'HelmRelease',
      namespace: 'apps',
      name: 'shop',
    });
    const annotations = { ...release, ...byArgo.metadata.annotations };
    expect(gitopsOwner(deployment({ annotations, labels }))?.by).toBe('argo');
  });

  it('is the custom resource whose controller made it, and none of the built-in ones', () => {
    const owned = (apiVersion: string, kind: string) =>
      gitopsOwner(deployment({ ownerReferences: [{ apiVersion, kind, name: 'x', controller: true }] }));
    expect(owned('postgres.example/v1', 'Cluster')).toEqual({
      by: 'controller',
      apiVersion: 'postgres.example/v1',
      kind: 'Cluster',
      name: 'x',
    });
    for (const [apiVersion, kind] of [
      ['apps/v1', 'ReplicaSet'],
      ['v1', 'Node'],
      ['batch/v1', 'CronJob'],
      ['gateway.networking.k8s.io/v1', 'Gateway'],
    ] as const)
      expect(owned(apiVersion, kind)).toBeUndefined();
  });

  it('of a field is whoever applied it, beside ourselves', () => {
    const by = (manager: string, fieldsV1: object) =>
      isAppliedByOthers(deployment({ managedFields: [{ manager, operation: 'Apply', fieldsV1 }] }), 'suspend', 'us');
    expect(by('kustomize-controller', { 'f:spec': { 'f:suspend': {} } })).toBe(true);
    expect(by('kustomize-controller', { 'f:spec': { 'f:interval': {} } })).toBe(false);
    expect(by('us', { 'f:spec': { 'f:suspend': {} } })).toBe(false);
  });
});

describe('whether a write of ours would last', () => {
  const cluster = () => memoryCluster([applications, kustomizations, helmReleases, gitRepositories]);
  const application = (syncPolicy: JsonObject, namespace = 'argocd') => ({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: 'checkout', namespace },
    spec: { source: { repoURL: 'https://git.example/acme/deploy' }, syncPolicy },
    status: { sync: { status: 'Synced', revision: 'c2' } },
  });
  const look = async (world: ReturnType<typeof cluster>, object: KubernetesObject) =>
    gitopsFacts(await readGitops(world.operator, object, never));

  it('it would where nobody owns the object', async () => {
    expect(await look(cluster(), deployment())).toEqual({ by: 'nobody', app: '', autoSync: false });
    expect(() => refuseFought({ gitops: { by: 'nobody', app: '', autoSync: false } })).not.toThrow();
  });

  it('it would not while Argo CD syncs by itself, and the refusal names what to use', async () => {
    const world = cluster();
    world.put(applications, application({ automated: { selfHeal: true } }));
    const gitops = await look(world, byArgo);
    expect(gitops).toMatchObject({ by: 'argo', app: 'argocd/checkout', autoSync: true, revision: 'c2' });
    expect(() => refuseFought({ gitops })).toThrow(
      'Argo CD application argocd/checkout would revert this within minutes; use argo-rollback or argo-suspend-sync',
    );
  });

  it.each([
    ['there is no automated sync', {}],
    ['it is switched off', { automated: { enabled: false, selfHeal: true } }],
  ])('it would with Argo CD when %s', async (_what, syncPolicy) => {
    const world = cluster();
    world.put(applications, application(syncPolicy));
    const gitops = await look(world, byArgo);
    expect(gitops).toMatchObject({ by: 'argo', autoSync: false });
    expect(() => refuseFought({ gitops })).not.toThrow();
  });

  it('an application outside of the usual namespace is found by its name, unless there are two', async () => {
    const world = cluster();
    world.put(applications, application({}, 'openshift-gitops'));
    expect(await look(world, byArgo)).toMatchObject({ app: 'openshift-gitops/checkout', autoSync: false });
    world.put(applications, application({}, 'team'));
    expect(await look(world, byArgo)).toMatchObject({ autoSync: true, reverts: expect.stringContaining('several') });
  });

  it('an owner that is gone or may not be read is taken to act', async () => {
    const world = cluster();
    expect(await look(world, byArgo)).toMatchObject({ autoSync: true, reverts: expect.stringContaining('no Argo CD') });
    world.forbid = () => true;
    expect(await look(world, byKustomization)).toMatchObject({
      autoSync: true,
      reverts: expect.stringContaining('forbidden'),
    });
  });

  it('follows Flux: applied, suspended, or told to leave the object alone', async () => {
    const world = cluster();
    const ref = { namespace: 'flux-system', name: 'apps' };
    world.put(kustomizations, {
      metadata: ref,
      spec: { sourceRef: { kind: 'GitRepository', name: 'fleet' } },
      status: { lastAppliedRevision: `main@sha1:${'a'.repeat(40)}` },
    });
    world.put(gitRepositories, {
      metadata: { ...ref, name: 'fleet' },
      spec: { url: 'ssh://git@git.example/acme/fleet' },
    });
    expect(await look(world, byKustomization)).toEqual({
      by: 'flux',
      app: 'flux-system/apps',
      autoSync: true,
      repo: 'ssh://git@git.example/acme/fleet',
      revision: 'a'.repeat(40),
      reverts: 'Flux Kustomization flux-system/apps would revert this at its next run; use flux-suspend first',
    });
    const annotations = { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' };
    expect(await look(world, deployment({ ...byKustomization.metadata, annotations }))).toMatchObject({
      autoSync: false,
    });
    world.change(kustomizations, ref, { spec: { suspend: true } });
    expect(await look(world, byKustomization)).toMatchObject({ autoSync: false });
  });

  it('Helm alone reverts nothing; a custom controller does', async () => {
    expect(await look(cluster(), deployment({ annotations: release }))).toEqual({
      by: 'helm',
      app: 'shop/shop',
      autoSync: false,
    });
    const ownerReferences = [{ apiVersion: 'db.example/v1', kind: 'Cluster', name: 'main', controller: true }];
    expect(await look(cluster(), deployment({ ownerReferences }))).toMatchObject({
      by: 'controller',
      reverts: 'the controller of Cluster main (db.example/v1) would revert this',
    });
  });
});

describe('an Argo CD application', () => {
  it('that never synced, or is garbage, reads as one that knows nothing', () => {
    for (const rest of [{}, { spec: 'x', status: [], operation: 4 }, { status: { history: [{}, { id: 'x' }] } }])
      expect(parseApplication({ metadata: { name: 'a' }, ...rest })).toMatchObject({
        automated: false,
        history: [],
        infos: [],
        sync: { status: 'Unknown' },
      });
  });

  it('with several sources goes by the revision of the first', () => {
    const history = [{ id: 1, revisions: ['c1', '1.2.3'], sources: [{ repoURL: 'r' }, { chart: 'c' }] }];
    const app = parseApplication({ metadata: { name: 'a' }, status: { history } });
    expect(app.history[0]).toMatchObject({ id: 1, revision: 'c1', recorded: { revisions: ['c1', '1.2.3'] } });
  });
});

describe('a Flux revision', () => {
  it.each([
    [`main@sha1:${'b'.repeat(40)}`, 'b'.repeat(40)],
    [`main/${'c'.repeat(40)}`, 'c'.repeat(40)],
    ['1.2.3', '1.2.3'],
  ])('%s is of commit %s', (revision, commit) => {
    expect(fluxCommit(revision)).toBe(commit);
  });
});

describe('a Helm release record', () => {
  const record = {
    name: 'shop',
    namespace: 'shop',
    version: 3,
    info: { status: 'deployed', description: 'Upgrade complete', last_deployed: '2026-11-18T10:00:00Z' },
    chart: { metadata: { name: 'shop', version: '1.2.3', appVersion: '4.5' } },
    config: { password: 'hunter2' },
  };
  const secret = (data: string) => ({ metadata: { name: 'sh.helm.release.v1.shop.v3' }, data: { release: data } });

  it('is read as Helm wrote it, and what is shown of it holds no value', () => {
    const decoded = decodeRelease(secret(encodeRelease(record)));
    expect(decoded).toEqual(record);
    expect(helmRevision(decoded)).toMatchObject({
      revision: 3,
      status: 'deployed',
      chartVersion: '1.2.3',
      appVersion: '4.5',
    });
    expect(JSON.stringify(helmRevision(decoded))).not.toContain('hunter2');
  });

  it.each([
    ['nothing', ''],
    ['no base64', '§§§'],
    ['no gzip', Buffer.from('aGVsbG8=').toString('base64')],
    ['no JSON', Buffer.from(gzipSync('no').toString('base64')).toString('base64')],
    ['no release', Buffer.from(gzipSync('[]').toString('base64')).toString('base64')],
    ['no version', Buffer.from(gzipSync('{"name":"x"}').toString('base64')).toString('base64')],
  ])('that is %s is malformed', (_what, data) => {
    expect(() => decodeRelease(secret(data))).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it('that unpacks to more than its limit is refused, not unpacked', () => {
    const bomb = gzipSync(Buffer.alloc(limits.helmReleaseBytes + 1)).toString('base64');
    expect(() => decodeRelease(secret(Buffer.from(bomb).toString('base64')))).toThrow(
      expect.objectContaining({ code: 'too-large' }),
    );
  });
});

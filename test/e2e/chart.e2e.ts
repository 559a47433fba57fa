import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';

import { startCluster, type Cluster } from './peers/kubernetes/cluster.ts';
import { runProgram } from './peers/kubernetes/kubectl.ts';
import { kubernetesPrograms } from './peers/kubernetes/program.ts';
import { writeSchemas } from './peers/kubernetes/schemas.ts';
import { peersRoot } from './peers/peers.ts';

const deploy = path.resolve(import.meta.dirname, '../../deploy');
const chart = path.join(deploy, 'helm/watchkeeper');
const sets = readdirSync(path.join(chart, 'ci')).map((file) => file.replace(/-values\.yaml$/, ''));
const valuesOf = (set: string): string => path.join(chart, 'ci', `${set}-values.yaml`);
const render = (...argv: readonly string[]): Promise<string> =>
  runProgram('helm', ['template', 'wk', chart, '--namespace', 'watch', ...argv]);

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: { readonly template?: { readonly spec: PodSpec } };
}

interface PodSpec {
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: unknown;
  readonly containers: readonly {
    readonly securityContext: unknown;
    readonly volumeMounts: readonly { readonly mountPath: string }[];
  }[];
}

describe('the Helm chart and the kustomizations', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'watchkeeper-chart-'));
  let cluster: Cluster;
  let schemas = '';
  beforeAll(async () => {
    cluster = await startCluster({ nodes: 0 });
    // Under the strictest pod security: what the chart renders must not need less.
    const strictest = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    for (const name of ['watch', 'watchkeeper', 'shop', 'payments', 'platform'])
      await cluster.namespace(name, strictest);
    await cluster.apply(['ServiceMonitor', 'PrometheusRule'].map(monitoring));
    await cluster.kubectl(['apply', '--server-side', '-k', path.join(chart, 'files/crds')]);
    await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
    schemas = await writeSchemas(cluster, path.join(folder, 'schemas'));
  }, 300_000);
  afterAll(async () => {
    await (cluster as Cluster | undefined)?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const accepted = async (manifests: string): Promise<void> => {
    const argv = ['apply', '--server-side', '--force-conflicts', '--dry-run=server', '--validate=strict', '-f', '-'];
    await cluster.kubectl(argv, { stdin: manifests });
    const conform = ['-strict', '-summary', '-schema-location', schemas, '-skip', 'ServiceMonitor,PrometheusRule', '-'];
    expect(await runProgram('kubeconform', conform, manifests)).toMatch(/Invalid: 0, Errors: 0/);
  };

  test('five sets of values and more pass helm lint', async () => {
    expect(sets.length).toBeGreaterThanOrEqual(5);
    for (const set of sets) await runProgram('helm', ['lint', '--strict', chart, '--values', valuesOf(set)]);
  });

  test.each(sets)('%s: the API server and kubeconform accept what is rendered', async (set) => {
    await accepted(await render('--values', valuesOf(set)));
  });

  test.each(sets)('%s: the pod keeps the strictest rules, and mounts what it is told of', async (set) => {
    const documents = manifests(await render('--values', valuesOf(set)));
    const pod = documents.find(({ kind }) => kind === 'Deployment')?.spec?.template?.spec;
    expect(pod?.automountServiceAccountToken).toBe(false);
    expect(pod?.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(pod?.containers.map(({ securityContext }) => securityContext)).toEqual([
      { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    ]);
    const config =
      documents.find(({ data }) => data?.['watchkeeper.yaml'] !== undefined)?.data?.['watchkeeper.yaml'] ?? '';
    const mounts = pod?.containers.flatMap(({ volumeMounts }) => volumeMounts.map(({ mountPath }) => mountPath)) ?? [];
    const named = [...config.matchAll(/\/(?:run\/secrets|etc)\/watchkeeper\/[\w./-]+/g)].map(([file]) => file);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((file) => !mounts.some((mount) => file.startsWith(mount)))).toEqual([]);
  });

  test.each([
    ['two replicas with a store of their own', ['--set', 'replicas=2'], /need store.kind: postgres/],
    [
      'two replicas without one key',
      ['--set', 'replicas=2,store.kind=postgres,store.postgres.host=db'],
      /ledger.existingSecret/,
    ],
    ['a hand that may nothing', ['--set', 'operator.enabled=true'], /operator.permissions/],
    ['an unknown value', ['--set', 'replica=2'], /replica/],
    ['a verb that is every verb', ['--set', 'operator.permissions.cluster[0].verbs[0]=*'], /verbs/],
  ])('helm refuses %s, in words', async (_what, argv, says) => {
    await expect(render(...argv)).rejects.toThrow(says);
  });

  test('the base of the kustomizations is the chart, rendered', () => {
    const helm = path.join(kubernetesPrograms(), 'helm');
    const rendered = execFileSync('bash', [path.join(deploy, 'kustomize/base/render.sh'), helm], { encoding: 'utf8' });
    expect(readFileSync(path.join(deploy, 'kustomize/base/watchkeeper.yaml'), 'utf8')).toBe(rendered);
  });

  test.each(['base', 'overlays/cluster', 'overlays/two-replicas'])('kustomize %s: accepted', async (place) => {
    cpSync(deploy, path.join(folder, 'deploy'), { recursive: true });
    writeFileSync(path.join(folder, 'deploy/kustomize/overlays/cluster/token'), 'secret');
    await accepted(await cluster.kubectl(['kustomize', path.join(folder, 'deploy/kustomize', place)]));
  });

  test('the rules are right, and alert when they should', () => {
    const promtool = path.join(peersRoot(), 'usr/bin/promtool');
    const run = (...argv: readonly string[]) => execFileSync(promtool, argv, { encoding: 'utf8', stdio: 'pipe' });
    expect(run('check', 'rules', path.join(deploy, 'prometheus/rules.yaml'))).toContain('SUCCESS');
    expect(run('test', 'rules', path.join(deploy, 'prometheus/rules.test.yaml'))).toContain('SUCCESS');
  });
});

// In a cluster of its own, that never had the definitions: one that is deleted right after it was changed can stay in deletion for
// minutes, because Kubernetes does not look again after "storage is (re)initializing".
describe('the Helm chart in a cluster that knows nothing of Watchkeeper', () => {
  const home = mkdtempSync(path.join(os.tmpdir(), 'watchkeeper-chart-'));
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ nodes: 0 });
    await cluster.namespace('watch');
  }, 300_000);
  afterAll(async () => {
    await (cluster as Cluster | undefined)?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  test('installs, and an uninstall leaves definitions and volume behind', async () => {
    const helm = (...argv: readonly string[]) =>
      runProgram('helm', [...argv, '--kubeconfig', cluster.adminKubeconfig, '--namespace', 'watch'], '', {
        HOME: home,
      });
    expect(await helm('install', 'wk', chart)).toContain('It changes nothing in the cluster');
    const token = () =>
      cluster.kubectl(['-n', 'watch', 'get', 'secret', 'wk-watchkeeper-api', '-o', 'jsonpath={.data.token}']);
    const made = await token();
    await helm('upgrade', 'wk', chart, '--set', 'watch.secrets=true');
    expect(await token()).toBe(made);
    await helm('uninstall', 'wk');
    await cluster.kubectl(['get', 'crd', 'policies.watchkeeper.dev']);
    await cluster.kubectl(['-n', 'watch', 'get', 'persistentvolumeclaim', 'wk-watchkeeper']);
  });
});

function manifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    const manifest = document.toJS() as Manifest | null;
    return manifest === null ? [] : [manifest];
  });
}

/** A kind of the Prometheus operator, as far as the API server cares. */
function monitoring(kind: string) {
  const plural = `${kind.toLowerCase()}s`;
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.monitoring.coreos.com` },
    spec: {
      group: 'monitoring.coreos.com',
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase() },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  };
}

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import {
  accessText,
  readerPermissions,
  reviewAccess,
  reviewReader,
  type ClusterPermissions,
} from '../../src/agent/access/index.ts';
import type { KubernetesReader } from '../../src/domain/ports/kubernetes.ts';
import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { sourceKinds } from '../../src/sources/index.ts';

const reading = (config: JsonObject = {}): ClusterPermissions =>
  readerPermissions(sourceKinds['kubernetes']?.access(config) ?? []);
const triples = (rules: ClusterPermissions['cluster']): readonly string[] =>
  rules
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.flatMap((one) => verbs.map((verb) => `${verb} ${group}/${one}`))),
    )
    .sort();

describe('what a reader of a cluster needs', () => {
  test('is to list and watch what is read, and no Secret and no kubelet unless that is asked for', () => {
    const { cluster, namespaces } = reading();
    expect(namespaces).toEqual([]);
    const needed = triples(cluster);
    expect(needed).toContain('list apps/deployments');
    expect(needed).toContain('get /pods/log');
    expect(needed).toContain('watch argoproj.io/applications');
    expect(needed.join()).not.toMatch(/secrets|proxy|create|patch|delete|\*/);
    expect(triples(reading({ helm: true }).cluster)).toContain('list /secrets');
    expect(triples(reading({ volumes: true }).cluster)).toContain('get /nodes/proxy');
  });

  test('is kept to the namespaces that are read, but for what has none', () => {
    const { cluster, namespaces } = reading({ namespaces: ['shop', 'cart'] });
    expect(namespaces.map(({ namespace }) => namespace)).toEqual(['cart', 'shop']);
    expect(triples(namespaces[0]?.rules ?? [])).toContain('list apps/deployments');
    expect(cluster).toEqual([
      { apiGroups: [''], resources: ['namespaces'], verbs: ['list', 'watch'], resourceNames: ['cart', 'shop'] },
    ]);
  });

  test('leaves out what the configuration leaves out', () => {
    const less = { events: false, configMaps: false, gitops: false, usage: false, logs: false, certificates: false };
    expect(triples(reading(less).cluster).join()).not.toMatch(/events|configmaps|argoproj|metrics|log|cert-manager/);
  });

  test('of a source that is in no cluster is nothing', () => {
    expect(sourceKinds['host']?.access({})).toEqual([]);
  });
});

describe('what a hand may do', () => {
  const cluster = (rules: KubernetesReader['rules']): KubernetesReader =>
    ({ rules, may: () => Promise.resolve(false) }) as Partial<KubernetesReader> as KubernetesReader;
  const signal = new AbortController().signal;
  const nothing = { cluster: [], namespaces: [] };

  test('is not said to be enough where there was nothing to compare it with', async () => {
    const report = await reviewAccess(
      cluster(() => Promise.resolve({})),
      nothing,
      signal,
    );
    expect(accessText(report)).not.toContain('what the runbooks in force need, and nothing more');
    expect(accessText(report)).toContain('was not looked at');
  });

  test('is asked of the cluster even then: one that is gone is told', async () => {
    const gone = new WatchkeeperError('unreachable', 'connection refused');
    await expect(
      reviewAccess(
        cluster(() => Promise.reject(gone)),
        nothing,
        signal,
      ),
    ).rejects.toThrow(gone);
  });

  test('is named by verb, resource and namespace where it is not enough', async () => {
    const rules = [{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['patch'] }];
    const report = await reviewAccess(
      cluster(() => Promise.resolve({})),
      { cluster: [], namespaces: [{ namespace: 'shop', rules }] },
      signal,
    );
    expect(accessText(report)).toBe('may not patch deployments.apps in shop');
  });
});

describe('what a reader may do beyond reading', () => {
  const excess = async (config: JsonObject, resourceRules: readonly JsonObject[]): Promise<readonly string[]> => {
    const asked: string[] = [];
    const rules = (namespace: string): Promise<JsonObject> => {
      asked.push(namespace);
      return Promise.resolve({ resourceRules });
    };
    const report = await reviewReader({ rules } as unknown as KubernetesReader, reading(config), never);
    return [...asked, ...report.excess];
  };
  const never = new AbortController().signal;

  test('is told, namespace by namespace: a write, a Secret that is not read, everything', async () => {
    const patch = { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'patch'] };
    const secrets = { apiGroups: [''], resources: ['secrets'], verbs: ['list', 'watch'] };
    expect(await excess({}, [patch])).toEqual(['default', 'patch deployments.apps in default']);
    expect(await excess({ namespaces: ['shop'] }, [secrets])).toEqual([
      ...['shop', 'list secrets in shop', 'watch secrets in shop'],
    ]);
    expect(await excess({ secrets: true }, [secrets])).toEqual(['default']);
    const all = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] };
    expect(await excess({}, [all])).toEqual(['default', '* everything.* in default']);
  });

  test("is nothing for what the chart gives the pod's account, by name or for its own documents", async () => {
    const given = [
      { apiGroups: [''], resources: ['serviceaccounts/token'], verbs: ['create'], resourceNames: ['hand'] },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
      { apiGroups: ['watchkeeper.dev'], resources: ['services/status'], verbs: ['patch'] },
      { apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectrulesreviews'], verbs: ['create'] },
    ];
    expect(await excess({}, given)).toEqual(['default']);
    const documents = { apiGroups: ['watchkeeper.dev'], resources: ['policies'], verbs: ['patch'] };
    expect(await excess({}, [documents])).toEqual(['default', 'patch policies.watchkeeper.dev in default']);
  });
});

test("the chart's reader has what the source reads by default, and nothing beside it", () => {
  const file = new URL('../../deploy/kustomize/base/watchkeeper.yaml', import.meta.url);
  const role = readFileSync(file, 'utf8')
    .split(/^---$/m)
    .find((part) => /kind: ClusterRole\n/.test(part) && part.includes('-reader'));
  const rules = [...(role ?? '').matchAll(/apiGroups: \[(.*)\]\n\s+resources: \[(.*)\]\n\s+verbs: \[(.*)\]/g)].map(
    (found) => {
      const [apiGroups, resources, verbs] = found
        .slice(1)
        .map((list) => list.split(', ').map((one) => one.replaceAll(/['"]/g, '')));
      return { apiGroups: apiGroups ?? [], resources: resources ?? [], verbs: verbs ?? [] };
    },
  );
  expect(triples(rules)).toEqual(triples(reading().cluster));
});

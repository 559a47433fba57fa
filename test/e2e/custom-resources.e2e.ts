import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';

import { filesBelow } from '../ledger/support/vectors.ts';
import { startCluster, type Cluster } from './peers/kubernetes/cluster.ts';
import { until } from './peers/peers.ts';

const root = path.resolve(import.meta.dirname, '../..');
const crds = path.join(root, 'deploy/helm/watchkeeper/files/crds');
const apiVersion = 'watchkeeper.dev/v1alpha1';

/** The definitions that the chart installs, before the real API server. */
describe('custom resources', () => {
  let cluster: Cluster;
  const apply = (document: unknown) => cluster.kubectl(['apply', '-f', '-'], { stdin: stringify(document) });

  beforeAll(async () => {
    cluster = await startCluster({ nodes: 0 });
    await cluster.namespace('platform');
    await cluster.kubectl(['apply', '--server-side', '-k', crds]);
    await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
    // An admission policy counts a moment after it is there.
    await until('unknown keys are refused', async () =>
      (await refusal(() => cluster.kubectl(['apply', '--dry-run=server', '-f', '-'], { stdin: unknownKey }))).includes(
        'unknown key',
      ),
    );
  }, 300_000);
  afterAll(() => (cluster as Cluster | undefined)?.stop());

  test('are structural: the API server has no complaint about any definition', async () => {
    interface Crds {
      readonly items: readonly {
        readonly metadata: { readonly name: string };
        readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
      }[];
    }
    const { items } = await cluster.read<Crds>('crd');
    expect(items.map(({ metadata }) => metadata.name.split('.')[0]).sort()).toEqual([
      'detectors',
      'escalations',
      'policies',
      'runbooks',
      'services',
    ]);
    for (const { metadata, status } of items) {
      const is = Object.fromEntries(status.conditions.map(({ type, status: value }) => [type, value]));
      expect([metadata.name, is['Established'], is['NamesAccepted'], is['NonStructuralSchema']]).toEqual([
        metadata.name,
        'True',
        'True',
        undefined,
      ]);
    }
  });

  test('every document that is shipped applies as it is, and is stored as it was written', async () => {
    const shipped = ['detectors', 'runbooks', 'policies']
      .flatMap((folder) => filesBelow(path.join(root, folder)))
      .filter((file) => file.endsWith('.yaml') && !file.endsWith('.test.yaml'));
    expect(shipped.length).toBeGreaterThan(5);
    for (const file of shipped) await cluster.kubectl(['-n', 'platform', 'apply', '-f', file]);
    for (const file of shipped) {
      const written = parse(readFileSync(file, 'utf8')) as { kind: string; metadata: { name: string }; spec: unknown };
      const resource = `${written.kind.toLowerCase()}.watchkeeper.dev/${written.metadata.name}`;
      const { spec } = await cluster.read<{ spec: Record<string, unknown> }>('-n', 'platform', resource);
      // kubectl reads YAML 1.1: a bare `on` is the truth value, and arrives as the key "true".
      const { true: on, ...rest } = spec;
      expect(on === undefined ? spec : { ...rest, on }, file).toEqual(written.spec);
    }
    const table = await cluster.kubectl(['-n', 'platform', 'get', 'watchkeeper']);
    expect(table).toMatch(/clock-unsynchronised\s+threshold\s+time_sync\s+warning/);
    expect(table).toMatch(/NAME\s+KIND\s+SIGNAL\s+SEVERITY\s+MODE\s+READY\s+REASON\s+AGE/);
  });

  test.each<[string, unknown, RegExp]>([
    ['a wrong word', detector({ kind: 'thresold', on: 'errors' }), /Unsupported value: "thresold"/],
    ['a kind without the signal it watches', detector({ kind: 'threshold' }), /on is missing/],
    ['a wrong type', detector({ kind: 'threshold', on: ['errors'] }), /must be of type string/],
    ['a missing spec', { apiVersion, kind: 'Policy', metadata }, /spec: Required value/],
    ['an unknown key', policy({ alow: [] }), /spec has an unknown key; the keys are scope/],
    ['an unknown key deep inside', policy({ never: [{ action: ['*'] }] }), /spec.never\[\] has an unknown key/],
    ['a freeze that is neither', policy({ freeze: [{ from: '2026-11-26T00:00:00Z' }] }), /either from and until/],
    ['two steps of one name', runbook([step('a'), step('a')]), /two steps with the same id/],
    [
      'an objective without its signal',
      service({ slos: [{ name: 'a', objective: '99.9%', window: '30d', errors: 'errors' }] }),
      /that telemetry does not have/,
    ],
  ])('the API server refuses %s', async (_what, document, says) => {
    expect(await refusal(() => apply(document))).toMatch(says);
  });

  test('refuses an unknown key also from a client that does not ask for it', async () => {
    const lenient = ['apply', '--validate=ignore', '-f', '-'];
    expect(await refusal(() => cluster.kubectl(lenient, { stdin: unknownKey }))).toMatch(/unknown key/);
  });
});

const metadata = { name: 'it', namespace: 'platform' };
const detector = (spec: unknown) => ({ apiVersion, kind: 'Detector', metadata, spec });
const policy = (spec: unknown) => ({ apiVersion, kind: 'Policy', metadata, spec });
const service = (spec: unknown) => ({ apiVersion, kind: 'Service', metadata, spec });
const step = (id: string) => ({ id, do: 'host.service-restart' });
const runbook = (steps: unknown) => ({
  apiVersion,
  kind: 'Runbook',
  metadata,
  spec: { summary: 's', when: 'true', steps, verify: [{ expect: 'errors < 1', within: '1m' }] },
});
const unknownKey = stringify(policy({ alow: [] }));

async function refusal(act: () => Promise<unknown>): Promise<string> {
  return act().then(
    () => 'accepted',
    (thrown: unknown) => String(thrown),
  );
}

import { describe, expect, it } from 'vitest';

import type { DocumentFeed } from '../../../src/agent/load/feed.ts';
import { loadAll, type LoadOptions } from '../../../src/agent/load/index.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { crossCheck, documentText, parsers } from './given.ts';

const shipped = { detectors: '/opt/detectors', runbooks: '/opt/runbooks', policies: '/opt/policies' };
const accepts = { parse: () => ({ ok: true as const, value: {} }) };

async function loaded(config: string, more: Partial<LoadOptions> = {}) {
  const outcome = await loadAll({
    config: {
      folder: '/srv',
      defaultDataDir: '/data',
      variables: {},
      sourceKinds: {
        host: accepts,
        kubernetes: accepts,
        aws: accepts,
        ssh: { parse: (config) => ({ ok: true, value: config }) },
      },
      channelKinds: {},
      files: memoryFiles({
        '/srv/watchkeeper.yaml': config,
        '/opt/detectors/disk-full.yaml': documentText('Detector', 'disk-full'),
        '/opt/detectors/disk-full.test.yaml': 'not: [closed\n',
        '/opt/detectors/kubernetes/crash-loop.yaml': documentText('Detector', 'crash-loop'),
        '/opt/detectors/aws/unavailable.yaml': documentText('Detector', 'unavailable'),
        '/opt/detectors/windows/pool-down.yaml': documentText('Detector', 'pool-down'),
        '/opt/runbooks/restart.yaml': documentText('Runbook', 'restart'),
        '/opt/runbooks/kubernetes/roll-back.yaml': documentText('Runbook', 'roll-back'),
        '/opt/runbooks/ssh/restart-on-hosts.yaml': documentText('Runbook', 'restart-on-hosts'),
        '/opt/policies/default.yaml': documentText('Policy', 'default'),
        '/srv/own/kubernetes/mine.yaml': documentText('Detector', 'mine'),
        '/srv/all/prod.yaml': documentText('Policy', 'prod'),
      }),
      signal: new AbortController().signal,
    },
    parsers,
    crossCheck,
    shipped,
    ...more,
  });
  return outcome.ok
    ? outcome.value.resources.documents.map(({ document }) => document.metadata.name).sort()
    : outcome.problems.map(({ file }) => file);
}

it('leaves out what is shipped for a platform that no source reads, and nothing that people wrote', async () => {
  expect(await loaded('resources: { detectors: own }\n')).toEqual(['default', 'disk-full', 'mine', 'restart']);
});

it.each([
  ['a source reads it', 'sources: [{ id: here, kind: kubernetes }]'],
  ['the hand acts there', 'operators: { kubernetes: [{ cluster: here, kubeconfig: here }] }'],
])('takes what is shipped for a platform where %s', async (_where, config) => {
  expect(await loaded(`${config}\n`)).toEqual(['crash-loop', 'default', 'disk-full', 'restart', 'roll-back']);
});

const acting = { source: 'cloud', accounts: [{ name: 'a', roleArn: 'arn:aws:iam::123456789012:role/r' }] };

it.each([
  ['a source reads it', 'sources: [{ id: cloud, kind: aws }]'],
  ['the hand acts there', `operators: { aws: [${JSON.stringify(acting)}] }`],
])('takes what is shipped for AWS, and not for another platform, where %s', async (_where, config) => {
  expect(await loaded(`${config}\n`)).toEqual(['default', 'disk-full', 'restart', 'unavailable']);
});

const fleetOf = (hosts: object, more: object = {}): string =>
  `sources: [${JSON.stringify({ id: 'fleet', kind: 'ssh', login: { user: 'watch', keyFile: '/k' }, hosts, ...more })}]`;

it.each([
  ['a host is listed as one', fleetOf({ 'win-1': { os: 'windows' }, 'web-1': {} })],
  ['Ansible lists hosts that nobody has read yet', fleetOf({}, { ansible: ['/etc/ansible/hosts'] })],
])('takes what is shipped for Windows where %s', async (_where, config) => {
  expect(await loaded(`${config}\n`)).toEqual(['default', 'disk-full', 'pool-down', 'restart', 'restart-on-hosts']);
});

it('leaves out what is shipped for Windows where all hosts over SSH run Linux', async () => {
  expect(await loaded(`${fleetOf({ 'web-1': {} })}\n`)).toEqual([
    'default',
    'disk-full',
    'restart',
    'restart-on-hosts',
  ]);
});

it('takes what is shipped for hosts over SSH where a source reads some', async () => {
  const config = 'sources: [{ id: fleet, kind: ssh }]\n';
  expect(await loaded(config)).toEqual(['default', 'disk-full', 'restart', 'restart-on-hosts']);
});

it('does not read the tests beside shipped resources, except for those who run them', async () => {
  expect(await loaded('{}\n')).not.toContain('/opt/detectors/disk-full.test.yaml');
  expect(await loaded('{}\n', { shippedTests: true })).toContain('/opt/detectors/disk-full.test.yaml');
});

describe('the shipped policy', () => {
  const fed = (kind: 'Policy' | 'Runbook'): DocumentFeed => ({
    read: () =>
      Promise.resolve([
        {
          path: 'kubernetes:watch/documents/one',
          bytes: new TextEncoder().encode(documentText(kind, 'one')),
          ref: { kind, namespace: 'watch', name: 'one', uid: '1', generation: 1 },
        },
      ]),
    judged: () => undefined,
    refused: () => new Map(),
    unwell: () => undefined,
  });

  it('gives way to a policy that is written as a custom resource, since the strictest wins', async () => {
    expect(await loaded('{}\n', { feed: () => fed('Policy') })).toEqual(['disk-full', 'one', 'restart']);
  });

  it('stands in while custom resources hold no policy', async () => {
    expect(await loaded('{}\n', { feed: () => fed('Runbook') })).toEqual(['default', 'disk-full', 'one', 'restart']);
  });

  it('gives way to a policy that lies among other documents', async () => {
    expect(await loaded('resources: { services: all }\n')).toEqual(['disk-full', 'prod', 'restart']);
  });

  it('stays beside others where watchkeeper.yaml asks for it', async () => {
    const config = 'resources: { services: all, inherit: [policies] }\n';
    expect(await loaded(config, { feed: () => fed('Policy') })).toEqual(['default', 'one', 'prod']);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { cloudHosts } from '../../../src/io/clients/cloud/hosts.ts';
import { gcpReaders } from '../../../src/io/clients/gcp/index.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { fault, startGcpServer, type GcpServer } from '../../support/gcp/server.ts';
import { gcpWorld } from '../../support/gcp/world.ts';
import { realReader } from '../../support/real-reader.ts';

let server: GcpServer;
let folder: string;
const world = gcpWorld();
const signal = AbortSignal.timeout(60_000);

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'wk-gcp-hosts-'));
  server = await startGcpServer({ impersonates: [], answer: (called) => world.answer(called) });
  writeFileSync(path.join(folder, 'subject'), 'subject');
  writeFileSync(path.join(folder, 'credentials.json'), server.credentials(path.join(folder, 'subject')));
  process.env['GOOGLE_APPLICATION_CREDENTIALS'] = path.join(folder, 'credentials.json');
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
  delete process.env['GOOGLE_APPLICATION_CREDENTIALS'];
});

function machine(name: string, more: JsonObject = {}): JsonObject {
  return {
    ...{ id: '42', name, status: 'RUNNING', labels: { role: 'web' } },
    machineType: 'https://www.googleapis.com/compute/v1/projects/shop-prod/zones/europe-west1-b/machineTypes/e2-small',
    networkInterfaces: [{ networkIP: '10.0.0.1', accessConfigs: [{ natIP: '203.0.113.1' }] }],
    ...more,
  };
}

function list(tags: Readonly<Record<string, string>> = { role: 'web' }) {
  const io = realReader({});
  const config: JsonObject = { projects: [{ id: 'shop-prod' }], endpoint: server.url };
  const clouds = cloudHosts([{ id: 'gcp', kind: 'gcp', config }], { ...io, gcp: gcpReaders(io) });
  return clouds.list({ source: 'gcp', tags }, signal);
}

test('running instances with the labels are hosts, from page to page and zone to zone, Windows known by its disks', async () => {
  world.others.set('compute instances.aggregatedList', ({ message }) =>
    message['pageToken'] === undefined
      ? {
          nextPageToken: 'more',
          items: {
            'zones/europe-west1-b': { instances: [machine('web-1'), machine('db-1', { labels: { role: 'db' } })] },
          },
        }
      : {
          items: {
            'zones/us-east1-c': {
              instances: [
                machine('win-1', { disks: [{ guestOsFeatures: [{ type: 'WINDOWS' }] }] }),
                machine('web-2', { status: 'STOPPING' }),
                machine('web-3; reboot'),
              ],
            },
            'zones/us-east1-d': {},
          },
        },
  );
  expect(await list()).toEqual({
    hosts: [
      {
        ...{ id: '42', name: 'web-1', tags: { role: 'web' }, os: 'linux' },
        ...{ privateAddress: '10.0.0.1', publicAddress: '203.0.113.1' },
        place: { project: 'shop-prod', zone: 'europe-west1-b', region: 'europe-west1', instance_type: 'e2-small' },
      },
      expect.objectContaining({ name: 'win-1', os: 'windows' }),
    ],
  });
  expect((await list({ role: '*' })).hosts.map(({ name }) => name)).toEqual(['web-1', 'db-1', 'win-1']);
  expect((await list({ role: 'web', team: '*' })).hosts).toEqual([]);
  expect(server.violations).toEqual([]);
});

test('what Google refuses is told, and no host with it', async () => {
  world.others.set('compute instances.aggregatedList', () => fault(403, 'PERMISSION_DENIED', 'compute.instances.list'));
  const { hosts, problem } = await list();
  expect(hosts).toEqual([]);
  expect(problem).toMatch(
    /^gcp does not say which hosts there are \(.*compute\.instances\.list.*none of its hosts is known$/,
  );
});

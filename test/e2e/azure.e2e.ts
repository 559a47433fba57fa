import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { ContainerAppsAPIClient } from '@azure/arm-appcontainers';
import { WebSiteManagementClient } from '@azure/arm-appservice';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { IncidentView, StatusView } from '../../src/agent/index.ts';
import type { Json, JsonObject } from '../../src/lib/json.ts';
import { startAzure, type AzureServer } from '../support/azure-server.ts';
import type { AzureWorld } from '../support/azure-world.ts';
import { until } from './peers/peers.ts';
import { makeHome, startDaemon, type DaemonProcess, type Home } from './support/daemon.ts';
import { quick } from './support/operator.ts';
import { document } from './support/shop.ts';

const root = path.resolve(import.meta.dirname, '../..');
const id = '11111111-2222-3333-4444-555555555555';
const tenantId = '99999999-2222-3333-4444-555555555555';
const reader = '22222222-2222-3333-4444-555555555555';
const hand = '33333333-2222-3333-4444-555555555555';
const ana = '44444444-2222-3333-4444-555555555555';
const group = '/resourceGroups/shop';
const app = `${group}/providers/Microsoft.App/containerApps/web`;
const site = `${group}/providers/Microsoft.Web/sites/pay`;

interface Role {
  readonly identity: string;
  readonly assignAt: readonly string[];
  readonly role: { readonly Actions: readonly string[] };
}

/**
 * The whole daemon with Azure as the tests play it. Another client, Microsoft's own, deploys; the daemon's two identities
 * have exactly the roles that `permissions azure` prints.
 */
describe('the daemon in Azure', () => {
  const web = {
    mode: 'Multiple' as const,
    traffic: [{ latestRevision: true, weight: 100 }] as readonly JsonObject[],
    revisions: [{ name: 'web--v1', createdMs: Date.now() - 86_400_000, image: 'shop/web:v1', active: true }],
  };
  const world: AzureWorld = {
    apps: { [app]: web },
    sites: {
      [site]: { content: 'good00000000', state: 'Running' },
      [`${site}/slots/staging`]: { content: 'next00000000', state: 'Running' },
    },
    ...{ sets: {}, machines: {}, groups: {}, activity: [], tagged: [] },
    people: { [ana]: 'ana@example.org', [hand]: 'watchkeeper-operator' },
  };
  let azure: AzureServer;
  let home: Home;
  let daemon: DaemonProcess;

  beforeAll(async () => {
    azure = await startAzure(world);
    home = makeHome();
    writeHome(home, azure.url);
    const ca = home.write('azure.pem', azure.certificate);
    const printed = await permissions(home);
    for (const { identity, assignAt, role } of [...printed.readers, ...printed.operators])
      azure.assign(identity === 'azure' ? reader : identity, role.Actions, [
        ...assignAt,
        ...(identity === 'azure' ? ['/subscriptions'] : []),
      ]);
    azure.assign(
      ana,
      ['Microsoft.App/containerApps/write', 'Microsoft.Web/sites/slotsswap/action'],
      [`/subscriptions/${id}`],
    );
    daemon = await startDaemon(home, {
      environment: { NODE_EXTRA_CA_CERTS: ca, READER: `secret of ${reader}`, HAND: `secret of ${hand}` },
      readyWithinMs: 60_000,
    });
    await until('it knows both services', () => knows(daemon), 120_000);
  }, 300_000);

  afterAll(async () => {
    await daemon.stop();
    await azure.close();
    home.remove();
  });

  const credential = {
    getToken: () => Promise.resolve({ token: ana, expiresOnTimestamp: Date.now() + 3_600_000 }),
  };

  test('a revision that does not come up is detected, diagnosed by who made it, loses its traffic, and that is verified and recorded', async () => {
    const client = new ContainerAppsAPIClient(credential, id, { endpoint: azure.url });
    await client.containerApps.update('shop', 'web', {
      location: 'westeurope',
      template: { revisionSuffix: 'v2', containers: [{ name: 'web', image: 'shop/web:bad' }] },
    });
    const view = await becomes(daemon, 'web');
    expect(view.file?.diagnosis?.cause).toBe('change');
    expect(JSON.stringify(view)).toContain('"actor":"ana@example.org"');
    expect(JSON.stringify(view.file?.diagnosis)).toContain('"kind":"trace"');
    expect(
      view.executions.map(({ plan, status, verification }) => [plan.runbook.name, status, verification?.status]),
    ).toEqual([['azure-containerapp-shift-back-broken-revision', 'succeeded', 'passed']]);
    expect(view.executions[0]?.plan.steps[0]?.diff).toEqual([
      'azure/shop/containerapp/web traffic: latest=web--v2 → web--v1',
      'image: shop/web:bad → shop/web:v1',
      'revisions that are made from now on get no traffic by themselves',
    ]);
    expect(web.traffic).toEqual([{ revisionName: 'web--v1', weight: 100 }]);
    const types = (await daemon.ledger()).map(({ entry }) => entry.type);
    for (const type of ['decision', 'step-intent', 'step-outcome']) expect(types).toContain(type);
  }, 240_000);

  test('its own act is known for its own, by what the activity log keeps of it', async () => {
    const [act] = world.activity;
    expect(act).toMatchObject({
      caller: 'watchkeeper-operator',
      operationName: { value: 'Microsoft.App/containerApps/write' },
    });
    expect(JSON.stringify(act)).toMatch(/"clientRequestId":"watchkeeper-/);
    await until(
      'the change bears its name',
      () => observed(daemon, ['"actor":"watchkeeper"', '"to":"web--v1"']),
      30_000,
    );
  }, 60_000);

  test('a swap of slots is told with who swapped, and from what to what', async () => {
    const client = new WebSiteManagementClient(credential, id, { endpoint: azure.url });
    await client.webApps.swapSlotWithProduction('shop', 'pay', { targetSlot: 'staging', preserveVnet: true });
    await until(
      'the swap is a change',
      () => observed(daemon, ['"actor":"ana@example.org"', '"from":"good00000000"', '"to":"next00000000"']),
      30_000,
    );
  }, 60_000);

  test('no call was beyond the roles that permissions azure prints, and only the hand ever wrote for the daemon', () => {
    const ours = azure.called.filter(({ who }) => who !== ana);
    expect(ours.filter(({ allowed }) => !allowed)).toEqual([]);
    const writes = ours.filter(({ permission }) => !permission.endsWith('/read'));
    expect(new Set(writes.map(({ who, permission, resource }) => `${who} ${permission} ${resource}`))).toEqual(
      new Set([`${hand} Microsoft.App/containerApps/write /subscriptions/${id}${app}`]),
    );
  });
});

async function permissions(
  home: Home,
): Promise<{ readonly readers: readonly Role[]; readonly operators: readonly Role[] }> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [path.join(root, 'dist/main.js'), 'permissions', 'azure', '--output', 'json'],
    { cwd: home.folder, env: { PATH: process.env['PATH'], HOME: home.folder }, timeout: 60_000 },
  );
  return JSON.parse(stdout) as { readers: Role[]; operators: Role[] };
}

function writeHome(home: Home, url: string): void {
  const endpoints = { management: url, metrics: url, logs: url, authority: url };
  const subscriptions = [{ name: 'prod', id }];
  home.write('watchkeeper.yaml', {
    resources: { services: 'resources', inherit: [] },
    sources: [
      {
        ...{ id: 'azure', kind: 'azure', subscriptions, endpoints, discover: false },
        ...{
          interval: '1s',
          sweep: '1s',
          late: '2s',
          identity: { clientId: reader, tenantId, secret: { env: 'READER' } },
        },
      },
    ],
    operators: {
      azure: [
        {
          ...{ source: 'azure', subscriptions, endpoints },
          identities: [{ scope: `/subscriptions/${id}${group}`, clientId: hand, tenantId, secret: { env: 'HAND' } }],
        },
      ],
    },
    defaults: { autonomy: 'act' },
    incidents: { grace: '2s', patience: '2s' },
  });
  const service = (name: string, place: JsonObject, more: JsonObject = {}): Json =>
    document('Service', name, {
      runsOn: [{ azure: { region: 'westeurope', resourceGroup: 'shop', ...place } }],
      telemetry: { availability: { source: 'azure', unit: 'ratio', state: 'availability' } },
      ...more,
    });
  const lines = { table: 'ContainerAppConsoleLogs_CL', where: { ContainerAppName_s: 'web' } };
  const stored = { source: 'azure', workspace: '55555555-2222-3333-4444-555555555555' };
  const records = { logs: [{ ...stored, ...lines }], traces: [stored] };
  home.write('resources/web.yaml', service('web', { containerApp: 'web' }, records));
  home.write('resources/pay.yaml', service('pay', { webApp: { name: 'pay', slot: 'staging' } }));
  const policy = readFileSync(path.join(root, 'examples/policies/azure.yaml'), 'utf8');
  home.write('resources/policy.yaml', policy);
  for (const kind of ['runbooks', 'detectors'])
    for (const file of readdirSync(path.join(root, kind, 'azure')).filter((name) => !name.endsWith('.test.yaml')))
      home.write(path.join('resources', kind, file), quick(readFileSync(path.join(root, kind, 'azure', file), 'utf8')));
}

async function knows(daemon: DaemonProcess): Promise<boolean> {
  const { services } = await daemon.get<StatusView>('/api/v1/status');
  return ['web', 'pay'].every((name) =>
    services.some(
      (one) =>
        one.name === name && one.signals.some(({ signal, recent }) => signal === 'availability' && recent.length >= 10),
    ),
  );
}

/** Whether the ledger holds a change with all these words. */
async function observed(daemon: DaemonProcess, words: readonly string[]): Promise<boolean> {
  const entries = (await daemon.ledger()).filter(({ entry }) => entry.type === 'change-observed');
  return entries.some((one) => words.every((word) => JSON.stringify(one).includes(word)));
}

async function becomes(daemon: DaemonProcess, name: string): Promise<IncidentView> {
  let found: IncidentView | undefined;
  try {
    await until(
      `${name}: it is over`,
      async () => {
        const brief = (await daemon.incidents()).find(({ services }) => services.includes(name));
        found = brief && (await daemon.incident(brief.id));
        return found?.executions.some(({ endedAtMs }) => endedAtMs !== undefined) === true;
      },
      200_000,
    );
  } catch (thrown) {
    throw new Error(
      `${String(thrown)}\n${JSON.stringify(found, undefined, 1).slice(0, 6_000)}\n${daemon.said().slice(-4_000)}`,
    );
  }
  if (found === undefined) throw new Error('there is no incident');
  return found;
}

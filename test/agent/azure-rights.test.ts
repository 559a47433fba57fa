import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { azureRightsReports } from '../../src/agent/offline/azure.ts';
import { azureRoles } from '../../src/agent/offline/azure-roles.ts';
import type { AzureReading } from '../../src/domain/ports/azure.ts';
import type { SecretRef } from '../../src/domain/ports/secrets.ts';
import type { RightsReport } from '../../src/agent/offline/rights.ts';
import { makeReaderIo, systemClock, systemRandom } from '../../src/io/index.ts';
import { logsKql } from '../../src/sources/azure/logs.ts';
import { logTables } from '../../src/sources/azure/schema.ts';
import { tracesKql } from '../../src/sources/azure/traces/query.ts';
import { startAzure, type AzureServer } from '../support/azure-server.ts';
import { recordingLog } from '../support/quiet-log.ts';

type Told = Parameters<typeof azureRightsReports>;

const id = '11111111-2222-3333-4444-555555555555';
const tenantId = '99999999-2222-3333-4444-555555555555';
const subscription = `/subscriptions/${id}`;
const group = `${subscription}/resourceGroups/shop`;
const app = `${group}/providers/Microsoft.App/containerApps/web`;
const asking = 'Microsoft.Authorization/permissions/read';

let azure: AzureServer;
let reads: string;
let acts: string;
let made = 0;

beforeAll(async () => {
  azure = await startAzure({
    apps: {},
    sites: {},
    sets: {},
    machines: {},
    groups: {},
    people: {},
    activity: [],
    tagged: [],
  });
});
afterAll(() => azure.close());
// Each test has identities of its own: roles are only ever added.
beforeEach(() => {
  made++;
  reads = `2222222${made % 10}-2222-3333-4444-555555555555`;
  acts = `3333333${made % 10}-2222-3333-4444-555555555555`;
});

function wished(): readonly [Told[0], Told[1]] {
  const endpoints = { management: azure.url, logs: azure.url, authority: azure.url };
  const subscriptions = [{ name: 'prod', id }];
  const block = {
    ...{ subscriptions, endpoints, identity: { clientId: reads, tenantId, secret: { env: 'READS' } } },
  };
  const place = { source: 'azure', region: 'westeurope', resourceGroup: 'shop' };
  const runsOn = [{ on: 'azure', azure: { ...place, resource: { is: 'container-app', name: 'web' } } }];
  const connection = {
    ...{ source: 'azure', cloud: 'public', subscriptions, endpoints },
    identities: [{ scope: group, clientId: acts, tenantId, secret: { env: 'ACTS' } }],
  };
  const config = {
    operators: { azure: [connection] },
    sources: [{ id: 'azure', kind: 'azure', config: block }],
  };
  const runbook = { name: 'r', services: {}, steps: [{ action: 'azure.containerapp-shift-traffic' }] };
  const resources = { runbooks: [runbook], services: [{ name: 'web', labels: {}, runsOn }] };
  return [config, resources] as unknown as readonly [Told[0], Told[1]];
}

const right = (who: string): string => `secret of ${who}`;

function ambientOf(secretOf: typeof right) {
  const secrets = {
    resolve: ({ env = '' }: SecretRef) => Promise.resolve(secretOf(env === 'READS' ? reads : acts)),
  };
  return { clock: systemClock, random: systemRandom, log: recordingLog(), secrets };
}

async function reports(secretOf = right): Promise<readonly RightsReport[]> {
  const [config, resources] = wished();
  const ambient = ambientOf(secretOf);
  const io = { ambient, reader: makeReaderIo(ambient) };
  return azureRightsReports(config, resources, io, new AbortController().signal, 30_000);
}

/** The roles that are printed. */
function printed() {
  const { readers, operators } = azureRoles(...wished());
  return [readers[0]?.role['Actions'], operators[0]?.role['Actions']] as unknown as readonly [string[], string[]];
}

describe('rights in Azure', () => {
  it('are told as enough, where the roles are those that are printed', async () => {
    const [reading, acting] = printed();
    azure.assign(reads, [...reading, asking], [subscription]);
    azure.assign(acts, acting, [app]);
    azure.assign(acts, [asking], [group]);
    expect(await reports()).toEqual([
      { what: 'source', id: 'azure/prod', kind: 'azure', ok: true, message: 'may read what is asked of it' },
      {
        ...{ what: 'operator', id: 'azure/shop', kind: 'azure', ok: true },
        message: 'may do what the runbooks in force need',
      },
    ]);
    const asked = azure.called.filter(({ who }) => who === reads || who === acts);
    expect(new Set(asked.map(({ permission }) => permission))).toEqual(new Set([asking]));
  });

  it('name what is missing, of the very resource, whatever a role elsewhere allows', async () => {
    const [reading, acting] = printed();
    azure.assign(reads, [...reading.filter((one) => !one.includes('AlertsManagement')), asking], [subscription]);
    azure.assign(acts, acting, [app.replace('/web', '/pay')]);
    azure.assign(acts, [asking], [group]);
    const [reader, operator] = await reports();
    expect(reader).toMatchObject({ ok: false, message: 'may not Microsoft.AlertsManagement/alerts/read' });
    expect(operator?.ok).toBe(false);
    expect(operator?.message).toContain('Microsoft.App/containerApps/write');
    expect(operator?.fix).toContain('permissions azure');
  });

  it('are read as Azure reads roles: by wildcards in any capitals, less what the same role leaves out', async () => {
    azure.assign(reads, ['*/READ'], [subscription]);
    azure.assign(acts, ['microsoft.app/*', '*/read'], [group], { notActions: ['Microsoft.App/containerApps/*'] });
    const [reader, operator] = await reports();
    expect(reader).toMatchObject({ ok: true, message: 'may read what is asked of it' });
    expect(operator?.message).toMatch(/^may not .*Microsoft\.App\/containerApps\/write/);
    // What one role leaves out another may allow.
    azure.assign(acts, ['Microsoft.App/containerApps/*'], [group], { notActions: ['*/delete'] });
    expect((await reports())[1]).toMatchObject({ ok: true, message: 'may do what the runbooks in force need' });
  });

  it('that are nearly all are told, those to data too, and fail nothing', async () => {
    azure.assign(reads, ['*'], [subscription], { notActions: ['Microsoft.Authorization/*/Write'] });
    azure.assign(acts, ['*'], [subscription], { dataActions: ['Microsoft.KeyVault/vaults/*'] });
    const [reader, operator] = await reports();
    expect([reader?.ok, operator?.ok]).toEqual([true, true]);
    expect(reader?.message).toMatch(/^may Microsoft\.Resources\/.*delete.*, which no reading needs$/);
    expect(operator?.message).toMatch(
      /^may Microsoft\.Authorization\/roleAssignments\/write, .*getSecret\/action, which no runbook needs$/,
    );
  });

  it('are not compared where an identity may not ask, and that is said', async () => {
    const [reading, acting] = printed();
    azure.assign(reads, reading, [subscription]);
    azure.assign(acts, acting, [app]);
    for (const { ok, message } of await reports())
      expect([ok, message]).toEqual([
        true,
        'what it may do was not compared: it may not ask (Microsoft.Authorization/permissions/read)',
      ]);
  });

  it('are an error where the identity is not let in', async () => {
    for (const one of await reports(() => 'another secret')) expect(one).toMatchObject({ ok: false });
  });

  it('as printed let every table be read that logs or traces can name, and without its own right none is', async () => {
    const [reading] = printed();
    const workspace = '55555555-2222-3333-4444-555555555555';
    const tables = Object.keys(logTables) as readonly (keyof typeof logTables)[];
    const asked = [
      ...tables.map((table) => logsKql({ workspace, table, where: {} }, 0, 1, 1)),
      tracesKql(['web'], 0, 1).kql,
    ];
    const refusals = async (permissions: readonly string[]): Promise<readonly string[]> => {
      reads = `66666660-2222-3333-4444-${String(permissions.length).padStart(12, '0')}`;
      azure.assign(reads, permissions, ['/subscriptions']);
      const [config] = wished();
      const [source] = config.sources;
      const reader = makeReaderIo(ambientOf(right)).azure.reader({
        ...(source?.config as unknown as AzureReading),
        source: 'azure',
        cloud: 'public',
      });
      const all = asked.map((query) =>
        reader.ask({ operation: 'logs.query', path: { workspace }, body: { query } }, new AbortController().signal),
      );
      return (await Promise.allSettled(all)).flatMap((one) =>
        one.status === 'rejected' ? [(one.reason as Error).message] : [],
      );
    };
    expect(await refusals(reading)).toEqual([]);
    const withoutTables = reading.filter((one) => !/workspaces\/query\/./.test(one) || one.endsWith('/query/read'));
    expect(await refusals(withoutTables)).toHaveLength(asked.length);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { checkConnections } from '../../src/agent/offline/connections.ts';
import { gcpRightsReports } from '../../src/agent/offline/gcp.ts';
import type { RightsReport } from '../../src/agent/offline/rights.ts';
import type { GcpResource } from '../../src/domain/places.ts';
import { makeReaderIo, readEnvironment, systemClock, systemRandom } from '../../src/io/index.ts';
import { fault, startGcpServer, type Answered, type Called, type GcpServer } from '../support/gcp/server.ts';
import { recordingLog } from '../support/quiet-log.ts';

type Told = Parameters<typeof gcpRightsReports>;

const reads = 'watchkeeper-reader@shop-prod.iam.gserviceaccount.com';
const acts = 'watchkeeper-operator@shop-prod.iam.gserviceaccount.com';
const project = 'projects/shop-prod';
const web = `${project}/locations/europe-west1/services/web`;

let folder: string;
let server: GcpServer;
/** What IAM lets whom do where: `ACCOUNT RESOURCE`; `*` is everything. */
let rights: Record<string, readonly string[]>;
let impersonates: string[];
let answer: ((called: Called) => Answered) | undefined;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'gcp-'));
  rights = {};
  impersonates = [reads, acts];
  answer = undefined;
  server = await startGcpServer({ impersonates, answer: (called) => answer?.(called) ?? tested(called) });
  const token = path.join(folder, 'token');
  writeFileSync(token, 'subject');
  writeFileSync(path.join(folder, 'credentials.json'), server.credentials(token));
  process.env['GOOGLE_APPLICATION_CREDENTIALS'] = path.join(folder, 'credentials.json');
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
  delete process.env['GOOGLE_APPLICATION_CREDENTIALS'];
  expect(server.violations).toEqual([]);
});

// As IAM answers: of what was asked, what the caller may; without a word where that is nothing. Rights of a project reach below it.
function tested({ method, account, message }: Called): Answered {
  if (!method.endsWith('testIamPermissions')) return fault(404, 'NOT_FOUND', method);
  const resource = String(message['resource']);
  const held = [...(rights[`${account} ${project}`] ?? []), ...(rights[`${account} ${resource}`] ?? [])];
  const permissions = (message['permissions'] as readonly string[]).filter(
    (one) => held.includes('*') || held.includes(one),
  );
  return permissions.length === 0 ? {} : { permissions };
}

/** A source, and a runbook that does this to a service. */
function wished(action: string, resource: GcpResource): readonly [Told[0], Told[1]] {
  const block = {
    ...{ projects: [{ id: 'shop-prod', serviceAccount: reads }], endpoint: server.url, discover: false },
  };
  const gcp = { source: 'gcp', location: 'europe-west1', resource };
  const service = { name: 'web', labels: {}, runsOn: [{ on: 'gcp', gcp }] };
  const connection = {
    source: 'gcp',
    endpoint: server.url,
    projects: [{ id: 'shop-prod', serviceAccount: acts }],
  };
  const config = {
    operators: { aws: [], azure: [], gcp: [connection], kubernetes: [], ssh: [] },
    ...{ store: { kind: 'sqlite' }, channels: [], http: { tokens: [] } },
    sources: [{ id: 'gcp', kind: 'gcp', config: block }],
  } as unknown as Told[0];
  const resources = {
    runbooks: [{ name: 'r', services: {}, steps: [{ action }] }],
    services: [service],
  } as unknown as Told[1];
  return [config, resources];
}

async function reports(action: string, resource: GcpResource): Promise<readonly RightsReport[]> {
  const [config, resources] = wished(action, resource);
  const secrets = { resolve: () => Promise.reject(new Error('no secrets here')) };
  const ambient = { clock: systemClock, random: systemRandom, log: recordingLog(), secrets };
  const io = { ambient, reader: makeReaderIo(ambient) };
  return gcpRightsReports(config, resources, io, new AbortController().signal, 30_000);
}

const reading = [
  ...['monitoring.timeSeries.list', 'run.services.get', 'run.revisions.list', 'logging.logEntries.list'],
  ...['compute.instanceGroupManagers.get', 'clouddeploy.rollouts.list', 'cloudsql.instances.get'],
  ...['cloudtrace.traces.list', 'monitoring.alerts.get', 'monitoring.alerts.list'],
];
const acting = ['run.services.get', 'run.services.update'];
const shifting = () => reports('gcp.run-shift-traffic', { is: 'run', service: 'web' });

describe('rights in Google Cloud', () => {
  it('are told as enough, where the roles are those that are printed, on the service itself too', async () => {
    rights = {
      [`${reads} ${project}`]: reading,
      [`${acts} ${project}`]: ['run.revisions.list'],
      [`${acts} ${web}`]: acting,
    };
    expect(await shifting()).toEqual([
      { what: 'source', id: 'gcp/shop-prod', kind: 'gcp', ok: true, message: 'may read what is asked of it' },
      {
        ...{ what: 'operator', id: 'gcp/shop-prod', kind: 'gcp', ok: true },
        message: 'may do what the runbooks in force need',
      },
    ]);
    const asked = server.called.filter(({ method }) => !method.startsWith('iamcredentials'));
    expect(new Set(asked.map(({ method }) => method))).toEqual(
      new Set(['resourcemanager projects.testIamPermissions', 'run services.testIamPermissions']),
    );
    expect(asked.every(({ scope }) => /read-?only$/.test(scope))).toBe(true);
  });

  it('name what is missing, of the very service, and what to do', async () => {
    rights = {
      [`${reads} ${project}`]: reading.filter((one) => one !== 'monitoring.alerts.list'),
      [`${acts} ${project}`]: ['run.revisions.list'],
      [`${acts} ${web.replace('web', 'pay')}`]: acting,
    };
    const [reader, operator] = await shifting();
    expect(reader).toMatchObject({ ok: false, message: 'may not monitoring.alerts.list' });
    expect(operator).toMatchObject({ ok: false, message: 'may not run.services.get, run.services.update' });
    expect(operator?.fix).toContain('permissions gcp');
    const [config, resources] = wished('gcp.run-shift-traffic', { is: 'run', service: 'web' });
    const shell = { environment: readEnvironment(), clock: systemClock, random: systemRandom };
    const told = await checkConnections(config as Parameters<typeof checkConnections>[0], resources, {
      ...shell,
      signal: new AbortController().signal,
    });
    expect(told).toEqual(expect.arrayContaining([reader, operator]));
  });

  it('that are nearly all are told, and fail nothing', async () => {
    rights = { [`${reads} ${project}`]: ['*'], [`${acts} ${project}`]: ['*'] };
    const [reader, operator] = await shifting();
    expect([reader?.ok, operator?.ok]).toEqual([true, true]);
    expect(reader?.message).toMatch(/^may resourcemanager\.projects\.setIamPolicy, .*, which no reading needs$/);
    expect(operator?.message).toMatch(/, which no runbook needs$/);
  });

  it('under a condition on a name are not asked about, and that is said', async () => {
    rights = { [`${reads} ${project}`]: reading, [`${acts} ${project}`]: ['cloudsql.instances.get'] };
    const [, operator] = await reports('gcp.sql-failover', { is: 'sql', instance: 'db' });
    expect(operator?.ok).toBe(true);
    expect(operator?.message).toMatch(/cloudsql\.instances\.failover.*under a condition, were not asked about$/);
  });

  it('are not compared where nobody may ask, and that is said', async () => {
    answer = () => fault(403, 'PERMISSION_DENIED', 'it is disabled', { reason: 'SERVICE_DISABLED' });
    for (const { ok, message } of await shifting()) {
      expect(ok).toBe(true);
      expect(message).toMatch(/^what it may do was not compared: .*enable cloudresourcemanager/);
    }
  });

  it('are an error where the account may not be taken on, or the answer is none', async () => {
    impersonates.length = 0;
    for (const one of await shifting()) {
      expect(one).toMatchObject({ ok: false });
      expect(one.fix).toContain('serviceAccountTokenCreator');
    }
    impersonates.push(reads, acts);
    answer = () => fault(400, 'INVALID_ARGUMENT', 'no such permission');
    expect((await shifting()).map(({ ok }) => ok)).toEqual([false, false]);
  });
});

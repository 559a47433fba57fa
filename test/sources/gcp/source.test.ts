import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { CollectRequest, Source } from '../../../src/domain/ports/source.ts';
import type { Service } from '../../../src/domain/service.ts';
import { gcpReaders } from '../../../src/io/clients/gcp/index.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { gcpConfig } from '../../../src/sources/gcp/schema.ts';
import { createGcpSource } from '../../../src/sources/gcp/source.ts';
import { fault, startGcpServer, type GcpServer } from '../../support/gcp/server.ts';
import { gcpWorld, type GcpWorld } from '../../support/gcp/world.ts';
import { realReader } from '../../support/real-reader.ts';

const never = new AbortController().signal;
const name = 'projects/shop-prod/locations/europe-west1/services/web';

let folder: string;
let server: GcpServer;
let world: GcpWorld;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'gcp-'));
  world = gcpWorld();
  server = await startGcpServer({ impersonates: [], answer: (called) => world.answer(called) });
  writeFileSync(path.join(folder, 'token'), 'subject');
  writeFileSync(path.join(folder, 'credentials.json'), server.credentials(path.join(folder, 'token')));
  process.env['GOOGLE_APPLICATION_CREDENTIALS'] = path.join(folder, 'credentials.json');
  world.deploy(name, 'web-00001-aaa', 'ci@shop-prod.iam.gserviceaccount.com');
  const run = world.runs.get(name);
  if (run !== undefined)
    run.labels = { 'watchkeeper-service': 'web', 'watchkeeper-depends-on': 'pay__stock', team: 'shop' };
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
  delete process.env['GOOGLE_APPLICATION_CREDENTIALS'];
  expect(server.violations).toEqual([]);
});

function source(more: JsonObject = {}): Source {
  const parsed = gcpConfig.parse({
    ...{ projects: [{ id: 'shop-prod' }], locations: ['europe-west1'], endpoint: server.url, ...more },
  });
  if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
  const io = realReader({});
  return createGcpSource('gcp', parsed.value, { ...io, gcp: gcpReaders(io) });
}

function request(services: readonly Service[], mode: CollectRequest['mode'] = 'live'): CollectRequest {
  const untilMs = Date.now();
  const signals = services.flatMap(({ name: service, telemetry }) =>
    Object.entries(telemetry).map(([signal, binding]) => ({ service, signal, binding })),
  );
  return { fromMs: untilMs - 15 * 60_000, untilMs, stepMs: 60_000, signals, services, mode };
}

describe('a source of Google Cloud, over HTTP', () => {
  it('finds services by their label, with what they depend on and their signals', async () => {
    const [web, ...more] = await source().discover(never);
    expect(more).toEqual([]);
    expect(web).toMatchObject({
      ...{ name: 'web', dependsOn: ['pay', 'stock'], owner: { team: 'shop' }, origin: 'discovered' },
      runsOn: [{ on: 'gcp', gcp: { location: 'europe-west1', resource: { is: 'run', service: 'web' } } }],
    });
    expect(Object.keys(web?.telemetry ?? {})).toContain('errors');
  });

  it('finds instances, groups and databases by their labels, and takes instances of a group for no services of their own', async () => {
    const labels = (value: string): object => ({ labels: { 'watchkeeper-service': value } });
    const createdBy = {
      metadata: { items: [{ key: 'created-by', value: 'projects/1/zones/europe-west1-b/instanceGroupManagers/pool' }] },
    };
    world.others.set('compute instances.aggregatedList', ({ message }) => {
      expect(message['filter']).toBe('labels.watchkeeper-service:*');
      const instances = [
        { name: 'mail-1', ...labels('mail') },
        { name: 'pool-x1', ...labels('pool'), ...createdBy },
      ];
      return { items: { 'zones/europe-west1-b': { instances }, 'zones/europe-west1-c': {} } };
    });
    const health = { autoHealingPolicies: [{ healthCheck: 'global/healthChecks/pool' }] };
    world.others.set('compute instanceGroupManagers.aggregatedList', () => ({
      items: {
        'zones/europe-west1-b': {
          instanceGroupManagers: [
            { name: 'pool', allInstancesConfig: { properties: labels('pool') }, ...health },
            { name: 'plain', allInstancesConfig: { properties: labels('plain') } },
          ],
        },
      },
    }));
    world.others.set('sql instances.list', () => ({
      items: [
        { name: 'orders', region: 'europe-west1', settings: { userLabels: { 'watchkeeper-service': 'orders-db' } } },
        { name: 'other', region: 'europe-west1', settings: {} },
      ],
    }));
    const found = new Map((await source().discover(never)).map((one) => [one.name, one]));
    expect([...found.keys()].sort()).toEqual(['mail', 'orders-db', 'plain', 'pool', 'web']);
    expect(found.get('mail')?.runsOn).toMatchObject([
      { gcp: { location: 'europe-west1-b', resource: { is: 'instance', name: 'mail-1' } } },
    ]);
    expect(found.get('orders-db')?.runsOn).toMatchObject([{ gcp: { resource: { is: 'sql', instance: 'orders' } } }]);
    expect(Object.keys(found.get('orders-db')?.telemetry ?? {})).toContain('availability');
    expect(found.get('pool')?.runsOn).toMatchObject([{ gcp: { resource: { is: 'instance-group', name: 'pool' } } }]);
    expect(Object.keys(found.get('pool')?.telemetry ?? {})).toContain('unhealthy_instances');
    expect(Object.keys(found.get('plain')?.telemetry ?? {})).toEqual(['availability', 'size']);
  });

  it('finds what is there where the API of databases is not enabled, and nothing where their list is not whole', async () => {
    const not = fault(403, 'PERMISSION_DENIED', 'Cloud SQL Admin API is disabled', { reason: 'SERVICE_DISABLED' });
    world.others.set('sql instances.list', () => not);
    expect((await source().discover(never)).map((one) => one.name)).toEqual(['web']);
    world.others.set('sql instances.list', () => ({ warnings: [{ code: 'REGION_UNREACHABLE', message: 'us-east1' }] }));
    await expect(source().discover(never)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('counts the instances that a group calls ill by its own health check', async () => {
    const group = { name: 'pool', targetSize: 3, currentActions: { none: 3 }, status: { isStable: true } };
    const autoHealingPolicies = [{ healthCheck: 'global/healthChecks/pool' }];
    const ill = (detailedHealthState: string): object => ({ instanceHealth: [{ detailedHealthState }] });
    world.others.set('compute regionInstanceGroupManagers.get', () => ({ ...group, autoHealingPolicies }));
    world.others.set('compute regionInstanceGroupManagers.listManagedInstances', ({ message }) =>
      message['pageToken'] === undefined
        ? { managedInstances: [ill('HEALTHY'), ill('UNHEALTHY')], nextPageToken: 'more' }
        : { managedInstances: [ill('TIMEOUT')] },
    );
    const [web] = await source().discover(never);
    const place = {
      source: 'gcp',
      location: 'europe-west1',
      resource: { is: 'instance-group', name: 'pool' },
    } as const;
    const binding = { source: 'gcp', unit: '1', nature: 'gauge', query: { state: 'unhealthy' } } as const;
    const pool = {
      ...web!,
      name: 'pool',
      runsOn: [{ on: 'gcp', gcp: place } as const],
      telemetry: { unhealthy: binding },
    };
    const seen = await source().collect(request([pool]), never);
    expect(seen.series).toMatchObject([{ signal: 'unhealthy', samples: [{ v: 2 }] }]);
    world.others.set('compute regionInstanceGroupManagers.get', () => group);
    const without = await source().collect(request([pool]), never);
    expect(without.gaps).toMatchObject([{ signal: 'unhealthy', reason: 'unsupported' }]);
  });

  it('finds no services rather than half of them where a location does not answer', async () => {
    world.others.set('compute instanceGroupManagers.aggregatedList', () => fault(403, 'PERMISSION_DENIED', 'no'));
    await expect(source().discover(never)).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('tells a deploy with its author, that it does not come up, and alerts of it as findings', async () => {
    const gcp = source();
    const services = await gcp.discover(never);
    await gcp.collect(request(services), never);
    world.deploy(name, 'web-00002-bbb', 'ci@shop-prod.iam.gserviceaccount.com');
    const run = world.runs.get(name);
    if (run !== undefined) run.condition = { state: 'CONDITION_FAILED', message: 'The container failed to start' };
    world.alerts.push({
      ...{ name: 'projects/shop-prod/alerts/0.abc', state: 'OPEN', openTime: new Date().toISOString() },
      resource: { type: 'cloud_run_revision', labels: { service_name: 'web', location: 'europe-west1' } },
      metric: { type: 'run.googleapis.com/request_latencies' },
      policy: { displayName: 'web is slow', severity: 'CRITICAL' },
    });
    const seen = await gcp.collect(request(services), never);
    expect(seen.changes).toMatchObject([
      { kind: 'deploy', from: 'web-00001-aaa', to: 'web-00002-bbb', actor: 'ci@shop-prod.iam.gserviceaccount.com' },
    ]);
    const failing = seen.series.find(({ signal }) => signal === 'rollout_failing');
    expect(failing).toMatchObject({ samples: [{ v: 1 }], note: 'The container failed to start' });
    expect(seen.findings).toMatchObject([
      { service: 'web', state: 'bad', severity: 'critical', signal: 'web is slow' },
    ]);
    world.alerts.splice(0, 1, { ...world.alerts[0], state: 'CLOSED', closeTime: new Date().toISOString() });
    expect((await gcp.collect(request(services), never)).findings).toMatchObject([
      { service: 'web', state: 'good', reason: 'web is slow is closed' },
    ]);
  });

  it('ends no alert that is listed no more, where Google does not say that it is closed', async () => {
    const gcp = source();
    const services = await gcp.discover(never);
    const open = (name: string) => ({
      ...{ name: `projects/shop-prod/alerts/${name}`, state: 'OPEN', openTime: new Date().toISOString() },
      resource: { type: 'cloud_run_revision', labels: { service_name: 'web', location: 'europe-west1' } },
      policy: { displayName: name },
    });
    const listed = [open('slow'), open('lost')];
    world.alerts.push(open('slow'));
    let more: JsonObject = {};
    world.others.set('monitoring alerts.list', () => ({ alerts: listed, ...more }));
    await gcp.collect(request(services), never);
    listed.length = 0;
    more = { nextPageToken: 'more' };
    const cut = await gcp.collect(request(services), never);
    expect(cut.findings.map(({ signal, state }) => [signal, state])).toEqual([
      ['lost', 'unknown'],
      ['slow', 'bad'],
    ]);
    expect(cut.gaps.find(({ signal }) => signal === 'alerts')).toMatchObject({ reason: 'partial' });
    world.others.set('monitoring alerts.get', () => fault(403, 'PERMISSION_DENIED', 'no'));
    more = {};
    const refused = await gcp.collect(request(services), never);
    expect(refused.findings.map(({ signal, state }) => [signal, state])).toEqual([['lost', 'unknown']]);
    expect(refused.gaps.filter(({ signal }) => signal === 'alerts')).toMatchObject([{ reason: 'unauthorized' }]);
  });

  it('reads the log of a service and its traces as evidence, hostile text as one plain line', async () => {
    const [web] = await source().discover(never);
    if (web === undefined) throw new Error('no web');
    const timestamp = new Date(Date.now() - 60_000).toISOString();
    world.logs.push(
      { insertId: 'a', timestamp, severity: 'ERROR', textPayload: 'boom\u001b[31m red' },
      { insertId: 'b', timestamp, jsonPayload: { message: 'slow', level: 'warn' } },
      { insertId: 'c', timestamp, httpRequest: { requestMethod: 'GET', requestUrl: '/cart', status: 503 } },
    );
    const span = {
      startTime: timestamp,
      endTime: new Date(Date.parse(timestamp) + 1_000).toISOString(),
      kind: 'RPC_SERVER',
    };
    world.traces.push({
      ...{ projectId: 'shop-prod', traceId: '382d4f4c6b7bb2f4a972559d9085001d' },
      spans: [{ ...span, spanId: '18446744073709551615', name: '/cart', labels: { '/http/status_code': '503' } }],
    });
    const traced = { ...web, traces: [{ source: 'gcp', query: { filter: '+root:/cart' } }] };
    const seen = await source().collect(request([traced], 'history'), never);
    expect(seen.logs.map(({ severity, body }) => [severity, body.includes('\u001b')])).toEqual([
      ['error', false],
      ['warn', false],
      [expect.any(String), false],
    ]);
    expect(seen.spans).toMatchObject([
      { spanId: '18446744073709551615', status: 'error', durationMs: 1_000, kind: 'server' },
    ]);
  });

  it('makes gaps of what is away, and of nothing else', async () => {
    const gcp = source();
    const services = await gcp.discover(never);
    world.others.set('run services.get', () => fault(404, 'NOT_FOUND', 'gone'));
    world.others.set('monitoring alerts.list', () =>
      fault(403, 'PERMISSION_DENIED', 'no', { reason: 'SERVICE_DISABLED' }),
    );
    const { gaps, series } = await gcp.collect(request(services), never);
    expect(gaps.find(({ signal }) => signal === 'rollout_failing')).toMatchObject({
      reason: 'missing',
      service: 'web',
    });
    expect(gaps.find(({ signal }) => signal === 'alerts')).toMatchObject({ reason: 'unauthorized' });
    expect(series).toEqual([]);
  });

  it('says at once whether a project can be read', async () => {
    await source().check(never);
    world.others.set('monitoring alerts.list', () => fault(403, 'PERMISSION_DENIED', 'no'));
    await expect(source().check(never)).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('shop-prod') as string,
    });
  });
});

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { IncidentView, StatusView } from '../../src/agent/index.ts';
import type { Json } from '../../src/lib/json.ts';
import { startGcpServer, type GcpServer } from '../support/gcp/server.ts';
import { gcpWorld, type GcpWorld } from '../support/gcp/world.ts';
import { until } from './peers/peers.ts';
import { makeHome, startDaemon, type DaemonProcess, type Home } from './support/daemon.ts';
import { quick } from './support/operator.ts';
import { document } from './support/shop.ts';

const root = path.resolve(import.meta.dirname, '../..');
const reader = 'watchkeeper-reader@shop-prod.iam.gserviceaccount.com';
const operator = 'watchkeeper-operator@shop-prod.iam.gserviceaccount.com';
const name = 'projects/shop-prod/locations/europe-west1/services/web';

/**
 * The whole daemon with Google Cloud as a server of the tests plays it: every request and answer is compared with what Google
 * publishes, IAM lets the reader only read, and the operator only change this one service. Credentials come by workload identity
 * federation.
 */
describe('the daemon in Google Cloud', () => {
  const world: GcpWorld = gcpWorld();
  let server: GcpServer;
  let home: Home;
  let daemon: DaemonProcess;
  let measuring: NodeJS.Timeout;

  beforeAll(async () => {
    server = await startGcpServer({
      impersonates: [reader, operator],
      answer: (called) => world.answer(called),
      allows: ({ account, method, message }) =>
        account === operator
          ? method === 'run services.patch'
            ? (message['service'] as { readonly name: string }).name === name
            : /^run (services.get|revisions.list)$/.test(method)
          : method !== 'run services.patch',
    });
    world.deploy(name, 'web-00001-aaa', 'ci@shop-prod.iam.gserviceaccount.com');
    aged(world);
    measuring = setInterval(() => measure(world), 1_000);
    home = makeHome();
    writeHome(home, server);
    daemon = await startDaemon(home, {
      environment: { GOOGLE_APPLICATION_CREDENTIALS: path.join(home.folder, 'credentials.json') },
      readyWithinMs: 60_000,
    });
    await until('it knows what is usual', () => knows(daemon), 180_000);
  }, 300_000);

  afterAll(async () => {
    clearInterval(measuring);
    await daemon.stop();
    await server.close();
    home.remove();
  });

  test('a bad revision is detected, diagnosed by who made it, its traffic shifted back, verified and recorded', async () => {
    world.deploy(name, 'web-00002-bbb', 'ana@shop.example');
    const view = await becomes(daemon, 'web', 'it is over');
    expect(view.file?.diagnosis?.cause).toBe('change');
    expect(JSON.stringify(view)).toContain('"actor":"ana@shop.example"');
    expect(
      view.executions.map(({ plan, status, verification }) => [plan.runbook.name, status, verification?.status]),
    ).toEqual([['gcp-run-roll-back-bad-revision', 'succeeded', 'passed']]);
    expect(view.executions[0]?.plan.steps[0]?.diff[0]).toBe(
      'gcp/europe-west1/run/web traffic: latest(web-00002-bbb) → web-00001-aaa',
    );
    const run = world.runs.get(name);
    expect(run?.traffic).toEqual([
      { type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION', revision: 'web-00001-aaa', percent: 100 },
    ]);
    expect([run?.lastModifier, run?.client]).toEqual([operator, 'watchkeeper']);
    const types = (await daemon.ledger()).map(({ entry }) => entry.type);
    for (const type of ['decision', 'step-intent', 'step-outcome']) expect(types).toContain(type);
  }, 300_000);

  test('only reads as the reader, writes once as the operator with one token, and says nothing that is not published', () => {
    const writes = server.called.filter(({ method }) => method === 'run services.patch');
    expect(writes.map(({ account, scope }) => [account, scope])).toEqual([
      [operator, 'https://www.googleapis.com/auth/run'],
    ]);
    const scopes = server.called.filter(({ account }) => account === reader).map(({ scope }) => scope);
    expect(new Set(scopes)).toContain('https://www.googleapis.com/auth/monitoring.read');
    expect(scopes.filter((scope) => !/read/.test(scope))).toEqual([]);
    expect(server.violations).toEqual([]);
  });

  test('says which roles it needs, and no others', async () => {
    const run = promisify(execFile);
    const argv = ['src/main.ts', 'permissions', 'gcp', '--config', path.join(home.folder, 'watchkeeper.yaml')];
    const { stdout } = await run(process.execPath, argv, { cwd: root });
    expect(stdout).toContain('--permissions=run.services.get,run.services.update');
    expect(stdout).toContain(
      'gcloud run services add-iam-policy-binding web --project=shop-prod --region=europe-west1',
    );
    expect(stdout).not.toContain('setIamPolicy');
  }, 60_000);
});

// What runs has run for long.
function aged(world: GcpWorld): void {
  const run = world.runs.get(name);
  if (run === undefined) return;
  run.updateTime = new Date(Date.now() - 5 * 3_600_000).toISOString();
  run.revisions = run.revisions.map((one) => ({ ...one, createTime: run.updateTime }));
}

// Requests of a second, as what serves answers them: the second revision fails three times in five.
function measure(world: GcpWorld): void {
  const isBad = serving(world) !== 'web-00001-aaa';
  const noise = Math.round(1 + Math.sin(Date.now() / 2_300));
  const bad = isBad ? 60 + noise : noise;
  world.requests.push({ service: 'web', location: 'europe-west1', atMs: Date.now(), good: 100 - bad, bad });
  world.requests.splice(0, Math.max(0, world.requests.length - 900));
}

function serving(world: GcpWorld): string {
  const run = world.runs.get(name);
  return run?.traffic[0]?.revision ?? run?.revisions[0]?.name.split('/').at(-1) ?? '';
}

function writeHome(home: Home, server: GcpServer): void {
  const token = path.join(home.folder, 'token');
  writeFileSync(token, 'subject');
  writeFileSync(path.join(home.folder, 'credentials.json'), server.credentials(token));
  const endpoint = server.url;
  const pick = (labels: Json): Json => ({
    ...{ type: 'run.googleapis.com/request_count', resourceType: 'cloud_run_revision', labels },
    ...{ resource: { service_name: 'web', location: 'europe-west1' }, align: 'ALIGN_RATE', reduce: 'REDUCE_SUM' },
  });
  home.write('watchkeeper.yaml', {
    resources: { services: 'resources', inherit: [] },
    sources: [
      {
        ...{ id: 'gcp', kind: 'gcp', locations: ['europe-west1'], endpoint, discover: false },
        projects: [{ id: 'shop-prod', serviceAccount: reader }],
        ...{ interval: '1s', sweep: '1s', settle: '2s', dollarsPerDay: 100 },
      },
    ],
    operators: { gcp: [{ source: 'gcp', projects: [{ id: 'shop-prod', serviceAccount: operator }], endpoint }] },
    defaults: { autonomy: 'act' },
    incidents: { grace: '2s', patience: '2s' },
  });
  home.write(
    'resources/web.yaml',
    document('Service', 'web', {
      runsOn: [{ gcp: { location: 'europe-west1', run: 'web' } }],
      telemetry: {
        errors: {
          source: 'gcp',
          unit: 'ratio',
          period: '1s',
          ratio: { of: pick({ response_code_class: '5xx' }), to: pick({}) },
        },
      },
    }),
  );
  home.write(
    'resources/policy.yaml',
    document('Policy', 'gcp', {
      allow: [{ actions: ['gcp.run-shift-traffic'], autonomy: 'act', when: 'diagnosis.confidence >= 0.7' }],
    }),
  );
  for (const kind of ['runbooks', 'detectors'])
    for (const file of readdirSync(path.join(root, kind, 'gcp')).filter((one) => !one.endsWith('.test.yaml')))
      home.write(path.join('resources', kind, file), quick(readFileSync(path.join(root, kind, 'gcp', file), 'utf8')));
  const regression = readFileSync(path.join(root, 'detectors/error-regression.yaml'), 'utf8');
  home.write('resources/detectors/error-regression.yaml', quick(regression));
}

async function knows(daemon: DaemonProcess): Promise<boolean> {
  const { services } = await daemon.get<StatusView>('/api/v1/status');
  return services.some(
    (one) => one.name === 'web' && one.signals.some(({ signal, recent }) => signal === 'errors' && recent.length >= 25),
  );
}

async function becomes(daemon: DaemonProcess, service: string, what: string): Promise<IncidentView> {
  let found: IncidentView | undefined;
  try {
    await until(
      `${service}: ${what}`,
      async () => {
        const brief = (await daemon.incidents()).find(({ services }) => services.includes(service));
        found = brief && (await daemon.incident(brief.id));
        return found?.executions.some(({ endedAtMs }) => endedAtMs !== undefined) === true;
      },
      240_000,
    );
  } catch (thrown) {
    const seen = JSON.stringify(found, undefined, 1).slice(0, 6_000);
    throw new Error(`${String(thrown)}\n${seen}\n${daemon.said().slice(-4_000)}`);
  }
  if (found === undefined) throw new Error('there is no incident');
  return found;
}

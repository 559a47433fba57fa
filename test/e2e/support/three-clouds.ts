import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { Json, JsonObject } from '../../../src/lib/json.ts';
import { startAzure, type AzureServer } from '../../support/azure-server.ts';
import { fault, startGcpServer, type GcpServer } from '../../support/gcp/server.ts';
import { gcpWorld } from '../../support/gcp/world.ts';
import { startAwsHand, startMoto, type AwsHand } from '../peers/moto.ts';
import { serve } from '../peers/peers.ts';
import { accountId, startAwsFront, type AwsFront } from './aws-front.ts';
import { makeHome, type Home } from './daemon.ts';
import { quick } from './operator.ts';
import { containerApp, oneContainerApp } from './one-container-app.ts';
import { document } from './shop.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const subscription = '11111111-2222-3333-4444-555555555555';
const tenantId = '99999999-2222-3333-4444-555555555555';
const azureReader = '22222222-2222-3333-4444-555555555555';
const azureHand = '33333333-2222-3333-4444-555555555555';
const awsRole = `arn:aws:iam::${accountId}:role/watchkeeper-operator`;
const gcpReader = 'watchkeeper-reader@shop-prod.iam.gserviceaccount.com';
const gcpOperator = 'watchkeeper-operator@shop-prod.iam.gserviceaccount.com';
const pricing = 'projects/shop-prod/locations/europe-west1/services/pricing';

/**
 * A shop in three clouds: `web` on Container Apps asks `checkout` on ECS, which asks `stock`, beside it, and `pricing` on
 * Cloud Run. What asks somebody ill is ill itself.
 */
export interface ThreeClouds {
  readonly home: Home;
  readonly environment: Readonly<Record<string, string>>;
  /** What people were sent. */
  readonly people: readonly JsonObject[];
  /** Every call that could have changed something, by whom: `gcp run services.patch`. */
  writes(): readonly string[];
  /** What runs where. */
  running(): Promise<JsonObject>;
  /** Google Cloud answers nothing but tokens any more, or all again. */
  gcpIsAway(away: boolean): void;
  /** A revision of `pricing` that is given all requests; one with `bad` in its name fails three times in five. */
  deployPricing(revision: string): void;
  /** A task definition of `stock`, which is well whatever it runs. */
  deployStock(definition: string): Promise<void>;
  readonly gcpViolations: readonly string[];
  close(): Promise<void>;
}

/** Starts all three, and what measures them every second. */
export async function openThreeClouds(): Promise<ThreeClouds> {
  process.env['MOTO_ECS_SERVICE_RUNNING'] = '2';
  const moto = await startMoto();
  const hand = startAwsHand(moto.url);
  const judge = startAwsHand(moto.url);
  const front = await startAwsFront(moto.url, judge);
  const ana = startAwsHand(front.url);
  const azureWorld = oneContainerApp();
  const azure = await startAzure(azureWorld);
  // Roles as wide as they can be: whatever is left alone is left alone by the watch.
  for (const who of [azureReader, azureHand]) azure.assign(who, everything, ['/subscriptions']);
  const google = gcpWorld();
  let away = false;
  const gcp = await startGcpServer({
    impersonates: [gcpReader, gcpOperator],
    answer: (called) =>
      away ? fault(503, 'UNAVAILABLE', 'The service is currently unavailable.') : google.answer(called),
  });
  const release = (revision: string, by: string): void => {
    google.deploy(pricing, revision, by);
    const made = google.runs.get(pricing);
    const imageOf = (name: string): string => `shop/${name.slice(name.lastIndexOf('/') + 1)}`;
    if (made !== undefined)
      made.revisions = made.revisions.map((one) => ({ containers: [{ image: imageOf(one.name) }], ...one }));
  };
  release('pricing-00001', 'ci@shop-prod.iam.gserviceaccount.com');
  const run = google.runs.get(pricing);
  if (run !== undefined) {
    run.updateTime = new Date(Date.now() - 5 * 3_600_000).toISOString();
    run.revisions = run.revisions.map((one) => ({ ...one, createTime: run.updateTime }));
  }
  await furnish(hand);
  const serving = (): string => {
    const now = google.runs.get(pricing);
    return now?.traffic[0]?.revision ?? now?.revisions[0]?.name.split('/').at(-1) ?? '';
  };
  const stop = measure(async (beat) => {
    const isBad = serving().includes('bad');
    const bad = (isBad ? 60 : 0) + (beat % 2);
    google.requests.push({ service: 'pricing', location: 'europe-west1', atMs: Date.now(), good: 100 - bad, bad });
    google.requests.splice(0, Math.max(0, google.requests.length - 600));
    if (isBad) google.logs.push(lineOf(serving(), beat));
    const app = azureWorld.apps[containerApp];
    if (app !== undefined) app.ill = isBad;
    await hand.ask('cloudwatch', 'put_metric_data', {
      Namespace: 'Shop',
      MetricData: [
        point('checkout_errors', (isBad ? 0.45 : 0) + 0.005 * (beat % 2)),
        point('stock_errors', 0.005 * (beat % 2)),
      ],
    });
  });
  const people: JsonObject[] = [];
  const phone = await serve((request, response) => {
    void (async () => {
      let text = '';
      for await (const part of request as AsyncIterable<Buffer>) text += part.toString();
      people.push(JSON.parse(text) as JsonObject);
      response.writeHead(204).end();
    })();
  });
  const home = makeHome();
  const environment = writeHome(home, { front, azure, gcp, phone: phone.url });
  return {
    ...{ home, environment, people, gcpViolations: gcp.violations },
    writes: () => writesOf(front, azure, gcp),
    running: async () => ({
      ...(await tasks(hand)),
      pricing: serving(),
      web: JSON.stringify(azureWorld.apps[containerApp]?.traffic ?? ''),
    }),
    gcpIsAway: (so) => {
      away = so;
    },
    deployPricing: (revision) => release(revision, 'dana@shop.example'),
    deployStock: async (taskDefinition) => {
      await ana.ask('ecs', 'update_service', { cluster: 'shop', service: 'stock', taskDefinition });
    },
    close: async () => {
      await stop();
      for (const one of [hand, judge, ana]) one.close();
      await Promise.all([front.close(), azure.close(), gcp.close(), phone.close()]);
      await moto.stop();
      home.remove();
    },
  };
}

const everything = [
  ...['Microsoft.App/containerApps/read', 'Microsoft.App/containerApps/revisions/read'],
  ...['Microsoft.App/containerApps/write', 'Microsoft.App/containerApps/revisions/activate/action'],
  ...['Microsoft.Resources/subscriptions/read', 'Microsoft.ResourceGraph/resources/read'],
  ...['Microsoft.Insights/eventtypes/values/read', 'Microsoft.Insights/metrics/read'],
  'Microsoft.AlertsManagement/alerts/read',
];

async function furnish(hand: AwsHand): Promise<void> {
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }],
  };
  await hand.ask('iam', 'create_role', {
    ...{ RoleName: 'watchkeeper-operator', AssumeRolePolicyDocument: JSON.stringify(trust) },
  });
  await hand.ask('ecs', 'create_cluster', { clusterName: 'shop' });
  for (const family of ['checkout', 'stock']) {
    for (const version of ['v1', 'v2'])
      await hand.ask('ecs', 'register_task_definition', {
        ...{ family, containerDefinitions: [{ name: family, image: `shop/${family}:${version}`, memory: 128 }] },
      });
    await hand.ask('ecs', 'create_service', {
      ...{ cluster: 'shop', serviceName: family, taskDefinition: `${family}:1`, desiredCount: 2 },
    });
  }
}

async function tasks(hand: AwsHand): Promise<JsonObject> {
  const { services } = await hand.ask('ecs', 'describe_services', {
    ...{ cluster: 'shop', services: ['checkout', 'stock'] },
  });
  return Object.fromEntries(
    (services as readonly { readonly serviceName: string; readonly taskDefinition: string }[]).map((one) => [
      one.serviceName,
      one.taskDefinition.split('/').at(-1) ?? '',
    ]),
  );
}

function lineOf(revision: string, beat: number): object {
  return {
    ...{ insertId: `${revision} ${beat}`, timestamp: new Date().toISOString(), severity: 'ERROR' },
    textPayload: 'ERROR TypeError: currency is undefined in Price.of',
    resource: { type: 'cloud_run_revision', labels: { service_name: 'pricing', revision_name: revision } },
  };
}

function point(name: string, value: number): JsonObject {
  const Timestamp = Math.floor(Date.now() / 1_000) - 1;
  return { MetricName: name, Value: value, StorageResolution: 1, Timestamp };
}

function measure(once: (beat: number) => Promise<void>): () => Promise<void> {
  const over = new AbortController();
  const done = (async () => {
    for (let beat = 0; !over.signal.aborted; beat++) {
      await once(beat);
      await new Promise((resolve) => setTimeout(resolve, 1_100 - (Date.now() % 1_000)));
    }
  })();
  return async () => {
    over.abort();
    await done;
  };
}

function writesOf(front: AwsFront, azure: AzureServer, gcp: GcpServer): readonly string[] {
  return [
    ...front.called
      .filter(({ action }) => /:(Update|Create|Delete|Put)/.test(action))
      .map(({ action }) => `aws ${action}`),
    ...azure.called
      .filter(({ permission }) => !permission.endsWith('/read'))
      .map(({ permission }) => `azure ${permission}`),
    ...gcp.called.filter(({ method }) => method === 'run services.patch').map(({ account }) => `gcp by ${account}`),
  ];
}

interface Servers {
  readonly front: AwsFront;
  readonly azure: AzureServer;
  readonly gcp: GcpServer;
  readonly phone: string;
}

function writeHome(home: Home, servers: Servers): Readonly<Record<string, string>> {
  const { front, azure, gcp } = servers;
  const endpoints = { management: azure.url, metrics: azure.url, logs: azure.url, authority: azure.url };
  const subscriptions = [{ name: 'prod', id: subscription }];
  const often = { interval: '1s', sweep: '1s', dollarsPerDay: 100, discover: false };
  home.write('watchkeeper.yaml', {
    resources: { services: 'resources', inherit: [] },
    sources: [
      { id: 'aws', kind: 'aws', regions: ['eu-west-1'], endpoint: front.url, settle: '2s', ...often },
      {
        ...{ id: 'azure', kind: 'azure', subscriptions, endpoints, late: '2s', ...often },
        identity: { clientId: azureReader, tenantId, secret: { env: 'READER' } },
      },
      {
        // What is ill for its sake is seen first, as it may be anywhere.
        ...{ id: 'gcp', kind: 'gcp', locations: ['europe-west1'], endpoint: gcp.url, settle: '5s', ...often },
        projects: [{ id: 'shop-prod', serviceAccount: gcpReader }],
      },
    ],
    operators: {
      aws: [{ source: 'aws', accounts: [{ name: 'default', roleArn: awsRole }], endpoint: front.url }],
      azure: [
        {
          ...{ source: 'azure', subscriptions, endpoints },
          identities: [
            { scope: `/subscriptions/${subscription}`, clientId: azureHand, tenantId, secret: { env: 'HAND' } },
          ],
        },
      ],
      gcp: [{ source: 'gcp', projects: [{ id: 'shop-prod', serviceAccount: gcpOperator }], endpoint: gcp.url }],
    },
    channels: [{ id: 'phone', kind: 'webhook', url: servers.phone }],
    defaults: { autonomy: 'act', escalate: 'oncall' },
    incidents: { grace: '2s', patience: '90s' },
  });
  for (const [name, spec] of Object.entries(services))
    home.write(`resources/${name}.yaml`, document('Service', name, spec));
  home.write('resources/oncall.yaml', document('Escalation', 'oncall', { steps: [{ notify: ['phone:ana'] }] }));
  home.write(
    'resources/policy.yaml',
    document('Policy', 'clouds', {
      allow: [{ actions: ['aws.*', 'azure.*', 'gcp.*'], autonomy: 'act', when: 'diagnosis.confidence >= 0.7' }],
    }),
  );
  for (const kind of ['runbooks', 'detectors'])
    for (const cloud of ['aws', 'azure', 'gcp'])
      for (const file of readdirSync(path.join(root, kind, cloud)).filter((name) => !name.endsWith('.test.yaml')))
        home.write(path.join('resources', kind, file), quick(readFileSync(path.join(root, kind, cloud, file), 'utf8')));
  for (const name of ['errors-high', 'error-regression'])
    home.write(
      `resources/detectors/${name}.yaml`,
      quick(readFileSync(path.join(root, `detectors/${name}.yaml`), 'utf8')),
    );
  const token = path.join(home.folder, 'token');
  writeFileSync(token, 'subject');
  return {
    ...{ AWS_ACCESS_KEY_ID: 'daemon', AWS_SECRET_ACCESS_KEY: 'daemon', AWS_EC2_METADATA_DISABLED: 'true' },
    NODE_EXTRA_CA_CERTS: home.write('azure.pem', azure.certificate),
    ...{ READER: `secret of ${azureReader}`, HAND: `secret of ${azureHand}` },
    GOOGLE_APPLICATION_CREDENTIALS: home.write('credentials.json', gcp.credentials(token)),
  };
}

const cloudwatch = (name: string): Json => ({
  errors: { source: 'aws', unit: 'ratio', period: '1s', metric: { namespace: 'Shop', name, stat: 'Average' } },
});
const requests = (labels: Json): Json => ({
  ...{ type: 'run.googleapis.com/request_count', resourceType: 'cloud_run_revision', labels },
  ...{ resource: { service_name: 'pricing', location: 'europe-west1' }, align: 'ALIGN_RATE', reduce: 'REDUCE_SUM' },
});
const ecs = (service: string): Json => [{ aws: { region: 'eu-west-1', ecs: { cluster: 'shop', service } } }];
const services: Readonly<Record<string, JsonObject>> = {
  web: {
    dependsOn: ['checkout'],
    runsOn: [{ azure: { region: 'westeurope', resourceGroup: 'shop', containerApp: 'web' } }],
    telemetry: { availability: { source: 'azure', unit: 'ratio', state: 'availability' } },
  },
  checkout: { dependsOn: ['pricing', 'stock'], runsOn: ecs('checkout'), telemetry: cloudwatch('checkout_errors') },
  stock: { runsOn: ecs('stock'), telemetry: cloudwatch('stock_errors') },
  pricing: {
    runsOn: [{ gcp: { location: 'europe-west1', run: 'pricing' } }],
    logs: [{ source: 'gcp', filter: 'resource.type="cloud_run_revision"', live: false }],
    telemetry: {
      errors: {
        ...{ source: 'gcp', unit: 'ratio', period: '1s' },
        ratio: { of: requests({ response_code_class: '5xx' }), to: requests({}) },
      },
    },
  },
};

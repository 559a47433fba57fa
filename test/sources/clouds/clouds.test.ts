import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Place } from '../../../src/domain/places.ts';
import type { Service } from '../../../src/domain/service.ts';
import { awsReaders } from '../../../src/io/clients/aws/index.ts';
import { azureReaders } from '../../../src/io/clients/azure/index.ts';
import { gcpReaders } from '../../../src/io/clients/gcp/index.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { awsConfig } from '../../../src/sources/aws/schema.ts';
import { createAwsSource } from '../../../src/sources/aws/source.ts';
import { azureConfig } from '../../../src/sources/azure/schema.ts';
import { createAzureSource } from '../../../src/sources/azure/source.ts';
import { gcpConfig } from '../../../src/sources/gcp/schema.ts';
import { createGcpSource } from '../../../src/sources/gcp/source.ts';
import { startAzure } from '../../support/azure-server.ts';
import { startGcpServer } from '../../support/gcp/server.ts';
import { gcpWorld } from '../../support/gcp/world.ts';
import { realReader } from '../../support/real-reader.ts';
import { cloudContract, type Cloud } from './contract.ts';
import { frontOf, startFront, type Reply } from './front.ts';

const hourAgo = (): string => new Date(Date.now() - 3_600_000).toUTCString();
const json = (status: number, body: JsonObject, headers: Readonly<Record<string, string>> = {}): Reply => ({
  ...{ status, body: JSON.stringify(body), headers },
});

function service(name: string, source: string, place: Place, state: string): Service {
  return {
    ...{ name, labels: {}, owner: { team: 'shop', escalate: 'default' }, dependsOn: [], slos: [], origin: 'declared' },
    runsOn: [place],
    telemetry: { state: { source, unit: '1', nature: 'gauge', query: { state } } },
  };
}

function parsed<T>(answer: { readonly ok: true; readonly value: T } | { readonly ok: false }): T {
  if (!answer.ok) throw new Error(JSON.stringify(answer));
  return answer.value;
}

// ECS as its reference has it, with a cluster for each of two services (docs.aws.amazon.com/AmazonECS/latest/APIReference).
async function aws(): Promise<Cloud> {
  const front = frontOf();
  const server = await startFront(front, (body) => {
    const { cluster = '', services: [name = ''] = [] } = JSON.parse(body) as {
      readonly cluster?: string;
      readonly services?: readonly string[];
    };
    const arn = `arn:aws:ecs:eu-west-1:123456789012`;
    const found = {
      ...{ serviceArn: `${arn}:service/${cluster}/${name}`, serviceName: name, status: 'ACTIVE' },
      ...{ desiredCount: 2, runningCount: 2, taskDefinition: `${arn}:task-definition/${name}:1` },
    };
    return json(200, { services: [found], failures: [] }, { 'content-type': 'application/x-amz-json-1.1' });
  });
  const kept = { ...process.env };
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's', AWS_EC2_METADATA_DISABLED: 'true' });
  const io = realReader({});
  const config = parsed(
    awsConfig.parse({
      ...{ regions: ['eu-west-1'], endpoint: server.url, discover: false, cloudtrail: false, alarms: false },
    }),
  );
  const refused = (status: number, type: string, message: string, headers = {}): Reply =>
    json(status, { __type: type, message }, headers);
  const place = (cluster: string, name: string): Place => ({
    ...{ on: 'aws', aws: { source: 'aws', region: 'eu-west-1', resource: { is: 'ecs', cluster, service: name } } },
  });
  return {
    front,
    source: createAwsSource('aws', config, { ...io, aws: awsReaders(io) }),
    services: [
      service('web', 'aws', place('shop', 'web'), 'availability'),
      service('pay', 'aws', place('money', 'pay'), 'availability'),
    ],
    isAboutSecond: (_path, body) => body.includes('money'),
    says: {
      expired: refused(400, 'ExpiredTokenException', 'The security token included in the request is expired'),
      skewed: refused(
        ...([403, 'InvalidSignatureException', 'Signature expired: 20261128T100000Z is now earlier than'] as const),
        { date: hourAgo() },
      ),
      forbidden: refused(400, 'AccessDeniedException', 'User: w is not authorized to perform: ecs:DescribeServices'),
      throttled: refused(400, 'ThrottlingException', 'Rate exceeded'),
      away: refused(503, 'ServiceUnavailableException', 'Service is unavailable'),
    },
    close: async () => {
      process.env = kept;
      await server.close();
    },
  };
}

async function azure(): Promise<Cloud> {
  const id = '11111111-2222-3333-4444-555555555555';
  const clientId = '22222222-2222-3333-4444-555555555555';
  const app = (name: string) => ({
    mode: 'Multiple' as const,
    traffic: [{ latestRevision: true, weight: 100 }],
    revisions: [{ name: `${name}--v1`, createdMs: Date.now() - 86_400_000, image: `shop/${name}:v1`, active: true }],
  });
  const at = '/resourceGroups/shop/providers/Microsoft.App/containerApps';
  const front = frontOf();
  const world = {
    apps: { [`${at}/web`]: app('web'), [`${at}/pay`]: app('pay') },
    ...{ sites: {}, sets: {}, machines: {}, groups: {}, people: {}, activity: [], tagged: [] },
  };
  const server = await startAzure(world, front.taken);
  const rights = ['Microsoft.App/containerApps/read', 'Microsoft.App/containerApps/revisions/read'];
  server.assign(clientId, rights, [`/subscriptions/${id}`]);
  const io = realReader({ READER: `secret of ${clientId}` });
  const { url } = server;
  const config = parsed(
    azureConfig.parse({
      subscriptions: [{ name: 'prod', id }],
      endpoints: { management: url, metrics: url, logs: url, authority: url },
      identity: { clientId, tenantId: '99999999-2222-3333-4444-555555555555', secret: { env: 'READER' } },
      ...{ discover: false, activityLog: false, resourceChanges: false, alerts: false },
    }),
  );
  const place = (name: string): Place => ({
    on: 'azure',
    azure: {
      ...{ source: 'azure', region: 'westeurope', resourceGroup: 'shop' },
      resource: { is: 'container-app', name },
    },
  });
  const refused = (status: number, code: string, message: string, headers = {}): Reply =>
    json(status, { error: { code, message } }, headers);
  return {
    front,
    source: createAzureSource('azure', config, { ...io, azure: azureReaders(io) }),
    services: [
      service('web', 'azure', place('web'), 'availability'),
      service('pay', 'azure', place('pay'), 'availability'),
    ],
    isAboutSecond: (where) => where.includes('/pay'),
    says: {
      expired: refused(401, 'ExpiredAuthenticationToken', 'The access token has expired.', {
        'www-authenticate': 'Bearer error="invalid_token", error_description="The access token has expired."',
      }),
      skewed: refused(401, 'InvalidAuthenticationToken', 'The access token is not valid.', { date: hourAgo() }),
      forbidden: refused(403, 'AuthorizationFailed', 'The client does not have authorization to perform action'),
      throttled: refused(429, 'TooManyRequests', 'Too many requests', { 'retry-after': '1' }),
      away: refused(503, 'ServiceUnavailable', 'The service is unavailable.'),
    },
    close: () => server.close(),
  };
}

async function gcp(): Promise<Cloud> {
  const folder = mkdtempSync(path.join(tmpdir(), 'gcp-'));
  const world = gcpWorld();
  const server = await startGcpServer({ impersonates: [], answer: (called) => world.answer(called) });
  const at = 'projects/shop-prod/locations/europe-west1/services';
  for (const name of ['web', 'pay']) world.deploy(`${at}/${name}`, `${name}-00001`, 'ci@shop-prod.example');
  writeFileSync(path.join(folder, 'token'), 'subject');
  writeFileSync(path.join(folder, 'credentials.json'), server.credentials(path.join(folder, 'token')));
  process.env['GOOGLE_APPLICATION_CREDENTIALS'] = path.join(folder, 'credentials.json');
  const front = frontOf();
  const way = await startFront(front, server.url);
  const io = realReader({});
  const config = parsed(
    gcpConfig.parse({
      ...{ projects: [{ id: 'shop-prod' }], locations: ['europe-west1'], endpoint: way.url },
      ...{ discover: false, auditLogs: false, alerts: false },
    }),
  );
  const place = (name: string): Place => ({
    ...{ on: 'gcp', gcp: { source: 'gcp', location: 'europe-west1', resource: { is: 'run', service: name } } },
  });
  const refused = (code: number, status: string, message: string, reason?: string, headers = {}): Reply => {
    const type = 'type.googleapis.com/google.rpc.ErrorInfo';
    const details = reason === undefined ? [] : [{ '@type': type, reason, domain: 'googleapis.com' }];
    return json(code, { error: { code, message, status, details } }, headers);
  };
  return {
    front,
    source: createGcpSource('gcp', config, { ...io, gcp: gcpReaders(io) }),
    services: [
      service('web', 'gcp', place('web'), 'rollout_failing'),
      service('pay', 'gcp', place('pay'), 'rollout_failing'),
    ],
    isAboutSecond: (where) => where.includes('/pay'),
    says: {
      expired: refused(401, 'UNAUTHENTICATED', 'Request had expired credentials.', 'ACCESS_TOKEN_EXPIRED'),
      skewed: refused(401, 'UNAUTHENTICATED', 'Token used too early', undefined, { date: hourAgo() }),
      forbidden: refused(403, 'PERMISSION_DENIED', "Permission 'run.services.get' denied"),
      throttled: refused(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded', 'RATE_LIMIT_EXCEEDED', { 'retry-after': '1' }),
      away: refused(503, 'UNAVAILABLE', 'The service is currently unavailable.'),
    },
    close: async () => {
      delete process.env['GOOGLE_APPLICATION_CREDENTIALS'];
      await way.close();
      await server.close();
      rmSync(folder, { recursive: true });
    },
  };
}

cloudContract('AWS', aws);
cloudContract('Azure', azure);
cloudContract('Google Cloud', gcp);

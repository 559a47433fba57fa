import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { GcpCall, GcpProject, GcpReader, GcpServiceName } from '../../src/domain/ports/gcp.ts';
import { gcpApis, gcpOperators, gcpReaders } from '../../src/io/clients/gcp/index.ts';
import { nodeHttp, systemClock, systemRandom } from '../../src/io/index.ts';
import { definitions } from '../support/gcp/definitions.ts';
import {
  fault,
  federated,
  GcpFault,
  startGcpServer,
  type Answered,
  type Called,
  type GcpServer,
} from '../support/gcp/server.ts';

const never = new AbortController().signal;
const parts = { clock: systemClock, random: systemRandom, http: nodeHttp(systemClock) };
const reads = 'reader@shop-prod.iam.gserviceaccount.com';
const acts = 'operator@shop-prod.iam.gserviceaccount.com';
const name = 'projects/shop-prod/locations/europe-west1/services/web';
const getService: GcpCall = { service: 'run', method: 'services.get', params: { name } };

let folder: string;
let server: GcpServer;
let answer: (called: Called, times: number) => Answered;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'gcp-'));
  let times = 0;
  answer = () => ({ name });
  server = await startGcpServer({ impersonates: [reads, acts], answer: (called) => answer(called, ++times) });
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

function reader(projects: readonly GcpProject[] = [{ id: 'shop-prod' }]): GcpReader {
  return gcpReaders(parts).reader({ source: 'gcp', projects, endpoint: server.url });
}

const hand = () =>
  gcpOperators([{ source: 'gcp', endpoint: server.url, projects: [{ id: 'shop-prod', serviceAccount: acts }] }], parts);

describe('the calls of Google Cloud', () => {
  it('are those that Google publishes, route by route', () => {
    const shape = (verb: string, route: string): string =>
      `${verb} ${route.replace(/\{[^}]*\}/g, '{}').replace(/^\//, '')}`;
    const ours = Object.entries(gcpApis).flatMap(([service, { methods }]) =>
      Object.entries(methods).map(([method, { verb, path: route }]) => [`${service} ${method}`, shape(verb, route)]),
    );
    const published = Object.entries(definitions.methods).map(([method, one]) => [method, shape(one.verb, one.path)]);
    expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(published));
  });
});

describe('a reader of Google Cloud', () => {
  it('asks nothing that could change anything, and makes no token for anybody', async () => {
    const writes = Object.entries(gcpApis).flatMap(([service, { methods }]) =>
      Object.entries(methods).flatMap(([method, one]) => (one.writes === true ? [[service, method] as const] : [])),
    );
    expect(writes.length).toBeGreaterThan(3);
    for (const [service, method] of [...writes, ['iamcredentials', 'generateAccessToken'] as const]) {
      const call = { service: service as GcpServiceName, method, params: {} };
      await expect(reader().ask(call, never)).rejects.toMatchObject({ code: 'unsupported' });
    }
    expect(server.called).toEqual([]);
  });

  it('comes by workload identity federation, and counts what it asks', async () => {
    const one = reader();
    expect(await one.ask(getService, never)).toEqual({ name });
    expect(server.called).toMatchObject([{ method: 'run services.get', account: federated }]);
    expect(one.use()).toEqual({ calls: { 'run:services.get': 1 }, dollars: 0 });
  });

  it('is a service account where the project names one, with the scope that only reads', async () => {
    await reader([{ id: 'shop-prod', serviceAccount: reads }]).ask(getService, never);
    expect(server.called.at(-1)).toMatchObject({
      ...{ method: 'run services.get', account: reads, scope: 'https://www.googleapis.com/auth/run.readonly' },
    });
  });

  it('says what to grant when it may not be that service account', async () => {
    const one = reader([{ id: 'shop-prod', serviceAccount: 'somebody@shop-prod.iam.gserviceaccount.com' }]);
    await expect(one.ask(getService, never)).rejects.toMatchObject({
      code: 'forbidden',
      fix: expect.stringContaining('serviceAccountTokenCreator') as string,
    });
  });

  it('reckons what Cloud Monitoring returned by its list price', async () => {
    answer = () => ({ timeSeries: [{}, {}] });
    const one = reader();
    const params = {
      name: 'projects/shop-prod',
      filter: 'metric.type="a"',
      'interval.endTime': '2026-11-28T00:00:00Z',
    };
    await one.ask({ service: 'monitoring', method: 'timeSeries.list', params }, never);
    expect(one.use().dollars).toBeCloseTo(1e-6, 12);
  });

  it('fetches fresh credentials when those it holds ran out', async () => {
    const one = reader();
    await one.ask(getService, never);
    server.expire();
    expect(await one.ask(getService, never)).toEqual({ name });
  });

  it('waits as long as Google wants when it is asked too often', async () => {
    answer = (_called, times) =>
      times === 1 ? fault(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded', { headers: { 'retry-after': '1' } }) : { name };
    const startMs = systemClock.monotonicMs();
    expect(await reader().ask(getService, never)).toEqual({ name });
    expect(systemClock.monotonicMs() - startMs).toBeGreaterThan(900);
  });

  it('does not wait for longer than a look lasts, and says that it is asked too often', async () => {
    answer = () => fault(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded', { headers: { 'retry-after': '3600' } });
    await expect(reader().ask(getService, never)).rejects.toMatchObject({ code: 'rate-limited' });
    expect(server.called).toHaveLength(1);
  });

  it.each<[string, GcpFault, object]>([
    [
      'that IAM does not allow it',
      fault(403, 'PERMISSION_DENIED', 'no'),
      { code: 'forbidden', fix: /permissions gcp/ },
    ],
    [
      'that the API is not enabled',
      fault(403, 'PERMISSION_DENIED', 'Cloud Run API has not been used', { reason: 'SERVICE_DISABLED' }),
      { code: 'forbidden', fix: /services enable/ },
    ],
    [
      'that it is throttled, in the words of Compute',
      new GcpFault(403, { error: { code: 403, message: 'slow', errors: [{ reason: 'rateLimitExceeded' }] } }),
      { code: 'rate-limited' },
    ],
    ['that it is gone', fault(404, 'NOT_FOUND', 'no'), { code: 'not-found' }],
    ['that the call is wrong', fault(400, 'INVALID_ARGUMENT', 'no'), { code: 'config-invalid' }],
    ['that a region is away', fault(503, 'UNAVAILABLE', 'no'), { code: 'unreachable' }],
    ['that it does not know the call', fault(501, 'UNIMPLEMENTED', 'no'), { code: 'unsupported' }],
  ])('says %s, and where', async (_what, said, { code, fix }: { code?: string; fix?: RegExp }) => {
    answer = () => said;
    const thrown: unknown = await reader()
      .ask(getService, never)
      .catch((one: unknown) => one);
    expect(thrown).toMatchObject({ code, message: expect.stringContaining('run services.get in shop-prod') as string });
    if (fix !== undefined) expect((thrown as { fix?: string }).fix).toMatch(fix);
  });

  it('says that there are no credentials, and which it would take', async () => {
    writeFileSync(path.join(folder, 'token'), 'stolen');
    await expect(reader().ask(getService, never)).rejects.toMatchObject({
      code: 'unauthorized',
      fix: expect.stringContaining('workload identity federation') as string,
    });
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    answer = () => {
      stop.abort();
      return { name };
    };
    await expect(reader().ask(getService, stop.signal)).rejects.toMatchObject({ code: 'aborted' });
  });

  it('does not know a project that is not named, nor which of several is meant', async () => {
    const one = reader([{ id: 'shop-prod' }, { id: 'shop-data' }]);
    await expect(one.ask(getService, never)).rejects.toMatchObject({ code: 'config-invalid' });
    await expect(one.ask({ ...getService, project: 'other-1' }, never)).rejects.toMatchObject({
      code: 'config-invalid',
    });
  });
});

describe('a hand in Google Cloud', () => {
  const patch = { service: 'run', method: 'services.patch', params: { name, updateMask: 'traffic' } } as const;
  const session = () => hand().session({ source: 'gcp', allow: ['run services.get', 'run services.patch'] });

  it('looks with a scope that reads, and writes with a token of its own that lasts five minutes', async () => {
    answer = ({ method }) => (method === 'run services.patch' ? { name: 'operations/1' } : { name });
    const act = session();
    await act.ask(getService, never);
    await act.ask({ ...patch, body: { traffic: [] } }, never);
    expect(
      server.called.map(({ method, account, scope, message }) => [method, account, scope, message['lifetime']]),
    ).toEqual([
      ['iamcredentials generateAccessToken', federated, expect.any(String), '900s'],
      ['run services.get', acts, 'https://www.googleapis.com/auth/run.readonly', undefined],
      ['iamcredentials generateAccessToken', federated, expect.any(String), '300s'],
      ['run services.patch', acts, 'https://www.googleapis.com/auth/run', undefined],
    ]);
  });

  it('calls nothing that the act is not for', async () => {
    const call = { service: 'sql', method: 'instances.get', params: { project: 'shop-prod', instance: 'db' } } as const;
    await expect(session().ask(call, never)).rejects.toMatchObject({ code: 'forbidden' });
    expect(server.called).toEqual([]);
  });

  it('writes once, whatever is answered', async () => {
    for (const said of [
      fault(503, 'UNAVAILABLE', 'no'),
      fault(429, 'RESOURCE_EXHAUSTED', 'no'),
      fault(401, 'UNAUTHENTICATED', 'no'),
    ]) {
      const before = server.called.length;
      answer = () => said;
      await expect(session().ask({ ...patch, body: {} }, never)).rejects.toBeDefined();
      expect(server.called.slice(before).filter(({ method }) => method === 'run services.patch')).toHaveLength(1);
    }
  });

  it('does nothing where no operator is named', () => {
    expect(() => hand().session({ source: 'other', allow: [] })).toThrow(/only read/);
  });
});

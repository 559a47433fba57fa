import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Source } from '../../src/domain/ports/source.ts';
import type { Service } from '../../src/domain/service.ts';
import { awsReaders } from '../../src/io/clients/aws/index.ts';
import { sourceKinds } from '../../src/sources/index.ts';
import { serviceOn } from '../support/aws-operator.ts';
import { realReader } from '../support/real-reader.ts';
import { startAwsHand, startMoto, type AwsHand } from './peers/moto.ts';
import { serve, type Peer } from './peers/peers.ts';

let moto: Peer;
let hand: AwsHand;
let source: Source;

beforeAll(async () => {
  process.env['AWS_ACCESS_KEY_ID'] = 'reader';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'reader';
  moto = await startMoto();
  hand = startAwsHand(moto.url);
  source = open(moto.url);
}, 120_000);

afterAll(async () => {
  await source.close();
  hand.close();
  await moto.stop();
});

function open(endpoint: string): Source {
  const io = realReader({});
  const config = { regions: ['eu-west-1'], endpoint, settle: '0s', cloudtrail: false };
  const opened = sourceKinds['aws']?.open('aws', config, { ...io, aws: awsReaders(io) });
  if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
  return opened.value;
}

const at = { is: 'lambda', function: 'pay', alias: 'live' } as const;

function past(service: Service, of = source) {
  const nowMs = Date.now();
  return of.collect(
    {
      ...{ fromMs: nowMs - 600_000, untilMs: nowMs, stepMs: 60_000, services: [service], signals: [] },
      mode: 'history',
    },
    AbortSignal.timeout(60_000),
  );
}

test('Logs Insights finds in the past what another client wrote', async () => {
  const group = { logGroupName: '/aws/lambda/pay' };
  await hand.ask('logs', 'create_log_group', group);
  await hand.ask('logs', 'create_log_stream', { ...group, logStreamName: 'one' });
  const nowMs = Date.now();
  await hand.ask('logs', 'put_log_events', {
    ...{ ...group, logStreamName: 'one' },
    logEvents: [
      { timestamp: nowMs - 30_000, message: 'ERROR the card was refused' },
      { timestamp: nowMs - 20_000, message: 'ERROR no answer' },
    ],
  });
  const query = { group: '/aws/lambda/pay', insights: 'fields @timestamp' };
  const { logs, gaps } = await past({ ...serviceOn(at), logs: [{ source: 'aws', query }] });
  expect(gaps).toEqual([]);
  expect(logs.map(({ severity, body }) => [severity, body])).toEqual([
    ['error', 'ERROR the card was refused'],
    ['error', 'ERROR no answer'],
  ]);
  expect(source.use?.()?.calls).toMatchObject({ 'logs:StartQuery': 1 });
});

// moto searches no traces: a server of the test's own, in the wire shape of X-Ray's reference.
test('X-Ray gives whole traces through the real SDK', async () => {
  const nowS = Math.floor(Date.now() / 1_000);
  const traceId = `1-${(nowS - 60).toString(16).padStart(8, '0')}-a006649127e371903a2de979`;
  const segment = {
    ...{
      name: 'pay',
      id: '00000000000000a1',
      trace_id: traceId,
      start_time: nowS - 60,
      end_time: nowS - 59,
      fault: true,
    },
    http: { request: { method: 'POST', url: 'https://pay/x' }, response: { status: 500 } },
  };
  const paths: string[] = [];
  const server = await serve((request, response) => {
    paths.push(request.url ?? '');
    const answer =
      request.url === '/TraceSummaries'
        ? {
            TraceSummaries: [{ Id: traceId, Duration: 1, HasFault: true }],
            TracesProcessedCount: 1,
            ApproximateTime: nowS,
          }
        : { Traces: [{ Id: traceId, Segments: [{ Id: segment.id, Document: JSON.stringify(segment) }] }] };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer));
  });
  const traced = open(server.url);
  const service = { ...serviceOn(at), traces: [{ source: 'aws', query: { service: 'pay' } }] };
  const { spans = [], gaps } = await past(service, traced);
  expect(gaps).toEqual([]);
  expect(spans[0]).toMatchObject({ service: 'pay', name: 'POST pay', status: 'error', durationMs: 1_000 });
  expect(new Set(paths)).toEqual(new Set(['/TraceSummaries', '/Traces']));
  await traced.close();
  await server.close();
});

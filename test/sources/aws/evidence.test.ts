import { describe, expect, it } from 'vitest';

import type { AwsCall } from '../../../src/domain/ports/aws.ts';
import type { CollectRequest } from '../../../src/domain/ports/source.ts';
import type { Service } from '../../../src/domain/service.ts';
import { createSpend } from '../../../src/io/clients/cloud/spend.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { createLogsReader } from '../../../src/sources/aws/logs.ts';
import { awsConfig, type AwsConfig } from '../../../src/sources/aws/schema.ts';
import { createTraces } from '../../../src/sources/aws/traces/xray.ts';
import { serviceOn } from '../../support/aws-operator.ts';
import { virtualClock, type VirtualClock } from '../../support/virtual-clock.ts';
import { fakeAws } from './fake-aws.ts';

const t0 = Date.UTC(2026, 10, 28, 12, 0, 0);
const minute = 60_000;

function configOf(more: JsonObject = {}): AwsConfig {
  const parsed = awsConfig.parse({ regions: ['eu-west-1'], ...more });
  if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
  return parsed.value;
}

const web: Service = {
  ...serviceOn({ is: 'ecs', cluster: 'shop', service: 'web' }),
  logs: [{ source: 'aws', query: { group: '/ecs/web', insights: 'filter level = "error"' } }],
  traces: [{ source: 'aws', query: {} }],
};

function request(mode: 'live' | 'history'): CollectRequest {
  return { fromMs: t0 - 30 * minute, untilMs: t0, stepMs: minute, signals: [], services: [web], mode };
}

async function settled<T>(promise: Promise<T>, clock: VirtualClock): Promise<T> {
  const state = { done: false };
  const ended = promise.finally(() => {
    state.done = true;
  });
  for (let turns = 0; turns < 50 && !state.done; turns++) {
    for (let ticks = 0; ticks < 20; ticks++) await Promise.resolve();
    await clock.advance(1_000);
  }
  return ended;
}

const row = (at: string, message: string): readonly JsonObject[] => [
  { field: '@timestamp', value: `2026-11-28 ${at}` },
  { field: '@message', value: message },
  { field: '@logStream', value: 'web/1' },
  { field: '@ptr', value: at },
];

function insights(polls: readonly JsonObject[], allows = () => true) {
  let poll = 0;
  const aws = fakeAws(({ operation }) => {
    if (operation === 'StartQuery') return { queryId: 'q-1' };
    if (operation === 'StopQuery') return { success: true };
    return polls[Math.min(poll++, polls.length - 1)] ?? {};
  });
  const clock = virtualClock(t0);
  const reader = createLogsReader('aws', configOf(), aws, { clock, spend: { allows, today: () => 0 } });
  return {
    aws,
    clock,
    read: (mode: 'live' | 'history', signal: AbortSignal) => reader.read(request(mode), [], t0, signal),
  };
}

const never = new AbortController().signal;

describe('Logs Insights as evidence', () => {
  it('is asked for the past with the commands of the binding, and waited for', async () => {
    const results = [row('11:59:30.000', 'later'), row('11:40:00.500', '{"level":"error","msg":"earlier"}')];
    const { aws, clock, read } = insights([{ status: 'Running' }, { status: 'Complete', results }]);
    const { logs, gaps } = await settled(read('history', never), clock);
    expect(aws.asked[0]?.input).toMatchObject({
      ...{ logGroupName: '/ecs/web', startTime: t0 / 1_000 - 1_800, endTime: t0 / 1_000 - 1 },
      queryString: expect.stringMatching(
        /^fields @timestamp.* \| filter level = "error" \| sort .* \| limit \d+$/,
      ) as string,
    });
    expect(logs.map(({ tMs, severity, body }) => [tMs, severity, body])).toEqual([
      [t0 - 20 * minute + 500, 'error', 'earlier'],
      [t0 - 30_000, 'info', 'later'],
    ]);
    expect(gaps).toEqual([]);
    expect(aws.asked.map(({ operation }) => operation)).not.toContain('StopQuery');
  });

  it('is stopped when the diagnosis is over first, and that is a gap', async () => {
    const { aws, clock, read } = insights([{ status: 'Running', results: [] }]);
    const stop = new AbortController();
    const reading = read('history', stop.signal);
    for (let ticks = 0; ticks < 50; ticks++) await Promise.resolve();
    stop.abort(new WatchkeeperError('timeout', 'the diagnosis took too long'));
    const { logs, gaps } = await settled(reading, clock);
    expect(logs).toEqual([]);
    expect(gaps).toMatchObject([{ service: 'web', signal: 'logs' }]);
    // Once more after that: what it read until then is charged, and counted.
    expect(aws.asked.slice(-2)).toMatchObject([
      { operation: 'StopQuery', input: { queryId: 'q-1' } },
      { operation: 'GetQueryResults', input: { queryId: 'q-1' } },
    ]);
  });

  it('says that a search which failed, or found more than is taken, is not the whole of it', async () => {
    const { clock, read } = insights([{ status: 'Failed', results: [row('11:59:30.000', 'one')] }]);
    const { logs, gaps } = await settled(read('history', never), clock);
    expect(logs).toHaveLength(1);
    expect(gaps).toMatchObject([
      { reason: 'partial', message: 'Logs Insights ended its search of /ecs/web as Failed' },
    ]);
  });

  it('is not begun when the money of the day is spent', async () => {
    const { aws, clock, read } = insights([{ status: 'Complete', results: [] }], () => false);
    const { gaps } = await settled(read('history', never), clock);
    expect(gaps).toMatchObject([{ reason: 'rate-limited', signal: 'logs' }]);
    expect(aws.asked).toEqual([]);
  });

  it('is not asked for what is read live', async () => {
    const { aws, clock, read } = insights([{ status: 'Complete', results: [] }]);
    await settled(read('live', never), clock);
    expect(aws.asked.map(({ operation }) => operation)).toEqual(['FilterLogEvents']);
  });
});

const traceId = '1-656bd600-a006649127e371903a2de979';
const documents: readonly JsonObject[] = [
  {
    ...{
      id: '00000000000000a1',
      name: 'web',
      trace_id: traceId,
      start_time: t0 / 1_000 - 60,
      end_time: t0 / 1_000 - 59,
    },
    ...{ fault: true, http: { request: { method: 'GET', url: 'https://shop/x' }, response: { status: 502 } } },
    origin: 'AWS::ECS::Container',
    annotations: { release: 'v42' },
    subsegments: [
      {
        ...{ id: '00000000000000a2', name: 'payments', namespace: 'remote', error: true },
        ...{ start_time: t0 / 1_000 - 59.9, end_time: t0 / 1_000 - 59.4 },
        cause: { exceptions: [{ type: 'Timeout', message: 'no answer\u0007' }] },
      },
    ],
  },
  {
    ...{ id: '00000000000000b1', name: 'payments', trace_id: traceId, parent_id: '00000000000000a2' },
    ...{ start_time: t0 / 1_000 - 59.8, end_time: null, in_progress: true, http: { response: { status: 404 } } },
    error: true,
  },
];

function xray(answer: (call: AwsCall) => JsonObject | Error = shop, more: JsonObject = {}) {
  const aws = fakeAws(answer);
  const config = configOf(more);
  const traces = createTraces('aws', config, aws, {
    spend: createSpend(aws, config.dollarsPerDay),
    clock: virtualClock(t0),
  });
  return { aws, read: (mode: 'live' | 'history') => traces.read(request(mode), [], never) };
}

function shop({ operation }: AwsCall): JsonObject {
  if (operation === 'GetTraceSummaries')
    return { TraceSummaries: [{ Id: traceId, HasFault: true }], TracesProcessedCount: 9 };
  return {
    Traces: [{ Segments: documents.map((one) => ({ Document: JSON.stringify(one) })) }],
    UnprocessedTraceIds: [],
  };
}

describe('traces of X-Ray', () => {
  it('are spans: segments, their subsegments, whose child what is, and what failed', async () => {
    const { read } = xray();
    const { spans = [], gaps } = await read('live');
    expect(gaps).toEqual([]);
    expect(spans).toMatchObject([
      {
        ...{ traceId: '656bd600a006649127e371903a2de979', spanId: '00000000000000a1', service: 'web', kind: 'server' },
        ...{ name: 'GET web', status: 'error', durationMs: 1_000 },
        attributes: { 'http.response.status_code': '502', release: 'v42' },
      },
      {
        ...{
          spanId: '00000000000000a2',
          parentSpanId: '00000000000000a1',
          service: 'web',
          kind: 'client',
          status: 'error',
        },
        attributes: { 'peer.service': 'payments' },
        events: [{ name: 'exception', attributes: { 'exception.type': 'Timeout' } }],
      },
      // What is not there is not a fault of the server that says so, and what still runs has no length yet.
      {
        ...{ spanId: '00000000000000b1', parentSpanId: '00000000000000a2', service: 'payments', status: 'unset' },
        durationMs: 0,
      },
    ]);
    expect(spans[1]?.events?.[0]?.attributes['exception.message']).not.toContain('\u0007');
  });

  it('are asked for by service and time, five at once, those that failed first', async () => {
    const ids = Array.from({ length: 8 }, (_, at) => `1-656bd600-a006649127e371903a2de97${at}`);
    const { aws, read } = xray(
      ({ operation }) =>
        operation === 'GetTraceSummaries'
          ? { TraceSummaries: ids.map((Id, at) => ({ Id, HasFault: at === 7, StartTime: t0 - at })) }
          : { Traces: [] },
      { maxTraces: 6 },
    );
    await read('live');
    expect(aws.asked[0]?.input).toMatchObject({ FilterExpression: 'service("web")', Sampling: false });
    const asked = aws.asked.slice(1).map(({ input }) => input['TraceIds'] as readonly string[]);
    expect(asked.map((some) => some.length)).toEqual([5, 1]);
    expect(asked[0]?.[0]).toBe(ids[7]);
  });

  it('come once while they are read live, and a refusal is a gap of the traces alone', async () => {
    const { read } = xray();
    expect((await read('live')).spans).toHaveLength(3);
    const { read: refused } = xray(() => new WatchkeeperError('forbidden', 'AccessDenied'));
    expect((await refused('live')).gaps).toMatchObject([{ service: 'web', signal: 'traces', reason: 'unauthorized' }]);
  });

  it('that are no documents of X-Ray are left out, and those that were not given are told', async () => {
    const { read } = xray(({ operation }) =>
      operation === 'GetTraceSummaries'
        ? { TraceSummaries: [{ Id: traceId }] }
        : {
            Traces: [{ Segments: [{ Document: '{"id":' }, { Document: '{"id":"x"}' }, {}] }],
            UnprocessedTraceIds: [traceId],
          },
    );
    const { spans, gaps } = await read('live');
    expect(spans).toEqual([]);
    expect(gaps).toMatchObject([{ reason: 'partial', message: '1 of 1 traces were not given by X-Ray' }]);
  });

  it('are counted in what is spent: those that a search looks through, and those that are read', async () => {
    const { aws, read } = xray();
    await read('live');
    expect(aws.use().calls).toEqual({ 'xray:GetTraceSummaries': 1, 'xray:BatchGetTraces': 1 });
    expect(aws.use().dollars).toBeCloseTo(0.5e-6, 9);
  });
});

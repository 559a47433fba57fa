import { describe, expect, it } from 'vitest';

import type { CollectRequest, Source } from '../../../src/domain/ports/source.ts';
import type { Place } from '../../../src/domain/places.ts';
import type { Service } from '../../../src/domain/service.ts';
import { readBeside } from '../../../src/io/clients/cloud/beside.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { awsConfig } from '../../../src/sources/aws/schema.ts';
import { createAwsSource } from '../../../src/sources/aws/source.ts';
import { httpWorld } from '../../support/http-world.ts';
import { fakeAws } from '../aws/fake-aws.ts';

const minute = 60_000;

/** What never answers, and ends when it is told to. */
function silence(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const end = (): void => reject(signal.reason as Error);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
  });
}

function serviceIn(region: string): Service {
  const place: Place = {
    on: 'aws',
    aws: { source: 'aws', region, resource: { is: 'ecs', cluster: 'shop', service: region } },
  };
  const query = { metric: { namespace: 'AWS/ECS', name: 'CPUUtilization', dimensions: {}, stat: 'Average' } };
  return {
    ...{ name: region, labels: {}, owner: { team: 'shop', escalate: 'default' }, dependsOn: [], slos: [] },
    ...{
      runsOn: [place],
      telemetry: { cpu: { source: 'aws', unit: '%', nature: 'gauge', query } },
      origin: 'declared',
    },
  };
}

function awsWithSilent(region: string): { readonly source: Source; readonly nowMs: () => number } {
  const world = httpWorld(() => 'refuse');
  const aws = fakeAws((call): JsonObject => {
    if (call.operation !== 'GetMetricData') return {};
    const queries = call.input['MetricDataQueries'] as unknown as readonly { Id: string }[];
    const Timestamps = [world.clock.nowMs() - 5 * minute];
    return { MetricDataResults: queries.map(({ Id }) => ({ Id, StatusCode: 'Complete', Timestamps, Values: [1] })) };
  });
  const reader = {
    ...aws,
    ask: (...[call, signal]: Parameters<typeof aws.ask>) =>
      call.region === region || signal.aborted ? silence(signal) : aws.ask(call, signal),
  };
  const parsed = awsConfig.parse({ regions: ['eu-west-1', 'us-east-1'], discover: false });
  if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
  const source = createAwsSource('aws', parsed.value, { ...world.io, aws: { reader: () => reader } });
  return { source, nowMs: () => world.clock.nowMs() };
}

describe('a region that takes calls and never answers', () => {
  it('keeps no metric of another region waiting: at the deadline it is there, and the silent one is a gap', async () => {
    const { source, nowMs } = awsWithSilent('us-east-1');
    const services = ['eu-west-1', 'us-east-1'].map(serviceIn);
    const signals = services.flatMap(({ name: service, telemetry }) =>
      Object.entries(telemetry).map(([signal, binding]) => ({ service, signal, binding })),
    );
    const untilMs = nowMs();
    const request: CollectRequest = {
      ...{ fromMs: untilMs - 10 * minute, untilMs, stepMs: minute, signals, services, mode: 'live' },
    };
    const stop = new AbortController();
    const collecting = source.collect(request, stop.signal);
    setTimeout(() => stop.abort(new WatchkeeperError('timeout', 'no answer within 60 s')), 300);
    const { series, gaps } = await collecting;
    expect(series.map(({ service, signal }) => [service, signal])).toEqual([['eu-west-1', 'cpu']]);
    expect(gaps.filter(({ signal }) => signal === 'cpu')).toMatchObject([{ service: 'us-east-1', reason: 'timeout' }]);
  });
});

describe('metrics that are read beside the looks', () => {
  const none = { series: [], gaps: [] };
  const gap = { source: 'aws', reason: 'late', message: 'old', fromMs: 0, untilMs: 1, signal: 'cpu' } as const;

  it('are read once more for what the looks found changed, and told once', async () => {
    const asked: string[][] = [];
    let close = new Set(['pay']);
    const read = (now: ReadonlySet<string>) => {
      asked.push([...now]);
      return Promise.resolve({ series: [], gaps: [gap] });
    };
    const measured = readBeside(read, () => close, new AbortController().signal);
    expect(asked).toEqual([['pay']]);
    close = new Set(['pay', 'web']);
    expect(await measured()).toEqual({ series: [], gaps: [gap] });
    expect(asked).toEqual([['pay'], ['pay', 'web']]);
  });

  it('are not read again when nothing changed, or no time is left', async () => {
    const stop = new AbortController();
    let reads = 0;
    let close = new Set<string>();
    const read = () => {
      reads++;
      return Promise.resolve(none);
    };
    await readBeside(read, () => close, stop.signal)();
    const measured = readBeside(read, () => close, stop.signal);
    close = new Set(['web']);
    stop.abort();
    await measured();
    expect(reads).toBe(2);
  });
});

import { describe, expect, it } from 'vitest';

import type { AzureCall } from '../../../src/domain/ports/azure.ts';
import type { CollectRequest, SignalQuery } from '../../../src/domain/ports/source.ts';
import { createSpend } from '../../../src/io/clients/cloud/spend.ts';
import { createSweep } from '../../../src/io/clients/cloud/sweep.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { Json, JsonObject } from '../../../src/lib/json.ts';
import { azureMonitor } from '../../../src/sources/azure/metrics/service.ts';
import { configOf, fakeAzure } from './fake-azure.ts';

const minute = 60_000;
const t0 = Date.UTC(2026, 10, 28, 12, 0, 0);
const never = new AbortController().signal;
const app = (name: string): string => `/resourceGroups/shop/providers/Microsoft.App/containerApps/${name}`;

function signalOf(service: string, query: Readonly<Record<string, Json>>): SignalQuery {
  const placed = { region: 'westeurope', resource: app(service), ...query };
  return { service, signal: 'errors', binding: { source: 'azure', unit: '1', nature: 'gauge', query: placed } };
}

const ratio = { ratio: { bad: { name: 'Requests', where: { statusCodeCategory: '5xx' } }, all: { name: 'Requests' } } };

function world(
  answer: (call: AzureCall) => JsonObject | Error,
  signals: readonly SignalQuery[],
  more: JsonObject = {},
) {
  const config = configOf(more);
  const azure = fakeAzure(answer);
  const sweep = createSweep<never, never>('azure', config, createSpend(azure, config.dollarsPerDay));
  const service = azureMonitor(config, azure, []) as never;
  const request = (nowMs: number): CollectRequest => ({
    ...{ fromMs: nowMs - 5 * minute, untilMs: nowMs, stepMs: minute, signals, services: [], mode: 'live' },
  });
  return {
    asked: azure.asked,
    at: (nowMs: number) => sweep.read(request(nowMs), { nowMs, service, close: new Set() }, never),
  };
}

/** A datapoint a minute: what `value` says of a resource, a metric and a filter; `undefined` leaves the value out. */
function points(
  call: AzureCall,
  value: (resource: string, name: string, filter: string) => number | undefined,
): JsonObject {
  const { resourceids } = call.body as unknown as { readonly resourceids: readonly string[] };
  const { metricnames = '', filter = '', starttime = '', endtime = '' } = call.query ?? {};
  const times: number[] = [];
  for (let tMs = Date.parse(starttime); tMs < Date.parse(endtime); tMs += minute) times.push(tMs);
  return {
    values: resourceids.map((resourceid) => ({
      // Azure writes ids in its own capitals.
      resourceid: resourceid.replace('resourceGroups', 'resourcegroups'),
      value: metricnames.split(',').map((name) => ({
        ...{ name: { value: name }, errorCode: 'Success' },
        timeseries: [
          {
            data: times.map((tMs) => {
              const v = value(resourceid, name, filter);
              return { timeStamp: new Date(tMs).toISOString(), ...(v === undefined ? {} : { total: v, average: v }) };
            }),
          },
        ],
      })),
    })),
  };
}

describe('metrics of Azure Monitor', () => {
  it('asks for fifty resources at a time, and gives each its own', async () => {
    const names = Array.from({ length: 120 }, (_, at) => `app${at}`);
    const azure = world(
      (call) => points(call, (resource) => Number(/app(\d+)$/.exec(resource)?.[1])),
      names.map((name) => signalOf(name, { metric: { name: 'Replicas' } })),
    );
    const { series, gaps } = await azure.at(t0 + 30 * minute);
    expect(gaps).toEqual([]);
    expect(azure.asked.map(({ body }) => (body as { resourceids: string[] }).resourceids.length)).toEqual([50, 50, 20]);
    expect(series.map(({ service, samples }) => [service, samples[0]?.v])).toEqual(names.map((name, at) => [name, at]));
  });

  it('makes the part of failed requests out of two calls, and takes no failures for none failed', async () => {
    const azure = world(
      (call) =>
        points(call, (resource, _name, filter) => (filter === '' ? 200 : resource.endsWith('web') ? 50 : undefined)),
      [signalOf('web', ratio), signalOf('pay', ratio)],
    );
    const { series } = await azure.at(t0 + 30 * minute);
    expect(series.map(({ service, samples }) => [service, samples.at(-1)?.v])).toEqual([
      ['web', 0.25],
      ['pay', 0],
    ]);
    expect(azure.asked.map(({ query }) => query?.['filter'] ?? '').sort()).toEqual(['', "statusCodeCategory eq '5xx'"]);
  });

  it('knows no ratio where nothing was asked, and says that there is no datapoint', async () => {
    const azure = world((call) => points(call, () => undefined), [signalOf('web', ratio)]);
    const { series, gaps } = await azure.at(t0 + 30 * minute);
    expect(series).toEqual([]);
    expect(gaps).toMatchObject([{ reason: 'missing', service: 'web' }]);
  });

  it('takes a datapoint at the end of its period, and only when it has settled', async () => {
    const azure = world((call) => points(call, () => 1), [signalOf('web', { metric: { name: 'Replicas' } })]);
    const { series } = await azure.at(t0 + 30 * minute);
    expect(series[0]?.samples.at(-1)?.tMs).toBe(t0 + 27 * minute);
  });

  it('writes a quote in a dimension twice, so that it stays one value', async () => {
    const azure = world(
      (call) => points(call, () => 1),
      [
        signalOf('web', {
          metric: { name: 'Requests', aggregation: 'Total', where: { revisionName: "x' or 'a' eq 'a" } },
        }),
      ],
    );
    await azure.at(t0 + 30 * minute);
    expect(azure.asked[0]?.query?.['filter']).toBe("revisionName eq 'x'' or ''a'' eq ''a'");
  });

  it('says that series were cut off, and does not give a part for the whole', async () => {
    const azure = world(
      (call) => {
        const whole = points(call, () => 1) as { values: { value: { timeseries: unknown[] }[] }[] };
        const metric = whole.values[0]?.value[0];
        if (metric !== undefined)
          metric.timeseries = Array.from({ length: Number(call.query?.['top']) }, () => metric.timeseries[0]);
        return JSON.parse(JSON.stringify(whole)) as JsonObject;
      },
      [signalOf('web', { rate: { name: 'Requests', where: { statusCode: ['500', '503'] } } })],
    );
    const { series, gaps } = await azure.at(t0 + 30 * minute);
    expect(series).toEqual([]);
    expect(gaps).toMatchObject([{ reason: 'partial' }]);
  });

  it('keeps what is refused of one metric, or forgotten of one resource, to those signals', async () => {
    const azure = world(
      (call) => {
        const whole = points(call, () => 1) as { values: { resourceid: string; value: { errorCode: string }[] }[] };
        const values = whole.values.filter(({ resourceid }) => !resourceid.endsWith('gone'));
        for (const { resourceid, value } of values)
          if (resourceid.endsWith('ill') && value[0] !== undefined) value[0].errorCode = 'InvalidSeries';
        return { values };
      },
      ['web', 'ill', 'gone'].map((name) => signalOf(name, { metric: { name: 'Replicas' } })),
    );
    const { series, gaps } = await azure.at(t0 + 30 * minute);
    expect(series.map(({ service }) => service)).toEqual(['web']);
    expect(gaps.map(({ service, reason }) => [service, reason])).toEqual([
      ['ill', 'partial'],
      ['gone', 'missing'],
    ]);
  });

  it('makes a region that is away a gap of its own signals, and of no others', async () => {
    const away = new WatchkeeperError('unreachable', 'connection refused');
    const azure = world(
      (call) => (call.region === 'northeurope' ? away : points(call, () => 1)),
      [
        signalOf('web', { metric: { name: 'Replicas' } }),
        signalOf('pay', { region: 'northeurope', metric: { name: 'Replicas' } }),
      ],
    );
    const { series, gaps } = await azure.at(t0 + 30 * minute);
    expect(series.map(({ service }) => service)).toEqual(['web']);
    expect(gaps).toMatchObject([{ service: 'pay', reason: 'unreachable' }]);
  });

  it('stops when the money of the day is spent, and says so', async () => {
    const azure = world((call) => points(call, () => 1), [signalOf('web', { metric: { name: 'Replicas' } })], {
      dollarsPerDay: 0.00001,
    });
    const { gaps } = await azure.at(t0 + 30 * minute);
    expect(azure.asked).toEqual([]);
    expect(gaps).toMatchObject([
      { reason: 'rate-limited', message: expect.stringContaining('dollarsPerDay') as string },
    ]);
  });
});

import { describe, expect, it } from 'vitest';

import type { GcpCall } from '../../../src/domain/ports/gcp.ts';
import type { CollectRequest, SignalQuery } from '../../../src/domain/ports/source.ts';
import { createSpend } from '../../../src/io/clients/cloud/spend.ts';
import { createSweep } from '../../../src/io/clients/cloud/sweep.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { Json, JsonObject } from '../../../src/lib/json.ts';
import { cloudMonitoring } from '../../../src/sources/gcp/metrics/service.ts';
import { gcpConfig, type GcpConfig, type SeriesQuery } from '../../../src/sources/gcp/schema.ts';
import { signalsOf } from '../../../src/sources/gcp/signals.ts';
import { fakeGcp } from './fake-gcp.ts';

const minute = 60_000;
const t0 = Date.UTC(2026, 10, 28, 12, 0, 0);
const never = new AbortController().signal;

function configOf(more: JsonObject = {}): GcpConfig {
  const parsed = gcpConfig.parse({ projects: [{ id: 'shop-prod' }], ...more });
  if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
  return parsed.value;
}

function signalOf(service: string, name: string): SignalQuery {
  const place = { source: 'gcp', location: 'europe-west1', resource: { is: 'run', service } } as const;
  const binding = signalsOf('gcp', 'shop-prod', place)[name];
  if (binding === undefined) throw new Error(`no ${name}`);
  return { service, signal: name, binding };
}

function world(
  answer: (call: GcpCall, times: number) => JsonObject | Error,
  signals: readonly SignalQuery[],
  more: JsonObject = {},
) {
  const config = configOf(more);
  const gcp = fakeGcp(answer);
  const sweep = createSweep<SeriesQuery, string>('gcp', config, createSpend(gcp, config.dollarsPerDay));
  return {
    asked: gcp.asked,
    at: (nowMs: number, close: readonly string[] = [], mode: CollectRequest['mode'] = 'live') => {
      const request: CollectRequest = {
        ...{ fromMs: nowMs - 5 * minute, untilMs: nowMs, stepMs: minute, signals, services: [], mode },
      };
      const service = cloudMonitoring(config, gcp, []);
      return sweep.read(request, { nowMs, close: new Set(close), service }, never);
    },
  };
}

/** A point a minute for each service, each with its minute as value, the newest first. */
function points(call: GcpCall, services: readonly string[], value = (tMs: number) => (tMs - t0) / minute): JsonObject {
  const startMs = Date.parse(String(call.params['interval.startTime']));
  const all: Json[] = [];
  for (let tMs = Date.parse(String(call.params['interval.endTime'])); tMs > startMs; tMs -= minute)
    all.push({ interval: { endTime: new Date(tMs).toISOString() }, value: { doubleValue: value(tMs) } });
  const labels = (name: string) => ({ service_name: name, location: 'europe-west1' });
  return {
    timeSeries: services.map((name) => ({
      resource: { type: 'cloud_run_revision', labels: labels(name) },
      points: all,
    })),
  };
}

describe('metrics of Cloud Monitoring', () => {
  it('asks once for the same metric of many services, aligned and reduced by Google, and tells them apart', async () => {
    const names = ['pay', 'web'];
    const gcp = world(
      (call) => points(call, names),
      names.map((name) => signalOf(name, 'traffic')),
    );
    const { series, gaps } = await gcp.at(t0 + 10 * minute);
    expect(series.map(({ service, samples }) => [service, samples.at(-1)])).toEqual([
      ['pay', { tMs: t0 + 7 * minute, v: 7 }],
      ['web', { tMs: t0 + 7 * minute, v: 7 }],
    ]);
    expect(gaps).toEqual([]);
    expect(gcp.asked.map(({ params }) => [params['filter'], params['aggregation.groupByFields']])).toEqual([
      [
        'metric.type="run.googleapis.com/request_count" AND resource.type="cloud_run_revision" AND resource.labels.location="europe-west1" AND resource.labels.service_name=one_of("pay","web")',
        ['resource.labels.location', 'resource.labels.service_name'],
      ],
    ]);
  });

  it('needs ten calls for a thousand signals, and as many again for a ratio', async () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `s${index}`);
    const traffic = world(
      (call) => points(call, []),
      names.map((name) => signalOf(name, 'traffic')),
    );
    await traffic.at(t0);
    expect(traffic.asked).toHaveLength(10);
    const errors = world(
      (call) => points(call, []),
      names.map((name) => signalOf(name, 'errors')),
    );
    await errors.at(t0);
    expect(errors.asked).toHaveLength(20);
  });

  it('needs ten calls for the CPU of a thousand machines in three zones, and tells them apart', async () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `vm-${index}`);
    const zoneOf = (name: string): string => `europe-west1-${'bcd'[Number(name.slice(3)) % 3] ?? ''}`;
    const signals = names.map((service): SignalQuery => {
      const place = { source: 'gcp', location: zoneOf(service), resource: { is: 'instance', name: service } } as const;
      return { service, signal: 'cpu', binding: signalsOf('gcp', 'shop-prod', place)['cpu']! };
    });
    const gcp = world((call) => {
      const asked = [...String(call.params['filter']).matchAll(/"(vm-\d+)"/g)].map(([, name = '']) => name);
      const end = { interval: { endTime: new Date(t0 - 4 * minute).toISOString() } };
      return {
        timeSeries: asked.map((name) => ({
          metric: { labels: { instance_name: name } },
          resource: { type: 'gce_instance', labels: { zone: zoneOf(name) } },
          points: [{ ...end, value: { doubleValue: Number(name.slice(3)) } }],
        })),
      };
    }, signals);
    const { series } = await gcp.at(t0);
    expect(gcp.asked).toHaveLength(10);
    expect(gcp.asked[0]?.params['aggregation.groupByFields']).toEqual([
      'metric.labels.instance_name',
      'resource.labels.zone',
    ]);
    expect(series.map(({ service, samples }) => [service, samples[0]?.v])).toEqual(
      names.map((name, index) => [name, index]),
    );
  });

  it('makes a ratio of two answers: no errors where none were counted, nothing where nobody asked', async () => {
    const isBad = (call: GcpCall): boolean => String(call.params['filter']).includes('5xx');
    const gcp = world(
      (call) => {
        if (!isBad(call)) return points(call, ['web'], (tMs) => (tMs <= t0 + 5 * minute ? 0 : 10));
        const some = points(call, ['web'], () => 4);
        return {
          timeSeries: (some['timeSeries'] as Json[]).map((one) => ({
            ...(one as JsonObject),
            points: ((one as JsonObject)['points'] as Json[]).slice(0, 4),
          })),
        };
      },
      [signalOf('web', 'errors')],
    );
    const { series } = await gcp.at(t0 + 10 * minute);
    expect(series[0]?.samples).toEqual([
      { tMs: t0 + 6 * minute, v: 0 },
      { tMs: t0 + 7 * minute, v: 0.4 },
    ]);
  });

  it('takes a point once, when it has settled, waits for late ones, and takes them when they come', async () => {
    let until = t0 + 8 * minute;
    const gcp = world(
      (call) => {
        const whole = points(call, ['web']);
        const [one] = whole['timeSeries'] as readonly { points: { interval: { endTime: string } }[] }[];
        const known = (one?.points ?? []).filter(({ interval }) => Date.parse(interval.endTime) <= until);
        return { timeSeries: [{ ...(one as unknown as JsonObject), points: known as unknown as Json[] }] };
      },
      [signalOf('web', 'traffic')],
    );
    const values = async (at: number) =>
      (await gcp.at(t0 + at * minute, ['web'])).series[0]?.samples.map(({ v }) => v) ?? [];
    expect((await values(10)).at(-1)).toBe(7);
    expect(await values(11)).toEqual([8]);
    expect((await gcp.at(t0 + 13 * minute, ['web'])).gaps).toEqual([]);
    expect((await gcp.at(t0 + 20 * minute, ['web'])).gaps).toMatchObject([{ reason: 'late', signal: 'traffic' }]);
    until = t0 + 30 * minute;
    expect(await values(21)).toEqual([9, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
  });

  it('reads page after page, and says so when there are too many', async () => {
    const gcp = world((call) => ({ ...points(call, ['web']), nextPageToken: 'more' }), [signalOf('web', 'traffic')]);
    const { gaps } = await gcp.at(t0);
    expect(gcp.asked).toHaveLength(20);
    expect(gcp.asked[1]?.params['pageToken']).toBe('more');
    expect(gaps).toMatchObject([{ reason: 'partial' }]);
  });

  it('says what Google says of an answer that is not whole', async () => {
    const gcp = world(
      (call) => ({
        ...points(call, ['web']),
        executionErrors: [{ code: 4, message: 'deadline exceeded in one region' }],
      }),
      [signalOf('web', 'traffic')],
    );
    expect((await gcp.at(t0 + 10 * minute)).gaps).toMatchObject([
      { reason: 'partial', message: expect.stringContaining('one region') as string },
    ]);
  });

  it('keeps a gap standing until the signal is asked again, and asks no sooner', async () => {
    const gcp = world(() => new WatchkeeperError('unreachable', 'it is away'), [signalOf('web', 'traffic')]);
    expect((await gcp.at(t0)).gaps).toMatchObject([{ reason: 'unreachable' }]);
    expect((await gcp.at(t0 + minute)).gaps).toMatchObject([{ reason: 'unreachable' }]);
    expect(gcp.asked).toHaveLength(1);
  });

  it('spends no more in a day than is allowed', async () => {
    const gcp = world((call) => points(call, ['web']), [signalOf('web', 'traffic')], { dollarsPerDay: 0 });
    expect((await gcp.at(t0)).gaps).toMatchObject([
      { reason: 'rate-limited', message: expect.stringContaining('dollarsPerDay') as string },
    ]);
    expect(gcp.asked).toEqual([]);
  });

  it('does not guess in which of several projects a signal is', async () => {
    const binding = {
      source: 'gcp',
      unit: '1',
      nature: 'gauge',
      query: { metric: { type: 'custom.googleapis.com/a' } },
    } as const;
    const projects = { projects: [{ id: 'shop-prod' }, { id: 'shop-data' }] };
    const gcp = world(() => ({}), [{ service: 'web', signal: 'a', binding }], projects);
    expect((await gcp.at(t0)).gaps).toMatchObject([
      { reason: 'malformed', message: expect.stringContaining('which project') as string },
    ]);
  });

  it('lets no text of a document out of its string in a filter', async () => {
    const resource = { service_name: 'web" OR resource.type="gce_instance' };
    const binding = {
      ...({ source: 'gcp', unit: '1', nature: 'gauge' } as const),
      query: { metric: { type: 'custom.googleapis.com/a', resource } },
    };
    const gcp = world(() => ({ timeSeries: [] }), [{ service: 'web', signal: 'a', binding }]);
    await gcp.at(t0);
    expect(gcp.asked[0]?.params['filter']).toBe(
      'metric.type="custom.googleapis.com/a" AND resource.labels.service_name="web\\" OR resource.type=\\"gce_instance"',
    );
  });
});

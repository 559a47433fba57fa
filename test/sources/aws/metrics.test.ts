import { describe, expect, it } from 'vitest';

import type { AwsCall } from '../../../src/domain/ports/aws.ts';
import type { CollectRequest, SignalQuery } from '../../../src/domain/ports/source.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { Json, JsonObject } from '../../../src/lib/json.ts';
import { createSpend } from '../../../src/io/clients/cloud/spend.ts';
import { createSweep, type Measured } from '../../../src/io/clients/cloud/sweep.ts';
import { cloudWatch } from '../../../src/sources/aws/metrics/service.ts';
import { awsConfig, type AwsConfig } from '../../../src/sources/aws/schema.ts';
import { fakeAws } from './fake-aws.ts';

const minute = 60_000;
const t0 = Date.UTC(2026, 10, 28, 12, 0, 0);
const never = new AbortController().signal;

function configOf(more: JsonObject = {}): AwsConfig {
  const parsed = awsConfig.parse({ regions: ['eu-west-1'], ...more });
  if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
  return parsed.value;
}

function signalOf(name: string, query: Readonly<Record<string, Json>>): SignalQuery {
  return { service: 'web', signal: name, binding: { source: 'aws', unit: '1', nature: 'gauge', query } };
}

const errors = signalOf('errors', { metric: { namespace: 'Shop', name: 'Errors', dimensions: {}, stat: 'Sum' } });

function requestAt(nowMs: number, signals: readonly SignalQuery[], mode: 'live' | 'history' = 'live'): CollectRequest {
  return { fromMs: nowMs - 5 * minute, untilMs: nowMs, stepMs: minute, signals, services: [], mode };
}

interface World {
  /** Read at a time; `close`: a change touches the service. */
  at(nowMs: number, close?: boolean): Promise<Measured>;
  readonly asked: readonly AwsCall[];
}

function world(answer: (call: AwsCall) => JsonObject | Error, signals = [errors], more: JsonObject = {}): World {
  const config = configOf(more);
  const aws = fakeAws(answer);
  const reader = createSweep('aws', config, createSpend(aws, config.dollarsPerDay));
  const service = cloudWatch(config, aws, []);
  return {
    asked: aws.asked,
    at: (nowMs, close = false) =>
      reader.read(requestAt(nowMs, signals), { nowMs, service, close: new Set(close ? ['web'] : []) }, never),
  };
}

/** A datapoint a minute up to a time, each with its minute as value. */
function points(call: AwsCall, untilMs: number, status = 'Complete'): JsonObject {
  const queries = call.input['MetricDataQueries'] as unknown as readonly { Id: string; ReturnData?: boolean }[];
  const start = (call.input['StartTime'] as Date).getTime();
  const Timestamps: number[] = [];
  for (let tMs = start; tMs < untilMs; tMs += minute) Timestamps.push(tMs);
  return {
    MetricDataResults: queries
      .filter(({ ReturnData }) => ReturnData !== false)
      .map(({ Id }) => ({ Id, StatusCode: status, Timestamps, Values: Timestamps.map((t) => (t - t0) / minute) })),
  };
}

describe('metrics of CloudWatch', () => {
  it('takes a datapoint once, at the end of its period, and only when it has settled', async () => {
    const aws = world((call) => points(call, (call.input['EndTime'] as Date).getTime()));
    const first = await aws.at(t0 + 10 * minute, true);
    const settled = t0 + 10 * minute - 90_000;
    const taken = first.series[0]?.samples ?? [];
    expect(taken.at(-1)).toEqual({ tMs: t0 + 8 * minute, v: 7 });
    expect(taken.every(({ tMs }) => tMs <= settled)).toBe(true);
    const second = await aws.at(t0 + 11 * minute, true);
    expect(second.series[0]?.samples).toEqual([{ tMs: t0 + 9 * minute, v: 8 }]);
    expect([...first.gaps, ...second.gaps]).toEqual([]);
  });

  it('asks seldom for what nobody touched, and at every look for what a change touches', async () => {
    const aws = world((call) => points(call, (call.input['EndTime'] as Date).getTime()));
    for (let at = 10; at < 20; at++) await aws.at(t0 + at * minute);
    expect(aws.asked).toHaveLength(2);
    for (let at = 20; at < 25; at++) await aws.at(t0 + at * minute, true);
    expect(aws.asked).toHaveLength(7);
  });

  it('loses nothing between two sweeps', async () => {
    const aws = world((call) => points(call, (call.input['EndTime'] as Date).getTime()));
    const all: number[] = [];
    for (let at = 10; at < 31; at++)
      all.push(...((await aws.at(t0 + at * minute)).series[0]?.samples ?? []).map(({ v }) => v));
    expect(all).toEqual(Array.from({ length: all.length }, (_, index) => (all[0] ?? 0) + index));
    expect(all.at(-1)).toBeGreaterThanOrEqual(27);
  });

  it('waits for late datapoints, says when they are too late, and takes them when they come', async () => {
    let until = t0 + 8 * minute;
    const aws = world((call) => points(call, until));
    await aws.at(t0 + 10 * minute, true);
    expect((await aws.at(t0 + 12 * minute, true)).gaps).toEqual([]);
    const late = await aws.at(t0 + 16 * minute, true);
    expect(late.gaps).toMatchObject([{ reason: 'late', service: 'web', signal: 'errors' }]);
    expect(late.series).toEqual([]);
    until = t0 + 16 * minute;
    const came = await aws.at(t0 + 17 * minute, true);
    expect(came.series[0]?.samples.map(({ v }) => v)).toEqual([8, 9, 10, 11, 12, 13, 14]);
    expect(came.gaps).toEqual([]);
  });

  it('keeps a gap standing until the signal is asked again', async () => {
    const aws = world(() => new WatchkeeperError('unreachable', 'eu-west-1 does not answer'));
    expect((await aws.at(t0)).gaps).toMatchObject([{ reason: 'unreachable' }]);
    expect((await aws.at(t0 + minute)).gaps).toMatchObject([{ reason: 'unreachable', signal: 'errors' }]);
    expect(aws.asked).toHaveLength(1);
  });

  it('tells a metric that is nowhere from one that is at rest', async () => {
    const aws = world(() => ({
      MetricDataResults: [{ Id: 's0', StatusCode: 'Complete', Timestamps: [], Values: [] }],
    }));
    expect((await aws.at(t0)).gaps).toMatchObject([{ reason: 'missing' }]);
  });

  for (const [status, reason] of [
    ['PartialData', 'partial'],
    ['InternalError', 'partial'],
    ['Forbidden', 'unauthorized'],
  ] as const)
    it(`says ${reason} when CloudWatch says ${status} of one result, and keeps the others`, async () => {
      const both = [errors, signalOf('traffic', { metric: { namespace: 'Shop', name: 'All', dimensions: {} } })];
      const aws = world((call) => {
        const { MetricDataResults } = points(call, t0 + 8 * minute) as { MetricDataResults: JsonObject[] };
        return {
          MetricDataResults: MetricDataResults.map((one, at) => (at === 0 ? { ...one, StatusCode: status } : one)),
        };
      }, both);
      const { gaps, series } = await aws.at(t0 + 10 * minute);
      expect(gaps).toMatchObject([{ reason, signal: 'errors' }]);
      expect(series.map(({ signal }) => signal)).toContain('traffic');
    });

  it('reads every page, and takes PartialData before the last for what it is', async () => {
    const aws = world((call) => {
      const whole = points(call, t0 + 8 * minute) as {
        MetricDataResults: { Timestamps: number[]; Values: number[] }[];
      };
      const second = call.input['NextToken'] === 'more';
      const cut = <T>(list: readonly T[]): readonly T[] => (second ? list.slice(3) : list.slice(0, 3));
      return {
        MetricDataResults: whole.MetricDataResults.map((one) => ({
          ...one,
          ...{
            StatusCode: second ? 'Complete' : 'PartialData',
            Timestamps: cut(one.Timestamps),
            Values: cut(one.Values),
          },
        })),
        ...(second ? {} : { NextToken: 'more' }),
      };
    });
    const { gaps, series } = await aws.at(t0 + 10 * minute);
    expect(gaps).toEqual([]);
    expect(series[0]?.samples.map(({ v }) => v)).toEqual(
      [1, 2, 3, 4, 5, 6, 7].slice(-(series[0]?.samples.length ?? 0)),
    );
    expect(aws.asked).toHaveLength(2);
  });

  it('puts at most 500 queries into a call, and never tears an expression from its metrics', async () => {
    const pick = (name: string): JsonObject => ({ namespace: 'Shop', name, dimensions: {}, stat: 'Sum' });
    const ratios = Array.from({ length: 400 }, (_, index) =>
      signalOf(`r${index}`, { expression: 'bad/all', metrics: { bad: pick(`bad${index}`), all: pick(`all${index}`) } }),
    );
    const aws = world((call) => points(call, t0 + 8 * minute), ratios);
    const { series } = await aws.at(t0 + 10 * minute);
    expect(series).toHaveLength(400);
    const sizes = aws.asked.map(({ input }) => (input['MetricDataQueries'] as unknown as unknown[]).length);
    expect(sizes).toEqual([498, 498, 204]);
    for (const { input } of aws.asked)
      for (const { Expression } of input['MetricDataQueries'] as unknown as readonly { Expression?: string }[])
        if (Expression !== undefined) expect(Expression).toMatch(/^(s\d+)_bad\/\1_all$/);
  });

  it('stops the sweep before what a change touches, when the money of the day runs out, and says so', async () => {
    // Ten cents a thousandth: a cent buys a thousand metrics, so this is twenty a day.
    const aws = world((call) => points(call, (call.input['EndTime'] as Date).getTime()), [errors], {
      dollarsPerDay: 0.0002,
      sweep: '1m',
    });
    let swept = 0;
    for (let at = 10; at < 40; at++)
      if ((await aws.at(t0 + at * minute)).gaps.every(({ reason }) => reason !== 'rate-limited')) swept++;
    expect(swept).toBe(16);
    expect((await aws.at(t0 + 41 * minute, true)).gaps).toEqual([]);
    for (let at = 42; at < 50; at++) await aws.at(t0 + at * minute, true);
    const { gaps } = await aws.at(t0 + 50 * minute, true);
    expect(gaps).toMatchObject([{ reason: 'rate-limited' }]);
    expect(gaps[0]?.message).toContain('dollarsPerDay');
    expect((await aws.at(t0 + 24 * 60 * minute)).gaps.every(({ reason }) => reason !== 'rate-limited')).toBe(true);
  });

  it('says so when neither a signal nor its service names a region and there are several', async () => {
    const aws = world(() => ({}), [errors], { regions: ['eu-west-1', 'us-east-1'] });
    expect((await aws.at(t0)).gaps).toMatchObject([{ reason: 'malformed' }]);
    expect(aws.asked).toEqual([]);
  });
});

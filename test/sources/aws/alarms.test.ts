import { describe, expect, it } from 'vitest';

import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { createAlarms } from '../../../src/sources/aws/alarms.ts';
import type { Watched } from '../../../src/sources/aws/watched.ts';
import { fakeAws } from './fake-aws.ts';

const t0 = Date.UTC(2026, 10, 28, 12, 0, 0);
const corner = { region: 'eu-west-1' };
const watched: readonly Watched[] = ['pay', 'cart'].map((name) => ({
  ...{ service: name, place: { source: 'aws', region: 'eu-west-1', resource: { is: 'lambda', function: name } } },
}));
const metric = (name: string, of: string): JsonObject => ({
  ...{ AlarmName: name, StateReason: 'too many', Dimensions: [{ Name: 'FunctionName', Value: of }] },
});
const composite = (name: string, rule: string): JsonObject => ({ AlarmName: name, AlarmRule: rule });

const ok = (...names: string[]): JsonObject => ({
  MetricAlarms: names.map((name) => ({ ...metric(name, 'pay'), StateValue: 'OK' })),
});

async function told(answers: JsonObject[]) {
  const aws = fakeAws(() => answers.shift() ?? {});
  const alarms = createAlarms('aws', aws);
  const look = async () => {
    const { findings } = await alarms.look([corner], watched, t0, new AbortController().signal);
    return findings.map(({ service, signal, state }) => `${service} ${signal} ${state}`).sort();
  };
  return { aws, look: [await look(), await look()] };
}

describe('alarms of CloudWatch', () => {
  it('composite ones are about the services of the alarms in their rule that fire, by name or by ARN, however deep', async () => {
    const arn = 'arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cart-late';
    const { look, aws } = await told([
      {
        MetricAlarms: [metric('pay-bad', 'pay'), metric('cart-late', 'cart'), metric('other', 'nobody')],
        CompositeAlarms: [
          composite('shop', `ALARM("inner") OR ALARM(${arn}) AND NOT OK("quiet")`),
          composite('inner', 'ALARM(pay-bad) OR ALARM("shop")'),
          composite('elsewhere', 'ALARM(other)'),
        ],
      },
      {},
      ok('pay-bad', 'cart-late', 'inner', 'shop'),
    ]);
    expect(aws.asked[0]?.input).toMatchObject({ AlarmTypes: ['MetricAlarm', 'CompositeAlarm'] });
    expect(look[0]).toEqual([
      ...['cart cart-late bad', 'cart inner bad', 'cart shop bad'],
      ...['pay inner bad', 'pay pay-bad bad', 'pay shop bad'],
    ]);
    expect(look[1]).toEqual(look[0]?.map((one) => one.replace(' bad', ' good')));
  });

  it('of target tracking are how scaling works, and are not told', async () => {
    const { look } = await told([{ MetricAlarms: [metric('TargetTracking-service/shop/pay-AlarmLow-1', 'pay')] }]);
    expect(look[0]).toEqual([]);
  });

  it('end by their state when asked by name: short of data they are not over, and deleted ones are said to be', async () => {
    const aws = fakeAws(({ input }) => {
      if (!('AlarmNames' in input)) return listed;
      return {
        MetricAlarms: Object.entries(states).map(([name, StateValue]) => ({ ...metric(name, 'pay'), StateValue })),
      };
    });
    const alarms = createAlarms('aws', aws);
    const look = async () => {
      const { findings } = await alarms.look([corner], watched, t0, new AbortController().signal);
      return findings.map(({ signal, state, reason }) => `${signal} ${state}: ${reason}`);
    };
    let listed: JsonObject = { MetricAlarms: ['dead', 'well', 'gone'].map((name) => metric(name, 'pay')) };
    let states: JsonObject = { dead: 'INSUFFICIENT_DATA', well: 'OK' };
    await look();
    listed = {};
    expect(await look()).toEqual([
      'well good: well is OK again',
      'gone good: gone was deleted',
      'dead unknown: dead was in alarm, and CloudWatch has too little data to say whether it still is',
    ]);
    expect(aws.asked.at(-1)?.input).toMatchObject({ AlarmNames: ['dead', 'well', 'gone'] });
    expect(await look()).toEqual([expect.stringContaining('dead unknown')]);
    states = { dead: 'OK' };
    expect(await look()).toEqual(['dead good: dead is OK again']);
    expect(await look()).toEqual([]);
  });

  it('go on under a composite alarm while one of its rule is short of data, and end there when that one is well', async () => {
    let MetricAlarms = [metric('cart-late', 'cart'), metric('pay-bad', 'pay')];
    let state = 'INSUFFICIENT_DATA';
    const aws = fakeAws(({ input }) =>
      'AlarmNames' in input
        ? { MetricAlarms: [{ ...metric('cart-late', 'cart'), StateValue: state }] }
        : { MetricAlarms, CompositeAlarms: [composite('shop', 'ALARM("cart-late") OR ALARM("pay-bad")')] },
    );
    const alarms = createAlarms('aws', aws);
    const look = async () => {
      const { findings } = await alarms.look([corner], watched, t0, new AbortController().signal);
      return findings.filter(({ service }) => service === 'cart').map(({ signal, state: now }) => `${signal} ${now}`);
    };
    await look();
    MetricAlarms = MetricAlarms.slice(1);
    expect(await look()).toEqual(['cart-late unknown', 'shop bad']);
    state = 'OK';
    expect(await look()).toEqual(['cart-late good', 'shop bad']);
    expect(await look()).toEqual(['shop good']);
    expect(await look()).toEqual([]);
  });

  it('that are behind the last page read are a gap, and none ends by it; those that cannot be asked for stay', async () => {
    let listed: JsonObject = { MetricAlarms: [metric('pay-bad', 'pay')] };
    let asked: JsonObject | Error = { MetricAlarms: [{ ...metric('pay-bad', 'pay'), StateValue: 'ALARM' }] };
    const aws = fakeAws(({ input }) => ('AlarmNames' in input ? asked : listed));
    const alarms = createAlarms('aws', aws);
    const look = () => alarms.look([corner], watched, t0, new AbortController().signal);
    await look();
    listed = { MetricAlarms: [metric('TargetTracking-service/shop/pay-AlarmLow-1', 'pay')], NextToken: 'more' };
    const cut = await look();
    expect(cut.findings).toMatchObject([{ signal: 'pay-bad', state: 'bad' }]);
    expect(cut.gaps).toMatchObject([{ signal: 'alarms', reason: 'partial' }]);
    listed = {};
    asked = new WatchkeeperError('rate-limited', 'slower');
    const refused = await look();
    expect(refused).toMatchObject({ findings: [], gaps: [{ signal: 'alarms', reason: 'rate-limited' }] });
    asked = ok('pay-bad');
    expect((await look()).findings).toMatchObject([{ signal: 'pay-bad', state: 'good' }]);
  });
});

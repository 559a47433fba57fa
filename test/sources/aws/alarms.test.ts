import { describe, expect, it } from 'vitest';

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
});

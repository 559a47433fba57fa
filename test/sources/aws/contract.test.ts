import type { AwsCall, AwsReader } from '../../../src/domain/ports/aws.ts';
import type { SignalQuery } from '../../../src/domain/ports/source.ts';
import { createMeter } from '../../../src/io/clients/aws/cost.ts';
import { isRead } from '../../../src/io/clients/aws/modules.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { Json, JsonObject } from '../../../src/lib/json.ts';
import { limits } from '../../../src/lib/limits.ts';
import { awsConfig } from '../../../src/sources/aws/schema.ts';
import { createAwsSource } from '../../../src/sources/aws/source.ts';
import { sourceContract, type SourceWorld } from '../../contract/source.ts';
import { serviceOn } from '../../support/aws-operator.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

type Answer = JsonObject | Error | 'hang' | undefined;

const web = serviceOn({ is: 'ecs', cluster: 'shop', service: 'web' });
const signal = (name: string, query: Readonly<Record<string, Json>>): SignalQuery => ({
  ...{ service: 'web', signal: name, binding: { source: 'aws', unit: '1', nature: 'gauge', query } },
});
const signals = [
  signal('cpu', { metric: { namespace: 'AWS/ECS', name: 'CPUUtilization', dimensions: {}, stat: 'Average' } }),
  signal('availability', { state: 'availability' }),
];

/** An account with one ECS service; `answer` says what is otherwise. */
function world(answer: (call: AwsCall) => Answer = () => undefined): Promise<SourceWorld> {
  const clock = virtualClock(Date.UTC(2026, 10, 28, 12));
  const meter = createMeter();
  const unknownCalls: string[] = [];
  const reader: AwsReader = {
    ask: async (call, stop) => {
      if (!isRead(call.service, call.operation)) unknownCalls.push(`${call.service} ${call.operation}`);
      if (stop.aborted) throw new WatchkeeperError('aborted', 'stopped');
      meter.count(call);
      const said = answer(call);
      if (said === 'hang') {
        // As the transport below the SDK does.
        await clock.sleep(limits.awsTimeoutMs, stop);
        throw new WatchkeeperError('timeout', `AWS ${call.service} ${call.operation}: no answer in time`);
      }
      if (said instanceof Error) throw said;
      return said ?? healthy(call);
    },
    use: () => meter.use(),
    close: () => undefined,
  };
  const parsed = awsConfig.parse({ regions: ['eu-west-1'], settle: '0s' });
  if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
  const io = { clock, aws: { reader: () => reader } };
  return Promise.resolve({
    source: createAwsSource('aws', parsed.value, io as unknown as Parameters<typeof createAwsSource>[2]),
    get request() {
      const nowMs = clock.nowMs();
      const stretch = { fromMs: nowMs - 600_000, untilMs: nowMs, stepMs: 60_000 };
      return { ...stretch, mode: 'live' as const, services: [web], signals };
    },
    advance: (ms) => clock.advance(ms),
    touched: { requests: [], paths: [], unknownCalls },
  });
}

function healthy({ operation, input }: AwsCall): JsonObject {
  if (operation === 'DescribeServices')
    return {
      services: [
        {
          ...{ serviceArn: 'arn:web', serviceName: 'web', status: 'ACTIVE', desiredCount: 2, runningCount: 2 },
          ...{ taskDefinition: 'arn:aws:ecs:eu-west-1:123456789012:task-definition/web:1' },
        },
      ],
    };
  if (operation !== 'GetMetricData') return {};
  const until = (input['EndTime'] as Date).getTime();
  const Timestamps = [];
  for (let tMs = (input['StartTime'] as Date).getTime(); tMs < until; tMs += 60_000) Timestamps.push(tMs);
  return { MetricDataResults: [{ Id: 's0', StatusCode: 'Complete', Timestamps, Values: Timestamps.map(() => 40) }] };
}

const all =
  (code: 'unauthorized' | 'forbidden' | 'unreachable'): (() => Answer) =>
  () =>
    new WatchkeeperError(code, 'AWS says no to this call');

sourceContract('aws', {
  healthy: () => world(),
  ill: {
    unauthorized: () => world(all('unauthorized')),
    forbidden: () => world(all('forbidden')),
    unreachable: () => world(all('unreachable')),
    malformed: () => world(() => ({ services: 'yes', MetricDataResults: 'no', Events: 7, MetricAlarms: {} })),
    hanging: () => world(() => 'hang'),
  },
  partial: () => world(({ operation }) => (operation === 'GetMetricData' ? all('forbidden')() : undefined)),
  // CloudWatch never comes to an end.
  flood: () =>
    world((call) => (call.operation === 'GetMetricData' ? { ...healthy(call), NextToken: 'more' } : undefined)),
});

import * as z from 'zod';

import type { Finding } from '../../domain/alert.ts';
import type { AwsReader } from '../../domain/ports/aws.ts';
import type { AwsResource } from '../../domain/places.ts';
import type { Gap } from '../../domain/telemetry.ts';
import { createFiring } from '../../io/clients/cloud/firing.ts';
import { faultOfError } from '../../io/clients/http-reader.ts';
import { limits } from '../../lib/limits.ts';
import { oneLine } from '../../lib/text.ts';
import { cornerName, type Corner, type Watched } from './watched.ts';

/** Watches CloudWatch's alarms, and tells each as it begins, goes on and ends. */
export interface Alarms {
  look(
    corners: readonly Corner[],
    watched: readonly Watched[],
    nowMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly findings: readonly Finding[]; readonly gaps: readonly Gap[] }>;
}

const answer = z.object({
  MetricAlarms: z
    .array(
      z.object({
        AlarmName: z.string(),
        AlarmDescription: z.string().nullish(),
        StateReason: z.string().nullish(),
        StateUpdatedTimestamp: z.number().nullish(),
        Namespace: z.string().nullish(),
        MetricName: z.string().nullish(),
        Dimensions: z.array(z.object({ Name: z.string(), Value: z.string() })).nullish(),
        Metrics: z
          .array(
            z.object({
              MetricStat: z
                .object({
                  Metric: z.object({
                    Dimensions: z.array(z.object({ Name: z.string(), Value: z.string() })).nullish(),
                  }),
                })
                .nullish(),
            }),
          )
          .nullish(),
      }),
    )
    .default([]),
  NextToken: z.string().nullish(),
});
type Alarm = z.infer<typeof answer>['MetricAlarms'][number];

/** Makes it. An alarm belongs to the service whose resource its dimensions name; others are not ours to tell. */
export function createAlarms(source: string, reader: AwsReader): Alarms {
  const firing = createFiring();
  return {
    look: async (corners, watched, nowMs, signal) => {
      const findings: Finding[] = [];
      const gaps: Gap[] = [];
      await Promise.all(
        corners.map(async (corner) => {
          const name = cornerName(corner);
          const now = new Map<string, Finding>();
          try {
            for (const alarm of await firingIn(corner, reader, signal))
              for (const service of servicesOf(alarm, corner, watched)) {
                const finding = findingOf(source, alarm, service, corner, nowMs);
                now.set(`${name} ${service} ${alarm.AlarmName}`, finding);
              }
          } catch (thrown) {
            const fault = faultOfError(thrown);
            const message = `alarms in ${name}: ${fault.message}`;
            gaps.push({ source, signal: 'alarms', ...fault, message, fromMs: nowMs, untilMs: nowMs });
            return;
          }
          findings.push(...firing.step(name, now, nowMs));
        }),
      );
      return { findings, gaps };
    },
  };
}

async function firingIn(corner: Corner, reader: AwsReader, signal: AbortSignal): Promise<readonly Alarm[]> {
  const found: Alarm[] = [];
  let next: string | undefined;
  for (let pages = 0; pages < limits.awsPages; pages++) {
    const input = {
      ...{ StateValue: 'ALARM', AlarmTypes: ['MetricAlarm'], MaxRecords: 100 },
      ...(next === undefined ? {} : { NextToken: next }),
    };
    const asked = await reader.ask({ ...corner, service: 'cloudwatch', operation: 'DescribeAlarms', input }, signal);
    const parsed = answer.parse(asked);
    // Those of target tracking are how scaling works: the low one is in alarm whenever there is little to do.
    found.push(...parsed.MetricAlarms.filter(({ AlarmName }) => !AlarmName.startsWith('TargetTracking-')));
    next = parsed.NextToken ?? undefined;
    if (next === undefined) break;
  }
  return found;
}

function servicesOf(alarm: Alarm, corner: Corner, watched: readonly Watched[]): readonly string[] {
  const pairs = [
    ...(alarm.Dimensions ?? []),
    ...(alarm.Metrics ?? []).flatMap(({ MetricStat }) => MetricStat?.Metric.Dimensions ?? []),
  ];
  const has = (name: string, value: string): boolean =>
    pairs.some(({ Name, Value }) => Name === name && Value === value);
  const of = watched.filter(
    ({ place }) =>
      place.region === corner.region &&
      (place.account === undefined || place.account === corner.account) &&
      isOf(place.resource, has),
  );
  return [...new Set(of.map(({ service }) => service))];
}

function isOf(resource: AwsResource, has: (name: string, value: string) => boolean): boolean {
  switch (resource.is) {
    case 'ecs':
      return has('ClusterName', resource.cluster) && has('ServiceName', resource.service);
    case 'lambda':
      return has('FunctionName', resource.function);
    case 'auto-scaling-group':
      return has('AutoScalingGroupName', resource.name);
    case 'instance':
      return has('InstanceId', resource.id);
    case 'database':
      return has('DBInstanceIdentifier', resource.id);
    case 'database-cluster':
      return has('DBClusterIdentifier', resource.id);
    default:
      return false;
  }
}

function findingOf(source: string, alarm: Alarm, service: string, corner: Corner, nowMs: number): Finding {
  const name = oneLine(alarm.AlarmName, 200);
  const said = oneLine(alarm.AlarmDescription || alarm.StateReason || '', 300);
  return {
    detector: source,
    kind: 'external',
    service,
    signal: name,
    labels: {
      alertname: name,
      region: corner.region,
      ...(corner.account === undefined ? {} : { account: corner.account }),
    },
    state: 'bad',
    atMs: nowMs,
    sinceMs: Math.min(alarm.StateUpdatedTimestamp ?? nowMs, nowMs),
    severity: 'warning',
    reason: `CloudWatch: ${name} is in alarm${said === '' ? '' : `: ${said}`}`,
    numbers: {},
    confidence: 1,
  };
}

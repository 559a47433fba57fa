import * as z from 'zod';

import type { Finding } from '../../domain/alert.ts';
import type { AwsReader } from '../../domain/ports/aws.ts';
import type { AwsResource } from '../../domain/places.ts';
import type { Gap } from '../../domain/telemetry.ts';
import { createFiring, type Fate } from '../../io/clients/cloud/firing.ts';
import { faultOfError } from '../../io/clients/http-reader.ts';
import { limits } from '../../lib/limits.ts';
import { oneLine } from '../../lib/text.ts';
import { cornerName, type Corner, type Watched } from './watched.ts';

/** Watches CloudWatch's alarms, composite ones too, and tells each as it begins, goes on and ends. */
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
        StateValue: z.string().nullish(),
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
  CompositeAlarms: z
    .array(
      z.object({
        AlarmName: z.string(),
        StateValue: z.string().nullish(),
        AlarmArn: z.string().nullish(),
        AlarmDescription: z.string().nullish(),
        StateReason: z.string().nullish(),
        StateUpdatedTimestamp: z.number().nullish(),
        AlarmRule: z.string().default(''),
      }),
    )
    .default([]),
  NextToken: z.string().nullish(),
});
type Alarm = z.infer<typeof answer>['MetricAlarms'][number];
type Composite = z.infer<typeof answer>['CompositeAlarms'][number];

interface InAlarm {
  readonly metric: readonly Alarm[];
  readonly composite: readonly Composite[];
  /** Whether there are more than were read. */
  readonly more: boolean;
}

type Look = Awaited<ReturnType<Alarms['look']>>;

/** Makes it. An alarm belongs to the service whose resource its dimensions name; others are not ours to tell. */
export function createAlarms(source: string, reader: AwsReader): Alarms {
  const known = createFiring();
  const lookIn = async (
    corner: Corner,
    watched: readonly Watched[],
    nowMs: number,
    signal: AbortSignal,
  ): Promise<Look> => {
    const name = cornerName(corner);
    const gaps: Gap[] = [];
    const lacking = (fault: Pick<Gap, 'reason' | 'message'>): void => {
      const message = `alarms in ${name}: ${fault.message}`;
      gaps.push({ source, signal: 'alarms', reason: fault.reason, message, fromMs: nowMs, untilMs: nowMs });
    };
    try {
      const { metric, composite, more } = await firingIn(corner, reader, signal);
      if (more) {
        const message = `more than ${mostPages * perPage} are in alarm; the rest was left`;
        lacking({ reason: 'partial', message });
      }
      // What was told and has not ended counts below a composite alarm, though it may be short of data now.
      const owners = new Map(
        [...known.told(name)].filter(([alarm]) => !composite.some(({ AlarmName }) => AlarmName === alarm)),
      );
      for (const one of metric) owners.set(one.AlarmName, servicesOf(one, corner, watched));
      const alarms = new Map(
        [...metric, ...composite].map((alarm) => [
          alarm.AlarmName,
          ownersOf(alarm, owners, composite).map((service) => findingOf(source, alarm, service, corner, nowMs)),
        ]),
      );
      const ask = (names: readonly string[]): Promise<ReadonlyMap<string, Fate>> =>
        fatesOf(names, corner, reader, signal).catch((thrown: unknown) => {
          lacking(faultOfError(thrown));
          return new Map();
        });
      return { findings: await known.step(name, { alarms, whole: !more }, ask, nowMs), gaps };
    } catch (thrown) {
      lacking(faultOfError(thrown));
      return { findings: [], gaps };
    }
  };
  return {
    look: async (corners, watched, nowMs, signal) => {
      const looks = await Promise.all(corners.map((corner) => lookIn(corner, watched, nowMs, signal)));
      return { findings: looks.flatMap(({ findings }) => findings), gaps: looks.flatMap(({ gaps }) => gaps) };
    },
  };
}

const perPage = 100;
// Those of target tracking come in the same pages as all others.
const mostPages = limits.awsPages * 5;
const kinds = { AlarmTypes: ['MetricAlarm', 'CompositeAlarm'], MaxRecords: perPage };

async function firingIn(corner: Corner, reader: AwsReader, signal: AbortSignal): Promise<InAlarm> {
  const metric: Alarm[] = [];
  const composite: Composite[] = [];
  let next: string | undefined;
  for (let pages = 0; pages < mostPages; pages++) {
    const input = { StateValue: 'ALARM', ...kinds, ...(next === undefined ? {} : { NextToken: next }) };
    const asked = await reader.ask({ ...corner, service: 'cloudwatch', operation: 'DescribeAlarms', input }, signal);
    const parsed = answer.parse(asked);
    // Those of target tracking are how scaling works: the low one is in alarm whenever there is little to do.
    metric.push(...parsed.MetricAlarms.filter(({ AlarmName }) => !AlarmName.startsWith('TargetTracking-')));
    composite.push(...parsed.CompositeAlarms);
    next = parsed.NextToken ?? undefined;
    if (next === undefined) return { metric, composite, more: false };
  }
  return { metric, composite, more: true };
}

// A service that dies sends no metric any more: its alarm leaves ALARM for INSUFFICIENT_DATA, which is no recovery.
async function fatesOf(
  names: readonly string[],
  corner: Corner,
  reader: AwsReader,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Fate>> {
  const fates = new Map<string, Fate>();
  for (let from = 0; from < names.length; from += perPage) {
    const some = names.slice(from, from + perPage);
    const input = { AlarmNames: some, ...kinds };
    const asked = await reader.ask({ ...corner, service: 'cloudwatch', operation: 'DescribeAlarms', input }, signal);
    const { MetricAlarms, CompositeAlarms } = answer.parse(asked);
    const states = new Map([...MetricAlarms, ...CompositeAlarms].map((one) => [one.AlarmName, one.StateValue]));
    for (const name of some)
      fates.set(name, states.has(name) ? fateOf(states.get(name)) : { state: 'good', words: 'was deleted' });
  }
  return fates;
}

function fateOf(state: string | null | undefined): Fate {
  switch (state) {
    case 'OK':
      return { state: 'good', words: 'is OK again' };
    case 'ALARM':
      return { state: 'bad', words: 'is in alarm' };
    default:
      return { state: 'unknown', words: 'was in alarm, and CloudWatch has too little data to say whether it still is' };
  }
}

// A composite alarm has no dimensions: it is about what the alarms in its rule that fire are about, however deep.
function ownersOf(
  alarm: Alarm | Composite,
  owners: ReadonlyMap<string, readonly string[]>,
  composites: readonly Composite[],
): readonly string[] {
  if (!('AlarmRule' in alarm)) return owners.get(alarm.AlarmName) ?? [];
  const seen = new Set([alarm.AlarmName]);
  const services = new Set<string>();
  for (const rule of rulesBelow(alarm, composites, seen))
    for (const name of namesIn(rule)) for (const service of owners.get(name) ?? []) services.add(service);
  return [...services];
}

function rulesBelow(alarm: Composite, all: readonly Composite[], seen: Set<string>): readonly string[] {
  const inner = namesIn(alarm.AlarmRule).flatMap((name) => {
    const below = all.find(({ AlarmName }) => AlarmName === name);
    if (below === undefined || seen.has(name)) return [];
    seen.add(name);
    return rulesBelow(below, all, seen);
  });
  return [alarm.AlarmRule, ...inner];
}

// `ALARM("web-errors") OR ALARM(arn:aws:cloudwatch:eu-west-1:123456789012:alarm:web-latency)`: names, or ARNs that end with one.
function namesIn(rule: string): readonly string[] {
  return [...rule.slice(0, 10_240).matchAll(/\b(?:ALARM|OK|INSUFFICIENT_DATA)\(\s*(?:"([^"]*)"|([^)\s"]+))\s*\)/g)].map(
    ([, quoted, bare]) => (quoted ?? bare ?? '').replace(/^arn:[^:]*:cloudwatch:[^:]*:[^:]*:alarm:/, ''),
  );
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

function findingOf(source: string, alarm: Alarm | Composite, service: string, corner: Corner, nowMs: number): Finding {
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

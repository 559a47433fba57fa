import * as z from 'zod';

import type { AwsReader } from '../../../domain/ports/aws.ts';
import type { Gap } from '../../../domain/telemetry.ts';
import { faultOfError } from '../../../io/clients/http-reader.ts';
import { oneLine } from '../../../lib/text.ts';
import { cornerName, type Corner } from '../watched.ts';

/** A call that changed something, as CloudTrail recorded it. */
export interface TrailEvent {
  readonly id: string;
  readonly corner: Corner;
  /** `ecs.amazonaws.com`. */
  readonly source: string;
  /** `UpdateService`, without the date that Lambda's names end with. */
  readonly name: string;
  readonly atMs: number;
  /** Who: `ana`, `deploy-role/run-17`, `autoscaling.amazonaws.com`. */
  readonly actor: string;
  /** Our own session: its name after `watchkeeper-`. */
  readonly ours?: string;
  /** Every name in the call: of its resources, and the words of its parameters. Untrusted. */
  readonly names: ReadonlySet<string>;
}

/** Reads CloudTrail's write events, each once. */
export interface Trail {
  look(corners: readonly Corner[], nowMs: number, signal: AbortSignal): Promise<TrailLook>;
}

/** New events, and what could not be read. */
export interface TrailLook {
  readonly events: readonly TrailEvent[];
  readonly gaps: readonly Gap[];
}

// CloudTrail delivers events up to a quarter of an hour late, and not in order: behind a page of events that are known may be
// one that was not there yet. So all of that time is read again each time, and told once.
const lateMs = 15 * 60_000;
// Of a call, fifty come at once, and two calls a second are allowed, of which one is ours: a look ends before its minute.
const pagesPerLook = 10;
const remembered = 20_000;

const answer = z.object({
  Events: z
    .array(
      z.object({
        EventId: z.string().default(''),
        EventName: z.string().default(''),
        EventSource: z.string().default(''),
        EventTime: z.number(),
        Username: z.string().default(''),
        Resources: z.array(z.object({ ResourceName: z.string().nullish() })).default([]),
        CloudTrailEvent: z.string().default('{}'),
      }),
    )
    .default([]),
  NextToken: z.string().nullish(),
});
const inside = z.object({
  errorCode: z.string().nullish(),
  readOnly: z.boolean().nullish(),
  requestParameters: z.unknown(),
  userIdentity: z
    .object({
      type: z.string().nullish(),
      arn: z.string().nullish(),
      userName: z.string().nullish(),
      invokedBy: z.string().nullish(),
    })
    .nullish(),
});
type Found = z.infer<typeof answer>['Events'][number];

/** Makes it. `beforeMs`: how far back the first look goes. */
export function createTrail(source: string, reader: AwsReader, beforeMs: number): Trail {
  const seen = new Map<string, true>();
  const sinceMs = new Map<string, number>();
  const lookIn = async (corner: Corner, nowMs: number, signal: AbortSignal): Promise<TrailLook> => {
    const key = cornerName(corner);
    const fromMs = (sinceMs.get(key) ?? nowMs - beforeMs) - lateMs;
    const found: Found[] = [];
    const about = { source, signal: 'changes', fromMs, untilMs: nowMs };
    let next: string | undefined;
    try {
      for (let pages = 0; pages < pagesPerLook; pages++) {
        const input = {
          LookupAttributes: [{ AttributeKey: 'ReadOnly', AttributeValue: 'false' }],
          ...{ StartTime: new Date(fromMs), EndTime: new Date(nowMs), MaxResults: 50 },
          ...(next === undefined ? {} : { NextToken: next }),
        };
        const asked = await reader.ask({ ...corner, service: 'cloudtrail', operation: 'LookupEvents', input }, signal);
        const parsed = answer.parse(asked);
        found.push(...parsed.Events);
        next = parsed.NextToken ?? undefined;
        if (next === undefined) break;
      }
    } catch (thrown) {
      const fault = faultOfError(thrown);
      return {
        events: events(found, corner, seen),
        gaps: [{ ...about, ...fault, message: `changes in ${key}: ${fault.message}` }],
      };
    }
    sinceMs.set(key, nowMs);
    const minutes = Math.round((nowMs - fromMs) / 60_000);
    const message = `CloudTrail has more than ${found.length} changes in ${key} in the last ${minutes} minutes: the newest were read`;
    return {
      events: events(found, corner, seen),
      gaps: next === undefined ? [] : [{ ...about, reason: 'partial', message }],
    };
  };
  return {
    look: async (corners, nowMs, signal) => {
      const looks = await Promise.all(corners.map((corner) => lookIn(corner, nowMs, signal)));
      for (const oldest of seen.keys()) {
        if (seen.size <= remembered) break;
        seen.delete(oldest);
      }
      return { events: looks.flatMap((one) => [...one.events]), gaps: looks.flatMap((one) => [...one.gaps]) };
    },
  };
}

function events(found: readonly Found[], corner: Corner, seen: Map<string, true>): readonly TrailEvent[] {
  return found.flatMap((one) => {
    if (seen.has(one.EventId)) return [];
    seen.set(one.EventId, true);
    const event = eventOf(one, corner);
    return event === undefined ? [] : [event];
  });
}

function eventOf(found: Found, corner: Corner): TrailEvent | undefined {
  const parsed = inside.safeParse(jsonOf(found.CloudTrailEvent));
  const { errorCode, readOnly, requestParameters, userIdentity } = parsed.success ? parsed.data : {};
  // What was refused changed nothing.
  if ((errorCode ?? '') !== '' || readOnly === true) return undefined;
  const names = new Set(found.Resources.flatMap(({ ResourceName }) => (ResourceName ? [ResourceName] : [])));
  gather(requestParameters, names, 0);
  const arn = userIdentity?.arn ?? '';
  const role = /assumed-role\/(.+)$/.exec(arn)?.[1];
  const who = role ?? userIdentity?.userName ?? userIdentity?.invokedBy ?? (found.Username || arn);
  const ours = /\/watchkeeper-([\w+=,.@-]+)$/.exec(arn)?.[1];
  return {
    ...{ id: found.EventId, corner, source: found.EventSource, atMs: found.EventTime },
    name: found.EventName.replace(/\d{8}(v\d+)?$/, ''),
    actor: oneLine(who === '' ? 'unknown' : who, 200),
    ...(ours === undefined || ours === 'reader' ? {} : { ours }),
    names,
  };
}

// The words of a call's parameters, so far down: enough to find what it was about, whatever the parameter is called.
function gather(value: unknown, into: Set<string>, depth: number): void {
  if (into.size >= 200 || depth > 4) return;
  if (typeof value === 'string') into.add(value.slice(0, 512));
  else if (typeof value === 'object' && value !== null)
    for (const inner of Object.values(value)) gather(inner, into, depth + 1);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

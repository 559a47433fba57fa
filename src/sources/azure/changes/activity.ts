import * as z from 'zod';

import type { AzureReader } from '../../../domain/ports/azure.ts';
import type { Gap } from '../../../domain/telemetry.ts';
import { faultOfError } from '../../../io/clients/http-reader.ts';
import { oneLine } from '../../../lib/text.ts';
import type { AzureConfig } from '../schema.ts';
import { named } from '../watched.ts';

/** A call that changed something, as an audit log recorded it. */
export interface AuditEvent {
  readonly id: string;
  /** Of the resource, in small letters. */
  readonly resourceId: string;
  /** `microsoft.app/containerapps/write`, in small letters. */
  readonly operation: string;
  readonly atMs: number;
  readonly actor: string;
  /** Our own act: its name after `watchkeeper-`. */
  readonly ours?: string;
  /** What tells calls that belong together from others. */
  readonly correlation: string;
  /** What became what, where the log says so. */
  readonly property?: string;
  readonly from?: string;
  readonly to?: string;
}

/** Reads the activity log of each subscription, each event once. */
export interface ActivityLog {
  look(nowMs: number, signal: AbortSignal): Promise<AuditLook>;
}

/** New events, and what could not be read. */
export interface AuditLook {
  readonly events: readonly AuditEvent[];
  readonly gaps: readonly Gap[];
}

// Events come up to twenty minutes late: so much is read again each time, and told once.
const lateMs = 20 * 60_000;
const pagesPerLook = 5;
const remembered = 20_000;

const answer = z.object({
  value: z
    .array(
      z.object({
        eventDataId: z.string().default(''),
        correlationId: z.string().nullish(),
        resourceId: z.string().nullish(),
        caller: z.string().nullish(),
        claims: z.record(z.string(), z.string()).nullish(),
        category: z.object({ value: z.string().nullish() }).nullish(),
        operationName: z.object({ value: z.string().nullish() }).nullish(),
        status: z.object({ value: z.string().nullish() }).nullish(),
        eventTimestamp: z.string().nullish(),
        httpRequest: z.object({ clientRequestId: z.string().nullish() }).nullish(),
      }),
    )
    .default([]),
  nextLink: z.string().nullish(),
});
type Found = z.infer<typeof answer>['value'][number];

/** Makes it. `beforeMs`: how far back the first look goes. */
export function createActivityLog(
  source: string,
  config: AzureConfig,
  reader: AzureReader,
  beforeMs: number,
): ActivityLog {
  const seen = new Map<string, true>();
  const sinceMs = new Map<string, number>();
  const lookIn = async (subscription: string | undefined, nowMs: number, signal: AbortSignal): Promise<AuditLook> => {
    const key = subscription ?? '';
    const fromMs = (sinceMs.get(key) ?? nowMs - beforeMs) - lateMs;
    const about = { source, signal: 'changes', fromMs, untilMs: nowMs };
    const found: Found[] = [];
    const filter = `eventTimestamp ge '${new Date(fromMs).toISOString()}' and eventTimestamp le '${new Date(nowMs).toISOString()}'`;
    let next: string | undefined;
    try {
      for (let pages = 0; pages < pagesPerLook; pages++) {
        const call = { operation: 'activityLog.list', ...named(subscription), query: { $filter: filter } } as const;
        const parsed = answer.parse(await reader.ask({ ...call, ...(next === undefined ? {} : { next }) }, signal));
        found.push(...parsed.value);
        next = parsed.nextLink ?? undefined;
        if (next === undefined) break;
      }
    } catch (thrown) {
      const fault = faultOfError(thrown);
      const message = `the activity log${key === '' ? '' : ` of ${key}`}: ${fault.message}`;
      return { events: fresh(found, seen), gaps: [{ ...about, ...fault, message }] };
    }
    sinceMs.set(key, nowMs);
    const message = `the activity log has more than ${pagesPerLook} pages since the last look: the newest were read`;
    return { events: fresh(found, seen), gaps: next === undefined ? [] : [{ ...about, reason: 'partial', message }] };
  };
  return {
    look: async (nowMs, signal) => {
      const many = config.subscriptions.length > 1;
      const looks = await Promise.all(
        config.subscriptions.map(({ name }) => lookIn(many ? name : undefined, nowMs, signal)),
      );
      for (const oldest of seen.keys()) {
        if (seen.size <= remembered) break;
        seen.delete(oldest);
      }
      return { events: looks.flatMap(({ events }) => [...events]), gaps: looks.flatMap(({ gaps }) => [...gaps]) };
    },
  };
}

// One call is several events: started, accepted, succeeded. The first that is not a refusal tells it.
function fresh(found: readonly Found[], seen: Map<string, true>): readonly AuditEvent[] {
  return found.flatMap((one) => {
    const event = eventOf(one);
    if (event === undefined) return [];
    const key = `${event.correlation}\n${event.operation}\n${event.resourceId}`;
    if (seen.has(key)) return [];
    seen.set(key, true);
    return [event];
  });
}

function eventOf(found: Found): AuditEvent | undefined {
  const { category, status, caller, claims = {}, httpRequest } = found;
  const atMs = Date.parse(found.eventTimestamp ?? '');
  const operation = (found.operationName?.value ?? '').toLowerCase();
  const isDone = /^(succeeded|started|accepted)$/i.test(status?.value ?? '');
  if (category?.value !== 'Administrative' || !isDone || !Number.isFinite(atMs) || operation === '') return undefined;
  const who = caller ?? claims?.['name'] ?? claims?.['appid'] ?? 'unknown';
  const ours = /^watchkeeper-([\w.-]{1,100})$/.exec(httpRequest?.clientRequestId ?? '')?.[1];
  return {
    ...{ id: found.eventDataId, resourceId: (found.resourceId ?? '').toLowerCase(), operation, atMs },
    actor: oneLine(who, 200),
    ...(ours === undefined ? {} : { ours }),
    correlation: found.correlationId ?? found.eventDataId,
  };
}

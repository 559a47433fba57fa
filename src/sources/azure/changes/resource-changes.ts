import * as z from 'zod';

import type { AzureReader } from '../../../domain/ports/azure.ts';
import { faultOfError } from '../../../io/clients/http-reader.ts';
import { oneLine } from '../../../lib/text.ts';
import { graphRows } from '../../../io/clients/azure/graph.ts';
import { kqlList, kqlTime } from '../kql.ts';
import type { AzureConfig } from '../schema.ts';
import type { AuditEvent, AuditLook } from './activity.ts';

const row = z.object({
  id: z.string(),
  target: z.string(),
  at: z.string(),
  by: z.string().nullish(),
  operation: z.string().nullish(),
  correlation: z.string().nullish(),
  changes: z.record(z.string(), z.object({ previousValue: z.unknown(), newValue: z.unknown() }).partial()).nullish(),
});

// Resource Graph learns of a change minutes after it.
const lateMs = 15 * 60_000;
// What such a property became says most of what a change was.
const telling = [/image/i, /traffic/i, /linuxFxVersion/i, /sku|capacity/i, /^properties\./, /./];
const noise =
  /provisioningState|systemData|lastModified|latestRevision|latestReadyRevision|etag|timeCreated|outboundIp/i;

/** Reads what Resource Graph recorded of the watched resources since a time: who, and from what to what. */
export async function resourceChanges(
  source: string,
  config: AzureConfig,
  reader: AzureReader,
  ids: readonly string[],
  { sinceMs, nowMs }: { readonly sinceMs: number; readonly nowMs: number },
  signal: AbortSignal,
): Promise<AuditLook> {
  if (ids.length === 0) return { events: [], gaps: [] };
  const fromMs = sinceMs - lateMs;
  const about = { source, signal: 'changes', fromMs, untilMs: nowMs };
  const query = [
    'resourcechanges',
    '| extend a = properties.changeAttributes, target = tolower(tostring(properties.targetResourceId))',
    '| extend at = todatetime(a.timestamp)',
    `| where at >= ${kqlTime(fromMs)} and target in ${kqlList(ids)}`,
    '| project id, target, at, by = tostring(a.changedBy), operation = tostring(a.operation), correlation = tostring(a.correlationId), changes = properties.changes',
    '| order by at asc, id asc',
  ].join('\n');
  try {
    const { rows, truncated } = await graphRows(config, reader, query, signal);
    const events = rows.flatMap((one) => {
      const parsed = row.safeParse(one);
      return parsed.success ? eventsOf(parsed.data) : [];
    });
    const message = 'Resource Graph has more changes since the last look than were read';
    return { events, gaps: truncated ? [{ ...about, reason: 'partial', message }] : [] };
  } catch (thrown) {
    const fault = faultOfError(thrown);
    return { events: [], gaps: [{ ...about, ...fault, message: `resource changes: ${fault.message}` }] };
  }
}

function eventsOf(found: z.infer<typeof row>): readonly AuditEvent[] {
  const atMs = Date.parse(found.at);
  if (!Number.isFinite(atMs)) return [];
  const properties = Object.entries(found.changes ?? {}).filter(([name]) => !noise.test(name));
  const best = telling
    .map((pattern) => properties.find(([name]) => pattern.test(name)))
    .find((one) => one !== undefined);
  const [property, change] = best ?? [];
  return [
    {
      ...{ id: found.id, resourceId: found.target.toLowerCase(), atMs, actor: oneLine(found.by || 'unknown', 200) },
      operation: (found.operation ?? '').toLowerCase(),
      correlation: found.correlation || found.id,
      ...(property === undefined ? {} : { property: oneLine(property, 120) }),
      ...(change === undefined ? {} : { from: textOf(change.previousValue), to: textOf(change.newValue) }),
    },
  ];
}

function textOf(value: unknown): string {
  return oneLine(typeof value === 'string' ? value : JSON.stringify(value ?? ''), 200);
}

import * as z from 'zod';

import type { GcpReader } from '../../../domain/ports/gcp.ts';
import type { Gap } from '../../../domain/telemetry.ts';
import { faultOfError } from '../../../io/clients/http-reader.ts';
import { oneLine } from '../../../lib/text.ts';
import { pagesOf } from '../pages.ts';

/** A call that changed something, as an audit log of admin activity recorded it. */
export interface AuditEvent {
  readonly id: string;
  readonly project: string;
  /** `run.googleapis.com`. */
  readonly service: string;
  /** `google.cloud.run.v2.Services.UpdateService`, `v1.compute.instances.reset`. */
  readonly method: string;
  /** `projects/p/zones/z/instances/web-1`. */
  readonly resource: string;
  readonly atMs: number;
  readonly actor: string;
  /** The key of our own act: what stands behind `watchkeeper-` in the reason that a request gave. */
  readonly ours?: string;
}

/** Reads audit logs of admin activity, each event once. Asked oftener than every four seconds, it says what it said. */
export interface AuditLogs {
  look(projects: readonly string[], nowMs: number, signal: AbortSignal): Promise<AuditLook>;
}

/** New events, and what could not be read. */
export interface AuditLook {
  readonly events: readonly AuditEvent[];
  readonly gaps: readonly Gap[];
}

/** What a request of ours gives as its reason, before the act's key. */
export const ourReason = 'watchkeeper-';

// Entries are found some minutes late at worst: that much is read again each time, and told once.
const lateMs = 10 * 60_000;
// A project answers sixty such calls a minute, and a diagnosis that looks for log entries needs most of them.
const leastMs = 4_000;
const pagesPerLook = 5;
const perPage = 500;
const remembered = 20_000;
const services = ['run', 'compute', 'sqladmin', 'cloudsql', 'clouddeploy'].map((name) => `"${name}.googleapis.com"`);

const answer = z.object({
  entries: z
    .array(
      z.object({
        insertId: z.string().default(''),
        timestamp: z.string(),
        operation: z.object({ first: z.boolean().nullish(), last: z.boolean().nullish() }).nullish(),
        protoPayload: z
          .object({
            serviceName: z.string().default(''),
            methodName: z.string().default(''),
            resourceName: z.string().default(''),
            status: z.object({ code: z.number().nullish() }).nullish(),
            authenticationInfo: z
              .object({ principalEmail: z.string().nullish(), principalSubject: z.string().nullish() })
              .nullish(),
            requestMetadata: z
              .object({ requestAttributes: z.object({ reason: z.string().nullish() }).nullish() })
              .nullish(),
          })
          .nullish(),
      }),
    )
    .default([]),
});
type Entry = z.infer<typeof answer>['entries'][number];

/** Makes it. `beforeMs`: how far back the first look goes. */
export function createAuditLogs(source: string, reader: GcpReader, beforeMs: number): AuditLogs {
  const seen = new Map<string, true>();
  const sinceMs = new Map<string, number>();
  const lookIn = async (project: string, nowMs: number, signal: AbortSignal): Promise<AuditLook> => {
    const fromMs = (sinceMs.get(project) ?? nowMs - beforeMs) - lateMs;
    const about = { source, signal: 'changes', fromMs, untilMs: nowMs };
    const body = {
      resourceNames: [`projects/${project}`],
      filter: [
        `logName="projects/${project}/logs/cloudaudit.googleapis.com%2Factivity"`,
        `protoPayload.serviceName=(${services.join(' OR ')})`,
        `timestamp>="${new Date(fromMs).toISOString()}"`,
      ].join(' AND '),
      ...{ orderBy: 'timestamp desc', pageSize: perPage },
    };
    try {
      const call = { service: 'logging', method: 'entries.list', params: {}, body, project } as const;
      const { pages, more } = await pagesOf(reader, call, signal, pagesPerLook);
      sinceMs.set(project, nowMs);
      const message = `there are more than ${perPage * pagesPerLook} changes in ${project} since the last look: the newest were read`;
      const events = pages.flatMap((page) => answer.parse(page).entries).flatMap((one) => fresh(one, project, seen));
      return { events, gaps: more ? [{ ...about, reason: 'partial', message }] : [] };
    } catch (thrown) {
      const fault = faultOfError(thrown);
      return { events: [], gaps: [{ ...about, ...fault, message: `changes in ${project}: ${fault.message}` }] };
    }
  };
  let last: { readonly atMs: number; readonly gaps: readonly Gap[] } | undefined;
  return {
    look: async (projects, nowMs, signal) => {
      const agoMs = last === undefined ? Infinity : nowMs - last.atMs;
      if (last !== undefined && agoMs >= 0 && agoMs < leastMs) return { events: [], gaps: last.gaps };
      const looks = await Promise.all(projects.map((project) => lookIn(project, nowMs, signal)));
      for (const oldest of seen.keys()) {
        if (seen.size <= remembered) break;
        seen.delete(oldest);
      }
      last = { atMs: nowMs, gaps: looks.flatMap(({ gaps }) => [...gaps]) };
      return { events: looks.flatMap(({ events }) => [...events]), gaps: last.gaps };
    },
  };
}

function fresh(entry: Entry, project: string, seen: Map<string, true>): readonly AuditEvent[] {
  const { insertId, timestamp, operation, protoPayload: payload } = entry;
  const key = `${project} ${insertId} ${timestamp}`;
  if (payload === undefined || payload === null || seen.has(key)) return [];
  seen.set(key, true);
  const atMs = Date.parse(timestamp);
  // What was refused changed nothing, and the end of an operation is the same change as its beginning.
  const isRefused = (payload.status?.code ?? 0) !== 0;
  const isEnd = operation?.last === true && operation.first !== true;
  if (isRefused || isEnd || !Number.isFinite(atMs)) return [];
  const { principalEmail, principalSubject } = payload.authenticationInfo ?? {};
  const reason = payload.requestMetadata?.requestAttributes?.reason ?? '';
  return [
    {
      ...{ id: key, project, service: payload.serviceName, method: payload.methodName, atMs },
      resource: payload.resourceName,
      actor: oneLine(principalEmail || principalSubject || 'unknown', 200),
      ...(reason.startsWith(ourReason) ? { ours: oneLine(reason.slice(ourReason.length), 100) } : {}),
    },
  ];
}

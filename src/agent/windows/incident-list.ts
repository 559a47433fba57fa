import type { Incident, Severity } from '../../domain/alert.ts';
import type { Store } from '../../domain/ports/store.ts';
import { compareText } from '../../lib/order.ts';

/** An incident as a list shows it: without its story, which may be long. */
export interface IncidentBrief extends Omit<Incident, 'timeline' | 'alerts'> {
  readonly alertCount: number;
  /** The last words of its story. */
  readonly last?: string;
}

/** Which incidents are wanted. The newest come first. */
export interface IncidentQuery {
  readonly limit: number;
  readonly status: 'open' | 'resolved' | 'all';
  readonly severity?: Severity;
  /** Any of its services. */
  readonly service?: string;
  /** Where the page before ended: only older ones. */
  readonly cursor?: string;
}

/** A page of incidents. With `next` there may be more; a page may be short, or empty, and still have a next one. */
export interface IncidentPage {
  readonly incidents: readonly IncidentBrief[];
  readonly next?: string;
}

// A filter that few incidents pass must not read the whole store for one page.
const mostRowsRead = 2_000;
const rowsAtOnce = 250;

/** What lists show of an incident. */
export function briefOf({ timeline, alerts, ...incident }: Incident): IncidentBrief {
  const last = timeline.at(-1)?.text;
  return { ...incident, alertCount: alerts.length, ...(last !== undefined && { last }) };
}

/**
 * A page of incidents. Open ones are all in memory; the others are in the store, in the order of their ids, which is the
 * order of time. What is in memory is newer than its row.
 */
export async function listIncidents(
  store: Store,
  live: readonly Incident[],
  query: IncidentQuery,
): Promise<IncidentPage> {
  const passes = (incident: Incident): boolean =>
    (query.status === 'all' || (incident.status === 'resolved') === (query.status === 'resolved')) &&
    (query.severity === undefined || incident.severity === query.severity) &&
    (query.service === undefined || incident.services.includes(query.service));
  if (query.status === 'open') return pageOf(live.filter(passes), query);
  const known = new Map(live.map((incident) => [incident.id, incident]));
  const found: IncidentBrief[] = [];
  let after = query.cursor;
  for (let read = 0; read < mostRowsRead;) {
    const limit = Math.min(rowsAtOnce, Math.max(1, query.limit - found.length));
    const rows = await store.list('incident', { limit, reverse: true, ...(after === undefined ? {} : { after }) });
    for (const { key, value } of rows) {
      const incident = known.get(key) ?? (value as unknown as Incident);
      if (passes(incident)) found.push(briefOf(incident));
    }
    read += rows.length;
    after = rows.at(-1)?.key;
    if (rows.length < limit || after === undefined) return { incidents: found };
    if (found.length >= query.limit) break;
  }
  return { incidents: found, ...(after === undefined ? {} : { next: after }) };
}

function pageOf(incidents: readonly Incident[], { cursor, limit }: IncidentQuery): IncidentPage {
  const older = incidents
    .filter(({ id }) => cursor === undefined || id < cursor)
    .sort((a, b) => compareText(b.id, a.id));
  const page = older.slice(0, limit);
  const last = page.at(-1);
  return {
    incidents: page.map(briefOf),
    ...(older.length > page.length && last !== undefined ? { next: last.id } : {}),
  };
}

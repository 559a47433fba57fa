import type { Alert, Incident, TimelineEntry } from '../domain/alert.ts';
import { limits } from '../lib/limits.ts';
import { oneLine } from '../lib/text.ts';

/** Adds lines to a timeline. Beyond `max` the middle is left out, and a line says how much: how it began is kept. */
export function withLines(
  timeline: readonly TimelineEntry[],
  lines: readonly TimelineEntry[],
  max: number,
): readonly TimelineEntry[] {
  const all = [...timeline, ...lines];
  if (all.length <= max) return all;
  const head = Math.min(100, Math.floor(max / 2));
  const omitted = all.findIndex((line) => line.kind === 'omitted');
  const before = omitted >= 0 ? Number(all[omitted]?.data?.['count'] ?? 0) : 0;
  const rest = all.slice(head).filter((line) => line.kind !== 'omitted');
  const tail = rest.slice(-(max - head - 1));
  const count = before + rest.length - tail.length;
  const marker = {
    atMs: tail[0]?.atMs ?? 0,
    kind: 'omitted',
    text: `${count} entries are left out here`,
    data: { count },
  };
  return [...all.slice(0, head), marker, ...tail];
}

/** One sentence that says what is wrong and where. Text from outside is cut and flattened. */
export function titleOf(
  incident: Pick<Incident, 'service' | 'services' | 'storm'>,
  alight: readonly Alert[],
  total: number,
): string {
  if (incident.storm) {
    const ill = new Set(alight.map((alert) => alert.service)).size;
    return `Storm: ${ill} of ${total} services are unwell, first seen at ${incident.service}`;
  }
  const own = alight.filter((alert) => alert.service === incident.service);
  const reason = oneLine((own[0] ?? alight[0])?.finding.reason ?? 'something is wrong', limits.incidentTitleChars);
  const others = incident.services.length - 1;
  const reach = others === 0 ? '' : ` (and ${others} more ${others === 1 ? 'service' : 'services'})`;
  return `${incident.service}${reach}: ${reason}`.slice(0, limits.incidentTitleChars);
}

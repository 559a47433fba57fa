import type { Finding } from '../domain/alert.ts';

// Of each signal of a service: enough to see what it is about.
const apart = 10;

/**
 * What a detector said, with less of what nobody waits to hear: when a large target is lost, every series that it had is
 * `unknown`, for one and the same reason. Of those of a service's signal that no alert is about, the first
 * ten are told apart, and one finding counts the others.
 */
export function folded(findings: readonly Finding[], isWatched: (finding: Finding) => boolean): readonly Finding[] {
  if (findings.length <= apart) return findings;
  const told: Finding[] = [];
  const seen = new Map<string, { readonly first: Finding; count: number }>();
  for (const finding of findings) {
    if (finding.state !== 'unknown' || finding.changeId !== undefined || isWatched(finding)) {
      told.push(finding);
      continue;
    }
    const place = `${finding.service}\n${finding.signal}`;
    const known = seen.get(place) ?? { first: finding, count: 0 };
    seen.set(place, known);
    if (++known.count <= apart) told.push(finding);
  }
  for (const { first, count } of seen.values()) {
    const more = count - apart;
    if (more > 0) told.push(rest(first, more));
  }
  return told;
}

function rest(first: Finding, more: number): Finding {
  const { detector, kind, service, signal, state, atMs, sinceMs, severity, confidence } = first;
  const about = { detector, kind, service, signal, labels: { more: 'series' } };
  const reason = `${more} more series of ${signal} of ${service} are unknown too; of the first: ${first.reason}`;
  return { ...about, state, atMs, sinceMs, severity, reason, numbers: { series: more }, confidence };
}

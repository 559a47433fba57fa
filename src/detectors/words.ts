import { formatDuration } from '../lib/duration.ts';
import type { Change } from '../domain/change.ts';
import type { Labels, SeriesMeta } from '../domain/telemetry.ts';

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** A value as people read it: `12.4 %` for 0.124 of unit `ratio`, `340 ms` for 0.34 `s`, `3.2 GiB`, `120/s`. */
export function formatValue(value: number, unit: string): string {
  if (unit === 'ratio') return `${digits(value * 100)} %`;
  if (unit === '%') return `${digits(value)} %`;
  if (unit === 's') return Math.abs(value) < 1 ? `${digits(value * 1_000)} ms` : `${digits(value)} s`;
  if (unit === 'By' || unit === 'B' || unit === 'MiBy') return formatBytes(unit === 'MiBy' ? value * 1_048_576 : value);
  if (unit === '1/s') return `${digits(value)}/s`;
  return unit === '1' || unit === '' ? digits(value) : `${digits(value)} ${unit}`;
}

function formatBytes(bytes: number): string {
  let scaled = bytes;
  let index = 0;
  while (Math.abs(scaled) >= 1_024 && index < byteUnits.length - 1) {
    scaled /= 1_024;
    index++;
  }
  return `${digits(scaled)} ${byteUnits[index] ?? 'B'}`;
}

function digits(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 1_000) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

/** `errors of checkout`, with the labels that tell the series from its siblings: `disk of web (mount=/var)`. */
export function subject(meta: Pick<SeriesMeta, 'service' | 'signal' | 'labels'>): string {
  return `${meta.signal} of ${meta.service}${labelText(meta.labels)}`;
}

/** ` (mount=/var)`, or nothing. Label values are untrusted: cleaned and cut. */
export function labelText(labels: Labels): string {
  const parts = Object.keys(labels)
    .sort()
    .slice(0, 4)
    .map((name) => `${cleanText(name, 40)}=${cleanText(labels[name] ?? '', 60)}`);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

/** `v3`, or what was changed where there is no version. */
export function changeName(change: Change): string {
  return cleanText(change.to ?? change.what, 60);
}

/**
 * `; v3 was deployed 3m before`: the newest change of the last two hours before `sinceMs`, as a fact, not a cause. One that is
 * not of `service` is told with its own.
 */
export function changePhrase(changes: readonly Change[], sinceMs: number, service?: string): string {
  let latest: Change | undefined;
  for (const change of changes)
    if (change.atMs <= sinceMs && sinceMs - change.atMs <= 7_200_000 && change.atMs >= (latest?.atMs ?? 0))
      latest = change;
  if (latest === undefined) return '';
  const before = sinceMs - latest.atMs;
  const where = service === undefined || latest.service === service ? '' : ` at ${latest.service}`;
  return `; ${describeChange(latest)}${where} ${before < 1_000 ? 'at that moment' : `${formatDuration(before)} before`}`;
}

/** `v3 was deployed`, `v2 was rolled back to`, `config app.yaml was changed`, `package nginx was changed`. */
export function describeChange(change: Change): string {
  const name = changeName(change);
  if (change.kind === 'deploy') return `${name} was deployed`;
  if (change.kind === 'rollback') return `${name} was rolled back to`;
  if (change.kind === 'restart') return `${cleanText(change.what, 60)} was restarted`;
  // `package:nginx` has its kind in front already.
  const what = change.what.startsWith(`${change.kind}:`) ? change.what.slice(change.kind.length + 1) : change.what;
  return `${change.kind} ${cleanText(what, 60)} was changed`;
}

/** Untrusted text for a sentence: control and bidirectional characters become spaces, runs of space one, cut to `max`. */
export function cleanText(text: string, max: number): string {
  const flat = text
    .slice(0, max * 4)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .toWellFormed();
  const letters = Array.from(flat);
  return letters.length <= max ? flat : `${letters.slice(0, max - 1).join('')}…`;
}

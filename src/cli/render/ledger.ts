import type { LedgerReport, ReadEntry, ReceiptContent } from '../../agent/index.ts';
import type { Json } from '../../lib/json.ts';
import { clean } from './safe.ts';
import { paint, type Style } from './style.ts';
import { clockTime, count, table, when, wrap } from './words.ts';

/** Whether a ledger holds, and where it does not. */
export function renderReport(report: LedgerReport, vkeys: readonly string[], trusted: boolean, style: Style): string {
  const origin = clean(report.origin ?? 'no origin', 200);
  const head = report.ok
    ? `${paint(style, 'verified', 'green', 'bold')}: ${count(report.size, 'entry', 'entries')} of ${origin}`
    : `${paint(style, 'DOES NOT VERIFY', 'red', 'bold')}: ${count(report.problemCount, 'problem')} in ${origin}`;
  return [
    head,
    ...(report.rootHex === undefined ? [] : [`  root ${report.rootHex}`]),
    `  ${count(report.payloads, 'payload')} checked, ${report.redacted} erased`,
    ...report.problems.map((problem) => {
      const seq = problem.seq === undefined ? '' : `, entry ${problem.seq}`;
      const bytes = problem.bytes === undefined ? '' : `, bytes ${problem.bytes[0]}-${problem.bytes[1] - 1}`;
      return wrap(style, `${clean(problem.file, 200)}${seq}${bytes}: ${clean(problem.message)}`, '    ', '  ');
    }),
    ...(report.problemCount > report.problems.length
      ? [`  ... and ${report.problemCount - report.problems.length} more`]
      : []),
    ...(trusted
      ? []
      : [
          '  Checked against the key that the ledger itself names; give the key you trust with --vkey:',
          ...vkeys.map((key) => `    ${clean(key, 300)}`),
        ]),
  ].join('\n');
}

/** Entries, a line each. */
export function renderEntries(entries: readonly ReadEntry[], style: Style): string {
  if (entries.length === 0) return 'No entries.';
  return table(
    style,
    entries.map(({ entry, payload }) => [
      paint(style, String(entry.seq), 'dim'),
      clockTime(style, entry.atMs),
      entry.type,
      clean(entry.actor, 60),
      details(entry.subject, entry.body, payload),
    ]),
    '',
  );
}

const mostPairs = 8;

function details(subject: object, body: object, payload: Json | undefined): string {
  const pairs = [...Object.entries(subject), ...Object.entries(body)].slice(0, mostPairs).map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    // Digests and ids are for machines; enough of them to recognise is enough here.
    return `${clean(name, 40)}=${clean(/^[0-9a-f-]{24,}$/.test(text) ? text.slice(0, 13) : text, 100)}`;
  });
  return payload === undefined ? pairs.join(' ') : `${pairs.join(' ')} ${said(payload)}`;
}

function said(payload: Json): string {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return '';
  const { because, message, reason, summary, title } = payload as Readonly<Record<string, Json>>;
  const text = [because, message, reason, summary, title].find((one) => typeof one === 'string');
  return typeof text === 'string' ? `"${clean(text, 200)}"` : '';
}

/** What a verified receipt shows. */
export function renderReceipt({ entry, origin, size }: ReceiptContent, style: Style): string {
  return [
    `${paint(style, 'holds', 'green', 'bold')}: entry ${entry.seq} of ${count(size, 'entry', 'entries')} of ${clean(origin, 200)}`,
    `  ${entry.type} by ${clean(entry.actor, 100)}, ${when(style, entry.atMs)}`,
    wrap(style, details(entry.subject, entry.body, undefined), '  '),
  ].join('\n');
}

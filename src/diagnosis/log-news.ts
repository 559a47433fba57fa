import type { LogRecord } from '../domain/telemetry.ts';
import { compareText } from '../lib/order.ts';
import { templateOf } from './words.ts';

/** A kind of trouble in the logs that is new since the onset, or far more frequent. */
export interface LogNews {
  readonly service: string;
  readonly template: string;
  /** One line as it came, with its attributes. Untrusted. */
  readonly sample: LogRecord;
  /** Its body and what its attributes say of the error, at most 2,000 characters. */
  readonly text: string;
  readonly before: number;
  readonly after: number;
  readonly firstMs: number;
}

const mostKept = 200;
const bad =
  /\b(error|exception|fatal|panic|fail(ed|ure|ing)?|timeout|timed out|refused|unavailable|denied|exhausted|exceeded|expired|oom|killed|cannot|could not|unable|not found|does not exist|invalid|no space)\b/i;

/**
 * Templates of trouble that the baseline did not have: never seen before the onset, or at five times their rate.
 * `slackMs` is how far the onset may be off. Rates are per unit of time, so a short stretch after the onset compares fairly with a long one before.
 */
export function logNewsOf(
  logs: readonly LogRecord[],
  onsetMs: number,
  slackMs: number,
  fromMs: number,
  untilMs: number,
): readonly LogNews[] {
  const found = new Map<string, LogNews>();
  for (const record of logs) {
    if (record.tMs > untilMs || record.tMs < fromMs) continue;
    const grave = record.severity === 'error' || record.severity === 'fatal';
    if (!grave && !(record.severity === 'warn' || bad.test(record.body.slice(0, 1_000)))) continue;
    const template = templateOf(record.body);
    const key = `${record.service}\n${template}`;
    const known = found.get(key);
    const late = record.tMs >= onsetMs - slackMs;
    found.set(key, {
      service: record.service,
      template,
      sample: known !== undefined && known.after > 0 ? known.sample : record,
      text: '',
      before: (known?.before ?? 0) + (late ? 0 : 1),
      after: (known?.after ?? 0) + (late ? 1 : 0),
      firstMs: Math.min(known?.firstMs ?? record.tMs, record.tMs),
    });
  }
  const spanBefore = Math.max(1, onsetMs - slackMs - fromMs);
  const spanAfter = Math.max(60_000, untilMs - onsetMs + slackMs);
  return [...found.values()]
    .filter(
      (news) => news.after > 0 && (news.before === 0 || news.after / spanAfter > (5 * (news.before + 1)) / spanBefore),
    )
    .sort((a, b) => b.after - a.after || compareText(a.service, b.service) || compareText(a.template, b.template))
    .slice(0, mostKept)
    .map((news) => ({ ...news, text: textOf(news.sample) }));
}

function textOf({ body, attributes }: LogRecord): string {
  const telling = Object.keys(attributes)
    .filter((key) => /err|exception|stack|detail|cause|reason|host|peer|url|target/i.test(key))
    .sort()
    .map((key) => (attributes[key] ?? '').slice(0, 500));
  return [body.slice(0, 1_000), ...telling].join(' ').slice(0, 2_000);
}

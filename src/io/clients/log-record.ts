import type { LogSeverity, Labels } from '../../domain/telemetry.ts';
import { limits } from '../../lib/limits.ts';
import { cleanText, cut, parseLine, severityOfWord } from './log-line.ts';

const severityKeys = [
  ...[
    'level',
    'severity',
    'severity_text',
    'severityText',
    'severity.text',
    'log.level',
    'detected_level',
    'lvl',
    'loglevel',
    'levelname',
  ],
];
const mostAttributes = 32;

/**
 * A stored line with the fields beside it, as one of our records: the severity its fields state, else the one its text
 * states. OpenTelemetry's severity numbers count as well. Everything is bounded; control characters are replaced.
 */
export function recordOf(
  line: string,
  fields: Readonly<Record<string, string>>,
  tMs: number,
): { readonly severity: LogSeverity; readonly body: string; readonly attributes: Labels } {
  const parsed = parseLine(cleanText(new TextEncoder().encode(line.slice(0, limits.logLineBytes))), tMs);
  const stated = severityKeys.map((key) => fields[key]).find((value) => value !== undefined && value !== '');
  const numbered = severityOfNumber(Number(fields['severity_number'] ?? fields['severityNumber'] ?? NaN));
  const attributes: Record<string, string> = {};
  for (const [key, value] of [...Object.entries(fields), ...Object.entries(parsed.attributes)]) {
    if (Object.keys(attributes).length >= mostAttributes) break;
    attributes[cut(key, 128)] = cut(value, limits.labelValueBytes);
  }
  return {
    severity: (stated === undefined ? undefined : severityOfWord(stated.trim())) ?? numbered ?? parsed.severity,
    body: parsed.body,
    attributes,
  };
}

// OpenTelemetry counts 1 (trace) to 24 (fatal), four to each.
function severityOfNumber(number: number): LogSeverity | undefined {
  if (!(number >= 1 && number <= 24)) return undefined;
  return (['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const)[Math.floor((number - 1) / 4)];
}

/** Nested fields by dotted names, values as text, at most so many: `{log: {level: 'x'}}` is `log.level`. */
export function flattened(value: unknown, most: number): Readonly<Record<string, string>> {
  const flat: Record<string, string> = {};
  const walk = (at: unknown, path: string, depth: number): void => {
    if (Object.keys(flat).length >= most || depth > 8) return;
    if (typeof at === 'string' || typeof at === 'number' || typeof at === 'boolean') flat[path] = String(at);
    else if (Array.isArray(at)) flat[path] = JSON.stringify(at).slice(0, limits.labelValueBytes);
    else if (typeof at === 'object' && at !== null)
      for (const [key, each] of Object.entries(at)) walk(each, path === '' ? key : `${path}.${key}`, depth + 1);
  };
  walk(value, '', 0);
  return flat;
}

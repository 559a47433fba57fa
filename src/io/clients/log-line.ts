import type { Labels, LogSeverity } from '../../domain/telemetry.ts';
import { limits } from '../../lib/limits.ts';
import { parseTimestamp } from './log-timestamp.ts';

/** What a line says of itself. `tMs` is absent when it carries no time that can be believed. */
export interface ParsedLine {
  readonly tMs?: number;
  readonly severity: LogSeverity;
  readonly body: string;
  readonly attributes: Labels;
}

/** Reads one line: a JSON object, or text whose time and level stand near its start. Never throws. */
export function parseLine(line: string, nowMs: number): ParsedLine {
  const trimmed = line.trimEnd();
  return (
    (trimmed.startsWith('{') && trimmed.endsWith('}') ? parseJson(trimmed, nowMs) : undefined) ??
    parseText(trimmed, nowMs)
  );
}

/** Decodes bytes of unknown origin: bad UTF-8 and control characters become U+FFFD, tabs stay. Cut at the line limit. */
export function cleanText(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes);
  // eslint's no-control-regex is about mistakes; here control characters are the subject.
  return cut(
    text.replace(/[\p{Cc}]/gu, (character) => (character === '\t' ? character : '\uFFFD')),
    limits.logLineBytes,
  );
}

/** Cuts text to a number of UTF-8 bytes, at a character. */
export function cut(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return new TextDecoder().decode(bytes.subarray(0, end));
}

const maxAttributes = 16;
const timeKeys = ['time', 'timestamp', '@timestamp', 'ts', 't', 'date', 'datetime'];
const levelKeys = ['level', 'severity', 'lvl', 'log.level', 'levelname', 'loglevel', 'severityText'];
const messageKeys = ['msg', 'message', 'body', 'event', 'error', 'err'];

function parseJson(line: string, nowMs: number): ParsedLine | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
  const record = new Map<string, unknown>(Object.entries(parsed));
  const first = (keys: readonly string[]): unknown =>
    keys.map((key) => record.get(key)).find((value) => value !== null && value !== undefined);
  const message = first(messageKeys);
  const attributes: Record<string, string> = {};
  for (const [key, value] of record) {
    if (Object.keys(attributes).length >= maxAttributes) break;
    if (timeKeys.includes(key) || levelKeys.includes(key) || value === message) continue;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      attributes[cut(key, 64)] = cut(String(value), limits.labelValueBytes);
  }
  const tMs = jsonTime(first(timeKeys), nowMs);
  return {
    ...(tMs === undefined ? {} : { tMs }),
    severity: jsonSeverity(first(levelKeys)) ?? 'info',
    body: cut(messageText(message) ?? line, limits.logLineBytes),
    attributes,
  };
}

function messageText(message: unknown): string | undefined {
  if (typeof message === 'string') return message;
  if (typeof message === 'object' && message !== null && 'message' in message && typeof message.message === 'string')
    return message.message;
  return undefined;
}

// Epoch times come in seconds, milliseconds, microseconds or nanoseconds; their size tells which.
function jsonTime(value: unknown, nowMs: number): number | undefined {
  if (typeof value === 'string') return parseTimestamp(value, nowMs)?.tMs;
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) return undefined;
  if (value < 1e11) return Math.round(value * 1_000);
  if (value < 1e14) return Math.round(value);
  return Math.round(value < 1e17 ? value / 1e3 : value / 1e6);
}

// pino and bunyan count 10 (trace) to 60 (fatal).
function jsonSeverity(value: unknown): LogSeverity | undefined {
  if (typeof value === 'string') return severityOfWord(value);
  if (typeof value !== 'number') return undefined;
  if (value >= 60) return 'fatal';
  if (value >= 50) return 'error';
  if (value >= 40) return 'warn';
  if (value >= 30) return 'info';
  return value >= 20 ? 'debug' : 'trace';
}

const words: Readonly<Record<string, LogSeverity>> = {
  trace: 'trace',
  verbose: 'trace',
  debug: 'debug',
  dbg: 'debug',
  info: 'info',
  information: 'info',
  notice: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  err: 'error',
  severe: 'error',
  fatal: 'fatal',
  critical: 'fatal',
  crit: 'fatal',
  alert: 'fatal',
  emerg: 'fatal',
  emergency: 'fatal',
  panic: 'fatal',
};

/** The severity a word names in any case, or `undefined`. */
export function severityOfWord(word: string): LogSeverity | undefined {
  return Object.hasOwn(words, word.toLowerCase()) ? words[word.toLowerCase()] : undefined;
}

/** The severity of a syslog priority (its low three bits): 0 emergency .. 7 debug. */
export function severityOfPriority(priority: number): LogSeverity {
  const level = priority & 7;
  if (level <= 2) return 'fatal';
  if (level === 3) return 'error';
  if (level === 4) return 'warn';
  return level === 7 ? 'debug' : 'info';
}

const levelWord =
  /\b(TRACE|VERBOSE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|ERR|SEVERE|FATAL|CRITICAL|CRIT|ALERT|EMERG|PANIC)\b/;
const markedWord = /(?:^|\s)(?:\[([a-z]+)\]|(?:level|lvl|severity)="?([A-Za-z]+)"?|([A-Za-z]+): )/;
const crashed = /^(panic:|Traceback \(most recent call last\)|Unhandled |Uncaught |[\w.$]*(Error|Exception): )/;
const accessLog = /" (\d{3}) (\d+|-)( |$)/;
const klog = /^([IWEF])\d{4} \d\d:\d\d:\d\d\.\d+ /;

function parseText(line: string, nowMs: number): ParsedLine {
  const time = parseTimestamp(line.slice(0, 128), nowMs);
  const rest = time === undefined ? line : line.slice(time.end).replace(/^[\s\])|,:-]+/, '');
  return {
    ...(time === undefined ? {} : { tMs: time.tMs }),
    severity: time?.priority === undefined ? textSeverity(line, rest) : severityOfPriority(time.priority),
    body: time?.atStart === true && rest !== '' ? rest : line,
    attributes: {},
  };
}

// Only near the start, and only in the forms loggers write: "0 errors found" is not an error.
function textSeverity(line: string, rest: string): LogSeverity {
  const letter = klog.exec(line)?.[1];
  if (letter !== undefined) return ({ I: 'info', W: 'warn', E: 'error' } as const)[letter] ?? 'fatal';
  const status = Number(accessLog.exec(line)?.[1] ?? 0);
  if (status > 0) return status >= 500 ? 'error' : 'info';
  const start = rest.slice(0, 160);
  const marked = markedWord.exec(start);
  const word = marked?.[1] ?? marked?.[2] ?? marked?.[3];
  const named = word === undefined ? undefined : severityOfWord(word);
  if (named !== undefined) return named;
  const upper = levelWord.exec(start)?.[1];
  if (upper !== undefined) return severityOfWord(upper) ?? 'info';
  return crashed.test(rest) ? 'error' : 'info';
}

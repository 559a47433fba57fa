import { readNumber } from './number.ts';

/** The two text expositions that are spoken: Prometheus text 0.0.4 and OpenMetrics 1.0. */
export type ExpositionFormat = 'text' | 'openmetrics';

/**
 * Where the parts of the sample line just scanned lie, as byte offsets; reused for every line so that scanning makes no
 * garbage. `labelsFrom` is just after `{` and `labelsTo` at `}`; both are -1 without labels. `nameFrom === nameTo`
 * means that the name is quoted and stands among the labels (the UTF-8 form).
 */
export interface SampleSpan {
  nameFrom: number;
  nameTo: number;
  labelsFrom: number;
  labelsTo: number;
  /** One past the series' identity: the name and its labels. */
  idTo: number;
  value: number;
  /** Milliseconds; NaN when the line has none. */
  timestampMs: number;
}

/** A span to be filled by the scanner, made once and used for every line. */
export function newSpan(): SampleSpan {
  return { nameFrom: 0, nameTo: 0, labelsFrom: -1, labelsTo: -1, idTo: 0, value: 0, timestampMs: NaN };
}

/**
 * Scans the sample in bytes [from, to), a line without its line feed, into `span`.
 * Quotes are balanced here; what is between them is read by `readLabels` only for series that are wanted.
 *
 * @returns what is wrong with the line, or `undefined`.
 */
export function scanSample(
  bytes: Uint8Array,
  from: number,
  to: number,
  format: ExpositionFormat,
  span: SampleSpan,
): string | undefined {
  const strict = format === 'openmetrics';
  let at = strict ? from : skipBlanks(bytes, from, to);
  span.nameFrom = at;
  while (at < to && isNameByte[bytes[at] ?? 0] === 1) at++;
  span.nameTo = at;
  if (at > span.nameFrom && isDigit(bytes[span.nameFrom] ?? 0)) return 'a metric name cannot start with a digit';
  let brace = at;
  if (!strict) brace = skipBlanks(bytes, at, to);
  span.labelsFrom = -1;
  span.labelsTo = -1;
  if (bytes[brace] === openBrace && brace < to) {
    const close = closingBrace(bytes, brace + 1, to);
    if (close < 0) return 'the labels are not closed';
    span.labelsFrom = brace + 1;
    span.labelsTo = close;
    at = close + 1;
  } else if (span.nameTo === span.nameFrom) return 'expected a metric name';
  span.idTo = at;
  return scanValue(bytes, at, to, strict, span);
}

/** Scans what follows the name and its labels: value, timestamp, exemplar. `span.labelsFrom` says whether there were labels. */
export function scanValue(
  bytes: Uint8Array,
  from: number,
  to: number,
  strict: boolean,
  span: SampleSpan,
): string | undefined {
  let at = skipSeparator(bytes, from, to, strict);
  // Without labels a blank must follow the name; after `}` the text format allows the value at once.
  if (at < 0 || (at === from && (strict || span.labelsFrom < 0))) return 'expected a blank and a value';
  let end = tokenEnd(bytes, at, to);
  const value = readNumber(bytes, at, end);
  if (value === undefined) return 'the value is not a number';
  span.value = value;
  span.timestampMs = NaN;
  at = skipSeparator(bytes, end, to, strict);
  if (at < 0) return 'unexpected blank after the value';
  if (at === to) return undefined;
  if (bytes[at] !== hash) {
    end = tokenEnd(bytes, at, to);
    const stamp = readTimestamp(bytes, at, end, strict);
    if (stamp === undefined) return 'the timestamp is not a number';
    span.timestampMs = stamp;
    at = skipSeparator(bytes, end, to, strict);
    if (at < 0) return 'unexpected blank after the timestamp';
    if (at === to) return undefined;
  }
  return strict && bytes[at] === hash ? scanExemplar(bytes, at + 1, to) : 'unexpected text after the sample';
}

// An exemplar is checked, so that a broken one is noticed, and left out: no reader of ours follows one to a trace yet.
function scanExemplar(bytes: Uint8Array, from: number, to: number): string | undefined {
  const open = skipSeparator(bytes, from, to, true);
  if (open <= from || bytes[open] !== openBrace) return 'an exemplar must start with its labels';
  const close = closingBrace(bytes, open + 1, to);
  if (close < 0) return "the exemplar's labels are not closed";
  const at = skipSeparator(bytes, close + 1, to, true);
  if (at <= close + 1) return 'an exemplar needs a value';
  const end = tokenEnd(bytes, at, to);
  if (readNumber(bytes, at, end) === undefined) return "the exemplar's value is not a number";
  if (end === to) return undefined;
  const stamp = skipSeparator(bytes, end, to, true);
  if (stamp < 0 || tokenEnd(bytes, stamp, to) !== to || readTimestamp(bytes, stamp, to, true) === undefined)
    return "the exemplar's timestamp is not a number";
  return undefined;
}

// Milliseconds as an integer in the text format; seconds, fractions allowed, in OpenMetrics.
function readTimestamp(bytes: Uint8Array, from: number, to: number, strict: boolean): number | undefined {
  const number = readNumber(bytes, from, to);
  if (number === undefined || !Number.isFinite(number)) return undefined;
  if (strict) return Math.round(number * 1_000);
  return Number.isInteger(number) ? number : undefined;
}

/** The `}` that ends labels, past quoted values and their escapes; -1 when there is none before `to`. */
function closingBrace(bytes: Uint8Array, from: number, to: number): number {
  let quoted = false;
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (quoted) {
      if (byte === backslash) at++;
      else if (byte === quote) quoted = false;
    } else if (byte === quote) quoted = true;
    else if (byte === closeBrace) return at;
  }
  return -1;
}

/** Skips blanks; in OpenMetrics exactly one space, -1 when there is another or the line ends with it. */
function skipSeparator(bytes: Uint8Array, from: number, to: number, strict: boolean): number {
  if (!strict) return skipBlanks(bytes, from, to);
  if (from >= to || bytes[from] !== space) return from === to ? to : from;
  return from + 1 < to && bytes[from + 1] !== space ? from + 1 : -1;
}

function skipBlanks(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && (bytes[at] === space || bytes[at] === tab)) at++;
  return at;
}

function tokenEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at] !== space && bytes[at] !== tab) at++;
  return at;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

const isNameByte = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[A-Za-z0-9_:]/.test(String.fromCharCode(byte)) && byte < 128 ? 1 : 0,
);
const space = 0x20;
const tab = 0x09;
const hash = 0x23;
const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;

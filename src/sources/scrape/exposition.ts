import type { Labels } from '../../domain/telemetry.ts';
import { readLabels } from './labels.ts';
import { readMetadata, type Family } from './metadata.ts';
import { newSpan, scanSample, type ExpositionFormat, type SampleSpan } from './scan.ts';

/** One series as exposed. The same object stands for it in every exposition the parser reads. */
export interface ExposedSeries {
  readonly name: string;
  readonly labels: Labels;
}

/** What was wanted of an exposition, in columns: the n-th series has the n-th value and timestamp (NaN: none given). */
export interface Exposition {
  readonly families: ReadonlyMap<string, Family>;
  readonly series: readonly ExposedSeries[];
  readonly values: readonly number[];
  readonly timestampsMs: readonly number[];
  /** Sample lines in all, wanted or not. */
  readonly samples: number;
  /** Lines that repeat a series of this exposition: only the first counts, or a sum would count it twice. */
  readonly duplicates: number;
}

/** A parsed exposition, or the line that refused it. */
export type ExpositionResult =
  | { readonly ok: true; readonly value: Exposition }
  | { readonly ok: false; readonly reason: 'malformed' | 'too-large'; readonly line: number; readonly message: string };

/** A parser that keeps its buffers between scrapes. */
export interface ExpositionParser {
  /** Never throws, whatever the bytes. One bad line refuses the whole exposition, as in Prometheus: half of a sum is a wrong sum. */
  parse(bytes: Uint8Array, format: ExpositionFormat): ExpositionResult;
}

interface Known extends ExposedSeries {
  pass: number;
}

interface Pass {
  readonly bytes: Buffer;
  readonly format: ExpositionFormat;
  readonly number: number;
  readonly families: Map<string, Family>;
  readonly sampled: Set<string>;
  readonly series: Known[];
  readonly values: number[];
  readonly timestampsMs: number[];
  samples: number;
  duplicates: number;
}

/**
 * Makes a parser that remembers series between expositions of one target, so that the labels of a series are read once
 * and not at every scrape. Lines of metrics that are not wanted are checked for syntax and otherwise skipped.
 */
export function createExpositionParser(options: {
  readonly wanted: (name: string) => boolean;
  readonly maxSeries: number;
}): ExpositionParser {
  const known = new Map<string, Known>();
  const names = nameMemo(options.wanted);
  let passes = 0;

  const sample = (pass: Pass, from: number, to: number, span: SampleSpan): string | undefined => {
    const fault = scanSample(pass.bytes, from, to, pass.format, span);
    if (fault !== undefined) return fault;
    pass.samples++;
    const quoted = span.nameFrom === span.nameTo;
    if (!quoted && !names.isWanted(pass.bytes, span.nameFrom, span.nameTo, pass.sampled)) return undefined;
    const id = pass.bytes.toString('latin1', span.nameFrom, span.idTo);
    let entry = known.get(id);
    if (entry === undefined) {
      const made = makeSeries(pass, span);
      if (typeof made === 'string') return made;
      if (quoted && !options.wanted(made.name)) return undefined;
      if (pass.series.length >= options.maxSeries) return tooMany;
      known.set(id, (entry = made));
    }
    if (entry.pass === pass.number) {
      pass.duplicates++;
      return undefined;
    }
    if (pass.series.length >= options.maxSeries) return tooMany;
    entry.pass = pass.number;
    pass.series.push(entry);
    pass.values.push(span.value);
    pass.timestampsMs.push(span.timestampMs);
    return undefined;
  };

  return {
    parse(bytes, format) {
      const pass: Pass = {
        bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
        format,
        number: ++passes,
        families: new Map(),
        sampled: new Set(),
        series: [],
        values: [],
        timestampsMs: [],
        samples: 0,
        duplicates: 0,
      };
      names.forget();
      const result = readLines(pass, sample);
      // Series that come and go (a pod's name in a label) must not pile up: forget them once they outnumber the living.
      if (known.size > 2 * pass.series.length + 1_000)
        for (const [id, entry] of known) if (entry.pass !== pass.number) known.delete(id);
      return result;
    },
  };
}

function readLines(
  pass: Pass,
  sample: (pass: Pass, from: number, to: number, span: SampleSpan) => string | undefined,
): ExpositionResult {
  const { bytes, format } = pass;
  const span = newSpan();
  let line = 0;
  let ended = false;
  for (let from = 0; from < bytes.length;) {
    line++;
    const feed = bytes.indexOf(lineFeed, from);
    let to = feed < 0 ? bytes.length : feed;
    const next = to + 1;
    if (ended) return malformed(line, 'text after # EOF');
    if (feed < 0 && format === 'openmetrics' && !isEof(bytes, from)) return malformed(line, 'the last line has no end');
    if (format === 'text' && to > from && bytes[to - 1] === carriageReturn) to--;
    let fault: string | undefined;
    const first = format === 'text' ? firstVisible(bytes, from, to) : from;
    if (first >= to) fault = format === 'openmetrics' ? 'an empty line' : undefined;
    else if (bytes[first] === hash)
      fault = readMetadata(bytes.toString('utf8', first, to), format, pass.families, pass.sampled);
    else fault = sample(pass, first, to, span);
    if (fault === 'eof') ended = true;
    else if (fault === tooMany) return { ok: false, reason: 'too-large', line, message: fault };
    else if (fault !== undefined) return malformed(line, fault);
    from = next;
  }
  if (format === 'openmetrics' && !ended) return malformed(line + 1, 'no # EOF: the answer was cut short');
  const { families, series, values, timestampsMs, samples, duplicates } = pass;
  return { ok: true, value: { families, series, values, timestampsMs, samples, duplicates } };
}

function makeSeries(pass: Pass, span: SampleSpan): Known | string {
  const name = pass.bytes.toString('latin1', span.nameFrom, span.nameTo);
  if (span.labelsFrom < 0) return { name, labels: {}, pass: 0 };
  const raw = pass.bytes.subarray(span.labelsFrom, span.labelsTo);
  const text = raw.toString('utf8');
  if (text.includes('\ufffd') && !raw.equals(Buffer.from(text, 'utf8'))) return 'the labels are not UTF-8';
  const read = readLabels(text, pass.format);
  if (typeof read === 'string') return read;
  if (span.nameFrom < span.nameTo)
    return read.quotedName === undefined ? { name, labels: read.labels, pass: 0 } : 'two metric names';
  return read.quotedName === undefined
    ? 'expected a metric name'
    : { name: read.quotedName, labels: read.labels, pass: 0 };
}

// Lines of one metric follow one another, so the answer for a name is kept until another name comes.
function nameMemo(wanted: (name: string) => boolean): {
  isWanted(bytes: Buffer, from: number, to: number, sampled: Set<string>): boolean;
  forget(): void;
} {
  let last = Buffer.alloc(0);
  let answer = false;
  return {
    isWanted(bytes, from, to, sampled) {
      if (last.length === to - from && bytes.compare(last, 0, last.length, from, to) === 0) return answer;
      // A copy: the exposition's bytes must not be kept alive by this.
      last = Buffer.from(bytes.subarray(from, to));
      const name = last.toString('latin1');
      sampled.add(name);
      answer = wanted(name);
      return answer;
    },
    forget: () => void (last = Buffer.alloc(0)),
  };
}

function malformed(line: number, message: string): ExpositionResult {
  return { ok: false, reason: 'malformed', line, message };
}

function isEof(bytes: Buffer, from: number): boolean {
  return bytes.toString('latin1', from) === '# EOF';
}

function firstVisible(bytes: Buffer, from: number, to: number): number {
  let at = from;
  while (at < to && (bytes[at] === 0x20 || bytes[at] === 0x09)) at++;
  return at;
}

const tooMany = 'more series than maxSeries allows';
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const hash = 0x23;

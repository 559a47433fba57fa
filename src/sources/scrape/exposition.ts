import { readLabels } from './labels.ts';
import { readMetadata, type Family } from './metadata.ts';
import { newSpan, scanSample, scanValue, type ExpositionFormat, type SampleSpan } from './scan.ts';
import { SeriesTable, type ExposedSeries } from './table.ts';

/** What was wanted of an exposition, in columns: the n-th series has the n-th value and timestamp (NaN: none given). */
export interface Exposition {
  readonly families: ReadonlyMap<string, Family>;
  readonly series: readonly ExposedSeries[];
  readonly values: Float64Array;
  readonly timestampsMs: Float64Array;
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
  /** All series it remembers. */
  series(): Iterable<ExposedSeries>;
  /** Those it met for the first time since the last call. */
  takeFresh(): readonly ExposedSeries[];
  /** Grows whenever series were forgotten: their ids may then stand for others. */
  readonly generation: number;
  /** Must be called when `wanted` answers otherwise than before. */
  wantedChanged(): void;
}

interface Pass {
  readonly bytes: Buffer;
  readonly format: ExpositionFormat;
  readonly number: number;
  readonly families: Map<string, Family>;
  readonly sampled: Set<string>;
  readonly series: ExposedSeries[];
  values: Float64Array;
  timestampsMs: Float64Array;
  samples: number;
  duplicates: number;
  /** The series of the line before, -1 at the start: what follows it is guessed from the scrape before. */
  last: number;
  lastName: string;
}

/** What was asked of the parser, and what it keeps between scrapes. */
interface Reader {
  readonly wanted: (name: string) => boolean;
  readonly maxSeries: number;
  readonly table: SeriesTable;
  readonly names: NameMemo;
  readonly fresh: ExposedSeries[];
}

/**
 * Makes a parser that remembers series between expositions of one target, so that the labels of a series are read once
 * and not at every scrape. Lines of metrics that are not wanted are checked for syntax and otherwise skipped.
 */
export function createExpositionParser(options: {
  readonly wanted: (name: string) => boolean;
  readonly maxSeries: number;
}): ExpositionParser {
  const table = new SeriesTable();
  const reader: Reader = { ...options, table, names: nameMemo(options.wanted), fresh: [] };
  let passes = 0;
  let expected = 64;
  let generation = 0;
  return {
    parse(bytes, format) {
      const pass: Pass = {
        bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
        format,
        number: ++passes,
        families: new Map(),
        sampled: new Set(),
        series: [],
        values: new Float64Array(expected),
        timestampsMs: new Float64Array(expected),
        samples: 0,
        duplicates: 0,
        last: -1,
        lastName: '',
      };
      reader.names.forget();
      table.begin(pass.number);
      const result = readLines(pass, reader);
      expected = Math.max(64, pass.series.length);
      // Series that come and go (a pod's name in a label) must not pile up: forget them once they outnumber the living.
      // Those of the scrape before stay: a rate is taken between the two.
      if (table.size > 2 * pass.series.length + 1_000) {
        table.forget(pass.number - 1, () => true);
        generation++;
      }
      return result;
    },
    series: () => table.living(),
    takeFresh: () => reader.fresh.splice(0),
    get generation() {
      return generation;
    },
    wantedChanged: () => {
      table.forget(0, options.wanted);
      generation++;
    },
  };
}

// The line's series was guessed and its bytes agree: only the value is left to read.
function guessed(
  pass: Pass,
  reader: Reader,
  id: number,
  from: number,
  to: number,
  span: SampleSpan,
): string | undefined {
  const { table } = reader;
  span.labelsFrom = from;
  const fault = scanValue(pass.bytes, from + table.length(id), to, pass.format === 'openmetrics', span);
  if (fault !== undefined) return fault;
  pass.samples++;
  return keep(pass, reader, id, span);
}

function sample(pass: Pass, reader: Reader, from: number, to: number, span: SampleSpan): string | undefined {
  const { bytes } = pass;
  const { table } = reader;
  const fault = scanSample(bytes, from, to, pass.format, span);
  if (fault !== undefined) return fault;
  pass.samples++;
  const quoted = span.nameFrom === span.nameTo;
  if (!quoted && !reader.names.isWanted(bytes, span.nameFrom, span.nameTo, pass.sampled)) return undefined;
  let id = table.find(bytes, span.nameFrom, span.idTo);
  if (id < 0) {
    const made = readSeries(pass, span);
    if (typeof made === 'string') return made;
    if (quoted && !reader.wanted(made.name)) return undefined;
    if (pass.series.length >= reader.maxSeries) return tooMany;
    const added = table.add(bytes, span.nameFrom, span.idTo, made.name, made.labels);
    reader.fresh.push(added);
    id = added.id;
  }
  return keep(pass, reader, id, span);
}

function keep(pass: Pass, { table, maxSeries }: Reader, id: number, span: SampleSpan): string | undefined {
  const series = table.get(id);
  if (series === undefined) return undefined;
  if (series.name !== pass.lastName) {
    pass.lastName = series.name;
    pass.sampled.add(series.name);
  }
  const at = pass.series.length;
  if (!table.see(id, pass.last)) {
    pass.duplicates++;
    return undefined;
  }
  if (at >= maxSeries) return tooMany;
  pass.last = id;
  if (at >= pass.values.length) {
    pass.values = longer(pass.values);
    pass.timestampsMs = longer(pass.timestampsMs);
  }
  pass.series.push(series);
  pass.values[at] = span.value;
  pass.timestampsMs[at] = span.timestampMs;
  return undefined;
}

function longer(column: Float64Array): Float64Array {
  const made = new Float64Array(2 * column.length);
  made.set(column);
  return made;
}

function readLines(pass: Pass, reader: Reader): ExpositionResult {
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
    else {
      const guess = reader.table.predict(pass.last, bytes, first);
      fault = guess < 0 ? sample(pass, reader, first, to, span) : guessed(pass, reader, guess, first, to, span);
    }
    if (fault === 'eof') ended = true;
    else if (fault === tooMany) return { ok: false, reason: 'too-large', line, message: fault };
    else if (fault !== undefined) return malformed(line, fault);
    from = next;
  }
  if (format === 'openmetrics' && !ended) return malformed(line + 1, 'no # EOF: the answer was cut short');
  const { families, series, samples, duplicates } = pass;
  const values = pass.values.subarray(0, series.length);
  const timestampsMs = pass.timestampsMs.subarray(0, series.length);
  return { ok: true, value: { families, series, values, timestampsMs, samples, duplicates } };
}

function readSeries(pass: Pass, span: SampleSpan): Omit<ExposedSeries, 'id'> | string {
  const name = pass.bytes.toString('latin1', span.nameFrom, span.nameTo);
  if (span.labelsFrom < 0) return { name, labels: {} };
  const raw = pass.bytes.subarray(span.labelsFrom, span.labelsTo);
  const text = raw.toString('utf8');
  if (text.includes('\ufffd') && !raw.equals(Buffer.from(text, 'utf8'))) return 'the labels are not UTF-8';
  const read = readLabels(text, pass.format);
  if (typeof read === 'string') return read;
  if (span.nameFrom < span.nameTo)
    return read.quotedName === undefined ? { name, labels: read.labels } : 'two metric names';
  return read.quotedName === undefined ? 'expected a metric name' : { name: read.quotedName, labels: read.labels };
}

interface NameMemo {
  isWanted(bytes: Buffer, from: number, to: number, sampled: Set<string>): boolean;
  forget(): void;
}

// Lines of one metric follow one another, so the answer for a name is kept until another name comes.
function nameMemo(wanted: (name: string) => boolean): NameMemo {
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

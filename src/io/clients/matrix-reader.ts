import { canonicalJson } from '../../lib/canonical.ts';
import { limits } from '../../lib/limits.ts';
import { seriesKey, type Gap, type Sample, type Series } from '../../domain/telemetry.ts';
import type { Collected, CollectRequest, SignalQuery } from '../../domain/ports/source.ts';
import type { ReadFault } from './http-reader.ts';
import { splitRange, type RangeAnswer, type Range } from './matrix.ts';
import type { Fault } from './polite-http.ts';

/** Evaluates a binding's query at every step of a range. */
export type AskMatrix = (
  query: SignalQuery['binding']['query'],
  range: Range,
  signal: AbortSignal,
) => Promise<RangeAnswer | Fault>;

/** How a matrix is read. */
export interface MatrixOptions {
  readonly interval: number;
  /** What it is called in gaps. */
  readonly peer: string;
  /** Steps younger than this are not final yet and are not asked for. */
  readonly holdBackMs: number;
}

/** Reads signals as range queries: live from a cursor of its own for each, history in parts that the server accepts. */
export interface MatrixReader {
  read(request: CollectRequest, signal: AbortSignal): Promise<Pick<Collected, 'series' | 'gaps'>>;
}

// After an outage this much of what was missed is read at most; the rest is history, asked for as such.
const longestCatchUpMs = 3_600_000;

/** Makes the reader. Nothing is asked yet. */
export function createMatrixReader(id: string, options: MatrixOptions, ask: AskMatrix): MatrixReader {
  // Newest sample handed out, by signal: the reader's own cursor.
  const cursors = new Map<string, number>();
  return {
    read: async (request, signal) => {
      const answers = await Promise.all(
        request.signals.map((wanted) => readSignal(id, options, ask, cursors, request, wanted, signal)),
      );
      return combine(id, request, answers);
    },
  };
}

interface Answer {
  readonly series: readonly Series[];
  readonly gaps: readonly Gap[];
}

async function readSignal(
  id: string,
  options: MatrixOptions,
  ask: AskMatrix,
  cursors: Map<string, number>,
  request: CollectRequest,
  wanted: SignalQuery,
  signal: AbortSignal,
): Promise<Answer> {
  const gaps: Gap[] = [];
  const lack = (fault: ReadFault, range: Pick<Range, 'fromMs' | 'untilMs'> = request): void => {
    const { fromMs, untilMs } = range;
    gaps.push({ source: id, ...fault, fromMs, untilMs, service: wanted.service, signal: wanted.signal });
  };
  const key = `${wanted.service}\n${wanted.signal}\n${canonicalJson(wanted.binding.query)}`;
  const live = request.mode === 'live';
  const after = live ? (cursors.get(key) ?? -Infinity) : -Infinity;
  const range = rangeOf(options, request, after);
  const collected = new Map<string, { readonly meta: Omit<Series, 'samples'>; readonly samples: Sample[] }>();
  let newestMs = -Infinity;
  let dropped = 0;
  let points = 0;
  for (const part of splitRange(range)) {
    const answer = await ask(wanted.binding.query, part, signal);
    if ('fault' in answer) {
      lack(answer.fault, part);
      break;
    }
    for (const warning of answer.warnings)
      lack({ reason: 'partial', message: `${options.peer} warns: ${warning}` }, part);
    dropped += answer.dropped;
    points += answer.points;
    for (const { labels, samples } of answer.series) {
      newestMs = Math.max(newestMs, samples.at(-1)?.tMs ?? -Infinity);
      const seriesId = seriesKey(wanted.service, wanted.signal, labels);
      let into = collected.get(seriesId);
      if (into === undefined)
        collected.set(seriesId, (into = { meta: metaOf(id, wanted, seriesId, labels), samples: [] }));
      // Parts come in order and share no step, and the grid is the same for every query: later is new.
      for (const sample of samples)
        if (sample.tMs > after && sample.tMs > (into.samples.at(-1)?.tMs ?? -Infinity)) into.samples.push(sample);
    }
  }
  if (gaps.every((gap) => gap.reason === 'partial')) judge(lack, request, range, { newestMs, dropped, points });
  if (live && Number.isFinite(newestMs)) cursors.set(key, Math.max(after, newestMs));
  const series = [...collected.values()].filter(({ samples }) => samples.length > 0);
  return { series: series.map(({ meta, samples }) => ({ ...meta, samples })), gaps };
}

// What an answer without a fault still lacks. Silence of any kind is a gap: an empty result is never a healthy one.
function judge(
  lack: (fault: ReadFault, range?: Range) => void,
  request: CollectRequest,
  range: Range,
  { newestMs, dropped, points }: { readonly newestMs: number; readonly dropped: number; readonly points: number },
): void {
  if (points === 0) lack({ reason: 'missing', message: 'the query gives no series' }, range);
  else if (dropped > 0) {
    const reason = dropped === points ? 'missing' : 'partial';
    lack({ reason, message: `${dropped} of ${points} values are NaN or infinite and were left out` }, range);
  }
  const ageMs = range.untilMs - newestMs;
  if (request.mode === 'live' && Number.isFinite(ageMs) && ageMs > 2 * range.stepMs)
    lack({ reason: 'late', message: `the newest sample is ${Math.round(ageMs / 1_000)} s old` }, range);
}

/**
 * The steps to ask for. They lie on multiples of the step, so that the same moment is evaluated alike by every query
 * and an overlap can be recognised; live mode goes back one step behind the cursor for what came in late.
 */
function rangeOf(options: MatrixOptions, request: CollectRequest, cursorMs: number): Range {
  const stepMs = Math.max(1_000, request.mode === 'live' ? Math.max(request.stepMs, options.interval) : request.stepMs);
  const untilMs = Math.floor((request.untilMs - options.holdBackMs) / stepMs) * stepMs;
  if (request.mode === 'history') {
    const fromMs = Math.ceil(request.fromMs / stepMs) * stepMs;
    const earliest = untilMs - (limits.samplesPerSeries - 1) * stepMs;
    return { fromMs: Math.min(Math.max(fromMs, earliest), untilMs), untilMs, stepMs };
  }
  const since = Number.isFinite(cursorMs) ? cursorMs - stepMs : request.fromMs - options.holdBackMs;
  const fromMs = Math.ceil(Math.max(since, request.untilMs - longestCatchUpMs) / stepMs) * stepMs;
  return { fromMs: Math.min(fromMs, untilMs), untilMs, stepMs };
}

function metaOf(id: string, wanted: SignalQuery, key: string, labels: Series['labels']): Omit<Series, 'samples'> {
  const { unit, nature } = wanted.binding;
  return { key, source: id, service: wanted.service, signal: wanted.signal, labels, unit, nature };
}

function combine(id: string, request: CollectRequest, answers: readonly Answer[]): Answer {
  const series: Series[] = [];
  const gaps = answers.flatMap((answer) => [...answer.gaps]);
  for (const [index, answer] of answers.entries()) {
    if (series.length + answer.series.length <= limits.seriesPerCollect) series.push(...answer.series);
    else {
      const { service, signal } = request.signals[index] ?? { service: '', signal: '' };
      const message = `the collect would hold more than ${limits.seriesPerCollect} series`;
      const { fromMs, untilMs } = request;
      gaps.push({ source: id, reason: 'too-large', message, fromMs, untilMs, service, signal });
    }
  }
  return { series, gaps };
}

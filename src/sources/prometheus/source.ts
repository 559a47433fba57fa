import { canonicalJson } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { seriesKey, type Gap, type GapReason, type Sample, type Series } from '../../domain/telemetry.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';
import type { Collected, CollectRequest, SignalQuery, Source, SourceTraits } from '../../domain/ports/source.ts';
import type { ReadFault } from '../../io/clients/http-reader.ts';
import { createClient, type PrometheusClient, type Range } from './client.ts';
import { splitRange } from './ranges.ts';
import { toPromql, typedQuery, type PrometheusConfig } from './schema.ts';

/** What a Prometheus can tell. */
export const prometheusTraits: SourceTraits = {
  metrics: true,
  logs: false,
  traces: false,
  changes: false,
  discovery: false,
};

// After an outage this much of what was missed is read at most; the rest is history, asked for as such.
const longestCatchUpMs = 3_600_000;

/** Makes the source. Nothing is asked before the first `collect`. */
export function createPrometheusSource(id: string, config: PrometheusConfig, io: ReaderIo): Source {
  const client = createClient(config, io);
  // Newest sample handed out, by signal: the source's own cursor.
  const cursors = new Map<string, number>();
  return {
    id,
    kind: 'prometheus',
    traits: prometheusTraits,
    intervalMs: config.interval,
    collect: async (request, signal) => {
      if (signal.aborted) throw new WatchkeeperError('aborted', 'stopped before the query');
      const answers = await Promise.all(
        request.signals.map((wanted) => read(id, config, client, cursors, request, wanted, signal)),
      );
      return combine(id, request, answers);
    },
    discover: () => Promise.resolve([]),
    check: async (signal) => {
      const nowMs = io.clock.nowMs();
      const answer = await client.range('vector(1)', { fromMs: nowMs, untilMs: nowMs, stepMs: 1_000 }, signal);
      if (!('fault' in answer)) return;
      throw new WatchkeeperError(
        codeOf[answer.fault.reason] ?? 'unreachable',
        `source ${id}: ${answer.fault.message}`,
        {
          fix: `Check url and auth of source ${id}: ${config.url} must answer /api/v1/query_range.`,
        },
      );
    },
    close: () => Promise.resolve(),
  };
}

const codeOf: Partial<Record<GapReason, WatchkeeperError['code']>> = {
  unauthorized: 'unauthorized',
  'rate-limited': 'rate-limited',
  timeout: 'timeout',
  malformed: 'malformed',
  missing: 'not-found',
  'too-large': 'too-large',
};

interface Answer {
  readonly series: readonly Series[];
  readonly gaps: readonly Gap[];
}

async function read(
  id: string,
  config: PrometheusConfig,
  client: PrometheusClient,
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
  const parsed = typedQuery.parse(wanted.binding.query);
  if (!parsed.ok) {
    lack({
      reason: 'malformed',
      message: `the query is not readable: ${parsed.issues.map((i) => i.message).join('; ')}`,
    });
    return { series: [], gaps };
  }
  const key = `${wanted.service}\n${wanted.signal}\n${canonicalJson(wanted.binding.query)}`;
  const live = request.mode === 'live';
  const after = live ? (cursors.get(key) ?? -Infinity) : -Infinity;
  const range = rangeOf(config, request, after);
  const collected = new Map<string, { readonly meta: Omit<Series, 'samples'>; readonly samples: Sample[] }>();
  let newestMs = -Infinity;
  let dropped = 0;
  let points = 0;
  for (const part of splitRange(range)) {
    const answer = await client.range(toPromql(parsed.value), part, signal);
    if ('fault' in answer) {
      lack(answer.fault, part);
      break;
    }
    for (const warning of answer.warnings) lack({ reason: 'partial', message: `Prometheus warns: ${warning}` }, part);
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
function rangeOf(config: PrometheusConfig, request: CollectRequest, cursorMs: number): Range {
  const stepMs = Math.max(1_000, request.mode === 'live' ? Math.max(request.stepMs, config.interval) : request.stepMs);
  const untilMs = Math.floor(request.untilMs / stepMs) * stepMs;
  if (request.mode === 'history') {
    const fromMs = Math.ceil(request.fromMs / stepMs) * stepMs;
    const earliest = untilMs - (limits.samplesPerSeries - 1) * stepMs;
    return { fromMs: Math.min(Math.max(fromMs, earliest), untilMs), untilMs, stepMs };
  }
  const since = Number.isFinite(cursorMs) ? cursorMs - stepMs : request.fromMs;
  const fromMs = Math.ceil(Math.max(since, request.untilMs - longestCatchUpMs) / stepMs) * stepMs;
  return { fromMs: Math.min(fromMs, untilMs), untilMs, stepMs };
}

function metaOf(id: string, wanted: SignalQuery, key: string, labels: Series['labels']): Omit<Series, 'samples'> {
  const { unit, nature } = wanted.binding;
  return { key, source: id, service: wanted.service, signal: wanted.signal, labels, unit, nature };
}

function combine(id: string, request: CollectRequest, answers: readonly Answer[]): Collected {
  const series: Series[] = [];
  const gaps = answers.flatMap((answer) => [...answer.gaps]);
  for (const [index, answer] of answers.entries()) {
    if (series.length + answer.series.length <= limits.seriesPerCollect) series.push(...answer.series);
    else {
      const { service, signal } = request.signals[index] ?? { service: '', signal: '' };
      const message = `the collect would hold more than ${limits.seriesPerCollect} series`;
      gaps.push({
        source: id,
        reason: 'too-large',
        message,
        fromMs: request.fromMs,
        untilMs: request.untilMs,
        service,
        signal,
      });
    }
  }
  return { series, logs: [], changes: [], resources: [], findings: [], gaps };
}

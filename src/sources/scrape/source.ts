import { canonicalJson } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { seriesKey, type Gap, type GapReason, type Labels, type Series } from '../../domain/telemetry.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';
import type { Collected, CollectRequest, SignalQuery, Source, SourceTraits } from '../../domain/ports/source.ts';
import type { ReadFault } from '../../io/clients/http-reader.ts';
import { compileQuery, evaluate, type Answer, type CompiledQuery } from './evaluate.ts';
import { createExpositionParser, type ExpositionParser } from './exposition.ts';
import { fetchExposition } from './fetch.ts';
import { makeReading, type Reading, type TargetReadings } from './reading.ts';
import { typedQuery, type ScrapeConfig } from './schema.ts';

/** What an endpoint can tell. */
export const scrapeTraits: SourceTraits = {
  metrics: true,
  logs: false,
  traces: false,
  changes: false,
  discovery: false,
};

interface Target {
  readonly url: string;
  readonly labels: Labels;
  readonly parser: ExpositionParser;
  now: Reading | undefined;
  before: Reading | undefined;
  fault: ReadFault | undefined;
  /** Lines of the newest exposition that repeated a series. */
  duplicates: number;
}

/** Makes the source. Nothing is read before the first `collect`. */
export function createScrapeSource(id: string, config: ScrapeConfig, io: ReaderIo): Source {
  const wanted = new Set<string>();
  const queries = new Map<string, CompiledQuery | string>();
  const targets = config.targets.map((target): Target => ({
    url: target.url,
    labels: { instance: new URL(target.url).host, ...target.labels },
    parser: createExpositionParser({ wanted: (name) => wanted.has(name), maxSeries: config.maxSeries }),
    now: undefined,
    before: undefined,
    fault: undefined,
    duplicates: 0,
  }));

  return {
    id,
    kind: 'scrape',
    traits: scrapeTraits,
    intervalMs: config.interval,
    collect: async (request, signal) => {
      if (signal.aborted) throw new WatchkeeperError('aborted', 'stopped before the scrape');
      if (request.mode === 'history') return answerHistory(id, request);
      const compiled = compileAll(request.signals, queries, wanted);
      const atMs = io.clock.nowMs();
      await inLanes(targets, lanes, (target) => scrape(target, config, io, atMs, signal));
      return report(id, request, compiled, targets, atMs);
    },
    discover: () => Promise.resolve([]),
    check: async (signal) => {
      for (const target of targets) {
        const got = await fetchExposition(target.url, config, io, signal);
        const fault = 'fault' in got ? got.fault : parseFault(target, target.parser.parse(got.body, got.format));
        if (fault !== undefined)
          throw new WatchkeeperError(codeOf[fault.reason] ?? 'unreachable', `source ${id}: ${fault.message}`, {
            fix: `Check that ${target.url} is a metrics endpoint and that the source's auth is right.`,
          });
      }
    },
    close: () => Promise.resolve(),
  };
}

const codeOf: Partial<Record<GapReason, WatchkeeperError['code']>> = {
  unauthorized: 'unauthorized',
  'rate-limited': 'rate-limited',
  timeout: 'timeout',
  malformed: 'malformed',
  'too-large': 'too-large',
  missing: 'not-found',
};

// So many targets are read at once: enough for a fleet, few enough not to be a burst.
const lanes = 16;
// A rate over more missed scrapes than this says too little about now: wait for two in a row instead.
const longestSpanIntervals = 4;

function compileAll(
  signals: readonly SignalQuery[],
  queries: Map<string, CompiledQuery | string>,
  wanted: Set<string>,
): readonly (CompiledQuery | string)[] {
  const asked = new Map<string, CompiledQuery | string>();
  const compiled = signals.map(({ binding }) => {
    const key = canonicalJson(binding.query);
    const query = asked.get(key) ?? queries.get(key) ?? compileOne(binding.query);
    asked.set(key, query);
    return query;
  });
  queries.clear();
  wanted.clear();
  for (const [key, query] of asked) {
    queries.set(key, query);
    if (typeof query !== 'string') for (const name of query.names) wanted.add(name);
  }
  return compiled;
}

function compileOne(query: SignalQuery['binding']['query']): CompiledQuery | string {
  const parsed = typedQuery.parse(query);
  if (parsed.ok) return compileQuery(parsed.value);
  return parsed.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
}

async function scrape(
  target: Target,
  config: ScrapeConfig,
  io: ReaderIo,
  atMs: number,
  signal: AbortSignal,
): Promise<void> {
  const got = await fetchExposition(target.url, config, io, signal);
  const result = 'fault' in got ? undefined : target.parser.parse(got.body, got.format);
  target.fault = 'fault' in got ? got.fault : result && parseFault(target, result);
  if (result?.ok !== true) return;
  target.duplicates = result.value.duplicates;
  const spanMs = target.now === undefined ? Infinity : atMs - target.now.atMs;
  if (spanMs > longestSpanIntervals * config.interval) target.before = undefined;
  // Asked again at once: keep the older reading, for no rate can be taken over no time.
  else if (spanMs >= config.interval / 4) target.before = target.now;
  target.now = makeReading(result.value, atMs);
}

function parseFault(target: Target, result: ReturnType<ExpositionParser['parse']>): ReadFault | undefined {
  if (result.ok) return undefined;
  return { reason: result.reason, message: `${target.url} line ${result.line}: ${result.message}` };
}

function report(
  id: string,
  request: CollectRequest,
  compiled: readonly (CompiledQuery | string)[],
  targets: readonly Target[],
  atMs: number,
): Collected {
  const well = targets.filter((target) => target.fault === undefined);
  const ill = targets.filter((target) => target.fault !== undefined);
  const readings = well.flatMap(({ labels, now, before }): TargetReadings[] =>
    now === undefined ? [] : [{ labels, now, before }],
  );
  const gap = (fault: ReadFault, signal?: SignalQuery): Gap => ({
    source: id,
    ...fault,
    fromMs: Math.min(request.fromMs, atMs),
    untilMs: atMs,
    ...(signal === undefined ? {} : { service: signal.service, signal: signal.signal }),
  });
  const gaps = ill.flatMap(({ fault }) => (fault === undefined ? [] : [fault]));
  if (well.length === 0)
    return collected(
      [],
      gaps.map((fault) => gap(fault)),
    );
  const repeated = well.filter(({ duplicates }) => duplicates > 0);
  const all: Gap[] = repeated.map(({ url, duplicates }) =>
    gap({ reason: 'partial', message: `${url} exposes ${duplicates} series twice; only the first of each counts` }),
  );
  const series: Series[] = [];
  for (const [index, signal] of request.signals.entries()) {
    const query = compiled[index];
    if (query === undefined) continue;
    if (typeof query === 'string') {
      all.push(gap({ reason: 'malformed', message: `the query is not readable: ${query}` }, signal));
      continue;
    }
    const { values, lack } = evaluate(query, readings);
    if (lack !== undefined) all.push(gap(lack, signal));
    for (const fault of gaps) all.push(gap(fault, signal));
    if (ill.length > 0 && isTotal(query)) continue;
    for (const value of values) series.push(toSeries(id, signal, value, atMs));
  }
  return collected(series, all);
}

// Half of a sum is a wrong sum: while a target is down, only what can be told apart by instance, and shares, are said.
function isTotal({ query }: CompiledQuery): boolean {
  const { per, quantile, by = [], aggregate = 'sum' } = query;
  return per === undefined && quantile === undefined && aggregate === 'sum' && !by.includes('instance');
}

function toSeries(id: string, signal: SignalQuery, answer: Answer['values'][number], atMs: number): Series {
  return {
    key: seriesKey(signal.service, signal.signal, answer.labels),
    source: id,
    service: signal.service,
    signal: signal.signal,
    labels: answer.labels,
    unit: signal.binding.unit,
    nature: signal.binding.nature,
    samples: [{ tMs: atMs, v: answer.value }],
  };
}

function answerHistory(id: string, request: CollectRequest): Collected {
  const { fromMs, untilMs } = request;
  const message = 'a scraped endpoint has no past: bind the signal to a Prometheus for history';
  return collected(
    [],
    request.signals.map(({ service, signal }) => ({
      source: id,
      reason: 'unsupported',
      message,
      fromMs,
      untilMs,
      service,
      signal,
    })),
  );
}

function collected(series: readonly Series[], gaps: readonly Gap[]): Collected {
  return { series, logs: [], changes: [], resources: [], findings: [], gaps };
}

async function inLanes<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const lane = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
}

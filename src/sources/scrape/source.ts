import { WatchkeeperError } from '../../lib/errors.ts';
import type { Gap, GapReason, Series } from '../../domain/telemetry.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';
import type { Collected, CollectRequest, SignalQuery, Source, SourceTraits } from '../../domain/ports/source.ts';
import type { ReadFault } from '../../io/clients/http-reader.ts';
import { evaluate, type CompiledQuery } from './evaluate.ts';
import { fetchExposition } from './fetch.ts';
import { answered, createQuestions, type Question } from './questions.ts';
import type { ScrapeConfig } from './schema.ts';
import { createTargets, parseFault, scrapeTarget, type Target } from './target.ts';

/** What an endpoint can tell. */
export const scrapeTraits: SourceTraits = {
  metrics: true,
  logs: false,
  traces: false,
  changes: false,
  discovery: false,
};

/** Makes the source. Nothing is read before the first `collect`. */
export function createScrapeSource(id: string, config: ScrapeConfig, io: ReaderIo): Source {
  const questions = createQuestions();
  const targets = createTargets(config, (name) => questions.wanted.has(name));

  return {
    id,
    kind: 'scrape',
    traits: scrapeTraits,
    intervalMs: config.interval,
    collect: async (request, signal) => {
      if (signal.aborted) throw new WatchkeeperError('aborted', 'stopped before the scrape');
      if (request.mode === 'history') return answerHistory(id, request);
      const asked = questions.ask(request.signals, targets);
      const atMs = io.clock.nowMs();
      await inLanes(targets, lanes, (target) => scrapeTarget(target, config, io, atMs, signal));
      questions.settle(targets);
      return report(id, request, asked, targets, atMs);
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

function report(
  id: string,
  request: CollectRequest,
  asked: readonly Question[],
  targets: readonly Target[],
  atMs: number,
): Collected {
  const well = targets.filter((target) => target.fault === undefined);
  const ill = targets.filter((target) => target.fault !== undefined);
  const readings = targets.map(({ labels, now, before, fault }) =>
    fault !== undefined || now === undefined ? undefined : { labels, now, before },
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
  for (const question of asked) {
    const { signal, query } = question;
    if (typeof query === 'string') {
      all.push(gap({ reason: 'malformed', message: `the query is not readable: ${query}` }, signal));
      continue;
    }
    const partial = ill.length > 0 && isTotal(query);
    const lack = evaluate(query, readings, (group, v) => {
      const one = partial ? undefined : answered(question, group, id, { tMs: atMs, v });
      if (one !== undefined) series.push(one);
    });
    if (lack !== undefined) all.push(gap(lack, signal));
    for (const fault of gaps) all.push(gap(fault, signal));
  }
  return collected(series, all);
}

// Half of a sum is a wrong sum: while a target is down, only what can be told apart by instance, and shares, are said.
function isTotal({ query }: CompiledQuery): boolean {
  const { per, quantile, by = [], aggregate = 'sum' } = query;
  return per === undefined && quantile === undefined && aggregate === 'sum' && !by.includes('instance');
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

import { formatDuration } from '../lib/duration.ts';
import { WatchkeeperError, type ErrorCode } from '../lib/errors.ts';
import type { Clock, Log, Random } from '../domain/ports/io.ts';
import type { Collected, CollectRequest, SignalQuery, Source } from '../domain/ports/source.ts';
import type { Service } from '../domain/service.ts';
import type { GapReason } from '../domain/telemetry.ts';
import type { Metrics } from './metrics.ts';

/** How a source is doing, for status, readiness and the agent's own health. */
export interface SourceStatus {
  readonly id: string;
  readonly kind: string;
  readonly intervalMs: number;
  readonly startedMs: number;
  /** When it last answered anything at all, and when it last answered without a gap. */
  readonly lastAnswerMs?: number;
  readonly lastCompleteMs?: number;
  readonly gaps: Collected['gaps'];
  readonly calls: number;
  /** Of sources that keep watches open: how well each part is known. */
  readonly parts?: ReturnType<NonNullable<Source['parts']>>;
}

/** What the readers are started with. */
export interface WatchOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The services as they are now; asked before each read, since discovery and reloads change them. */
  readonly services: () => readonly Service[];
  /** Called with everything a source gave, in the order it came. */
  readonly deliver: (source: Source, collected: Collected) => void;
}

/** The loops that read. One a source, so that a slow one never delays another. */
export interface SourceWatch {
  start(source: Source): void;
  stop(id: string): Promise<void>;
  statuses(): readonly SourceStatus[];
  /** Reads a stretch of the past from one source, as evidence or to warm up. Never throws: what fails is a gap. */
  history(source: Source, request: Omit<CollectRequest, 'mode' | 'signals'>, signal: AbortSignal): Promise<Collected>;
}

const shortestDeadlineMs = 5_000;
const mostBackoff = 6;

/** Makes the loops; nothing is read before `start`. */
export function createSourceWatch(options: WatchOptions): SourceWatch {
  const running = new Map<
    string,
    { readonly abort: AbortController; readonly done: Promise<void>; status: SourceStatus }
  >();
  return {
    start: (source) => {
      const abort = new AbortController();
      const status: SourceStatus = {
        id: source.id,
        kind: source.kind,
        intervalMs: source.intervalMs,
        startedMs: options.clock.nowMs(),
        gaps: [],
        calls: 0,
      };
      const entry = { abort, status, done: Promise.resolve() };
      entry.done = readForever(options, source, abort.signal, (change) => {
        entry.status = { ...entry.status, ...change, calls: entry.status.calls + 1 };
      }).catch((thrown: unknown) => {
        options.log.error('a source loop ended by a fault', {
          source: source.id,
          error: WatchkeeperError.from(thrown),
        });
      });
      running.set(source.id, entry);
    },
    stop: async (id) => {
      const entry = running.get(id);
      running.delete(id);
      entry?.abort.abort(new WatchkeeperError('aborted', 'the source was stopped'));
      await entry?.done;
    },
    statuses: () => [...running.values()].map((entry) => entry.status),
    history: (source, request, signal) =>
      collectOnce(
        options,
        source,
        { ...request, signals: signalsFor(source.id, request.services), mode: 'history' },
        signal,
      ),
  };
}

async function readForever(
  options: WatchOptions,
  source: Source,
  signal: AbortSignal,
  update: (change: Partial<SourceStatus>) => void,
): Promise<void> {
  let lastMs = options.clock.nowMs() - source.intervalMs;
  let failures = 0;
  let told: Readonly<Record<string, number>> = {};
  for (;;) {
    const startedMs = options.clock.monotonicMs();
    const nowMs = options.clock.nowMs();
    const services = options.services();
    const collected = await collectOnce(
      options,
      source,
      {
        fromMs: lastMs,
        untilMs: nowMs,
        stepMs: source.intervalMs,
        signals: signalsFor(source.id, services),
        services,
        mode: 'live',
      },
      signal,
    );
    if (signal.aborted) return;
    const { series, logs, changes, resources, spans = [] } = collected;
    const given = series.length + logs.length + changes.length + resources.length + spans.length;
    const answered = collected.gaps.length === 0 || given > 0;
    // A peer that says it has nothing, or too little yet, is not struggling.
    const spoke = answered || collected.gaps.every(({ reason }) => reason === 'missing');
    failures = spoke ? 0 : failures + 1;
    if (answered) lastMs = nowMs;
    count(options.metrics, source.id, collected, answered, nowMs);
    told = uses(options.metrics, source, told);
    const parts = source.parts?.();
    if (parts !== undefined) ages(options.metrics, source.id, parts, nowMs);
    update({
      gaps: collected.gaps,
      ...(parts === undefined ? {} : { parts }),
      ...(answered ? { lastAnswerMs: nowMs } : {}),
      ...(collected.gaps.length === 0 ? { lastCompleteMs: nowMs } : {}),
    });
    options.deliver(source, collected);
    const restMs =
      pause(source.intervalMs, failures, options.random.uniform()) - (options.clock.monotonicMs() - startedMs);
    if (!(await rested(options.clock, source, Math.max(10, restMs), failures === 0, signal))) return;
  }
}

// Failing sources are asked less often, with jitter, so that a struggling peer is not hammered by a fleet of us.
function pause(intervalMs: number, failures: number, uniform: number): number {
  if (failures === 0) return intervalMs;
  const backoffMs = intervalMs * 2 ** Math.min(failures - 1, mostBackoff) * (0.75 + uniform / 2);
  return Math.min(backoffMs, Math.max(60_000, intervalMs));
}

// A burst of news is one read.
const newsRestMs = 100;

// Until the interval is over, or there is news: a source that failed is left alone all the same.
async function rested(
  clock: Clock,
  source: Source,
  ms: number,
  mayWake: boolean,
  parent: AbortSignal,
): Promise<boolean> {
  if (source.news === undefined || !mayWake || ms <= newsRestMs) return slept(clock, ms, parent);
  if (!(await slept(clock, newsRestMs, parent))) return false;
  const stop = new AbortController();
  const end = (): void => stop.abort();
  parent.addEventListener('abort', end, { once: true });
  await Promise.race([slept(clock, ms - newsRestMs, stop.signal), source.news(stop.signal)]);
  parent.removeEventListener('abort', end);
  end();
  return !parent.aborted;
}

async function slept(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, signal);
    return true;
  } catch {
    return false;
  }
}

async function collectOnce(
  options: WatchOptions,
  source: Source,
  request: CollectRequest,
  signal: AbortSignal,
): Promise<Collected> {
  const allowedMs = Math.max(shortestDeadlineMs, source.intervalMs);
  const deadline = options.clock.deadline(allowedMs, signal);
  const before = options.clock.monotonicMs();
  try {
    return await source.collect(request, deadline.signal);
  } catch (thrown) {
    const said = WatchkeeperError.from(thrown);
    // A source that only knows that it was stopped was stopped by us, and why is for us to say.
    const late = said.code === 'aborted' && deadline.signal.aborted && !signal.aborted;
    const error = late
      ? new WatchkeeperError('timeout', `no answer within ${formatDuration(allowedMs)}`, { cause: thrown })
      : said;
    return failed(source.id, request, error);
  } finally {
    deadline.cancel();
    options.metrics.sourceSeconds.observe({ source: source.id }, (options.clock.monotonicMs() - before) / 1_000);
  }
}

/** The signals of all services that are bound to this source. */
export function signalsFor(source: string, services: readonly Service[]): readonly SignalQuery[] {
  return services.flatMap((service) =>
    Object.entries(service.telemetry)
      .filter(([, binding]) => binding.source === source)
      .map(([signal, binding]) => ({ service: service.name, signal, binding })),
  );
}

/** Nothing but one gap that covers the whole request. */
export function failed(
  source: string,
  request: Pick<CollectRequest, 'fromMs' | 'untilMs'>,
  error: WatchkeeperError,
): Collected {
  const gap = {
    source,
    reason: reasonFor(error.code),
    message: error.message,
    fromMs: request.fromMs,
    untilMs: request.untilMs,
  };
  return { series: [], logs: [], changes: [], resources: [], findings: [], gaps: [gap] };
}

function reasonFor(code: ErrorCode): GapReason {
  switch (code) {
    case 'unauthorized':
    case 'forbidden':
      return 'unauthorized';
    case 'timeout':
    case 'aborted':
      return 'timeout';
    case 'rate-limited':
    case 'malformed':
    case 'too-large':
    case 'unsupported':
      return code;
    case 'not-found':
      return 'missing';
    default:
      return 'unreachable';
  }
}

function ages(metrics: Metrics, source: string, parts: NonNullable<SourceStatus['parts']>, nowMs: number): void {
  for (const { name, heardMs, objects, stale } of parts) {
    metrics.sourcePartStale.set({ source, part: name }, stale === undefined ? 0 : 1);
    if (heardMs !== undefined) metrics.sourcePartAge.set({ source, part: name }, Math.max(0, nowMs - heardMs) / 1_000);
    metrics.sourcePartObjects.set({ source, part: name }, objects);
  }
}

// What was asked since the last look, evidence for diagnoses included.
function uses(metrics: Metrics, source: Source, before: Readonly<Record<string, number>>): typeof before {
  const use = source.use?.();
  if (use === undefined) return before;
  for (const [api, calls] of Object.entries(use.calls))
    metrics.sourceApiCalls.inc({ source: source.id, api }, calls - (before[api] ?? 0));
  metrics.sourceCost.set({ source: source.id }, use.dollars);
  return use.calls;
}

function count(metrics: Metrics, source: string, collected: Collected, answered: boolean, nowMs: number): void {
  const complete = collected.gaps.length === 0;
  metrics.sourceCalls.inc({ source, outcome: complete ? 'ok' : answered ? 'partial' : 'failed' });
  if (complete) metrics.sourceLastSuccess.set({ source }, nowMs / 1_000);
  for (const gap of collected.gaps) metrics.gaps.inc({ source, reason: gap.reason });
}

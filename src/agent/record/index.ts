/**
 * # Record: a stretch of your own telemetry, to be backtested
 *
 * Reads the signals of the declared services from the configured sources: the past where a source keeps it (one range
 * query a signal), or from now on for a time where it does not. What could not be read is recorded as a gap. Everything passes the
 * scrubber before it is written, everything is bounded, and `index.json` comes last.
 */
import { WatchkeeperError } from '../../lib/errors.ts';
import type { Change } from '../../domain/change.ts';
import type { Clock, Log, Random } from '../../domain/ports/io.ts';
import type { CollectRequest, Source } from '../../domain/ports/source.ts';
import type { Service } from '../../domain/service.ts';
import { createScrubber, createSecrets, makeReaderIo, readFiles, type Environment } from '../../io/index.ts';
import { sourceKinds } from '../../sources/index.ts';
import type { Config } from '../load/index.ts';
import { failed, signalsFor } from '../watch-sources.ts';
import { filesOf, type RecordingFile } from './files.ts';
import { createGathered, type Gathered } from './gather.ts';

export { changesFromText, knownChanges } from './changes.ts';
export type { RecordingFile } from './files.ts';

/** What is to be recorded, and with which hands. */
export interface RecordOptions {
  readonly config: Config;
  readonly services: readonly Service[];
  readonly fromMs: number;
  readonly untilMs: number;
  readonly stepMs: number;
  /** Record what comes from now on, for so long, instead of the past. */
  readonly liveForMs?: number;
  /** Changes that are known from elsewhere. */
  readonly changes: readonly Change[];
  /** For the whole of it. */
  readonly withinMs: number;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** A recording, ready to be written, and what was found. */
export interface RecordingMade {
  readonly files: readonly RecordingFile[];
  readonly services: number;
  readonly series: number;
  readonly samples: number;
  readonly changes: number;
  readonly gaps: readonly string[];
}

const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};

// Prometheus gives 11,000 points a series at most; parts below that are one query each.
const stepsPerRead = 10_000;

/** Makes a recording. @throws `too-large` beyond a limit, `timeout` beyond the deadline, `not-found` when there was no sample at all. */
export async function record(options: RecordOptions): Promise<RecordingMade> {
  const scrubber = createScrubber();
  const secrets = createSecrets(readFiles, options.environment, scrubber);
  const io = makeReaderIo(
    { clock: options.clock, random: options.random, log: silent, secrets },
    options.config.sources,
  );
  const sources = options.config.sources.map(({ id, kind, config }): Source => {
    const opened = sourceKinds[kind]?.open(id, config, io);
    if (opened?.ok !== true)
      throw new WatchkeeperError('config-invalid', `${id}: ${opened?.issues[0]?.message ?? 'unknown kind'}`);
    return opened.value;
  });
  const gathered = createGathered();
  gathered.add({ series: [], changes: options.changes, gaps: [] });
  const deadline = options.clock.deadline(options.withinMs + (options.liveForMs ?? 0), options.signal);
  try {
    const read = options.liveForMs === undefined ? readPast : readLive;
    await Promise.all(sources.map((source) => read(source, options, gathered, deadline.signal)));
  } finally {
    deadline.cancel();
    await Promise.all(sources.map((source) => source.close()));
  }
  const services = options.services.map((service) => scrubber.value(service) as Service);
  const made = filesOf(
    scrubbed(gathered, (value) => scrubber.value(value)),
    services,
    options,
  );
  const samples = [...gathered.series.values()].reduce((sum, { times }) => sum + times.length, 0);
  const gaps = gathered.gaps.map((gap) => scrubber.text(`${gap.service ?? gap.source}: ${gap.message}`));
  if (samples === 0)
    throw new WatchkeeperError('not-found', `no sample was read${gaps.length > 0 ? `: ${gaps[0] ?? ''}` : ''}`, {
      fix: 'Check that services bind their signals to a source that answers: watchkeeper doctor.',
    });
  return {
    files: made,
    services: (made.length - 1) / 2,
    series: gathered.series.size,
    samples,
    changes: gathered.changes.size,
    gaps: [...new Set(gaps)],
  };
}

async function readPast(
  source: Source,
  options: RecordOptions,
  gathered: Gathered,
  signal: AbortSignal,
): Promise<void> {
  const partMs = stepsPerRead * options.stepMs;
  for (let fromMs = options.fromMs; fromMs < options.untilMs; fromMs += partMs) {
    const untilMs = Math.min(options.untilMs, fromMs + partMs - options.stepMs);
    await readOnce(source, { fromMs, untilMs, stepMs: options.stepMs, mode: 'history' }, options, gathered, signal);
  }
}

async function readLive(
  source: Source,
  options: RecordOptions,
  gathered: Gathered,
  signal: AbortSignal,
): Promise<void> {
  const { clock, liveForMs = 0 } = options;
  const endMs = clock.monotonicMs() + liveForMs;
  let fromMs = clock.nowMs() - source.intervalMs;
  for (;;) {
    const startedMs = clock.monotonicMs();
    const untilMs = clock.nowMs();
    await readOnce(source, { fromMs, untilMs, stepMs: source.intervalMs, mode: 'live' }, options, gathered, signal);
    fromMs = untilMs;
    const nextMs = startedMs + source.intervalMs;
    if (nextMs > endMs) return;
    await clock.sleep(Math.max(10, nextMs - clock.monotonicMs()), signal);
  }
}

async function readOnce(
  source: Source,
  part: Omit<CollectRequest, 'signals' | 'services'>,
  { services }: RecordOptions,
  gathered: Gathered,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const request: CollectRequest = { ...part, services, signals: signalsFor(source.id, services) };
  if (request.signals.length === 0 && !source.traits.changes) return;
  const collected = await source.collect(request, signal).catch((thrown: unknown) => {
    signal.throwIfAborted();
    return failed(source.id, request, WatchkeeperError.from(thrown));
  });
  gathered.add(collected);
}

function scrubbed(gathered: Gathered, clean: (value: unknown) => unknown): Gathered {
  return {
    ...gathered,
    series: new Map(
      Array.from(gathered.series, ([key, one]) => [key, { ...one, meta: clean(one.meta) as typeof one.meta }]),
    ),
    changes: new Map(Array.from(gathered.changes, ([id, change]) => [id, clean(change) as Change])),
    gaps: clean(gathered.gaps) as Gathered['gaps'],
  };
}

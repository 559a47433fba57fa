import type { Labels } from '../../domain/telemetry.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';
import type { ReadFault } from '../../io/clients/http-reader.ts';
import { createExpositionParser, type ExpositionParser, type ExpositionResult } from './exposition.ts';
import { fetchExposition } from './fetch.ts';
import { makeReading, type Reading } from './reading.ts';
import type { ScrapeConfig } from './schema.ts';

/** One endpoint, with what it exposed last and before. */
export interface Target {
  readonly url: string;
  readonly labels: Labels;
  readonly parser: ExpositionParser;
  now: Reading | undefined;
  before: Reading | undefined;
  /** A reading nobody looks at any more, whose columns the next one takes over. */
  spare: Reading | undefined;
  fault: ReadFault | undefined;
  /** Lines of the newest exposition that repeated a series. */
  duplicates: number;
  generation: number;
}

/** Makes the targets of a source; nothing is read yet. */
export function createTargets(config: ScrapeConfig, wanted: (name: string) => boolean): readonly Target[] {
  return config.targets.map((target): Target => ({
    url: target.url,
    labels: { instance: new URL(target.url).host, ...target.labels },
    parser: createExpositionParser({ wanted, maxSeries: config.maxSeries }),
    now: undefined,
    before: undefined,
    spare: undefined,
    fault: undefined,
    duplicates: 0,
    generation: 0,
  }));
}

// A rate over more missed scrapes than this says too little about now: wait for two in a row instead.
const longestSpanIntervals = 4;

/** Reads a target once. What went wrong is kept in `fault`. */
export async function scrapeTarget(
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
  const { now, before } = target;
  const spanMs = now === undefined ? Infinity : atMs - now.atMs;
  // Asked again at once: keep the older reading, for no rate can be taken over no time.
  const tooSoon = spanMs < config.interval / 4 && now !== undefined;
  const made = makeReading(result.value, atMs, target.spare);
  target.spare = tooSoon ? now : before;
  if (!tooSoon) target.before = now;
  // Ids that were free have new owners: only a reading of the scrape just before is sure not to know the old ones.
  else if (target.parser.generation !== target.generation) target.before = undefined;
  if (spanMs > longestSpanIntervals * config.interval) target.before = undefined;
  target.now = made;
}

/** What is wrong with an exposition, with its place. */
export function parseFault(target: Target, result: ExpositionResult): ReadFault | undefined {
  if (result.ok) return undefined;
  return { reason: result.reason, message: `${target.url} line ${result.line}: ${result.message}` };
}

import { canonicalJson } from '../../../lib/canonical.ts';
import { formatDuration } from '../../../lib/duration.ts';
import type { AwsReader } from '../../../domain/ports/aws.ts';
import type { CollectRequest, SignalQuery } from '../../../domain/ports/source.ts';
import { seriesKey, type Gap, type Sample, type Series } from '../../../domain/telemetry.ts';
import type { ReadFault } from '../../../io/clients/http-reader.ts';
import { limits } from '../../../lib/limits.ts';
import { typedQuery, type AwsConfig, type CloudWatchQuery } from '../schema.ts';
import type { Spend } from '../spend.ts';
import { cornerFor, cornerName, type Corner, type Watched } from '../watched.ts';
import { askBatch, batchCost, type Batch, type SignalAnswer } from './ask.ts';
import { queriesPerCall, weightOf } from './queries.ts';

/** What one look at the metrics needs to know beside the request. */
export interface MetricsLook {
  readonly nowMs: number;
  readonly watched: readonly Watched[];
  /** Services that a change touches. */
  readonly close: ReadonlySet<string>;
}

/** Reads signals from CloudWatch, each when it is due. */
export interface MetricsReader {
  read(request: CollectRequest, look: MetricsLook, signal: AbortSignal): Promise<Measured>;
}

/** Series, and a gap for each signal that is not known. */
export interface Measured {
  readonly series: readonly Series[];
  readonly gaps: readonly Gap[];
}

/** Where one signal stands. */
interface Standing {
  /** The end of the newest period that was handed out. */
  cursorMs: number;
  askedMs: number;
  firstMs: number;
  /** What it lacked when it was last asked; it stands until it is asked again. */
  fault?: ReadFault | undefined;
}

interface Wanted {
  readonly signal: SignalQuery;
  readonly query: CloudWatchQuery;
  readonly corner: Corner;
  readonly standing: Standing;
  readonly fromMs: number;
  readonly close: boolean;
}

// After an outage this much of what was missed is read at most; the rest is history, asked for as such.
const longestCatchUpMs = 3_600_000;

/** Makes it. Nothing is asked yet. */
export function createMetricsReader(id: string, config: AwsConfig, reader: AwsReader, spend: Spend): MetricsReader {
  const standings = new Map<string, Standing>();
  return {
    read: async (request, look, signal) => {
      const live = request.mode === 'live';
      const gaps: Gap[] = [];
      const wanted: Wanted[] = [];
      const known = new Set<string>();
      for (const one of request.signals) {
        const parsed = typedQuery.parse(one.binding.query);
        if (parsed.ok && 'state' in parsed.value) continue;
        const about = { source: id, fromMs: request.fromMs, untilMs: request.untilMs, ...named(one) };
        const query = parsed.ok ? (parsed.value as CloudWatchQuery) : undefined;
        const corner = query && cornerFor(query, one.service, look.watched, config);
        if (query === undefined || corner === undefined) {
          const message =
            query === undefined
              ? 'the query is not readable'
              : 'neither the signal nor its service says in which region and account it is';
          gaps.push({ ...about, reason: 'malformed', message });
          continue;
        }
        const key = `${one.service}\n${one.signal}\n${canonicalJson(one.binding.query)}`;
        known.add(key);
        const standing = live ? standingOf(standings, key, look.nowMs) : fresh(look.nowMs);
        const close = look.close.has(one.service);
        if (live && !isDue(standing, close ? config.interval : config.sweep, config.interval, look.nowMs)) {
          if (standing.fault !== undefined) gaps.push({ ...about, ...standing.fault });
          continue;
        }
        wanted.push({ signal: one, query, corner, standing, close, fromMs: startOf(request, standing, config, query) });
      }
      if (live) for (const key of standings.keys()) if (!known.has(key)) standings.delete(key);
      const untilMs = live ? look.nowMs : Math.min(request.untilMs, look.nowMs);
      const read = await Promise.all(
        batchesOf(wanted).map((batch) => readBatch(batch, untilMs, { reader, spend, nowMs: look.nowMs }, signal)),
      );
      const series: Series[] = [];
      for (const { of, answer } of read.flat()) {
        const taken = take(of, answer, live, untilMs - config.settle);
        const fault = faultFor(of, answer, taken, live, config, look.nowMs);
        if (live) settle(of.standing, taken, fault, look.nowMs);
        if (taken.length > 0) series.push(seriesOf(id, of.signal, taken));
        if (fault !== undefined)
          gaps.push({ source: id, ...named(of.signal), ...fault, fromMs: Math.min(of.fromMs, untilMs), untilMs });
      }
      return { series, gaps };
    },
  };
}

function named({ service, signal }: SignalQuery): Pick<Gap, 'service' | 'signal'> {
  return { service, signal };
}

function fresh(nowMs: number): Standing {
  return { cursorMs: -Infinity, askedMs: -Infinity, firstMs: nowMs };
}

function standingOf(standings: Map<string, Standing>, key: string, nowMs: number): Standing {
  const known = standings.get(key);
  if (known !== undefined) return known;
  const made = fresh(nowMs);
  standings.set(key, made);
  return made;
}

// A little early counts: looks come with jitter.
function isDue({ askedMs }: Standing, everyMs: number, intervalMs: number, nowMs: number): boolean {
  return nowMs - askedMs >= everyMs - intervalMs / 4;
}

function startOf(
  request: CollectRequest,
  { cursorMs }: Standing,
  config: AwsConfig,
  { period }: CloudWatchQuery,
): number {
  if (request.mode === 'history') {
    const longest = limits.samplesPerSeries * period;
    return floored(Math.max(request.fromMs, request.untilMs - longest), period);
  }
  // The first look takes in what a new signal needs to be judged at all; later ones go on where they stand.
  const since = Number.isFinite(cursorMs) ? cursorMs : request.fromMs - config.settle - 2 * period;
  return floored(Math.max(since, request.untilMs - longestCatchUpMs), period);
}

function floored(ms: number, step: number): number {
  return Math.floor(ms / step) * step;
}

// Full calls: what is read together has the same corner, and starts about as long ago.
function batchesOf(wanted: readonly Wanted[]): readonly (readonly Wanted[])[] {
  const byCorner = new Map<string, Wanted[]>();
  for (const one of wanted) {
    const key = `${cornerName(one.corner)} ${one.close ? 'close' : 'wide'}`;
    byCorner.set(key, [...(byCorner.get(key) ?? []), one]);
  }
  const batches: Wanted[][] = [];
  for (const all of byCorner.values()) {
    let batch: Wanted[] | undefined;
    let weight = 0;
    for (const one of all.sort((a, b) => a.fromMs - b.fromMs)) {
      const more = weightOf(one.query);
      if (batch === undefined || weight + more > queriesPerCall) {
        batch = [];
        batches.push(batch);
        weight = 0;
      }
      batch.push(one);
      weight += more;
    }
  }
  return batches;
}

async function readBatch(
  wanted: readonly Wanted[],
  untilMs: number,
  { reader, spend, nowMs }: { readonly reader: AwsReader; readonly spend: Spend; readonly nowMs: number },
  signal: AbortSignal,
): Promise<readonly { readonly of: Wanted; readonly answer: SignalAnswer }[]> {
  const [first] = wanted;
  if (first === undefined) return [];
  const batch: Batch = {
    corner: first.corner,
    queries: wanted.map(({ query }) => query),
    fromMs: Math.min(...wanted.map(({ fromMs }) => fromMs)),
    untilMs,
  };
  if (!spend.allows(batchCost(batch), first.close, nowMs)) {
    const message = `the day's money for CloudWatch is spent ($${spend.today(nowMs).toFixed(2)}); it is asked again tomorrow (UTC), or when dollarsPerDay is raised`;
    return wanted.map((of) => ({ of, answer: { samples: [], fault: { reason: 'rate-limited', message } } }));
  }
  const answers = await askBatch(reader, batch, signal);
  return wanted.map((of, index) => ({ of, answer: answers[index] ?? { samples: [] } }));
}

// What is younger than settled may still grow: a sum of half a minute reads like a drop.
function take(of: Wanted, { samples }: SignalAnswer, live: boolean, settledMs: number): readonly Sample[] {
  const after = live ? of.standing.cursorMs : -Infinity;
  return samples
    .filter(({ tMs }) => tMs > after && tMs <= settledMs && tMs > of.fromMs)
    .slice(-limits.samplesPerSeries);
}

function faultFor(
  of: Wanted,
  answer: SignalAnswer,
  taken: readonly Sample[],
  live: boolean,
  config: AwsConfig,
  nowMs: number,
): ReadFault | undefined {
  if (answer.fault !== undefined) return answer.fault;
  if (taken.length > 0) return undefined;
  if (!live) return { reason: 'missing', message: 'CloudWatch has no datapoint of it in this stretch' };
  const { cursorMs, firstMs } = of.standing;
  // A datapoint is due when its period is over and settled; three more periods it is waited for.
  const patienceMs = config.settle + 4 * of.query.period;
  if (Number.isFinite(cursorMs))
    return nowMs - cursorMs > patienceMs
      ? {
          reason: 'late',
          message: `CloudWatch's newest datapoint is ${formatDuration(floored(nowMs - cursorMs, 1_000))} old`,
        }
      : undefined;
  return nowMs - firstMs > patienceMs || answer.samples.length === 0
    ? { reason: 'missing', message: 'CloudWatch has no datapoint of it: check namespace, name, dimensions and region' }
    : undefined;
}

function settle(standing: Standing, taken: readonly Sample[], fault: ReadFault | undefined, nowMs: number): void {
  standing.askedMs = nowMs;
  standing.fault = fault;
  standing.cursorMs = Math.max(standing.cursorMs, taken.at(-1)?.tMs ?? -Infinity);
}

function seriesOf(source: string, { service, signal, binding }: SignalQuery, samples: readonly Sample[]): Series {
  const { unit, nature } = binding;
  return { key: seriesKey(service, signal, {}), source, service, signal, labels: {}, unit, nature, samples };
}

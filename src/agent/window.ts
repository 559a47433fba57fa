import { limits } from '../lib/limits.ts';
import type { Sample, Series, SeriesMeta } from '../domain/telemetry.ts';
import { RingPool } from '../lib/rings.ts';

/** What to read from the window. Absent members do not narrow. */
export interface WindowQuery {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly services?: ReadonlySet<string>;
  readonly signal?: string;
}

/** The recent past of every series, in memory and bounded: what diagnosis, verification, charts and the CLI look at. */
export interface TelemetryWindow {
  /** Keeps the samples that are new, and gives back just those: what detectors step over. */
  add(series: readonly Series[]): readonly Series[];
  read(query: WindowQuery): readonly Series[];
  /** What describes the series of this key: one object, for others to share who describe it alike. */
  describe(key: string): SeriesMeta | undefined;
  /** The newest sample of each series of a signal. */
  latest(service: string, signal: string): readonly { readonly meta: SeriesMeta; readonly sample: Sample }[];
  /** Drops samples stamped after `tMs`: after the wall clock was set back they would hide everything that follows. */
  forgetAfter(tMs: number): void;
  /** Drops series that have been silent for longer than `retentionMs`. */
  prune(asOfMs: number): void;
  readonly seriesCount: number;
  /** Series turned away because the window was full. */
  readonly refused: number;
}

// However many series there are, each shows this much of its past.
const fewestSamples = 16;

/**
 * A ring of samples a series, growing to `limits.windowSamplesPerSeries`, so that many quiet series stay small. All of them
 * together hold `limits.windowSamples`: a fleet of very many series is remembered less far back, and not in more memory.
 * Samples at or before the newest one are dropped: sources overlap their reads on purpose.
 */
export function createWindow(retentionMs: number, maxSeries: number = limits.seriesPerCollect): TelemetryWindow {
  // By its key the ring of a series, and by its ring what describes it: an object for both would be one more of each.
  const kept = new Map<string, number>();
  const metas: (SeriesMeta | undefined)[] = [];
  const byService = new Map<string, Set<string>>();
  const pool = new RingPool();
  let refused = 0;

  const ringFor = (series: Series): number | undefined => {
    const found = kept.get(series.key);
    if (found !== undefined) return found;
    if (kept.size >= maxSeries) return void (refused += 1);
    const ring = pool.take();
    metas[ring] = metaOf(series);
    kept.set(series.key, ring);
    const keys = byService.get(series.service) ?? new Set<string>();
    byService.set(series.service, keys.add(series.key));
    return ring;
  };

  return {
    add: (incoming) => {
      const fresh: Series[] = [];
      for (const series of incoming) {
        const ring = ringFor(series);
        if (ring === undefined) continue;
        const added = addTo(pool, ring, series, mostSamples(kept.size));
        if (added !== undefined) fresh.push(added);
      }
      return fresh;
    },
    read: (query) => {
      const keys = query.services
        ? [...query.services].flatMap((service) => [...(byService.get(service) ?? [])])
        : kept.keys();
      const found: Series[] = [];
      for (const key of keys) {
        const ring = kept.get(key) ?? -1;
        const one = seriesOf(pool, ring, metas[ring], query);
        if (one !== undefined) found.push(one);
      }
      return found;
    },
    describe: (key) => metas[kept.get(key) ?? -1],
    latest: (service, signal) =>
      [...(byService.get(service) ?? [])].flatMap((key) => {
        const ring = kept.get(key) ?? -1;
        const meta = metas[ring];
        const sample = meta?.signal === signal ? pool.last(ring) : undefined;
        return meta === undefined || sample === undefined ? [] : [{ meta, sample }];
      }),
    forgetAfter: (tMs) => {
      for (const ring of kept.values()) while (pool.newest(ring) > tMs) pool.dropNewest(ring);
    },
    prune: (asOfMs) => {
      for (const [key, ring] of kept) {
        if (pool.newest(ring) >= asOfMs - retentionMs) continue;
        pool.release(ring);
        kept.delete(key);
        byService.get(metas[ring]?.service ?? '')?.delete(key);
        metas[ring] = undefined;
      }
    },
    get seriesCount() {
      return kept.size;
    },
    get refused() {
      return refused;
    },
  };
}

// Gives back what was new of it. Nearly always that is its one sample: then it is handed on as it is, and nothing is made.
function addTo(pool: RingPool, ring: number, series: Series, most: number): Series | undefined {
  const isNew = ({ tMs, v }: Sample): boolean => {
    if (!Number.isFinite(v) || tMs <= pool.newest(ring)) return false;
    pool.push(ring, tMs, v, most);
    return true;
  };
  const [only] = series.samples;
  if (series.samples.length === 1 && only !== undefined) return isNew(only) ? series : undefined;
  const samples = series.samples.filter(isNew);
  return samples.length > 0 ? { ...series, samples } : undefined;
}

function seriesOf(
  pool: RingPool,
  ring: number,
  meta: SeriesMeta | undefined,
  { fromMs, untilMs, signal }: WindowQuery,
): Series | undefined {
  if (meta === undefined || (signal !== undefined && meta.signal !== signal)) return undefined;
  const samples: Sample[] = [];
  for (const sample of pool.read(ring)) if (sample.tMs >= fromMs && sample.tMs <= untilMs) samples.push(sample);
  return samples.length > 0 ? { ...meta, samples } : undefined;
}

function mostSamples(series: number): number {
  const share = Math.floor(limits.windowSamples / Math.max(1, series));
  return Math.max(fewestSamples, Math.min(limits.windowSamplesPerSeries, share));
}

function metaOf({ key, source, service, signal, labels, unit, nature }: Series): SeriesMeta {
  return { key, source, service, signal, labels, unit, nature };
}

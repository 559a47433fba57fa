import { limits } from '../lib/limits.ts';
import type { Sample, Series, SeriesMeta } from '../domain/telemetry.ts';
import { at, createRing, dropAfter, newest, push, slice, type Ring } from './ring.ts';

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

/**
 * One ring of typed arrays a series, growing from 32 samples to `limits.windowSamplesPerSeries`, so that many quiet
 * series stay small. Samples at or before the newest one are dropped: sources overlap their reads on purpose.
 */
export function createWindow(retentionMs: number, maxSeries: number = limits.seriesPerCollect): TelemetryWindow {
  const rings = new Map<string, Ring>();
  const byService = new Map<string, Set<string>>();
  let refused = 0;

  const ringFor = (series: Series): Ring | undefined => {
    const found = rings.get(series.key);
    if (found) return found;
    if (rings.size >= maxSeries) {
      refused += 1;
      return undefined;
    }
    const { samples: _, ...meta } = series;
    const ring = createRing(meta);
    rings.set(series.key, ring);
    const keys = byService.get(series.service) ?? new Set<string>();
    byService.set(series.service, keys.add(series.key));
    return ring;
  };

  return {
    add: (incoming) => {
      const fresh: Series[] = [];
      for (const series of incoming) {
        const ring = ringFor(series);
        if (!ring) continue;
        const samples = series.samples.filter(
          (sample) => Number.isFinite(sample.v) && sample.tMs > newest(ring) && push(ring, sample),
        );
        if (samples.length > 0) fresh.push({ ...series, samples });
      }
      return fresh;
    },
    read: (query) => {
      const keys = query.services
        ? [...query.services].flatMap((service) => [...(byService.get(service) ?? [])])
        : rings.keys();
      const found: Series[] = [];
      for (const key of keys) {
        const ring = rings.get(key);
        if (!ring || (query.signal !== undefined && ring.meta.signal !== query.signal)) continue;
        const samples = slice(ring, query.fromMs, query.untilMs);
        if (samples.length > 0) found.push({ ...ring.meta, samples });
      }
      return found;
    },
    latest: (service, signal) =>
      [...(byService.get(service) ?? [])].flatMap((key) => {
        const ring = rings.get(key);
        if (ring?.meta.signal !== signal || ring.count === 0) return [];
        return [{ meta: ring.meta, sample: at(ring, ring.count - 1) }];
      }),
    forgetAfter: (tMs) => {
      for (const ring of rings.values()) dropAfter(ring, tMs);
    },
    prune: (asOfMs) => {
      for (const [key, ring] of rings) {
        if (newest(ring) >= asOfMs - retentionMs) continue;
        rings.delete(key);
        byService.get(ring.meta.service)?.delete(key);
      }
    },
    get seriesCount() {
      return rings.size;
    },
    get refused() {
      return refused;
    },
  };
}

import type { Labels, Sample, Series, SeriesMeta } from '../domain/telemetry.ts';

/** Samples of a sibling signal, and whether they tell of all instances together, of which the series is one. */
export interface Companion {
  readonly samples: readonly Sample[];
  readonly shared: boolean;
}

const none: Companion = { samples: [], shared: false };

/**
 * The samples of sibling signals that arrived in one step, found by service: walking the whole batch for every sample
 * would cost the square of a fleet.
 */
export class Companions {
  readonly #batch: readonly Series[];
  readonly #signals: readonly string[];
  #byService: Map<string, Series[]> | undefined;
  #counts: ReadonlyMap<string, number> | undefined;

  constructor(batch: readonly Series[], signals: readonly string[]) {
    this.#batch = batch;
    this.#signals = signals;
  }

  /** Those of the series with the same labels, or of the only series of that signal; none where that is not clear. */
  of(meta: SeriesMeta, signal: string): Companion {
    if (!this.#signals.includes(signal)) return none;
    const siblings = (this.#index().get(meta.service) ?? []).filter((series) => series.signal === signal);
    const found = behind(siblings, meta.labels);
    return found === undefined ? none : { samples: found.one.samples, shared: found.shared };
  }

  /** How many series of this one's service and signal came in the step. */
  beside(meta: Pick<SeriesMeta, 'service' | 'signal'>): number {
    this.#counts ??= countSeries(this.#batch);
    return this.#counts.get(`${meta.service}\n${meta.signal}`) ?? 0;
  }

  #index(): Map<string, Series[]> {
    if (this.#byService !== undefined) return this.#byService;
    this.#byService = new Map();
    for (const series of this.#batch) {
      if (!this.#signals.includes(series.signal)) continue;
      const known = this.#byService.get(series.service);
      if (known === undefined) this.#byService.set(series.service, [series]);
      else known.push(series);
    }
    return this.#byService;
  }
}

/**
 * Which of the series of a signal tells of what a series with these labels tells of: the one with the same labels, or the
 * only one there is. That one is shared when it tells of the whole of which the labels name a part.
 */
export function behind<T extends { readonly labels: Labels }>(
  all: readonly T[],
  labels: Labels,
): { readonly one: T; readonly shared: boolean } | undefined {
  const text = JSON.stringify(labels);
  const own = all.find((one) => JSON.stringify(one.labels) === text);
  if (own !== undefined) return { one: own, shared: false };
  const [only] = all;
  if (only === undefined || all.length > 1) return undefined;
  return { one: only, shared: Object.entries(only.labels).every(([name, value]) => labels[name] === value) };
}

/** How many series of each service and signal there are, by `service`, a line's end and `signal`. */
export function countSeries(batch: readonly Series[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { service, signal } of batch) {
    const name = `${service}\n${signal}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** A series is one of those that share something while it was heard of this lately. */
export const besideMs = 10 * 60_000;

/** The last of the samples at or before a time; they are in order. */
export function atOrBefore(samples: readonly Sample[], tMs: number): Sample | undefined {
  let [low, high] = [0, samples.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((samples[middle]?.tMs ?? 0) <= tMs) low = middle + 1;
    else high = middle;
  }
  return samples[low - 1];
}

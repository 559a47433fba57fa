import type { Sample, Series, SeriesMeta } from '../domain/telemetry.ts';

/**
 * The samples of sibling signals that arrived in one step, found by service: walking the whole batch for every sample
 * would cost the square of a fleet.
 */
export class Companions {
  readonly #batch: readonly Series[];
  readonly #signals: readonly string[];
  #byService: Map<string, Series[]> | undefined;

  constructor(batch: readonly Series[], signals: readonly string[]) {
    this.#batch = batch;
    this.#signals = signals;
  }

  /** Those of the series with the same labels, or of the only series of that signal; none where that is not clear. */
  of(meta: SeriesMeta, signal: string): readonly Sample[] {
    if (!this.#signals.includes(signal)) return [];
    const siblings = (this.#index().get(meta.service) ?? []).filter((series) => series.signal === signal);
    if (siblings.length <= 1) return siblings[0]?.samples ?? [];
    const text = JSON.stringify(meta.labels);
    return siblings.find((series) => JSON.stringify(series.labels) === text)?.samples ?? [];
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

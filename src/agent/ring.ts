import { limits } from '../lib/limits.ts';
import type { Sample, SeriesMeta } from '../domain/telemetry.ts';

/** The samples of one series, oldest first, in typed arrays that grow to a limit and then overwrite the oldest. */
export interface Ring {
  meta: SeriesMeta;
  times: Float64Array;
  values: Float64Array;
  start: number;
  count: number;
}

const firstCapacity = 32;

/** An empty ring. */
export function createRing(meta: SeriesMeta): Ring {
  return { meta, times: new Float64Array(firstCapacity), values: new Float64Array(firstCapacity), start: 0, count: 0 };
}

/** The n-th oldest sample. */
export function at(ring: Ring, index: number): Sample {
  const position = (ring.start + index) % ring.times.length;
  return { tMs: ring.times[position] ?? 0, v: ring.values[position] ?? 0 };
}

/** When the newest sample was taken; minus infinity for none. */
export function newest(ring: Ring): number {
  return ring.count === 0 ? -Infinity : at(ring, ring.count - 1).tMs;
}

/** Appends; always true, so that it can end a filter. */
export function push(ring: Ring, sample: Sample): true {
  if (ring.count === ring.times.length) {
    if (ring.times.length < limits.windowSamplesPerSeries) grow(ring);
    else {
      ring.start = (ring.start + 1) % ring.times.length;
      ring.count -= 1;
    }
  }
  const position = (ring.start + ring.count) % ring.times.length;
  ring.times[position] = sample.tMs;
  ring.values[position] = sample.v;
  ring.count += 1;
  return true;
}

function grow(ring: Ring): void {
  const capacity = Math.min(ring.times.length * 2, limits.windowSamplesPerSeries);
  const times = new Float64Array(capacity);
  const values = new Float64Array(capacity);
  for (let index = 0; index < ring.count; index++) {
    const sample = at(ring, index);
    times[index] = sample.tMs;
    values[index] = sample.v;
  }
  ring.times = times;
  ring.values = values;
  ring.start = 0;
}

/** The samples within a stretch, both ends included. */
export function slice(ring: Ring, fromMs: number, untilMs: number): readonly Sample[] {
  const samples: Sample[] = [];
  for (let index = 0; index < ring.count; index++) {
    const sample = at(ring, index);
    if (sample.tMs >= fromMs && sample.tMs <= untilMs) samples.push(sample);
  }
  return samples;
}

/** Forgets the samples after a moment. */
export function dropAfter(ring: Ring, tMs: number): void {
  while (ring.count > 0 && newest(ring) > tMs) ring.count -= 1;
}

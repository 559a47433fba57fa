/** Quantile `q` in [0,1] by linear interpolation (type 7, as R and NumPy). `undefined` for no values. */
export function quantile(values: readonly number[], q: number): number | undefined {
  return quantileOf(ordered(values), q);
}

/** The values in order, for several quantiles of the same ones. Made of doubles: sorting them calls nobody back. */
export function ordered(values: readonly number[]): Float64Array {
  return Float64Array.from(values).sort();
}

/** As `quantile`, of values that `ordered` has put in order. */
export function quantileOf(sorted: Float64Array, q: number): number | undefined {
  if (sorted.length === 0) return undefined;
  const position = (sorted.length - 1) * q;
  const low = Math.floor(position);
  const from = sorted[low] ?? 0;
  const to = sorted[Math.min(low + 1, sorted.length - 1)] ?? from;
  return from + (to - from) * (position - low);
}

/** The middle value; `undefined` for no values. */
export function median(values: readonly number[]): number | undefined {
  return quantile(values, 0.5);
}

/** Median absolute deviation, times 1.4826: estimates the standard deviation, unmoved by outliers. */
export function robustSpread(values: readonly number[]): number | undefined {
  const middle = median(values);
  if (middle === undefined) return undefined;
  const deviation = median(values.map((value) => Math.abs(value - middle)));
  return deviation === undefined ? undefined : deviation * 1.4826;
}

/** Arithmetic mean; `undefined` for no values. */
export function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

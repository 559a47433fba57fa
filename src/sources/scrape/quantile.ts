/** How many observations were at or below an upper bound. */
export interface Bucket {
  readonly le: number;
  readonly count: number;
}

/**
 * The `q`-quantile (0..1) of a classic histogram, by linear interpolation inside the bucket it falls into: the formula
 * of PromQL's `histogram_quantile`. Buckets may come in any order; equal bounds are added up; counts that decrease
 * (scraped while being written) are lifted to the largest before them.
 *
 * @returns `undefined` when nothing was observed or there is no `+Inf` bucket.
 */
export function histogramQuantile(q: number, buckets: readonly Bucket[]): number | undefined {
  const cumulative = tidy(buckets);
  const last = cumulative.at(-1);
  if (last?.le !== Infinity || cumulative.length < 2 || last.count <= 0) return undefined;
  const rank = q * last.count;
  const at = cumulative.findIndex((bucket) => bucket.count >= rank);
  const bucket = cumulative[at] ?? last;
  // Beyond the last finite bound nothing is known but that bound.
  if (bucket.le === Infinity) return cumulative.at(-2)?.le;
  const before = at > 0 ? cumulative[at - 1] : undefined;
  if (before === undefined && bucket.le <= 0) return bucket.le;
  const low = before?.le ?? 0;
  const below = before?.count ?? 0;
  const inside = bucket.count - below;
  return inside <= 0 ? low : low + ((bucket.le - low) * (rank - below)) / inside;
}

function tidy(buckets: readonly Bucket[]): readonly Bucket[] {
  const byBound = new Map<number, number>();
  for (const { le, count } of buckets) if (!Number.isNaN(le)) byBound.set(le, (byBound.get(le) ?? 0) + count);
  let highest = 0;
  return [...byBound]
    .sort(([a], [b]) => a - b)
    .map(([le, count]) => {
      highest = Math.max(highest, count);
      return { le, count: highest };
    });
}

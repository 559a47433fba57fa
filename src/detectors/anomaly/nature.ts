import type { SeriesMeta } from '../../domain/telemetry.ts';

/** Which way may be strange: 1 more, 2 less, 3 both. */
export type Sides = 1 | 2 | 3;

/** How a kind of quantity is looked at. */
export interface Nature {
  readonly sides: Sides;
  /** Differences below this part of the usual size are nothing. */
  readonly grain: number;
  /** Added inside the logarithm, as a part of the usual size, and never less than `least`. */
  readonly offset: number;
  readonly least: number;
}

// Latency and errors hurt upwards only; load and levels are strange both ways. A ratio is judged against half a percent
// at least, or the second failed request of the day would be twice the usual.
const natures: Readonly<Record<SeriesMeta['nature'], Nature>> = {
  gauge: { sides: 3, grain: 0.002, offset: 0.1, least: 0 },
  rate: { sides: 3, grain: 0.002, offset: 0.1, least: 0 },
  ratio: { sides: 1, grain: 0.002, offset: 0.1, least: 0.005 },
  latency: { sides: 1, grain: 0.002, offset: 0.1, least: 0 },
  state: { sides: 3, grain: 0.002, offset: 0.1, least: 0.1 },
};

const sidesOf = { up: 1, down: 2, both: 3 } as const;

/** The nature of a series, turned by `worse` where somebody said so. */
export function natureOf(meta: Pick<SeriesMeta, 'nature' | 'unit'>, worse: keyof typeof sidesOf | undefined): Nature {
  const nature = natures[meta.nature];
  const least = meta.unit === '%' ? nature.least * 100 : nature.least;
  return { ...nature, least, ...(worse === undefined ? {} : { sides: sidesOf[worse] }) };
}

/**
 * The ratio nearest to `expected` that `hits` of `total` do not rule out at 95 % (Wilson 1927). One failure among three
 * requests is no error rate of a third: with few requests this stays near what was expected.
 */
export function confident(ratio: number, total: number, expected: number): number {
  if (!(total > 0)) return expected;
  const z = 1.96;
  const zz = (z * z) / total;
  const middle = (ratio + zz / 2) / (1 + zz);
  const half = (z / (1 + zz)) * Math.sqrt(Math.max(0, (ratio * (1 - ratio)) / total + zz / (4 * total)));
  return Math.min(Math.max(expected, middle - half), middle + half);
}

/**
 * The most surprise a share of `total` can be worth: minus the logarithm of the chance to see it by luck when `expected`
 * is the rule (Chernoff's bound). One failure among three requests proves hardly anything, one third of a thousand does.
 */
export function mostSurprise(ratio: number, total: number, expected: number): number {
  const p = Math.min(1 - 1e-6, Math.max(1e-4, expected));
  const q = Math.min(1, Math.max(0, ratio));
  const up = q > 0 ? q * Math.log(q / p) : 0;
  const rest = q < 1 ? (1 - q) * Math.log((1 - q) / (1 - p)) : 0;
  return Math.max(0, total) * (up + rest);
}

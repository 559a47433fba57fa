import { bins } from './layout.ts';

/**
 * How often values came, in bins of a byte each. A byte holds a Morris counter (Morris 1978): small counts are exact,
 * large ones right to some 15 %, which a logarithm does not notice. When a value lies outside, bins are joined in
 * pairs until it fits: the range is learned and never set.
 */

const base = 1.05;
const codes = 256;
/** The width of a bin at first; values are on a logarithmic scale. */
const unit = 0.02;
const countOf = Float64Array.from({ length: codes }, (_, code) => (base ** code - 1) / (base - 1));
const chanceOf = Float64Array.from({ length: codes }, (_, code) => base ** -code);

/** The bin layout of a histogram: first value and width of a bin, in the row of floats. */
export interface BinRows {
  readonly floats: Float32Array;
  readonly bytes: Uint8Array;
}

/**
 * How unfamiliar `value` is: of how many earlier values one lay near it. Then it is counted.
 * `layout` and `at` say where in the row the histogram is kept; `seen` is how many values it holds.
 */
export function unfamiliarity(row: BinRows, layout: number, at: number, value: number, seen: number): number {
  const { floats, bytes } = row;
  if (seen === 0) {
    floats[layout] = value - (unit * bins) / 2;
    floats[layout + 1] = unit;
  }
  let low = floats[layout] ?? 0;
  let width = floats[layout + 1] ?? unit;
  // A value beyond all reason (1e300) would be joined towards for long; what floats cannot hold is its own bin's edge.
  while (value < low || value >= low + width * bins) {
    if (width > 1e30) break;
    const below = value < low;
    joinPairs(bytes, at, below, seen);
    if (below) low -= width * bins;
    width *= 2;
    floats[layout] = low;
    floats[layout + 1] = width;
    low = floats[layout] ?? low;
  }
  const position = (value - low) / width;
  const bin = Math.max(0, Math.min(bins - 1, Math.floor(position)));
  const off = position - bin - 0.5;
  const beside = off > 0 ? bin + 1 : bin - 1;
  const code = bytes[at + bin] ?? 0;
  const near = beside >= 0 && beside < bins ? (countOf[bytes[at + beside] ?? 0] ?? 0) : 0;
  const share = (countOf[code] ?? 0) + near * Math.min(1, 2 * Math.abs(off));
  bytes[at + bin] = raised(code, seen + bin);
  return (seen + 1) / (share + 1);
}

/** Forgets half of what was counted; what was seen once stays known. */
export function halve(bytes: Uint8Array, at: number): void {
  for (let bin = at; bin < at + bins; bin++) bytes[bin] = codeOf((countOf[bytes[bin] ?? 0] ?? 0) / 2);
}

// Chance without randomness: the golden ratio's multiples are spread evenly, and replay gives the same ones.
function raised(code: number, draw: number): number {
  const chance = chanceOf[code] ?? 0;
  return code < codes - 1 && (draw * 0.618_033_988_749_895) % 1 < chance ? code + 1 : code;
}

function joinPairs(bytes: Uint8Array, at: number, upwards: boolean, seen: number): void {
  const half = bins / 2;
  const joined = (pair: number): number => {
    const sum = (countOf[bytes[at + 2 * pair] ?? 0] ?? 0) + (countOf[bytes[at + 2 * pair + 1] ?? 0] ?? 0);
    return codeOf(sum);
  };
  if (seen === 0) return;
  if (upwards) {
    for (let pair = half - 1; pair >= 0; pair--) bytes[at + half + pair] = joined(pair);
    bytes.fill(0, at, at + half);
  } else {
    for (let pair = 0; pair < half; pair++) bytes[at + pair] = joined(pair);
    bytes.fill(0, at + half, at + bins);
  }
}

function codeOf(count: number): number {
  if (count <= 0) return 0;
  return Math.max(1, Math.min(codes - 1, Math.round(Math.log1p(count * (base - 1)) / Math.log(base))));
}

/** Series per chunk: what is saved anew when one of them changed, and the step in which memory grows. */
export const rowsPerChunk = 256;

/** Bins of one histogram. */
export const bins = 32;
/** How many histograms a series has. */
export const histograms = 3;
/** Hours of the day in the seasonal profile. */
export const hours = 24;

/** Columns of 64-bit numbers, each contiguous over a chunk: scanning for silence reads nothing else. */
export const column = { origin: 0, lastMs: 1 } as const;
/** How many columns there are. */
export const columns = 2;

/**
 * Fields of a series' row of 32-bit floats. What may be large and yet differ little (levels, the profile) is kept
 * relative to `origin`, so that a float is precise enough. The names of pairs: `hi`, `lo` are the record highs and
 * lows of a feature; `binLo`, `binWidth` lay out a histogram.
 */
export const field = {
  samples: 0,
  /** Mean absolute value: what makes the logarithmic scale. */
  scale: 1,
  level: 2,
  mean: 3,
  y12: 4,
  y48: 5,
  y96: 6,
  yLast: 7,
  vol12: 8,
  vol400: 9,
  /** Mean absolute errors, out of sample, of the hourly profile and of the mean alone. */
  missProfile: 10,
  missMean: 11,
  /** Five pairs: see `feature`. */
  records: 12,
  /** Three pairs: see `Histogram`. */
  layouts: 22,
  histogramSamples: 28,
  barrier: 29,
  onsets: 30,
  excess: 31,
  intervalMs: 32,
  run: 33,
  longestRun: 34,
  repeats: 35,
  /** Since when something is strange, in seconds before the last sample; the band it left; how surprising it was. */
  strangeForS: 36,
  low: 37,
  high: 38,
  surprise: 39,
  /** The last value. */
  last: 40,
  /** The mean of the last dozen differences from what the hour lets expect. */
  rest12: 41,
  /** Twenty-four hourly means, NaN where none was seen. */
  profile: 42,
} as const;
/** Length of a row of floats. */
export const floats = field.profile + hours;

/** Bytes of a row: a few flags, then the histograms. */
export const byte = { state: 0, calm: 1, cause: 2, told: 3, histograms: 4 } as const;
/** Length of a row of bytes. */
export const bytes = byte.histograms + bins * histograms;

/** All a series costs in its chunk. */
export const rowBytes = columns * 8 + floats * 4 + bytes;

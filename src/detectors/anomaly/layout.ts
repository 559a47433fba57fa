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
  /** Six pairs: see `feature`. */
  records: 12,
  /** Three pairs: see `Histogram`. */
  layouts: 24,
  histogramSamples: 30,
  barrier: 31,
  onsets: 32,
  excess: 33,
  intervalMs: 34,
  run: 35,
  longestRun: 36,
  repeats: 37,
  /** Since when something is strange, in seconds before the last sample; the band it left; how surprising it was. */
  strangeForS: 38,
  low: 39,
  high: 40,
  surprise: 41,
  /** The last value. */
  last: 42,
  /** The mean of the last dozen differences from what the hour lets expect. */
  rest12: 43,
  /** How much it varies, over a hundred and over a thousand samples. */
  vol100: 44,
  vol1000: 45,
  /**
   * Mean absolute errors, out of sample, of what is expected without and with the day of the week; what part more or
   * less than the hour's each of seven days has; the most that was proven of them.
   */
  missHourly: 46,
  missWeek: 47,
  days: 48,
  weekProven: 55,
  /** Twenty-four hourly means, NaN where none was seen. */
  profile: 56,
} as const;
/** Length of a row of floats. */
export const floats = field.profile + hours;

/** Bytes of a row: a few flags, then the histograms. */
export const byte = { state: 0, calm: 1, cause: 2, told: 3, histograms: 4 } as const;
/** Length of a row of bytes. */
export const bytes = byte.histograms + bins * histograms;

/** All a series costs in its chunk. */
export const rowBytes = columns * 8 + floats * 4 + bytes;

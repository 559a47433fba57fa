/** The engine's constants: the same for every series there is. Lengths are in samples. */
export interface Tuning {
  /** What each source of evidence counts: six record features, then three histograms. */
  readonly weights: readonly number[];
  /** A feature's excess beyond its record, in eighths of its range, counts no more than this. */
  readonly cap: number;
  /** Values rarer than e^-this are unfamiliar. */
  readonly rare: number;
  readonly levelMemory: number;
  readonly meanMemory: number;
  readonly scaleMemory: number;
  /** How many visits of an hour its mean remembers. */
  readonly profileDays: number;
  readonly recordMemory: number;
  /** A record of how much a series varies follows over this part of the feature's memory. */
  readonly recordPace: number;
  readonly histogramMemory: number;
  /** Half-life of the barrier that an onset puts up. */
  readonly refractory: number;
  /**
   * What is believed of onsets before a series has shown its own: those above `onsetLeast` come once in `onsetEvery`
   * samples, in a young series once in its age by `onsetAge`, and are `onsetMean` above it on average.
   */
  readonly onsetLeast: number;
  readonly onsetEvery: number;
  readonly onsetAge: number;
  readonly onsetMean: number;
  /** How many onsets that belief weighs. */
  readonly onsetPrior: number;
  /** How heavy the tail of onsets is (0: exponential), and as how many usual ones the largest counts when their mean is learned. */
  readonly onsetShape: number;
  readonly onsetMost: number;
}

/** The product's one configuration. */
export const tuning: Tuning = {
  weights: [1, 1, 1, 1, 1, 1, 0.3, 0.3, 0.3],
  cap: 8,
  rare: 6,
  levelMemory: 400,
  meanMemory: 2_000,
  scaleMemory: 4_000,
  profileDays: 7,
  recordMemory: 50_000,
  recordPace: 0.5,
  histogramMemory: 30_000,
  refractory: 25,
  onsetLeast: 0.6,
  onsetEvery: 3_000,
  onsetAge: 2.5,
  onsetMean: 0.7,
  onsetPrior: 20,
  onsetShape: 0.15,
  onsetMost: 30,
};

/** What the engine looks at; indexes of `tuning.weights` and of `Seen.cause`. */
export const causes = [
  'hour',
  'shift',
  'level',
  'jump',
  'noise',
  'activity',
  'value',
  'smoothed',
  'hour-drift',
  'frozen',
] as const;

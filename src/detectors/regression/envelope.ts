/**
 * What this service's own healthy changes did to this signal: per phase after the change, the mean excess and how it
 * varied between changes. Phases are counted in samples and widen with time (two an octave), so one shape serves one
 * second and one minute, and an hour at one second costs two dozen numbers.
 */
export interface Envelope {
  /** How many healthy changes taught it; capped, so that old ones fade. */
  n: number;
  mean: number[];
  /** Sum of squared deviations between changes, forgetting as `n` is capped. */
  squares: number[];
  /** How many changes reached the phase. */
  count: number[];
}

/** What a change is expected to do to a signal, with its uncertainty. */
export interface Expected {
  readonly mean: number;
  /** Spread between changes as learned, and with what is not known yet. */
  readonly learned: number;
  readonly spread: number;
}

const remembered = 16;

/** Nothing learned. */
export function emptyEnvelope(): Envelope {
  return { n: 0, mean: [], squares: [], count: [] };
}

/** The phase of the `k`-th sample after a change (0 is the first): 0..7 one by one, then two an octave. */
export function phaseOf(k: number): number {
  return k < 8 ? k : Math.min(23, 2 + Math.floor(2 * Math.log2(k)));
}

/** What is to be expected `k` samples after a change. `prior` is the spread before anything is known. */
export function expectedAt(envelope: Envelope, k: number, prior: number): Expected {
  const phase = phaseOf(k);
  const count = envelope.count[phase] ?? 0;
  // One change says little of the next; the mean is drawn towards nothing until there are several.
  const mean = ((envelope.mean[phase] ?? 0) * count) / (count + 0.5);
  const guess = 0.3 * Math.abs(mean);
  const learned = Math.sqrt(((envelope.squares[phase] ?? 0) + 2 * guess * guess) / (Math.max(0, count - 1) + 2));
  const ignorance = (prior * 2 ** -(Math.max(0, k - 5) / 6)) / (1 + count);
  return { mean, learned, spread: Math.hypot(learned, ignorance) };
}

/** The means of each phase of one change, as gathered while it was watched. */
export interface Course {
  sum: number[];
  count: number[];
}

/** Adds the excess of the `k`-th sample to the course of the change under watch. */
export function addToCourse(course: Course, k: number, excess: number): void {
  const phase = phaseOf(k);
  while (course.sum.length <= phase) {
    course.sum.push(0);
    course.count.push(0);
  }
  course.sum[phase] = (course.sum[phase] ?? 0) + excess;
  course.count[phase] = (course.count[phase] ?? 0) + 1;
}

/** A healthy change teaches: Welford's update per phase, with a bounded memory. */
export function learnCourse(envelope: Envelope, course: Course): void {
  envelope.n = Math.min(remembered, envelope.n + 1);
  for (let phase = 0; phase < course.sum.length; phase++) {
    const samples = course.count[phase] ?? 0;
    while (envelope.mean.length <= phase) {
      envelope.mean.push(0);
      envelope.squares.push(0);
      envelope.count.push(0);
    }
    if (samples === 0) continue;
    const value = (course.sum[phase] ?? 0) / samples;
    const known = Math.min(remembered - 1, envelope.count[phase] ?? 0);
    const mean = envelope.mean[phase] ?? 0;
    const next = mean + (value - mean) / (known + 1);
    const kept = (envelope.count[phase] ?? 0) >= remembered ? (remembered - 2) / (remembered - 1) : 1;
    envelope.squares[phase] = (envelope.squares[phase] ?? 0) * kept + (value - mean) * (value - next);
    envelope.mean[phase] = next;
    envelope.count[phase] = known + 1;
  }
}

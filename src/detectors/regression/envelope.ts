import { at } from './normal.ts';

/**
 * What this service's own healthy changes did to this signal: the course of each of the last dozen, phase by phase. They
 * are kept whole, not as a mean and a spread, because what deploys do is seldom bell-shaped: half of them clear a cache, a
 * plateau ends now at eight minutes and now at ten. The oldest is forgotten when a new one comes.
 */
export interface Envelope {
  /** How many healthy changes taught it; capped. */
  n: number;
  /** Where the next course goes. */
  next: number;
  /** `remembered` rows of `phases` excesses over the level before; NaN where a course did not reach. */
  readonly courses: Float32Array;
}

/** How many courses are kept. */
export const remembered = 12;
const singles = 16;
/** Phases: the first samples one by one, then eight an octave, so that a late hump is not smeared out, then four. */
export const phases = 56;
const fine = 32;
/** After this many samples no course is known any more. */
export const reach = 1_024;

/** Nothing learned. */
export function emptyEnvelope(): Envelope {
  return { n: 0, next: 0, courses: new Float32Array(remembered * phases).fill(Number.NaN) };
}

// Asked for thousands of times a sample: worked out once.
const starts = Float64Array.from({ length: phases + 1 }, (_, phase) => {
  if (phase < singles) return phase;
  const rest = phase - singles;
  return singles * 2 ** (rest < fine ? rest / 8 : fine / 8 + (rest - fine) / 4);
});
const phaseBySample = Uint8Array.from({ length: reach }, (_, k) => starts.findLastIndex((start) => start <= k));

/** The phase of the `k`-th sample after a change (0 is the first), below `reach`. One shape serves one second and one minute. */
export function phaseOf(k: number): number {
  return phaseBySample[k] ?? phases - 1;
}

/** The first sample of a phase. */
export function startOf(phase: number): number {
  return starts[phase] ?? reach;
}

/** The means of each phase of one change, as gathered while it was watched. */
export interface Course {
  readonly sum: Float32Array;
  readonly count: Uint16Array;
}

/** Nothing gathered. */
export function emptyCourse(): Course {
  return { sum: new Float32Array(phases), count: new Uint16Array(phases) };
}

/** Adds the excess of the `k`-th sample to the course of the change under watch. */
export function addToCourse(course: Course, k: number, excess: number): void {
  if (k >= reach) return;
  const phase = phaseOf(k);
  course.sum[phase] = at(course.sum, phase) + excess;
  course.count[phase] = at(course.count, phase) + 1;
}

/** A healthy change teaches. */
export function learnCourse(envelope: Envelope, course: Course): void {
  const row = envelope.next * phases;
  for (let phase = 0; phase < phases; phase++) {
    const count = at(course.count, phase);
    envelope.courses[row + phase] = count === 0 ? Number.NaN : at(course.sum, phase) / count;
  }
  envelope.next = (envelope.next + 1) % remembered;
  envelope.n = Math.min(remembered, envelope.n + 1);
}

/**
 * What a change may do, worked out when the watch over it begins: phase by phase, the middle of what healthy ones did, how
 * much more than that is still no surprise, and what part of that is ignorance. All on the even scale.
 */
export interface Expected {
  readonly middle: Float32Array;
  readonly room: Float32Array;
  readonly ignorance: Float32Array;
}

/** The middle and the room over one stretch. */
export interface Stretch {
  readonly middle: number;
  readonly room: number;
}

/**
 * Works out what to expect. `prior` is the room at the first sample while nothing is known, on the even scale; it shrinks
 * as warm-ups do (over `stretch` times as many samples), and with every course learned. `fleet` is what healthy changes of other services did, per phase, for
 * as long as this one has hardly any of its own.
 */
export function expectedOf(
  envelope: Envelope,
  { prior, stretch }: { readonly prior: number; readonly stretch: number },
  fleet: Float32Array | undefined,
): Expected {
  const expected: Expected = {
    middle: new Float32Array(phases),
    room: new Float32Array(phases),
    ignorance: new Float32Array(phases),
  };
  const sums = sumsOf(envelope);
  for (let phase = 0; phase < phases; phase++) {
    const k = startOf(phase);
    const decaying = prior * 2 ** (-Math.max(0, k / stretch - 5) / 6);
    const guess = fleet === undefined ? decaying : Math.max(decaying / 3, at(fleet, phase));
    expected.ignorance[phase] = guess / (1 + envelope.n) ** 2;
    const usual = over(envelope, sums, Math.ceil(k) + 1, phase < singles ? 1 : 2, at(expected.ignorance, phase), 0);
    expected.middle[phase] = usual.middle;
    expected.room[phase] = usual.room;
  }
  return expected;
}

/** For every course, the sum of its excesses up to each sample, at the starts of phases: any stretch is a difference. */
export function sumsOf(envelope: Envelope): Float64Array {
  const row = phases + 1;
  const sums = new Float64Array(remembered * row);
  for (let course = 0; course < envelope.n; course++) {
    let last = 0;
    for (let phase = 0; phase < phases; phase++) {
      const value = envelope.courses[course * phases + phase] ?? Number.NaN;
      // A hole, as restarts leave them, is taken to be as the value before it.
      if (!Number.isNaN(value)) last = value;
      const length = startOf(phase + 1) - startOf(phase);
      sums[course * row + phase + 1] = (sums[course * row + phase] ?? 0) + last * length;
    }
  }
  return sums;
}

function sumUpTo(sums: Float64Array, course: number, k: number): number {
  const phase = phaseOf(Math.min(reach - 1, Math.floor(k)));
  const from = course * (phases + 1) + phase;
  const start = startOf(phase);
  const share = (k - start) / (startOf(phase + 1) - start);
  const before = sums[from] ?? 0;
  return before + ((sums[from + 1] ?? 0) - before) * share;
}

/**
 * What the mean of the `m` samples before sample `k` after a change may be: over the level before the change, or, with
 * `before`, over the mean of so many samples before those. `noise` is what each such mean strays by without any change: the
 * courses hold it too, and it is no part of what changes do.
 */
export function over(
  envelope: Envelope,
  sums: Float64Array,
  k: number,
  m: number,
  ignorance: number,
  noise: number,
  before = 0,
): Stretch {
  const own: number[] = [];
  const near: number[] = [];
  // A plateau that ended at the ninth minute may end at the tenth: what was near in time counts as seen.
  const shift = Math.max(1, Math.min(0.12 * k, 2.4) + 0.2 * Math.max(0, k - 20));
  for (let course = 0; course < envelope.n; course++) {
    if (reachOf(envelope, course) < k) continue;
    const sum = (until: number): number => sumUpTo(sums, course, Math.max(0, until));
    const mean = (until: number): number => {
      const newest = (sum(until) - sum(until - m)) / m;
      return before === 0 ? newest : newest - (sum(until - m) - sum(until - m - before)) / before;
    };
    const here = mean(k);
    own.push(here);
    let most = here;
    for (const by of [-1, -0.75, -0.5, -0.25, 0.25, 0.5, 0.75, 1])
      most = Math.max(most, mean(Math.min(reach, k + by * shift)));
    near.push(most);
  }
  const n = own.length;
  if (n === 0) return { middle: 0, room: ignorance };
  own.sort((a, b) => a - b);
  // One change says little of the next; the middle is drawn towards nothing until there are several.
  const middle = ((((own[(n - 1) >> 1] ?? 0) + (own[n >> 1] ?? 0)) / 2) * n) / (n + 0.3);
  return { middle, room: Math.hypot(roomOf(own, near, middle, noise), ignorance) };
}

// Up to which sample a course was watched.
function reachOf({ courses }: Envelope, course: number): number {
  let phase = phases - 1;
  while (phase > 0 && Number.isNaN(courses[course * phases + phase] ?? Number.NaN)) phase--;
  return startOf(phase + 1);
}

function roomOf(own: readonly number[], near: number[], middle: number, noise: number): number {
  const n = own.length;
  near.sort((a, b) => b - a);
  const first = near[0] ?? 0;
  const second = near[1] ?? first;
  // One course far above all others is more likely a fault nobody noticed than what this service does.
  const outlier = n >= 5 && first - second > 2 * Math.max(second - middle, 0.15);
  const highest = outlier ? second : first;
  let squares = 0;
  let counted = 0;
  for (const value of own) {
    if (outlier && value > highest) continue;
    squares += (value - middle) ** 2;
    counted++;
  }
  const guess = 0.2 * Math.abs(middle);
  const free = Math.max(0, counted - 1);
  const spread = Math.sqrt((Math.max(0, squares - free * noise * noise) + 2 * guess * guess) / (free + 2));
  // The highest of several is high by luck too.
  const luck = 0.85 * noise * Math.sqrt(2 * Math.log(n));
  return Math.max(2.6 * spread * (1 + 2 / n), 1.25 * (highest - middle) - luck);
}

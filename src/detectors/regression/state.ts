import type { Change } from '../../domain/change.ts';
import { emptyEnvelope, type Course, type Envelope, type Expected } from './envelope.ts';
import { emptyNormal, type Normal } from './normal.ts';

/** A change under watch: what is compared with what, and how it went so far. */
export interface Watch {
  changeId: string;
  /** `v3 was deployed`, for sentences: the change itself may be gone from the context when it is judged. */
  phrase: string;
  kind: Change['kind'];
  /** It is a change of another service, that this one calls or is called by. */
  foreign: boolean;
  atMs: number;
  /** The level before, on the even scale, and of how many samples it was taken. */
  base: number;
  baseOf: number;
  /** The same for what is compared with it an hour later: where a level wanders, over longer. */
  far: number;
  farOf: number;
  /** The levels, before the change, of series of this service that it did not touch, by their keys: the control. */
  rest: Readonly<Record<string, number>>;
  /** Samples since the change. */
  k: number;
  readonly course: Course;
  readonly expected: Expected;
  /** Of the courses learned; worked out from them, never saved. */
  readonly sums: Float64Array;
  /** Samples since the excess first mattered; 0 while it never did. */
  sinceOnset: number;
  peak: number;
  peakMs: number;
  /** The last samples lie within what is usual. */
  settled: boolean;
  announced: boolean;
}

/** Why something is held to be wrong. */
export type Why = 'beyond-envelope' | 'not-shrinking' | 'late' | 'no-change';

/** Something is wrong, and against which level that is measured until it is over. */
export interface Trouble {
  sinceMs: number;
  base: number;
  changeId: string | null;
  phrase: string;
  changeMs: number;
  z: number;
  effect: number;
  /** How much more than the level before was still no surprise when it was called. */
  room: number;
  why: Why;
  /** Samples in a row near the level before, and near the long-run level. */
  calm: number;
  usual: number;
}

/** The verdict on a change, said once. */
export interface Announcement {
  changeId: string;
  verdict: 'healthy' | 'inconclusive';
  reason: string;
}

/** A change that was taken up, and when it touched this series. */
export interface Taken {
  readonly id: string;
  readonly atMs: number;
}

/** Half-hours of a day: what rises at the same time every day is the day, not a fault. */
export const halfHours = 48;

/** All that is kept of one series. */
export interface State {
  /** First values, until the offset of the even scale can be fixed. */
  first: { tMs: number; v: number }[];
  offset: number;
  v: number;
  /** Requests a sample stands for, where that is known (nought: it is not): few requests prove little. */
  requests: number;
  /** The long-run mean of what is bad (of what is missing to the whole, where less is bad): where failures are rare, the middle is nought and says nothing. */
  mean: number;
  readonly normal: Normal;
  readonly envelope: Envelope;
  /** The largest jump at each half-hour of earlier days, fading; and the largest in the present one. */
  readonly rises: Float32Array;
  rise: number;
  half: number;
  watch: Watch | null;
  trouble: Trouble | null;
  /** Changes of the last hour that were taken up, oldest first. */
  taken: Taken[];
  announce: Announcement[];
}

/** A series of which nothing is known. */
export function emptyState(): State {
  return {
    first: [],
    offset: 0,
    v: 0,
    requests: 0,
    mean: 0,
    normal: emptyNormal(),
    envelope: emptyEnvelope(),
    rises: new Float32Array(halfHours),
    rise: 0,
    half: -1,
    watch: null,
    trouble: null,
    taken: [],
    announce: [],
  };
}

import type { Change } from '../../domain/change.ts';
import { emptyEnvelope, type Course, type Envelope } from './envelope.ts';
import { emptyNormal, type Normal } from './normal.ts';

/** A change under watch: what is compared with what, and how it went so far. */
export interface Watch {
  changeId: string;
  /** `v3 was deployed`, for sentences: the change itself may be gone from the context when it is judged. */
  phrase: string;
  kind: Change['kind'];
  atMs: number;
  /** The level before, on the even scale. */
  base: number;
  /** Samples since the change. */
  k: number;
  /** Excess over `base` of the last samples, oldest first. */
  excess: number[];
  course: Course;
  /** Samples since the excess first mattered; 0 while it never did. */
  sinceOnset: number;
  peak: number;
  peakMs: number;
  /** The last samples lie within what is usual. */
  settled: boolean;
  announced: boolean;
}

/** Something is wrong, and against which level that is measured until it is over. */
export interface Trouble {
  sinceMs: number;
  base: number;
  changeId: string | null;
  phrase: string;
  changeMs: number;
  z: number;
  effect: number;
  why: 'beyond-envelope' | 'not-shrinking' | 'no-change';
  calm: number;
}

/** The verdict on a change, said once. */
export interface Announcement {
  changeId: string;
  verdict: 'healthy' | 'inconclusive';
  reason: string;
}

/** All that is kept of one series. */
export interface State {
  /** First values, until the offset of the even scale can be fixed. */
  first: { tMs: number; v: number }[];
  offset: number;
  v: number;
  normal: Normal;
  envelope: Envelope;
  watch: Watch | null;
  trouble: Trouble | null;
  /** The newest change that was taken up. */
  changeMs: number;
  changeIds: string[];
  announce: Announcement[];
}

/** A series of which nothing is known. */
export function emptyState(): State {
  return {
    first: [],
    offset: 0,
    v: 0,
    normal: emptyNormal(),
    envelope: emptyEnvelope(),
    watch: null,
    trouble: null,
    changeMs: 0,
    changeIds: [],
    announce: [],
  };
}

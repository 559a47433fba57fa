import type { Gap } from './telemetry.ts';

/** Classes of cause. `unknown` is an answer. */
export type Cause = 'change' | 'dependency' | 'resource' | 'traffic' | 'host' | 'external' | 'unknown';

/** A cited fact, for or against. `weight` is a log-likelihood ratio, capped per kind so that none wins alone. */
export interface Evidence {
  readonly id: string;
  readonly kind: 'metric' | 'log' | 'trace' | 'change' | 'topology' | 'state' | 'alert' | 'history';
  readonly text: string;
  readonly weight: number;
  readonly atMs?: number;
  /** What would show otherwise: the query or look that would refute it. */
  readonly refutedBy?: string;
}

/** One explanation with what speaks for it and against it. */
export interface Hypothesis {
  readonly id: string;
  readonly cause: Cause;
  readonly service: string;
  /** For cause `change`. */
  readonly changeId?: string;
  readonly title: string;
  /** What the change changed, as its source tells it: `main.image: shop:v1 -> shop:v2`. One line, cut; untrusted text. */
  readonly diff?: string;
  readonly confidence: number;
  readonly for: readonly Evidence[];
  readonly against: readonly Evidence[];
  /** Set when it was considered and excluded, with the sentence that excluded it. */
  readonly ruledOut?: string;
}

/** Ranked hypotheses, or `inconclusive` with what would be needed to decide. */
export interface Diagnosis {
  readonly id: string;
  readonly incidentId: string;
  readonly asOfMs: number;
  readonly verdict: 'conclusive' | 'inconclusive';
  /** The leading hypothesis' cause when conclusive, else `unknown`. */
  readonly cause: Cause;
  readonly service: string;
  readonly changeId?: string;
  readonly confidence: number;
  readonly summary: string;
  readonly hypotheses: readonly Hypothesis[];
  /** What could not be read; missing evidence lowers confidence and is named. */
  readonly gaps: readonly Gap[];
  readonly needed?: string;
}

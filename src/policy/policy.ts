import type { ApprovalRequirement, Autonomy } from '../domain/authority.ts';
import type { CelProgram } from '../lib/cel/index.ts';
import type { CronWindow } from '../lib/cron-window.ts';
import type { Selector } from '../lib/selector.ts';
import type { Amount } from '../lib/written.ts';

/** One Policy document, checked and compiled. */
export interface Policy {
  readonly name: string;
  /** Digest of the document as written. */
  readonly digest: string;
  /** The services it speaks about. `protect` alone holds everywhere. */
  readonly scope: Selector;
  /** The actions it speaks about. */
  readonly actions: readonly string[];
  /** Absent: the policy grants nothing and only restricts. Present, even if empty: what it does not grant is denied. */
  readonly allow?: readonly AllowRule[];
  readonly never: readonly NeverRule[];
  readonly freeze: readonly FreezeRule[];
  readonly storm?: StormRule;
  readonly protect: readonly string[];
}

/** What × which. */
export interface RuleMatch {
  readonly actions: readonly string[];
  readonly services: Selector;
  /** Kinds and ids of targets, as globs; empty: any. */
  readonly kinds: readonly string[];
  readonly ids: readonly string[];
}

/** A complete grant: what × which × how much × when × whose consent. */
export interface AllowRule {
  /** `policy/prod allow[0]`. */
  readonly rule: string;
  readonly match: RuleMatch;
  readonly autonomy: Autonomy;
  readonly earn?: { readonly runs: number; readonly success: number };
  readonly bounds: Bounds;
  readonly when?: CelProgram;
  readonly approval?: ApprovalRequirement;
}

/** How much. Everything in flight counts. */
export interface Bounds {
  /** Units touched at once, of those the service has. */
  readonly units?: Amount;
  readonly keepHealthy?: Amount;
  readonly replicasMax?: number;
  readonly parallel?: number;
  readonly perHour?: number;
  readonly perDay?: number;
}

/** A rule under which nothing is done, unless its exception holds. */
export interface NeverRule {
  readonly rule: string;
  readonly match: RuleMatch;
  readonly when?: CelProgram;
  readonly unless?: CelProgram;
}

/** A window in which nothing is done, unless its exception holds. */
export interface FreezeRule {
  readonly rule: string;
  readonly match: RuleMatch;
  readonly window: CronWindow;
  readonly unless?: CelProgram;
}

/** When this many services are ill at once, something larger is going on: hands off. */
export interface StormRule {
  readonly rule: string;
  readonly share: number;
  /** Fewer ill services than this are no storm, however few are watched. */
  readonly atLeast: number;
  /** How far the machine may still go. */
  readonly cap: Autonomy;
  readonly cooldownMs: number;
}

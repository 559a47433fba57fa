import type { Json } from '../lib/json.ts';
import type { Change } from '../domain/change.ts';
import type { FindingChart, Severity } from '../domain/alert.ts';
import type { DetectorContext, DetectorRule } from '../domain/ports/detector.ts';
import type { Sample, SeriesMeta } from '../domain/telemetry.ts';

/** What a fold says about its series now; the bank turns it into a Finding. */
export interface Verdict {
  readonly state: 'bad' | 'good' | 'unknown';
  /** A full sentence. */
  readonly reason: string;
  readonly numbers: Readonly<Record<string, number>>;
  /** 0..1. */
  readonly confidence: number;
  /** Since when, if the fold knows better than the bank, which remembers when the state last changed. */
  readonly sinceMs?: number;
  readonly severity?: Severity;
  /** Added to the series' own labels, to tell apart several verdicts about one series. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly changeId?: string;
  readonly chart?: Omit<FindingChart, 'seriesKey'>;
  /** Said even when nobody watches: a `good` is otherwise dropped unless an alert waits for it. */
  readonly always?: boolean;
}

/** What a fold may look at beside its own state. It is only good while `add` or `judge` runs: do not keep it. */
export interface FoldInput<S> {
  readonly meta: SeriesMeta;
  readonly rule: DetectorRule;
  readonly context: DetectorContext;
  readonly asOfMs: number;
  /** Median distance of the last samples. 0 while there are fewer than two. */
  readonly stepMs: number;
  readonly lastMs: number;
  /** Changes of the series' service (and dependencies, if the rule says so), newest last. */
  readonly changes: readonly Change[];
  /** The last samples, oldest first, at most `limits.detectorRecentSamples`; fewer with `lessOfMany`. While `add` runs, the new one is not in it. */
  readonly recent: readonly Sample[];
  /**
   * The samples of a sibling signal of this service that arrived in this step (see BankOptions.companions). Of a signal
   * that is known for the whole service alone, this series has an equal part.
   */
  companion(signal: string): readonly Sample[];
  /** Other series this detector follows: those of the same service first, then others; bounded. */
  peers(): readonly { readonly meta: SeriesMeta; readonly state: S }[];
}

/**
 * A simple kind: `init` makes a small JSON value, `add` folds one sample into it, `judge` says what it means. The
 * state object belongs to the fold and is updated in place; given equal calls it must become equal, and it must hold
 * finite numbers only, so that JSON carries it exactly.
 */
export interface SeriesFold<S> {
  init(meta: SeriesMeta): S;
  add(state: S, sample: Sample, input: FoldInput<S>): void;
  judge(state: S, input: FoldInput<S>): readonly Verdict[];
  /** True when `judge` would give one `good` and nothing else: it is then not asked, unless somebody waits for the answer. */
  calm?(state: S): boolean;
  /** For states that are not plain JSON (typed arrays): what is saved, and the state it came from, exactly. */
  readonly pack?: (state: S) => Json;
  readonly unpack?: (saved: Json) => S;
}

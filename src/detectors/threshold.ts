import * as z from 'zod';

import { formatDuration } from '../lib/duration.ts';
import { schemaOf } from '../lib/schema.ts';
import { median } from '../lib/stats.ts';
import { sideOfChange, touchedAtMs } from '../domain/change.ts';
import type { DetectorKind, DetectorRule } from '../domain/ports/detector.ts';
import { foldPerSeries } from './bank.ts';
import type { FoldInput, SeriesFold, Verdict } from './fold.ts';
import { amount, where } from './params.ts';
import { changePhrase, describeChange, formatValue, subject } from './words.ts';

const params = z
  .strictObject({ above: amount.exactOptional(), below: amount.exactOptional(), backTo: amount.exactOptional(), where })
  .superRefine((value, context) => {
    const { above, below, backTo } = value;
    if ((above === undefined) === (below === undefined))
      context.addIssue({ code: 'custom', message: 'needs exactly one of above and below' });
    else if (backTo !== undefined && (above === undefined ? backTo < (below ?? 0) : backTo > above))
      context.addIssue({ code: 'custom', path: ['backTo'], message: 'must lie on the good side of the limit' });
  });

type Params = z.infer<typeof params>;

interface State {
  v: number;
  limit: number;
  bad: boolean;
  sinceMs: number;
  /** The value before the change that widens the limit, frozen when that change is first met. */
  before: { change: string; value: number } | null;
}

/** A value beyond a limit, with hysteresis; a stated bound after a change widens the limit for its time. */
export const threshold: DetectorKind<Params> = {
  kind: 'threshold',
  summary: 'A value is above or below a limit',
  params: schemaOf(params),
  stateBytesPerSeries: 2_800,
  warmupMs: () => 0,
  create: (rule, settings, saved) =>
    foldPerSeries(rule, thresholdFold(rule, settings), saved, {
      where: settings.where,
      anyNumber: true,
      // A stated bound is held against what was seen before the change.
      lessOfMany: rule.afterChange.expect !== 'bound',
    }),
};

function thresholdFold(rule: DetectorRule, settings: Params): SeriesFold<State> {
  const up = settings.above !== undefined;
  const base = settings.above ?? settings.below ?? 0;
  // 10 % of hysteresis, so that a value that sits on the limit is one alert and not fifty.
  const back = settings.backTo ?? base - (up ? 0.1 : -0.1) * Math.abs(base);
  return {
    init: () => ({ v: 0, limit: base, bad: false, sinceMs: 0, before: null }),
    add(state, sample, input) {
      const widened = limitNow(rule, state, sample.tMs, base, up, input);
      const edge = state.bad && widened === base ? back : widened;
      const bad = up ? sample.v > edge : sample.v < edge;
      if (bad !== state.bad || state.sinceMs > sample.tMs) state.sinceMs = sample.tMs;
      state.v = sample.v;
      state.limit = widened;
      state.bad = bad;
    },
    judge: (state, input) => [verdict(state, up, input)],
    calm: (state) => !state.bad,
  };
}

function limitNow(
  rule: DetectorRule,
  state: State,
  tMs: number,
  base: number,
  up: boolean,
  input: FoldInput<State>,
): number {
  const { afterChange } = rule;
  if (afterChange.expect !== 'bound') return base;
  const { labels } = input.meta;
  const change = input.changes.findLast((one) => {
    const atMs = touchedAtMs(one, labels);
    return atMs <= tMs && tMs < atMs + afterChange.forMs && sideOfChange(one, labels) !== 'rest';
  });
  if (change === undefined) return base;
  if (state.before?.change !== change.id) {
    const earlier = input.recent.filter((sample) => sample.tMs < touchedAtMs(change, labels)).map((sample) => sample.v);
    state.before = { change: change.id, value: median(earlier) ?? base };
  }
  const { value } = state.before;
  return up ? Math.max(base, value * afterChange.upTo) : Math.min(base, value / afterChange.upTo);
}

function verdict(state: State, up: boolean, input: FoldInput<State>): Verdict {
  const { meta } = input;
  const seen = formatValue(state.v, meta.unit);
  const limit = formatValue(state.limit, meta.unit);
  const lasted = Math.max(0, input.lastMs - state.sinceMs);
  const numbers = { value: state.v, limit: state.limit, bad_s: state.bad ? lasted / 1_000 : 0 };
  const chart = {
    seen: input.recent,
    expected: input.recent.map(({ tMs }) =>
      up ? { tMs, low: Math.min(0, state.limit), high: state.limit } : { tMs, low: state.limit, high: state.limit * 2 },
    ),
  };
  if (!state.bad) {
    const change = input.changes.findLast((one) => one.id === state.before?.change);
    const widened = change === undefined ? '' : ` (limit after ${describeChange(change)})`;
    const reason = `${subject(meta)} is ${seen}, ${up ? 'not above' : 'not below'} ${limit}${widened}`;
    return { state: 'good', reason, numbers, confidence: 0.5, sinceMs: state.sinceMs };
  }
  const excess = Math.abs(state.v - state.limit) / Math.max(Math.abs(state.limit), 1e-9);
  return {
    state: 'bad',
    reason: `${subject(meta)} is ${seen}, ${up ? 'above' : 'below'} ${limit}${lasted < 1_000 ? '' : ` for ${formatDuration(lasted)}`}${changePhrase(input.changes, state.sinceMs)}`,
    numbers,
    confidence: Math.min(0.95, 0.6 + 0.35 * excess),
    sinceMs: state.sinceMs,
    chart,
  };
}

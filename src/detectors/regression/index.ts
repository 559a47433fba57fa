/**
 * Deploy-aware regression. After a change a series is compared with its own minutes before, in the light of what this
 * service's healthy changes did to it before (the envelope), and against instances the change did not touch. A warm-up
 * is let pass while it shrinks; what stays is called, at three time scales, by a boundary that may be looked at after
 * every sample. Nothing is ever muted: outside of changes a clear jump is called too, only later and on stronger
 * evidence. Everything counts in samples, so one second and one minute behave alike.
 */
import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import type { DetectorKind, DetectorRule } from '../../domain/ports/detector.ts';
import { foldPerSeries } from '../bank.ts';
import type { SeriesFold, Verdict } from '../fold.ts';
import { durationMs } from '../params.ts';
import { addSample } from './fold.ts';
import { natureOf } from './nature.ts';
import { isReady } from './normal.ts';
import { pack, unpack } from './pack.ts';
import { emptyState, type State } from './state.ts';
import { announceSettled, type Settings } from './watch.ts';
import { verdictOf } from './words.ts';

const params = z.strictObject({
  sensitivity: z.enum(['low', 'medium', 'high']).default('medium'),
  watch: durationMs.prefault('4h').describe('how long after a change a late onset is still held against it'),
  worse: z.enum(['up', 'down']).exactOptional().describe('which way is bad; default: by the nature of the signal'),
});

type Params = z.infer<typeof params>;

/** Kind `regression`: after a change, a signal leaves the envelope of this service's own healthy changes. */
export const regression: DetectorKind<Params> = {
  kind: 'regression',
  summary: 'A change made a signal worse than this service’s healthy changes do',
  params: schemaOf(params),
  stateBytesPerSeries: 8_000,
  warmupMs: () => 3 * 86_400_000,
  create: (rule, settings, saved) =>
    foldPerSeries(rule, regressionFold(rule, settings), saved, { companions: ['traffic'] }),
};

function regressionFold(rule: DetectorRule, settings: Params): SeriesFold<State> {
  const settingsFor = (meta: Parameters<typeof natureOf>[0]): Settings => ({
    nature: natureOf(meta, settings.sensitivity, settings.worse),
    watchMs: settings.watch,
    afterChange: rule.afterChange,
  });
  return {
    init: emptyState,
    pack,
    unpack,
    add(state, sample, input) {
      addSample(state, sample, input, settingsFor(input.meta));
    },
    judge(state, input) {
      const own = settingsFor(input.meta);
      announceSettled(state, input.meta, own);
      const told = state.announce;
      // Most series, most of the time: well, and nobody waits to hear it.
      if (isQuiet(state) && !input.context.isWatched(input.meta)) return [];
      const verdict = verdictOf(state, input, own.nature);
      state.announce = [];
      const last = told.at(-1);
      if (last === undefined || verdict.state === 'bad') return [verdict];
      return [...told.slice(0, -1).map((one) => announced(one, verdict)), announced(last, verdict)];
    },
  };
}

function isQuiet(state: State): boolean {
  return state.trouble === null && state.announce.length === 0 && isReady(state.normal);
}

// A change's verdict is said even when nobody watches: the timeline tells why nobody was called.
function announced(one: State['announce'][number], now: Verdict): Verdict {
  return {
    ...now,
    state: one.verdict === 'healthy' ? 'good' : 'unknown',
    reason: one.reason,
    numbers: { ...now.numbers, healthy: one.verdict === 'healthy' ? 1 : 0 },
    changeId: one.changeId,
    always: true,
  };
}

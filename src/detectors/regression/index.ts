/**
 * Deploy-aware regression. After a change a series is compared with its own minutes before, in the light of what each of
 * this service's last healthy changes did to it (the envelope: whole courses, compared stretch by stretch at four time
 * scales), and against instances the change did not touch. What stays is called by a boundary that may be looked at after
 * every sample; a warm-up that is not known yet is let pass while it shrinks. A jump hours later is held against the change
 * on stronger evidence, and without any change on the strongest. Nothing is ever muted. Whatever went away by itself
 * teaches, even if it was called; what was rolled back does not. Everything counts in samples; what is sampled more often
 * than each minute is also looked at by the minute (`views.ts`), where leaks, ramps and long warm-ups show.
 */
import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import type { DetectorKind } from '../../domain/ports/detector.ts';
import { foldPerSeries } from '../bank.ts';
import type { FoldInput, SeriesFold, Verdict } from '../fold.ts';
import { durationMs } from '../params.ts';
import { natureOf } from './nature.ts';
import { isReady } from './normal.ts';
import type { State } from './state.ts';
import {
  addToViews,
  emptyViews,
  fineInput,
  minutesInput,
  packViews,
  ruling,
  settingsOfFine,
  unpackViews,
  type Views,
} from './views.ts';
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
  stateBytesPerSeries: 16_000,
  warmupMs: () => 3 * 86_400_000,
  create: (rule, settings, saved) =>
    foldPerSeries(rule, regressionFold(settings), saved, { companions: ['traffic'], learns: true }),
};

function regressionFold(settings: Params): SeriesFold<Views> {
  const settingsFor = (meta: Parameters<typeof natureOf>[0]): Settings => ({
    nature: natureOf(meta, settings.sensitivity, settings.worse),
    watchMs: settings.watch,
  });
  return {
    init: emptyViews,
    pack: packViews,
    unpack: unpackViews,
    add(views, sample, input) {
      addToViews(views, sample, input, settingsFor(input.meta));
    },
    judge(views, input) {
      const own = settingsFor(input.meta);
      announceSettled(views.fine, input.meta, settingsOfFine(own, views));
      // Most series, most of the time: well, and nobody waits to hear it.
      if (isQuiet(views) && !input.context.isWatched(input.meta)) return [];
      return said(views, input, own);
    },
  };
}

function said(views: Views, input: FoldInput<Views>, { nature }: Settings): readonly Verdict[] {
  const state = ruling(views);
  const verdict = verdictOf(state, state === views.fine ? fineInput(input) : minutesInput(input), nature);
  const last = state.announce.at(-1);
  // What is to be said of changes is said when the trouble is over: it would be taken for its end.
  if (last === undefined || verdict.state === 'bad') return [verdict];
  const told = state.announce;
  state.announce = [];
  return [...told.slice(0, -1).map((one) => announced(one, verdict)), announced(last, verdict)];
}

function isQuiet({ fine, minutes }: Views): boolean {
  if (fine.trouble !== null || fine.announce.length > 0) return false;
  if (minutes === null || !isReady(minutes.normal)) return isReady(fine.normal);
  return minutes.trouble === null;
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

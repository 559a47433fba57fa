import * as z from 'zod';

import { formatDuration } from '../lib/duration.ts';
import type { Json } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { schemaOf } from '../lib/schema.ts';
import type { Finding } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { Detector, DetectorKind, DetectorRule } from '../domain/ports/detector.ts';
import type { Sample } from '../domain/telemetry.ts';
import { globMatches } from '../lib/glob.ts';
import { foldPerSeries } from './bank.ts';
import type { FoldInput, SeriesFold, Verdict } from './fold.ts';
import { amount, durationMs } from './params.ts';
import { savedState, toSave } from './saved.ts';
import { changePhrase, cleanText, describeChange, formatValue, subject } from './words.ts';

const changeKind = z.enum(['deploy', 'rollback', 'config', 'scale', 'flag', 'package', 'restart', 'infrastructure']);

const params = z
  .strictObject({
    changes: z.array(changeKind).min(1).exactOptional().describe('fires on changes of these kinds'),
    what: z.string().default('*').describe('only changes of this (glob): `package:openssl*`'),
    when: z.enum(['positive', 'rises', 'equals']).exactOptional().describe('fires when the signal does this'),
    value: amount.default(0).describe('for `equals`'),
    count: z.number().int().min(1).max(1_000).default(1).describe('so many times'),
    within: durationMs.prefault('10m').describe('within this time; also how long the finding lasts after the last'),
  })
  .refine((value) => (value.changes === undefined) !== (value.when === undefined), {
    message: 'needs exactly one of changes (fires on changes) and when (fires on a signal)',
  });

type Params = z.infer<typeof params>;

/** Something happened that is worth a word by itself: an OOM kill, a restart, a package that changed under a service. */
export const event: DetectorKind<Params> = {
  kind: 'event',
  summary: 'Something happened: a change of a kind, a counter that rose, a state that was met',
  params: schemaOf(params),
  stateBytesPerSeries: 3_500,
  warmupMs: () => 0,
  create: (rule, settings, saved) =>
    settings.changes === undefined
      ? foldPerSeries(rule, eventFold(settings), saved, { lessOfMany: true, anyNumber: true })
      : changeWatch(rule, settings, saved),
};

interface State {
  v: number;
  /** When it happened, newest last. */
  times: number[];
  seen: boolean;
}

function eventFold(settings: Params): SeriesFold<State> {
  return {
    init: () => ({ v: 0, times: [], seen: false }),
    add(state, sample) {
      if (happened(settings, state, sample)) state.times.push(sample.tMs);
      if (state.times.length > limits.detectorEventsPerService) state.times.shift();
      Object.assign(state, { v: sample.v, seen: true });
    },
    judge(state, input) {
      // A state that still holds has not stopped happening.
      const holds = settings.when === 'equals' && state.v === settings.value;
      // What a wrong clock says is still to come has happened all the same, and must not last until then.
      state.times = state.times.map((tMs) => Math.min(tMs, input.asOfMs));
      state.times = state.times.filter((tMs) => holds || input.asOfMs - tMs < settings.within);
      return [eventVerdict(state, settings, input)];
    },
  };
}

function happened(settings: Params, state: State, sample: Sample): boolean {
  if (settings.when === 'positive') return sample.v > 0;
  if (settings.when === 'rises') return state.seen && sample.v > state.v;
  return sample.v === settings.value && (!state.seen || state.v !== settings.value);
}

function eventVerdict(state: State, settings: Params, input: FoldInput<State>): Verdict {
  const what = subject(input.meta);
  const times = state.times.length;
  const value = formatValue(state.v, input.meta.unit);
  const numbers = { value: state.v, times };
  const firstMs = state.times[0];
  if (firstMs === undefined || times < settings.count)
    return {
      state: 'good',
      reason: `${what} is ${value}; nothing of note in ${formatDuration(settings.within)}`,
      numbers,
      confidence: 0.5,
    };
  const how = {
    positive: `was above zero ${times === 1 ? 'once' : `${times} times`} in the last ${formatDuration(settings.within)}`,
    rises: `rose ${times === 1 ? 'once' : `${times} times`} in the last ${formatDuration(settings.within)}, to ${value}`,
    equals: `is ${value} since ${formatDuration(Math.max(0, input.asOfMs - firstMs))}`,
  }[settings.when ?? 'positive'];
  return {
    state: 'bad',
    reason: `${what} ${how}${changePhrase(input.changes, firstMs)}`,
    numbers,
    confidence: 0.9,
    sinceMs: firstMs,
    chart: { seen: input.recent, expected: [] },
  };
}

interface Seen {
  service: string;
  what: string;
  phrase: string;
  changeId: string;
  atMs: number;
  times: number;
}

// One finding per service and thing that was changed; it lasts `within` after the last time, then it is good and gone.
function changeWatch(rule: DetectorRule, settings: Params, saved: Json | undefined): Detector {
  const before = savedState(saved) as { readonly events: readonly Seen[] } | undefined;
  const events = new Map((before?.events ?? []).map((one) => [`${one.service}/${one.what}`, one]));
  return {
    step(batch, context) {
      for (const change of batch.changes) if (concerns(change, settings)) note(events, change);
      const findings: Finding[] = [];
      for (const [key, one] of events) {
        one.atMs = Math.min(one.atMs, batch.asOfMs);
        const over = batch.asOfMs - one.atMs >= settings.within;
        const finding = changeFinding(rule, one, over || one.times < settings.count, batch.asOfMs);
        if (finding.state === 'bad' || context.isWatched(finding)) findings.push(finding);
        else if (over) events.delete(key);
      }
      return findings;
    },
    save: () => toSave({ events: [...events.values()] }),
  };
}

function concerns(change: Change, settings: Params): boolean {
  return settings.changes?.includes(change.kind) === true && globMatches(settings.what, change.what);
}

function note(events: Map<string, Seen>, change: Change): void {
  const key = `${change.service}/${change.what}`;
  const known = events.get(key);
  if (known?.changeId === change.id) return;
  const times = (known?.times ?? 0) + 1;
  const entry = { service: change.service, what: change.what, phrase: describeChange(change), changeId: change.id };
  events.delete(key);
  events.set(key, { ...entry, atMs: change.atMs, times });
  const oldest = events.size > limits.detectorSeries ? events.keys().next().value : undefined;
  if (oldest !== undefined) events.delete(oldest);
}

function changeFinding(rule: DetectorRule, one: Seen, good: boolean, asOfMs: number): Finding {
  const ago = formatDuration(Math.max(0, asOfMs - one.atMs));
  return {
    detector: rule.name,
    kind: rule.kind,
    service: one.service,
    signal: rule.on,
    labels: { what: cleanText(one.what, 100) },
    state: good ? 'good' : 'bad',
    atMs: asOfMs,
    sinceMs: one.atMs,
    severity: rule.severity,
    reason: `${one.phrase} on ${one.service} ${ago} ago`,
    numbers: { times: one.times },
    confidence: good ? 0.5 : 0.9,
    changeId: one.changeId,
  };
}

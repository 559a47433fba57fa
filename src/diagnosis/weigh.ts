import type { Hypothesis } from '../domain/diagnosis.ts';
import { limits } from '../lib/limits.ts';
import { compareText } from '../lib/order.ts';
import { caps } from './draft.ts';
import type { Draft, Modality, Note } from './draft.ts';

/**
 * Constants of the fusion. `unknown` is the score that any explanation has to beat; `temperature` makes stated
 * confidence agree with how often it is right (bench/diagnosis.ts prints the table). `recencyCeiling` lies below what
 * counts as an answer: a change that is merely recent leaves the verdict open.
 */
export const fusion = {
  unknown: 1.2,
  temperature: 1.1,
  recencyCeiling: 0.45,
  gapPenalty: 0.06,
  gapFloor: 0.6,
} as const;

const circumstantial: ReadonlySet<Modality> = new Set(['timing', 'prior', 'elimination', 'history']);

/**
 * Weighs the hypotheses against each other and against "unknown". Each modality is capped; what a deeper cause
 * explains is taken from the shallower one; the scores become shares of belief that sum to one.
 */
export function weigh(drafts: readonly Draft[], missing: number): readonly Hypothesis[] {
  const scored = drafts.map((draft) => ({ draft, score: scoreOf(draft.notes) }));
  const settled = scored.map(({ draft, score }) => ({ draft, score: score - explainedAway(draft, scored) }));
  const alive = settled.filter(({ draft }) => draft.ruledOut === undefined);
  const best = Math.max(fusion.unknown, ...alive.map(({ score }) => score));
  const belief = (score: number): number => Math.exp((score - best) / fusion.temperature);
  const total = belief(fusion.unknown) + alive.reduce((sum, { score }) => sum + belief(score), 0);
  const known = Math.max(fusion.gapFloor, 1 - fusion.gapPenalty * missing);
  const ranked = settled.map(({ draft, score }): Hypothesis & { readonly score: number } => {
    const share = draft.ruledOut === undefined ? (belief(score) / total) * known : 0;
    const confidence = isOnlyRecent(draft) ? Math.min(fusion.recencyCeiling, share) : share;
    const { id, cause, service, changeId, title, diff, ruledOut, notes } = draft;
    const evidence = notes.map(({ modality: _, ...note }, index) => ({ ...note, id: `${id}#${index + 1}` }));
    return {
      ...{ id, cause, service, title, score },
      ...(changeId !== undefined && { changeId }),
      ...(diff !== undefined && { diff }),
      confidence: Number(confidence.toFixed(4)),
      for: evidence.filter((one) => one.weight >= 0).sort((a, b) => b.weight - a.weight),
      against: evidence.filter((one) => one.weight < 0).sort((a, b) => a.weight - b.weight),
      ...(ruledOut !== undefined && { ruledOut }),
    };
  });
  const inOrder = ranked.sort((a, b) => b.confidence - a.confidence || b.score - a.score || compareText(a.id, b.id));
  const out = inOrder.filter(({ ruledOut }) => ruledOut !== undefined).slice(0, ruledOutShown);
  const standing = inOrder.filter(({ ruledOut }) => ruledOut === undefined).slice(0, limits.hypotheses - out.length);
  return [...standing, ...out].map(({ score: _, ...hypothesis }) => hypothesis);
}

// What was ruled out is shown however many stand: the one that people would have named must not be missing without a word.
const ruledOutShown = 5;

function scoreOf(notes: readonly Note[]): number {
  const sums = new Map<Modality, number>();
  for (const note of notes) sums.set(note.modality, (sums.get(note.modality) ?? 0) + note.weight);
  return [...sums].reduce(
    (total, [modality, sum]) => total + Math.max(-caps[modality], Math.min(caps[modality], sum)),
    0,
  );
}

// A change that explains well why a service is ill takes from "that service is ill" and "it ran out of something".
function explainedAway(draft: Draft, all: readonly { readonly draft: Draft; readonly score: number }[]): number {
  if (draft.cause !== 'dependency' && draft.cause !== 'resource') return 0;
  const parents = all.filter(
    (other) =>
      other.draft.service === draft.service &&
      other.draft.ruledOut === undefined &&
      (other.draft.cause === 'change' || (draft.cause === 'dependency' && other.draft.cause === 'resource')) &&
      !isOnlyRecent(other.draft),
  );
  const parent = Math.max(0, ...parents.map((other) => other.score - fusion.unknown));
  return Math.min(1.5, parent);
}

/** A change with nothing to speak for it but its time, its kind, and the lack of others: not yet a cause. */
export function isOnlyRecent(draft: Draft): boolean {
  if (draft.cause !== 'change') return false;
  const reaching = new Set<Modality>([...circumstantial, 'reach']);
  return (
    draft.notes
      .filter((note) => !reaching.has(note.modality) && note.weight > 0)
      .reduce((sum, note) => sum + note.weight, 0) < 0.4
  );
}

import type { Diagnosis, Hypothesis } from '../domain/diagnosis.ts';
import type { Gap } from '../domain/telemetry.ts';
import { digest } from '../lib/canonical.ts';
import { limits } from '../lib/limits.ts';
import { oneLine } from '../lib/text.ts';
import type { Draft } from './draft.ts';
import { sceneOf } from './scene.ts';
import type { DiagnoseInput, Scene } from './scene.ts';
import { changeSuspects } from './suspect-change.ts';
import { dependencySuspects } from './suspect-dependency.ts';
import { externalSuspects, hostSuspects, resourceSuspects, trafficSuspects } from './suspect-world.ts';
import { weigh } from './weigh.ts';

/** Below this the answer is "inconclusive"; so it is when the runner-up of another kind comes this near. */
export const margins = { confident: 0.5, apart: 0.12 } as const;

const suspects: readonly ((scene: Scene) => readonly Draft[])[] = [
  changeSuspects,
  dependencySuspects,
  resourceSuspects,
  trafficSuspects,
  hostSuspects,
  externalSuspects,
];

/**
 * Why it happened: ranked hypotheses with what speaks for and against each, or "inconclusive" with what would decide.
 * A change is never the cause merely for being recent: without a mechanism its confidence stays below 0.7. Missing
 * data lowers confidence and is named. Pure and deterministic: the same input gives the same answer, byte for byte.
 */
export function diagnose(input: DiagnoseInput): Diagnosis {
  const scene = sceneOf(input);
  const gaps = relevantGaps(input, scene);
  const hypotheses = weigh(
    suspects.flatMap((suspect) => suspect(scene)),
    blindSpots(gaps, scene),
  );
  const [first] = hypotheses;
  const second = hypotheses.find((other) => other !== first && other.ruledOut === undefined);
  const conclusive =
    first !== undefined &&
    first.ruledOut === undefined &&
    first.confidence >= margins.confident &&
    first.confidence - (second?.confidence ?? 0) >= margins.apart;
  const { incident } = input;
  const needed = conclusive ? undefined : neededFor(first, second, gaps, scene);
  return {
    id: digest([incident.id, scene.asOfMs, hypotheses.map((one) => [one.id, one.confidence])]).slice(0, 32),
    incidentId: incident.id,
    asOfMs: scene.asOfMs,
    verdict: conclusive ? 'conclusive' : 'inconclusive',
    cause: conclusive ? first.cause : 'unknown',
    service: conclusive ? first.service : scene.root,
    ...(conclusive && first.changeId !== undefined && { changeId: first.changeId }),
    confidence: first?.confidence ?? 0,
    summary: summaryOf(first, conclusive, scene),
    hypotheses,
    gaps,
    ...(needed !== undefined && { needed }),
  };
}

function summaryOf(first: Hypothesis | undefined, conclusive: boolean, scene: Scene): string {
  if (first === undefined || first.ruledOut !== undefined)
    return `It is not known why ${scene.root} is unwell: nothing that was looked at explains it.`;
  const percent = Math.round(first.confidence * 100);
  // What it did comes before when it was made.
  const told = [first.for.find((one) => one.kind !== 'change'), first.for.find((one) => one.kind === 'change')];
  const texts = told.flatMap((one) => (one === undefined ? [] : [one.text]));
  const because = texts.length === 0 ? '' : `: ${texts.join('; ')}`;
  const text = conclusive
    ? `${first.title} (${percent}% sure)${because}.`
    : `Inconclusive. The likeliest is that ${first.title} (${percent}% sure)${because}.`;
  // A service's name keeps its case.
  return oneLine(text.startsWith('the ') ? `T${text.slice(1)}` : text, 500);
}

function neededFor(
  first: Hypothesis | undefined,
  second: Hypothesis | undefined,
  gaps: readonly Gap[],
  scene: Scene,
): string {
  const wants: string[] = [];
  const [gap] = gaps;
  if (gap !== undefined) wants.push(`what ${gap.source} could not give (${gap.reason}: ${oneLine(gap.message, 120)})`);
  if (scene.rootSymptom === undefined)
    wants.push(`samples of ${scene.root}'s own signals from before and after the onset`);
  if (scene.input.snapshot.logs.length === 0) wants.push(`error logs of ${scene.root}`);
  if (first !== undefined && second !== undefined && first.confidence > 0 && second.confidence > 0)
    wants.push(`something that tells "${first.title}" from "${second.title}"`);
  const test = first?.for.find((one) => one.refutedBy !== undefined)?.refutedBy;
  if (test !== undefined) wants.push(`a look whether there is ${test}`);
  if (wants.length === 0) wants.push('more signals: nothing that was read moved with it');
  return oneLine(`Needed to decide: ${wants.slice(0, 3).join('; ')}.`, 600);
}

function relevantGaps({ snapshot }: DiagnoseInput, scene: Scene): readonly Gap[] {
  const near = new Set([scene.root, ...scene.dependencies.map(({ name }) => name)]);
  return snapshot.gaps
    .filter((gap) => gap.untilMs >= scene.fromMs && (gap.service === undefined || near.has(gap.service)))
    .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    .slice(0, limits.hypotheses);
}

function keyOf(gap: Gap): string {
  return [
    gap.service === undefined ? '0' : '1',
    gap.source,
    gap.service ?? '',
    gap.signal ?? '',
    gap.reason,
    gap.message,
  ].join('\n');
}

// How much could not be seen: each named gap, the root's own samples, logs.
function blindSpots(gaps: readonly Gap[], scene: Scene): number {
  const kinds = new Set(gaps.map((gap) => `${gap.source}/${gap.service ?? ''}/${gap.signal ?? ''}`)).size;
  return Math.min(
    6,
    kinds + (scene.rootSymptom === undefined ? 2 : 0) + (scene.input.snapshot.logs.length === 0 ? 1 : 0),
  );
}

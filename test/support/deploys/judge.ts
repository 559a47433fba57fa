import { createDetector, holdAndClear, replay, type Recording } from '../../../src/detectors/index.ts';
import type { DetectorDefinition } from '../../../src/domain/definitions.ts';
import type { Label, ServiceWorld } from './service.ts';

/** An alert that fired. */
export interface Fired {
  readonly detector: string;
  readonly atMs: number;
  untilMs: number;
  readonly reason: string;
}

/** How it went with one world. */
export interface Judged {
  readonly world: ServiceWorld;
  readonly faults: readonly { readonly label: Label; readonly delayMinutes: number | undefined; readonly by: string }[];
  readonly deploys: number;
  readonly pagedDeploys: readonly Fired[];
  readonly rollbacks: number;
  readonly pagedRollbacks: readonly Fired[];
  readonly stray: readonly Fired[];
  readonly weeks: number;
}

/** Plays a recording to the detectors, causally. */
export function fire(definitions: readonly DetectorDefinition[], recording: Recording): readonly Fired[] {
  const fired: Fired[] = [];
  for (const definition of definitions) {
    const holding = holdAndClear(definition);
    const open: Fired[] = [];
    // A ratio is judged together with the traffic behind it.
    const watched = {
      ...recording,
      series: recording.series.filter(({ signal }) => signal === definition.on || signal === 'traffic'),
    };
    replay(definition, createDetector(definition, undefined), watched, holding, (asOfMs, findings) => {
      const step = holding.step(findings, asOfMs);
      for (const { finding } of step.fired) {
        const { reason } = finding;
        open.push({ detector: definition.name, atMs: asOfMs, untilMs: Number.POSITIVE_INFINITY, reason });
      }
      if (step.ended.length > 0) fired.push(...open.splice(0).map((one) => ({ ...one, untilMs: asOfMs })));
    });
    fired.push(...open);
  }
  return fired.sort((a, b) => a.atMs - b.atMs);
}

/** The rules people on call would judge by: caught how soon, called for nothing after deploys, rollbacks, and otherwise. */
export function judge(world: ServiceWorld, fired: readonly Fired[]): Judged {
  const used = new Set<Fired>();
  const faults = world.labels.map((label) => {
    const hits = fired.filter(({ atMs }) => atMs >= label.fromMs && atMs < label.untilMs);
    const before = fired.filter(({ atMs, untilMs }) => atMs < label.fromMs && untilMs > label.fromMs);
    for (const one of [...hits, ...before]) used.add(one);
    const first = hits[0];
    const delayMinutes = first === undefined ? undefined : (first.atMs - label.fromMs) / 60_000;
    return { label, delayMinutes, by: first?.detector ?? '' };
  });
  const paged = { deploy: [] as Fired[], rollback: [] as Fired[] };
  let deploys = 0;
  let rollbacks = 0;
  for (const change of world.recording.changes) {
    if (change.atMs < world.judgedFromMs) continue;
    if (change.kind === 'deploy' && world.labels.some(({ cause }) => cause === change.to)) continue;
    const hits = fired.filter(
      (one) => one.atMs >= change.atMs && one.atMs < change.atMs + 45 * 60_000 && !used.has(one),
    );
    for (const one of hits) used.add(one);
    if (change.kind === 'rollback') rollbacks++;
    else deploys++;
    if (hits[0] !== undefined) paged[change.kind === 'rollback' ? 'rollback' : 'deploy'].push(hits[0]);
  }
  const stray = fired.filter((one) => !used.has(one) && one.atMs >= world.judgedFromMs);
  const weeks = (world.recording.untilMs - world.judgedFromMs) / (7 * 86_400_000);
  return {
    world,
    faults,
    deploys,
    pagedDeploys: paged.deploy,
    rollbacks,
    pagedRollbacks: paged.rollback,
    stray,
    weeks,
  };
}

import { formatDuration } from '../lib/duration.ts';
import type { DetectorDefinition } from '../domain/definitions.ts';
import type { Finding } from '../domain/alert.ts';
import { createDetector } from './create.ts';
import { holdAndClear } from './hold.ts';
import { replay } from './replay.ts';
import type { DetectorTestCase } from './testing-schema.ts';
import { recordingOf } from './testing-world.ts';

/** The outcome of one case; `failures` are sentences, none when it passed. */
export interface DetectorTestResult {
  readonly name: string;
  readonly passed: boolean;
  readonly failures: readonly string[];
}

/** Plays each case to a fresh detector, causally and with hold and clear, and compares. Deterministic. */
export function runDetectorTests(
  definition: DetectorDefinition,
  cases: readonly DetectorTestCase[],
): readonly DetectorTestResult[] {
  return cases.map((one, index) => {
    const failures = runOne(definition, one);
    return { name: one.name ?? `case ${index + 1}`, passed: failures.length === 0, failures };
  });
}

interface Played {
  readonly firstFire: { readonly atMs: number; readonly finding: Finding } | undefined;
  readonly stillFiring: boolean;
  readonly last: readonly Finding[];
  readonly reasons: ReadonlySet<string>;
}

function play(definition: DetectorDefinition, one: DetectorTestCase): Played | string {
  const recording = recordingOf(definition, one.given);
  if (typeof recording === 'string') return recording;
  const holding = holdAndClear(definition);
  let firstFire: Played['firstFire'];
  let last: readonly Finding[] = [];
  const reasons = new Set<string>();
  replay(definition, createDetector(definition, undefined), recording, holding, (asOfMs, findings) => {
    const { fired } = holding.step(findings, asOfMs);
    const first = fired[0];
    if (first !== undefined) firstFire ??= { atMs: asOfMs - recording.fromMs, finding: first.finding };
    last = findings;
    for (const finding of findings) reasons.add(finding.reason);
  });
  return { firstFire, stillFiring: holding.firing().length > 0, last, reasons };
}

function runOne(definition: DetectorDefinition, one: DetectorTestCase): readonly string[] {
  const played = play(definition, one);
  if (typeof played === 'string') return [played];
  const { expect } = one;
  const failures: string[] = [];
  const fired = played.firstFire;
  if (expect.fires && fired === undefined) failures.push(`it should fire and does not; last said: ${said(played)}`);
  if (!expect.fires && fired !== undefined)
    failures.push(`it fires at ${formatDuration(fired.atMs)} and should not: ${fired.finding.reason}`);
  if (fired !== undefined && expect.at !== undefined && fired.atMs > expect.at)
    failures.push(`it fires at ${formatDuration(fired.atMs)}, later than ${formatDuration(expect.at)}`);
  if (fired !== undefined && expect.after !== undefined && fired.atMs < expect.after)
    failures.push(
      `it fires at ${formatDuration(fired.atMs)}, earlier than ${formatDuration(expect.after)}: ${fired.finding.reason}`,
    );
  if (expect.resolves !== undefined && fired !== undefined && expect.resolves === played.stillFiring)
    failures.push(expect.resolves ? 'it should have resolved by the end' : 'it resolved, and should still fire');
  if (expect.severity !== undefined && fired?.finding.severity !== expect.severity)
    failures.push(`its severity is ${fired?.finding.severity ?? 'none'}, not ${expect.severity}`);
  if (expect.state !== undefined && !played.last.some((finding) => finding.state === expect.state))
    failures.push(`at the end nothing is ${expect.state}; last said: ${said(played)}`);
  if (expect.because !== undefined && ![...played.reasons].some((reason) => reason.includes(expect.because ?? '')))
    failures.push(`no reason contains ${JSON.stringify(expect.because)}; last said: ${said(played)}`);
  return failures;
}

function said(played: Played): string {
  return played.last[0]?.reason ?? 'nothing';
}

import type { Verification, VerifyRule } from '../domain/remediation.ts';
import type { Sample } from '../domain/telemetry.ts';
import { compileCel, type CelProgram } from '../lib/cel/index.ts';
import { formatDuration } from '../lib/duration.ts';
import type { Issue, Parsed } from '../lib/issues.ts';
import type { Json } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { nearest } from '../lib/suggest.ts';
import { baselineForm, freeNames, verifyEnvironment } from './environment.ts';

/** A checked `expect`. */
export interface Expectation {
  readonly program: CelProgram;
  /** Signals it names, in order. */
  readonly signals: readonly string[];
  readonly baseline: 'alone' | 'by-signal';
}

/** Checks an `expect` expression. With `known` signals, any other name is an issue. */
export function compileExpectation(source: string, known?: ReadonlySet<string>): Parsed<Expectation> {
  const signals = freeNames(source);
  const issues: Issue[] = [];
  for (const signal of known === undefined ? [] : signals.filter((name) => !known.has(name))) {
    const suggestion = nearest(signal, known ?? []);
    const message = `no service has a signal ${signal}`;
    issues.push({ path: [], message, offset: source.indexOf(signal), ...(suggestion && { suggestion }) });
  }
  if (signals.length === 0) issues.push({ path: [], message: 'names no signal, so nothing could ever refute it' });
  const baseline = baselineForm(source);
  const compiled = compileCel(source, verifyEnvironment(signals, baseline), { is: 'bool' });
  if (!compiled.ok) issues.push(...compiled.issues);
  if (!compiled.ok || issues.length > 0) return { ok: false, issues };
  return { ok: true, value: { program: compiled.value, signals, baseline } };
}

type RuleStatus = Verification['rules'][number];

/** All samples since the act, oldest first, by signal: one value a time (see `signalSamples`). */
export type SamplesBySignal = Readonly<Record<string, readonly Sample[]>>;

/**
 * Did it help, as of now? `within`: it must hold, without a break of `for`, before the time is up. `at`: it must hold at
 * that time. A rule that has passed or failed stays so. It fails early only when it cannot pass any more; where data is
 * missing when the time is up, it is inconclusive, neither well nor ill (I10).
 */
export function verifyStep(
  rules: readonly VerifyRule[],
  samples: SamplesBySignal,
  baseline: Readonly<Record<string, number>>,
  startedAtMs: number,
  asOfMs: number,
  soFar?: Verification,
): Verification {
  const statuses = rules.map((rule, index): RuleStatus => {
    const before = soFar?.rules[index];
    if (
      before !== undefined &&
      before.expect === rule.expect &&
      (before.status === 'passed' || before.status === 'failed')
    )
      return before;
    const compiled = compileExpectation(rule.expect);
    if (!compiled.ok)
      return { expect: rule.expect, status: 'inconclusive', because: compiled.issues[0]?.message ?? 'cannot be read' };
    const look = looker(compiled.value, samples, baseline);
    return rule.atMs === undefined
      ? within(rule, look, startedAtMs, asOfMs)
      : at(rule, look, startedAtMs + rule.atMs, asOfMs);
  });
  const has = (status: RuleStatus['status']): boolean => statuses.some((each) => each.status === status);
  const status = has('failed')
    ? 'failed'
    : has('pending')
      ? 'pending'
      : has('inconclusive')
        ? 'inconclusive'
        : 'passed';
  const dueAtMs = Math.max(startedAtMs, ...rules.map((rule) => startedAtMs + (rule.atMs ?? rule.withinMs ?? 0)));
  return { status: statuses.length === 0 ? 'inconclusive' : status, rules: statuses, dueAtMs };
}

/** Whether the expectation holds at a time; `undefined` when the data does not say. */
interface Looker {
  times(afterMs: number, untilMs: number): readonly number[];
  holdsAt(tMs: number): boolean | undefined;
}

function looker(
  expectation: Expectation,
  samples: SamplesBySignal,
  baseline: Readonly<Record<string, number>>,
): Looker {
  const { program, signals } = expectation;
  const normal = baselineBinding(expectation, baseline);
  return {
    times(afterMs, untilMs) {
      const all = signals.flatMap((signal) => (samples[signal] ?? []).map((sample) => sample.tMs));
      return [...new Set(all)].filter((tMs) => tMs > afterMs && tMs <= untilMs).sort((a, b) => a - b);
    },
    holdsAt(tMs) {
      const variables: Record<string, Json> = normal === undefined ? {} : { baseline: normal };
      for (const signal of signals) {
        const sample = samples[signal]?.findLast((each) => each.tMs <= tMs);
        if (sample === undefined || tMs - sample.tMs > limits.verifySampleMaxAgeMs || !Number.isFinite(sample.v))
          return undefined;
        variables[signal] = sample.v;
      }
      const outcome = program.evaluate({ variables });
      return outcome.ok ? outcome.value === true : undefined;
    },
  };
}

function baselineBinding(expectation: Expectation, baseline: Readonly<Record<string, number>>): Json | undefined {
  if (expectation.baseline === 'by-signal') return { ...baseline };
  const [first] = expectation.signals;
  return first === undefined ? undefined : baseline[first];
}

function within(rule: VerifyRule, look: Looker, startedAtMs: number, asOfMs: number): RuleStatus {
  const forMs = rule.forMs ?? 0;
  const dueMs = startedAtMs + (rule.withinMs ?? 0);
  const base = { expect: rule.expect };
  // Since when it holds without a break, and whether what came before was seen to be bad (and not merely unseen).
  let since: number | undefined;
  let badBefore = false;
  let last: { readonly tMs: number; readonly holds: boolean } | undefined;
  for (const tMs of look.times(startedAtMs, Math.min(asOfMs, dueMs))) {
    const holds = look.holdsAt(tMs);
    if (holds === undefined) {
      since = undefined;
      badBefore = false;
      continue;
    }
    if (last !== undefined && tMs - last.tMs > limits.verifySampleMaxAgeMs) {
      since = undefined;
      badBefore = false;
    }
    last = { tMs, holds };
    if (!holds) {
      since = undefined;
      badBefore = true;
      continue;
    }
    since ??= tMs;
    if (tMs - since >= forMs) {
      const lasted = forMs === 0 ? '' : ` for ${formatDuration(tMs - since)}`;
      return { ...base, status: 'passed', because: `${rule.expect} has held${lasted}`, sinceMs: since };
    }
  }
  const held = since === undefined ? {} : { sinceMs: since };
  const known = last !== undefined && Math.min(asOfMs, dueMs) - last.tMs <= limits.verifySampleMaxAgeMs;
  const tooLate =
    last !== undefined && (last.holds ? badBefore && (since ?? last.tMs) + forMs > dueMs : last.tMs + forMs >= dueMs);
  if (tooLate) return { ...base, status: 'failed', because: `${rule.expect} was not so, and no time is left` };
  if (asOfMs < dueMs) {
    const because = since === undefined ? `waiting for ${rule.expect}` : `${rule.expect} holds, not yet long enough`;
    return { ...base, status: 'pending', because, ...held };
  }
  if (!known) return { ...base, status: 'inconclusive', because: `there is no data to say whether ${rule.expect}` };
  if (since !== undefined && !badBefore)
    return { ...base, status: 'inconclusive', because: `${rule.expect} holds, but data is missing before`, ...held };
  const because =
    since === undefined
      ? `${rule.expect} was not so by the end`
      : `${rule.expect} held for ${formatDuration((last?.tMs ?? since) - since)} of ${formatDuration(forMs)}`;
  return { ...base, status: 'failed', because, ...held };
}

function at(rule: VerifyRule, look: Looker, dueMs: number, asOfMs: number): RuleStatus {
  const base = { expect: rule.expect };
  if (asOfMs < dueMs)
    return { ...base, status: 'pending', because: `to be looked at in ${formatDuration(dueMs - asOfMs)}` };
  const holds = look.holdsAt(dueMs);
  if (holds === undefined)
    return { ...base, status: 'inconclusive', because: `there is no data to say whether ${rule.expect}` };
  return holds
    ? { ...base, status: 'passed', because: `${rule.expect} holds`, sinceMs: dueMs }
    : { ...base, status: 'failed', because: `${rule.expect} is not so` };
}

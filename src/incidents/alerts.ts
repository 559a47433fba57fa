import type { Alert, Finding } from '../domain/alert.ts';
import type { DetectorDefinition } from '../domain/definitions.ts';
import { canonicalJson } from '../lib/canonical.ts';
import { compareText } from '../lib/order.ts';
import { fingerprintOf, severityRank } from './fingerprint.ts';
import { begin, hear } from './life.ts';
import type { AlertRule, AlertTransition } from './life.ts';
import { ownDetector, stepOverflow } from './overflow.ts';
import { alertSettings } from './settings.ts';
import type { AlertSettings } from './settings.ts';

/** Everything one step of the alerts looks at. */
export interface AlertStep {
  readonly findings: readonly Finding[];
  readonly definitions: ReadonlyMap<string, DetectorDefinition>;
  readonly asOfMs: number;
  /** Time that really passed since the last step, by the monotonic clock: hold, clear and silence are counted in it. */
  readonly elapsedMs: number;
  /** The watched services; an alert of one that is no longer watched resolves with that reason. Absent: not checked. */
  readonly services?: ReadonlySet<string>;
  /** Fingerprint → why the thing it was about is known to be gone (a pod that was replaced, a mount taken away). */
  readonly gone?: ReadonlyMap<string, string>;
  readonly settings?: Partial<AlertSettings>;
}

/**
 * Folds findings into alerts: pending → firing after `hold` (at once when critical and beyond doubt), resolved after
 * `clear` of good. `unknown` and silence neither start nor end an alert (I10): they stop the counting, and after a
 * while the alert is marked. Findings of one fingerprint in one step count once, the worst of them; their order does
 * not matter. Resolved alerts stay in the list for a while, the newest `maxActive` of them. Pure; both lists are sorted by fingerprint.
 */
export function stepAlerts(
  state: readonly Alert[],
  step: AlertStep,
): { readonly alerts: readonly Alert[]; readonly transitions: readonly AlertTransition[] } {
  const settings = { ...alertSettings, ...step.settings };
  const elapsedMs = Math.max(0, step.elapsedMs);
  const now = { asOfMs: step.asOfMs, elapsedMs, settings };
  const found = dedupe(step.findings, step.definitions);
  const ours = state.filter((alert) => alert.detector !== ownDetector);
  const live = ours.filter((alert) => alert.status !== 'resolved');
  const heard = live.map((alert) => {
    const rule = ruleOf(alert, step.definitions);
    return hear(alert, found.get(alert.fingerprint), rule ?? orphan, now, ending(alert, rule, step));
  });
  const room =
    settings.maxActive - heard.filter(({ alert }) => alert !== undefined && alert.status !== 'resolved').length;
  const fresh = freshOnes(found, live, step);
  const past = new Map(ours.filter((alert) => alert.status === 'resolved').map((alert) => [alert.fingerprint, alert]));
  const begun = fresh
    .slice(0, Math.max(0, room))
    .map(({ fingerprint, finding, rule }) => begin(fingerprint, finding, rule, now, past.get(fingerprint)));
  const told = [...heard, ...begun, stepOverflow(state, fresh.length - begun.length, now)];
  const current = told.flatMap(({ alert }) => (alert === undefined ? [] : [alert]));
  const taken = new Set(current.map((alert) => alert.fingerprint));
  const resting = newestOf(
    state.filter(
      (alert) =>
        alert.status === 'resolved' &&
        !taken.has(alert.fingerprint) &&
        step.asOfMs - (alert.endsAtMs ?? 0) < settings.keepResolvedMs,
    ),
    settings.maxActive,
  );
  const byName = (a: { readonly fingerprint: string }, b: { readonly fingerprint: string }): number =>
    compareText(a.fingerprint, b.fingerprint);
  return {
    alerts: [...current, ...resting].sort(byName),
    transitions: told.flatMap(({ transitions }) => transitions).sort(byName),
  };
}

// A sender that names its alerts anew all the time would fill the list with what is over.
function newestOf(resolved: readonly Alert[], most: number): readonly Alert[] {
  if (resolved.length <= most) return resolved;
  return resolved.toSorted((a, b) => (b.endsAtMs ?? 0) - (a.endsAtMs ?? 0)).slice(0, most);
}

// Used only for an alert that is being ended because its rule is gone.
const orphan: AlertRule = { holdMs: 0, clearMs: 0, mode: 'active' };

interface Fresh {
  readonly fingerprint: string;
  readonly finding: Finding;
  readonly rule: AlertRule;
}

// Gravest first, then by name: at the limit the graver get in, whatever the order of arrival.
function freshOnes(found: ReadonlyMap<string, Finding>, live: readonly Alert[], step: AlertStep): readonly Fresh[] {
  const known = new Set(live.map((alert) => alert.fingerprint));
  const fresh: Fresh[] = [];
  for (const [fingerprint, finding] of found) {
    const rule = ruleOf(finding, step.definitions);
    if (finding.state === 'bad' && rule !== undefined && !known.has(fingerprint) && isWatched(finding, step))
      fresh.push({ fingerprint, finding, rule });
  }
  const rank = ({ finding }: Fresh): number => severityRank[finding.severity];
  return fresh.sort((a, b) => rank(b) - rank(a) || compareText(a.fingerprint, b.fingerprint));
}

function ruleOf(
  about: Pick<Finding, 'detector' | 'kind'>,
  definitions: ReadonlyMap<string, DetectorDefinition>,
): AlertRule | undefined {
  // Whoever sent an external one has held it already, and says itself when it is over.
  return definitions.get(about.detector) ?? (about.kind === 'external' ? orphan : undefined);
}

function isWatched(about: Pick<Finding, 'kind' | 'service'>, step: AlertStep): boolean {
  return step.services === undefined || about.kind === 'external' || step.services.has(about.service);
}

function ending(alert: Alert, rule: AlertRule | undefined, step: AlertStep): string | undefined {
  if (rule === undefined) return `the detector ${alert.detector} was removed`;
  if (!isWatched(alert, step)) return `${alert.service} is no longer watched`;
  return step.gone?.get(alert.fingerprint);
}

const stateRank = { good: 0, unknown: 1, bad: 2 } as const;

function dedupe(
  findings: readonly Finding[],
  definitions: ReadonlyMap<string, DetectorDefinition>,
): ReadonlyMap<string, Finding> {
  const worst = new Map<string, Finding>();
  for (const finding of findings) {
    if (ruleOf(finding, definitions) === undefined) continue;
    const fingerprint = fingerprintOf(finding);
    const known = worst.get(fingerprint);
    if (known === undefined || isWorse(finding, known)) worst.set(fingerprint, finding);
  }
  return worst;
}

function isWorse(a: Finding, b: Finding): boolean {
  const order =
    stateRank[a.state] - stateRank[b.state] ||
    severityRank[a.severity] - severityRank[b.severity] ||
    a.confidence - b.confidence ||
    a.atMs - b.atMs;
  return order !== 0 ? order > 0 : tieBreaker(a) > tieBreaker(b);
}

function tieBreaker(finding: Finding): string {
  return canonicalJson([finding.reason.toWellFormed(), finding.changeId ?? '', finding.sinceMs]);
}

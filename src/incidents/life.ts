import type { Alert, Finding } from '../domain/alert.ts';
import type { DetectorDefinition } from '../domain/definitions.ts';
import { formatDuration } from '../lib/duration.ts';
import { limits } from '../lib/limits.ts';
import { severityRank } from './fingerprint.ts';
import type { AlertSettings } from './settings.ts';

/** What an alert's life needs of its detector. */
export type AlertRule = Pick<DetectorDefinition, 'holdMs' | 'clearMs' | 'mode'>;

/** A step in an alert's life worth telling. `dropped`: it was over before it ever fired. */
export interface AlertTransition {
  readonly fingerprint: string;
  readonly service: string;
  readonly to: 'pending' | 'firing' | 'resolved' | 'dropped' | 'unknown' | 'heard-again' | 'graver' | 'flapping';
  readonly atMs: number;
  readonly because: string;
}

/** Time and settings of one step in an alert's life. */
export interface LifeContext {
  readonly asOfMs: number;
  readonly elapsedMs: number;
  readonly settings: AlertSettings;
}

/** What became of an alert, and what is to be said of it. */
export interface Told {
  readonly alert?: Alert;
  readonly transitions: readonly AlertTransition[];
}

/** A new alert from its first bad finding; `past` is the one of the same fingerprint that was resolved lately. */
export function begin(fingerprint: string, finding: Finding, rule: AlertRule, now: LifeContext, past?: Alert): Told {
  const { detector, kind, service, signal, labels, severity } = finding;
  const alert: Alert = {
    ...{ fingerprint, detector, kind, service, signal, labels, severity },
    mode: rule.mode,
    status: 'pending',
    startsAtMs: now.asOfMs,
    lastSeenMs: now.asOfMs,
    flaps: past === undefined ? [] : flapped(past, now),
    finding,
    badForMs: 0,
    goodForMs: 0,
    silentForMs: 0,
    because: finding.reason,
  };
  const fired = fireWhenDue(alert, rule, now);
  return fired.transitions.length > 0
    ? fired
    : { alert, transitions: [transition(alert, 'pending', now, finding.reason)] };
}

/**
 * One step of a live alert: what its detector says now, if anything. `over` ends it for a reason of its own (its
 * detector, service or thing is gone). Only time between two like words counts, and never time spent in the dark.
 */
export function hear(
  alert: Alert,
  finding: Finding | undefined,
  rule: AlertRule,
  now: LifeContext,
  over?: string,
): Told {
  if (over !== undefined) return end(alert, now, over);
  const gapMs = alert.silentForMs + now.elapsedMs;
  if (finding === undefined || finding.state === 'unknown') return hearNothing(alert, finding, gapMs, now);
  const heard: Alert = { ...withoutUnknown(alert), mode: rule.mode, silentForMs: 0, lastSeenMs: now.asOfMs };
  const again = marked(alert, now) ? [transition(alert, 'heard-again', now, finding.reason)] : [];
  const creditMs = alert.unknownSinceMs === undefined ? Math.min(gapMs, now.settings.maxCreditMs) : 0;
  const told =
    finding.state === 'bad' ? hearBad(heard, finding, rule, creditMs, now) : hearGood(heard, rule, creditMs, now);
  return { ...told, transitions: [...again, ...told.transitions] };
}

function hearBad(alert: Alert, finding: Finding, rule: AlertRule, creditMs: number, now: LifeContext): Told {
  const clearing = alert.goodSinceMs !== undefined;
  const graver = severityRank[finding.severity] > severityRank[alert.severity];
  const next: Alert = {
    ...(clearing ? withoutGood(alert) : alert),
    finding,
    severity: graver ? finding.severity : alert.severity,
    badForMs: alert.badForMs + (clearing ? 0 : creditMs),
    goodForMs: 0,
    flaps: clearing ? flapped(alert, now) : alert.flaps,
  };
  const told: AlertTransition[] = [];
  if (graver) told.push(transition(next, 'graver', now, `now ${finding.severity}: ${finding.reason}`));
  if (clearing) told.push(...flapNews(alert, next, now));
  const fired = next.status === 'pending' ? fireWhenDue(next, rule, now) : { alert: next, transitions: [] };
  return { ...fired, transitions: [...told, ...fired.transitions] };
}

function hearGood(alert: Alert, rule: AlertRule, creditMs: number, now: LifeContext): Told {
  if (alert.status === 'pending')
    return {
      transitions: [
        transition(alert, 'dropped', now, `over after ${formatDuration(alert.badForMs)}, before it had to fire`),
      ],
    };
  const began = alert.goodSinceMs === undefined;
  const next: Alert = {
    ...alert,
    goodSinceMs: alert.goodSinceMs ?? now.asOfMs,
    goodForMs: began ? 0 : alert.goodForMs + creditMs,
    flaps: began ? flapped(alert, now) : alert.flaps,
  };
  const flapping = next.flaps.length > now.settings.flapChanges;
  const neededMs = flapping ? Math.max(rule.clearMs, now.settings.flapCalmMs) : rule.clearMs;
  if (next.goodForMs >= neededMs)
    return end(next, now, neededMs === 0 ? 'good again' : `good for ${formatDuration(next.goodForMs)}`);
  return { alert: next, transitions: began ? flapNews(alert, next, now) : [] };
}

function hearNothing(alert: Alert, finding: Finding | undefined, gapMs: number, now: LifeContext): Told {
  const { maxCreditMs, staleAfterMs } = now.settings;
  const expiryMs = alert.finding.numbers['endsAtMs'];
  if (alert.kind === 'external' && finding === undefined && expiryMs !== undefined) {
    // Its sender promised to say so again before then (Alertmanager's endsAt). Counted from when it spoke.
    if (gapMs >= Math.max(0, expiryMs - alert.finding.atMs)) return end(alert, now, 'its sender let it expire');
  }
  const dark = finding !== undefined || gapMs >= Math.min(staleAfterMs, maxCreditMs);
  const next: Alert = {
    ...alert,
    silentForMs: gapMs,
    ...(dark && { unknownSinceMs: alert.unknownSinceMs ?? now.asOfMs }),
    // A hold that was broken by a long silence starts again.
    ...(alert.status === 'pending' && gapMs >= staleAfterMs && { badForMs: 0 }),
  };
  if (marked(alert, now) || !marked(next, now)) return { alert: next, transitions: [] };
  const reason = finding?.reason ?? 'its detector says nothing of it';
  const because = `unknown for ${formatDuration(gapMs)}: ${reason}`;
  return { alert: { ...next, because }, transitions: [transition(alert, 'unknown', now, because)] };
}

function marked(alert: Alert, now: LifeContext): boolean {
  return alert.unknownSinceMs !== undefined && alert.silentForMs >= now.settings.staleAfterMs;
}

function fireWhenDue(alert: Alert, rule: AlertRule, now: LifeContext): Told {
  const certain = alert.severity === 'critical' && alert.finding.confidence >= 0.99;
  if (!certain && alert.badForMs < rule.holdMs) return { alert, transitions: [] };
  const because = alert.finding.reason;
  const firing: Alert = { ...alert, status: 'firing', firingAtMs: now.asOfMs, because };
  return { alert: firing, transitions: [transition(firing, 'firing', now, because)] };
}

function end(alert: Alert, now: LifeContext, because: string): Told {
  if (alert.status === 'pending') return { transitions: [transition(alert, 'dropped', now, because)] };
  const resolved: Alert = { ...withoutUnknown(alert), status: 'resolved', endsAtMs: now.asOfMs, because };
  return { alert: resolved, transitions: [transition(resolved, 'resolved', now, because)] };
}

function flapped(alert: Alert, now: LifeContext): readonly number[] {
  // A stamp from the future was written before the wall clock was set back: it counts as now.
  const stamps = alert.flaps.map((atMs) => Math.min(atMs, now.asOfMs));
  const recent = stamps.filter((atMs) => now.asOfMs - atMs < now.settings.flapWindowMs);
  return [...recent, now.asOfMs].slice(-limits.alertFlapsKept);
}

function flapNews(before: Alert, after: Alert, now: LifeContext): readonly AlertTransition[] {
  const { flapChanges, flapWindowMs } = now.settings;
  if (after.flaps.length <= flapChanges || before.flaps.length > flapChanges) return [];
  const because = `changed ${after.flaps.length} times within ${formatDuration(flapWindowMs)}: it stays firing until it is calm`;
  return [transition(after, 'flapping', now, because)];
}

function withoutUnknown(alert: Alert): Alert {
  if (alert.unknownSinceMs === undefined) return alert;
  const { unknownSinceMs: _, ...rest } = alert;
  return rest;
}

function withoutGood(alert: Alert): Alert {
  const { goodSinceMs: _, ...rest } = alert;
  return rest;
}

function transition(alert: Alert, to: AlertTransition['to'], now: LifeContext, because: string): AlertTransition {
  return { fingerprint: alert.fingerprint, service: alert.service, to, atMs: now.asOfMs, because };
}

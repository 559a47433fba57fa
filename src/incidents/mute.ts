import type { Alert, Incident } from '../domain/alert.ts';
import type { Selector } from '../lib/selector.ts';
import { selects } from '../lib/selector.ts';
import { severityRank } from './fingerprint.ts';
import type { Graph } from './grouping.ts';

/** A person's word that some alerts shall not page for a while. It always ends. */
export interface Silence {
  readonly id: string;
  /** By the alert's labels, and `name` (its service), `service`, `detector`, `signal`, `severity`. */
  readonly selector: Selector;
  readonly untilMs: number;
  readonly by: string;
  readonly reason: string;
}

/** Why people are not called about something. It is still recorded, shown and diagnosed. */
export interface MuteReason {
  readonly kind: 'shadow' | 'silence' | 'inhibited';
  readonly text: string;
}

/** What decides whether an alert is muted. */
export interface MuteContext {
  readonly alerts: readonly Alert[];
  readonly silences: readonly Silence[];
  readonly graph: Graph;
  /** Labels of a service, so that a silence can select by them; the alert's own win. */
  readonly labelsOf?: (service: string) => Readonly<Record<string, string>>;
  readonly asOfMs: number;
  /** How far along dependencies inhibition reaches. Default 2. */
  readonly hops?: number;
}

type Mute = (alert: Alert, context: MuteContext) => MuteReason | undefined;

const shadow: Mute = (alert) =>
  alert.mode === 'shadow' ? { kind: 'shadow', text: `the detector ${alert.detector} is in shadow mode` } : undefined;

const silenced: Mute = (alert, { silences, labelsOf, asOfMs }) => {
  const { service, detector, signal, severity } = alert;
  const labels = { ...labelsOf?.(service), ...alert.labels, service, detector, signal, severity };
  const silence = silences.find(
    ({ selector, untilMs }) => asOfMs < untilMs && selects(selector, { name: service, labels }),
  );
  return (
    silence && {
      kind: 'silence',
      text: `silenced by ${silence.by} until ${new Date(silence.untilMs).toISOString()}: ${silence.reason}`,
    }
  );
};

// What hangs on something that is itself alight, as gravely and not later, pages through that one.
const inhibited: Mute = (alert, { alerts, graph, hops = 2 }) => {
  const needed = new Map(
    graph.allDependenciesOf(alert.service, hops).map((dependency) => [dependency.name, dependency.hops]),
  );
  const cause = alerts.find(
    (other) =>
      needed.has(other.service) &&
      other.status === 'firing' &&
      other.mode === 'active' &&
      severityRank[other.severity] >= severityRank[alert.severity] &&
      other.unknownSinceMs === undefined,
  );
  return (
    cause && {
      kind: 'inhibited',
      text: `${alert.service} depends on ${cause.service}, which is alight: ${cause.detector}`,
    }
  );
};

/** Every reason not to call, asked in this order; the first that answers is given. */
const mutes: readonly Mute[] = [shadow, silenced, inhibited];

/** Why this alert pages nobody, or `undefined` when it does. */
export function muteReason(alert: Alert, context: MuteContext): MuteReason | undefined {
  for (const mute of mutes) {
    const reason = mute(alert, context);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** Why this incident pages nobody: each of its firing alerts is muted. An incident with none firing is not muted. */
export function incidentMuteReason(incident: Incident, context: MuteContext): MuteReason | undefined {
  if (incident.mode === 'shadow') return { kind: 'shadow', text: 'all its alerts are in shadow mode' };
  const held = new Set(incident.alerts);
  const firing = context.alerts.filter((alert) => alert.status === 'firing' && held.has(alert.fingerprint));
  const reasons = firing.map((alert) => muteReason(alert, context));
  return reasons.every((reason) => reason !== undefined) ? reasons[0] : undefined;
}

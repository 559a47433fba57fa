/**
 * From findings to alerts, from alerts to incidents: who is told, about what, how often.
 *
 * Two folds, both pure. `stepAlerts` gives each finding Prometheus' life cycle (hold, clear, flap, one fingerprint one
 * alert). `stepIncidents` puts alerts together that belong together by service and dependency, finds the service it
 * started at, coalesces storms, and resolves an incident with its alerts. Mutes are one ordered list in mute.ts.
 *
 * Durations count in `elapsedMs`, time that really passed, so that a wall clock set wrong neither fires nor resolves;
 * what is unknown stops the counting (I10). Nothing here pages: the agent asks `incidentMuteReason` first.
 */
export { stepAlerts } from './alerts.ts';
export type { AlertStep } from './alerts.ts';
export { fingerprintOf } from './fingerprint.ts';
export type { Graph } from './grouping.ts';
export { stepIncidents } from './incidents.ts';
export type { AlertTransition } from './life.ts';
export { incidentMuteReason, muteReason } from './mute.ts';
export type { MuteContext, MuteReason, Silence } from './mute.ts';
export type { IncidentEvent, IncidentEventKind, IncidentStep } from './opening.ts';
export { alertSettings, incidentSettings } from './settings.ts';
export type { AlertSettings, IncidentSettings } from './settings.ts';

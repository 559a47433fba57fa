import type { Alert, Incident } from '../../domain/alert.ts';
import type { Decision } from '../../domain/authority.ts';
import type { Diagnosis } from '../../domain/diagnosis.ts';
import { headlines, headlineUnsure, type Notice, type NoticeKind } from '../../domain/ports/channel.ts';
import type { Execution, Plan } from '../../domain/remediation.ts';
import { formatDuration } from '../../lib/duration.ts';
import { limits } from '../../lib/limits.ts';
import { oneLine } from '../../lib/text.ts';
import type { PendingApproval } from '../views.ts';

/** What a notice is made of beside its kind. */
export interface NoticeParts {
  readonly incident: Incident;
  readonly alerts: readonly Alert[];
  readonly atMs: number;
  readonly diagnosis?: Diagnosis;
  readonly plan?: Plan;
  readonly decision?: Decision;
  readonly execution?: Execution;
  readonly pending?: PendingApproval;
  readonly suggestions?: readonly string[];
  /** Runbooks that are for it and cannot be carried out, with the reason. */
  readonly blocked?: readonly string[];
  /** The same question as it was asked before, and became void. */
  readonly askedBefore?: PendingApproval;
  /** Why a question is void. */
  readonly because?: string;
  /** Tells notices of one kind about one incident apart: a plan, a reason. */
  readonly about?: string;
}

/** What a notice is called: by what it is about, not when. */
export function noticeId(kind: NoticeKind, incidentId: string, about = ''): string {
  return [incidentId, kind, about].join('/');
}

/**
 * Makes a notice. Its id says what it is about, not when, so that the same news is told once however often it comes up
 * and over restarts.
 */
export function noticeOf(kind: NoticeKind, parts: NoticeParts): Notice {
  const { incident, alerts, diagnosis, plan, decision, execution, pending } = parts;
  const firing = alerts.filter((alert) => alert.status === 'firing');
  return {
    id: noticeId(kind, incident.id, parts.about),
    kind,
    atMs: parts.atMs,
    title: noticeTitle(`${headlineOf(kind, execution)}: ${incident.title}`),
    lines: [
      ...factLines(firing, diagnosis),
      ...(parts.because === undefined ? [] : [`Nobody needs to answer any more: ${parts.because}.`]),
      ...(parts.askedBefore === undefined ? [] : [askedBeforeLine(parts.askedBefore)]),
      ...(parts.blocked ?? []).slice(0, 3),
      ...decisionLines(kind, decision),
      ...(execution?.because === undefined ? [] : [execution.because]),
      ...(kind === 'resolved'
        ? [`It lasted ${formatDuration((incident.resolvedAtMs ?? parts.atMs) - incident.openedAtMs)}.`]
        : []),
    ],
    incident: brief(incident),
    alerts: firing.slice(0, shownAlerts),
    ...(diagnosis ? { diagnosis } : {}),
    ...(plan ? { plan } : {}),
    ...(decision ? { decision } : {}),
    ...(execution ? { execution } : {}),
    ...(parts.suggestions ? { suggestions: parts.suggestions } : {}),
    ...(pending ? { ifNobodyAnswers: unanswered(pending, parts.atMs) } : {}),
  };
}

/**
 * A notice with what is known by now: whoever is called later, because nobody answered, is not told how it was. What it asks, and
 * what was decided, stays. One whose lines do not begin as they are made here stays as it is.
 */
export function renewed(
  notice: Notice,
  now: Pick<NoticeParts, 'incident' | 'alerts' | 'diagnosis' | 'suggestions'>,
): Notice {
  const { alerts = [], diagnosis: before, lines } = notice;
  const told = factLines(alerts, before);
  const firing = now.alerts.filter((alert) => alert.status === 'firing');
  if (firing.length === 0 || told.some((line, at) => lines[at] !== line)) return notice;
  const diagnosis = now.diagnosis ?? before;
  return {
    ...notice,
    lines: [...factLines(firing, diagnosis), ...lines.slice(told.length)],
    incident: brief(now.incident),
    alerts: firing.slice(0, shownAlerts),
    ...(diagnosis ? { diagnosis } : {}),
    ...(notice.suggestions && now.suggestions ? { suggestions: now.suggestions } : {}),
  };
}

const shownAlerts = 10;

// What is wrong, and why: the first lines of every notice.
function factLines(firing: readonly Alert[], diagnosis: Diagnosis | undefined): readonly string[] {
  return [
    ...firing.slice(0, 3).map((alert) => alert.finding.reason),
    ...(diagnosis ? [diagnosis.summary, ...changed(diagnosis)] : []),
  ];
}

function brief(incident: Incident): Incident {
  return { ...incident, timeline: incident.timeline.slice(-20) };
}

// What is held to have broken it, word by word: nobody should have to look it up.
function changed({ changeId, hypotheses: [first] }: Diagnosis): readonly string[] {
  return changeId === undefined || first?.diff === undefined ? [] : [`It changed ${first.diff}`];
}

// "It did not help" would be more than is known.
function headlineOf(kind: NoticeKind, execution: Execution | undefined): string {
  const unsure = kind === 'act-failed' && execution?.status === 'unknown';
  return unsure ? headlineUnsure : headlines[kind];
}

/** A title as people are shown it: one line, cut with an ellipsis. Channels cut at places of their own, or refuse. */
export function noticeTitle(text: string): string {
  return oneLine(text, limits.noticeTitleChars);
}

// Who is asked the same again, and perhaps had said yes, must hear why it did not count.
function askedBeforeLine({ because, approvals }: PendingApproval): string {
  const said = approvals.map(({ by }) => by.id).join(', ');
  return `It was asked before, and that question is void: ${because ?? 'it was withdrawn'}.${said === '' ? '' : ` What ${said} said to it does not count.`}`;
}

function decisionLines(kind: NoticeKind, decision: Decision | undefined): readonly string[] {
  if (!decision) return [];
  if (decision.outcome === 'deny')
    return [`Not done by itself: ${decision.reasons[0] ?? decision.decidedBy} (${decision.decidedBy}).`];
  if (kind === 'approval-needed')
    return [`Consent is needed: ${decision.reasons[0] ?? decision.decidedBy} (${decision.decidedBy}).`];
  return [`Allowed by ${decision.decidedBy}.`];
}

function unanswered(pending: PendingApproval, nowMs: number): string {
  const within = formatDuration(Math.max(0, pending.expiresAtMs - nowMs));
  const next =
    pending.rung === 0 && pending.requirement.then.length > 0
      ? `${pending.requirement.then.join(', ')} will be asked as well`
      : 'nothing is done, and the ladder goes on calling';
  return `If nobody answers within ${within}, ${next}.`;
}

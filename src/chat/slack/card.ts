import { formatDuration } from '../../lib/duration.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { oneLine } from '../../lib/text.ts';
import type { Notice } from '../../domain/ports/channel.ts';
import type { PlannedStep } from '../../domain/remediation.ts';
import { renderNotice, renderTitle } from '../render.ts';

/** A message as `chat.postMessage` takes it. `text` is what notifications and screen readers give. */
export interface SlackMessage {
  readonly text: string;
  readonly blocks: readonly JsonObject[];
}

/** What the buttons are called in what Slack sends back. */
export const actionIds = {
  approve: 'watchkeeper.approve',
  deny: 'watchkeeper.deny',
  explain: 'watchkeeper.explain',
  pause: 'watchkeeper.pause',
};

// Slack's limits: 150 characters a header, 3,000 a section, 50 blocks; a whole message fails at some 13,000.
const headerChars = 150;
const sectionChars = 2_900;
const mostSteps = 5;

/**
 * The card of an incident: what is wrong, since when, the figures beside what they should be, the likely cause, the exact
 * plan with what it touches and which rule asked, and the buttons while an answer is awaited. Everything from outside stands
 * in plain_text blocks, one line each: no mention, link or markup in it comes alive.
 */
export function card(notice: Notice): SlackMessage {
  return {
    text: fallback(renderTitle(notice)),
    blocks: [
      { type: 'header', text: plain(renderTitle(notice), headerChars) },
      ...context(standing(notice)),
      ...section(figures(notice)),
      ...section(cause(notice)),
      ...section(notice.lines.map((line) => oneLine(line, 400)).slice(0, 6)),
      ...section(proposal(notice)),
      ...section(verdict(notice)),
      ...section((notice.suggestions ?? []).slice(0, 8).map((step) => `• ${oneLine(step, 300)}`)),
      ...buttons(notice),
      ...context(footer(notice)),
    ],
  };
}

/** The same notice as one entry of the thread: plain, complete, and without buttons. */
export function threadEntry(notice: Notice): SlackMessage {
  const text = fallback(renderTitle(notice));
  return { text, blocks: [{ type: 'section', text: plain(renderNotice(notice), sectionChars, '\n') }] };
}

/** A card whose question is settled: the buttons give way to what was answered. */
export function settledCard(blocks: readonly Json[], outcome: string): readonly Json[] {
  const kept = blocks.filter((block) => (block as JsonObject)['type'] !== 'actions');
  return [...kept.slice(0, 48), ...context([outcome])];
}

/** Many notices as one message, when a channel is told more than Slack would take one by one. */
export function digest(notices: readonly Notice[]): SlackMessage {
  const titles = notices.slice(0, 40).map((notice) => `• ${oneLine(renderTitle(notice), 150)}`);
  const left = notices.length - titles.length;
  const more = left > 0 ? [`and ${left} more: watchkeeper status`] : [];
  const heading = `${notices.length} notices at once`;
  return {
    text: heading,
    blocks: [{ type: 'header', text: plain(heading, headerChars) }, ...section([...titles, ...more])],
  };
}

// The text beside the blocks is read as markup: escaped as Slack's documentation says, nothing in it comes alive.
function fallback(text: string): string {
  return oneLine(text, 250).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

function standing({ incident, atMs, plan }: Notice): readonly string[] {
  if (incident === undefined) return [];
  const lasted = formatDuration(Math.max(0, (incident.resolvedAtMs ?? atMs) - incident.openedAtMs));
  const services = incident.services
    .slice(0, 5)
    .map((name) => oneLine(name, 60))
    .join(', ');
  return [`${incident.status} · ${services} · ${lasted}${plan === undefined ? '' : ` · plan ${plan.id.slice(0, 12)}`}`];
}

// Three at most, each beside what it was expected to be: what a person looks for first.
function figures({ alerts = [] }: Notice): readonly string[] {
  return alerts.slice(0, 3).map(({ signal, service, finding }) => {
    const { seen, expected, limit } = finding.numbers;
    const beside = expected ?? limit;
    const what = `${oneLine(service, 60)} ${oneLine(signal, 60)}`;
    if (seen === undefined || beside === undefined) return `${what}: ${oneLine(finding.reason, 200)}`;
    return `${what}: ${short(seen)} (${expected === undefined ? 'limit' : 'expected'} ${short(beside)})`;
  });
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function cause({ diagnosis }: Notice): readonly string[] {
  if (diagnosis === undefined) return [];
  const sure = diagnosis.verdict === 'conclusive' ? `${Math.round(diagnosis.confidence * 100)}% sure` : 'inconclusive';
  return [`Likely cause (${sure}): ${oneLine(diagnosis.summary, 600)}`];
}

function proposal({ plan, kind }: Notice): readonly string[] {
  if (plan === undefined) return [];
  const heading = kind === 'acted' || kind === 'act-failed' ? 'Plan' : 'Proposed';
  return [
    `${heading}: ${oneLine(plan.runbook.name, 100)}: ${oneLine(plan.runbook.summary, 300)}`,
    ...plan.steps.slice(0, mostSteps).flatMap((step, index) => stepLines(step, index + 1)),
    ...(plan.steps.length > mostSteps ? [`and ${plan.steps.length - mostSteps} more steps`] : []),
    ...(plan.notWhen === undefined ? [] : [`Not when: ${oneLine(plan.notWhen, 200)}`]),
  ];
}

function stepLines(step: PlannedStep, number: number): readonly string[] {
  const { touched, total, healthyAfter, targets, dependents } = step.blast;
  const named = targets
    .slice(0, 5)
    .map((name) => oneLine(name, 80))
    .join(', ');
  const needed =
    dependents.length === 0
      ? ''
      : `; needed by ${dependents
          .slice(0, 5)
          .map((name) => oneLine(name, 60))
          .join(', ')}`;
  return [
    `${number}. ${oneLine(step.describe, 300)}`,
    ...step.diff.slice(0, 6).map((line) => `   | ${oneLine(line, 160)}`),
    `   touches ${touched} of ${total}${named === '' ? '' : ` (${named})`}, ${healthyAfter} stay healthy${needed}; ${step.traits.reversible ? 'can be undone' : 'cannot be undone'}`,
  ];
}

function verdict({ decision, ifNobodyAnswers }: Notice): readonly string[] {
  return [
    ...(decision === undefined
      ? []
      : [`${oneLine(decision.decidedBy, 200)}: ${oneLine(decision.reasons[0] ?? decision.outcome, 300)}`]),
    ...(ifNobodyAnswers === undefined ? [] : [oneLine(ifNobodyAnswers, 300)]),
  ];
}

// The value is the plan's id: what is approved is what was shown, for any change makes another id.
function buttons({ kind, plan, incident }: Notice): readonly JsonObject[] {
  const asked = kind === 'approval-needed' && plan !== undefined;
  const elements = [
    ...(asked
      ? [button(actionIds.approve, 'Approve', plan.id, 'primary'), button(actionIds.deny, 'Deny', plan.id, 'danger')]
      : []),
    ...(incident === undefined ? [] : [button(actionIds.explain, 'Explain', incident.id)]),
    ...(kind === 'resolved' ? [] : [{ ...button(actionIds.pause, 'Pause all', incident?.id ?? ''), confirm: surely }]),
  ];
  return asked ? [{ type: 'actions', elements }] : [];
}

const surely: JsonObject = {
  title: { type: 'plain_text', text: 'Pause all acting?' },
  text: {
    type: 'plain_text',
    text: 'Watchkeeper goes on watching and calling people, and acts on nothing until somebody resumes it.',
  },
  confirm: { type: 'plain_text', text: 'Pause' },
  deny: { type: 'plain_text', text: 'Cancel' },
};

function button(actionId: string, label: string, value: string, style?: string): JsonObject {
  const text = { type: 'plain_text', text: label };
  return {
    type: 'button',
    action_id: actionId,
    text,
    value: value.slice(0, 2_000),
    ...(style === undefined ? {} : { style }),
  };
}

function footer({ incident, atMs }: Notice): readonly string[] {
  const at = new Date(atMs).toISOString().replace('T', ' ').slice(0, 19);
  return [
    incident === undefined
      ? `${at} UTC`
      : `incident ${incident.id} · ${at} UTC · more: watchkeeper explain ${incident.id.slice(0, 13)}`,
  ];
}

function section(lines: readonly string[]): readonly JsonObject[] {
  return lines.length === 0 ? [] : [{ type: 'section', text: plain(lines.join('\n'), sectionChars, '\n') }];
}

function context(lines: readonly string[]): readonly JsonObject[] {
  return lines.length === 0 ? [] : [{ type: 'context', elements: lines.map((line) => plain(line, 300)) }];
}

function plain(text: string, max: number, keep = ''): JsonObject {
  const clean = keep === '' ? oneLine(text, max) : text;
  return { type: 'plain_text', emoji: false, text: clean.length > max ? `${clean.slice(0, max - 1)}…` : clean };
}

import { formatDuration } from '../../lib/duration.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { oneLine } from '../../lib/text.ts';
import type { Notice } from '../../domain/ports/channel.ts';
import type { PlannedStep } from '../../domain/remediation.ts';
import { renderNotice, renderTitle } from '../render.ts';
import { context, fallback, header, image, section, type CardPicture, type SlackMessage } from './blocks.ts';
import { buttons } from './buttons.ts';
import { objectAt, textAt } from './payload.ts';

const mostSteps = 5;

/**
 * The card of an incident: what is wrong, since when, the figures beside what they should be, the likely cause, the exact
 * plan with what it touches and which rule asked, and the buttons while an answer is awaited. Everything from outside stands
 * in plain_text blocks, one line each: no mention, link or markup in it comes alive.
 *
 * @param picture its chart, once Slack has it.
 */
export function card(notice: Notice, picture?: CardPicture): SlackMessage {
  return {
    text: fallback(renderTitle(notice)),
    blocks: [
      header(renderTitle(notice)),
      ...context(standing(notice)),
      ...section(figures(notice)),
      ...section(cause(notice)),
      ...image(picture),
      ...said(notice),
      ...section(proposal(notice)),
      ...section(verdict(notice)),
      ...section((notice.suggestions ?? []).slice(0, 8).map((step) => `• ${oneLine(step, 300)}`)),
      ...buttons(notice),
      ...context(footer(notice)),
      ...linked(notice),
    ],
  };
}

// The one place where markup is alive: the address is from our own configuration and the incident's id.
function linked({ page }: Notice): readonly JsonObject[] {
  if (page === undefined) return [];
  return [
    { type: 'context', elements: [{ type: 'mrkdwn', text: `<${page.replaceAll(/[<>|]/g, '')}|Open on the page>` }] },
  ];
}

// Of a digest every line it has, as far as a message goes; of anything else the first ones.
function said({ kind, lines }: Notice): readonly JsonObject[] {
  if (kind !== 'digest') return section(lines.slice(0, 6).map((line) => oneLine(line, 400)));
  const short = lines.slice(0, 95).map((line) => oneLine(line, 110));
  const more =
    lines.length > short.length ? [`and ${lines.length - short.length} more: watchkeeper incidents --all`] : [];
  const all = [...short, ...more];
  return Array.from({ length: Math.ceil(all.length / 24) }, (_, at) =>
    section(all.slice(at * 24, (at + 1) * 24)),
  ).flat();
}

/** The same notice as one entry of the thread: plain, complete, and without buttons. */
export function threadEntry(notice: Notice): SlackMessage {
  const text = fallback(renderTitle(notice));
  return { text, blocks: section([renderNotice(notice)]) };
}

/**
 * A card whose question is settled: the buttons give way to what was answered.
 *
 * @param blocks as they were rendered here, or as Slack gives them back with a press.
 * @param picture takes the place of the one among the blocks, if there is any.
 */
export function settledCard(blocks: readonly Json[], outcome: string, picture?: CardPicture): readonly JsonObject[] {
  const all = blocks.map((block) => block as JsonObject);
  const kept = all.filter(({ type }) => type !== 'actions');
  const shown = kept.flatMap((block) => (block['type'] === 'image' ? image(picture ?? pictureIn(block)) : [block]));
  const missing = kept.every(({ type }) => type !== 'image') ? image(picture) : [];
  return [...shown.slice(0, 48), ...missing, ...context([outcome])];
}

// Slack gives an image back with more than it takes.
function pictureIn(block: JsonObject): CardPicture | undefined {
  const id = textAt(objectAt(block['slack_file']), 'id');
  return id === '' ? undefined : { id, alt: textAt(block, 'alt_text') };
}

function standing({ incident, atMs, plan }: Notice): readonly string[] {
  if (incident === undefined) return [];
  const lasted = formatDuration(Math.max(0, (incident.resolvedAtMs ?? atMs) - incident.openedAtMs));
  const services = incident.services
    .slice(0, 5)
    .map((name) => oneLine(name, 60))
    .join(', ');
  const state = `${incident.status} · ${incident.severity} · ${services} · for ${lasted}`;
  return [plan === undefined ? state : `${state} · plan ${plan.id.slice(0, 12)}`];
}

// Three at most, each beside what it was expected to be: what a person looks for first.
function figures({ alerts = [] }: Notice): readonly string[] {
  return alerts.slice(0, 3).map(({ signal, service, finding }) => {
    const { numbers } = finding;
    const seen = numbers['seen'] ?? numbers['value'];
    const beside = baseline(numbers);
    const what = `${oneLine(service, 60)} ${oneLine(signal, 60)}`;
    if (seen === undefined || beside === undefined) return `${what}: ${oneLine(finding.reason, 200)}`;
    return `${what}: ${short(seen)} (${beside})`;
  });
}

// Each kind of detector has its own word for what it compares with.
function baseline(numbers: Readonly<Record<string, number>>): string | undefined {
  const { expected, before, usual, low, high, limit } = numbers;
  if (expected !== undefined) return `expected ${short(expected)}`;
  if (before !== undefined) return `${short(before)} before`;
  if (usual !== undefined) return `usually ${short(usual)}`;
  if (low !== undefined && high !== undefined) return `expected ${short(low)} to ${short(high)}`;
  return limit === undefined ? undefined : `limit ${short(limit)}`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function cause({ diagnosis }: Notice): readonly string[] {
  if (diagnosis === undefined) return [];
  const sure = diagnosis.verdict === 'conclusive' ? `${Math.round(diagnosis.confidence * 100)}% sure` : 'inconclusive';
  return [`Likely cause (${sure}): ${oneLine(diagnosis.summary, 600)}`];
}

function proposal({ plan, kind, decision, atMs }: Notice): readonly string[] {
  if (plan === undefined) return [];
  const heading = kind === 'acted' || kind === 'act-failed' ? 'Plan' : 'Proposed';
  return [
    `${heading}: ${oneLine(plan.runbook.name, 100)}: ${oneLine(plan.runbook.summary, 300)}`,
    ...plan.steps.slice(0, mostSteps).flatMap((step, index) => stepLines(step, index + 1)),
    ...(plan.steps.length > mostSteps ? [`and ${plan.steps.length - mostSteps} more steps`] : []),
    ...(plan.notWhen === undefined ? [] : [`Not when: ${oneLine(plan.notWhen, 200)}`]),
    ...(kind === 'approval-needed' ? [expiry(plan.expiresAtMs, decision?.approval?.expiresMs, atMs)] : []),
  ];
}

function expiry(planMs: number, lastsMs: number | undefined, atMs: number): string {
  const untilMs = Math.min(planMs, lastsMs === undefined ? Infinity : atMs + lastsMs);
  return `Can be answered until ${new Date(untilMs).toISOString().slice(11, 16)} UTC`;
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
    `   touches ${touched} of ${total}${named === '' ? '' : ` (${named})`}, ${healthyAfter} stay healthy${needed}; ${step.traits.reversible ? 'can be undone, and is when it does not help' : 'cannot be undone'}${step.traits.destructive ? '; data can be lost' : ''}`,
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

function footer({ incident, atMs }: Notice): readonly string[] {
  const at = new Date(atMs).toISOString().replace('T', ' ').slice(0, 19);
  return [
    incident === undefined
      ? `${at} UTC`
      : `incident ${incident.id} · ${at} UTC · more: watchkeeper explain ${incident.id.slice(0, 13)}`,
  ];
}

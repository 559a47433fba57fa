import { headlines, headlineUnsure, type Notice } from '../domain/ports/channel.ts';
import type { PlannedStep } from '../domain/remediation.ts';
import { formatDuration } from '../lib/duration.ts';
import { oneLine } from '../lib/text.ts';

/**
 * A notice as plain text, for a terminal, a log or a mail: what is wrong, what is proposed and what it would touch, which
 * rule decided, and the exact commands to answer with. Everything from outside is one safe line: no escape sequence
 * survives, and nothing can pass itself off as a line of ours.
 */
export function renderNotice(notice: Notice): string {
  return [...heading(notice), ...proposal(notice), ...verdict(notice), ...answers(notice), ...otherwise(notice)].join(
    '\n',
  );
}

/** The first line: severity, where it stands, and the title. */
export function renderTitle(notice: Notice): string {
  const severity = notice.incident?.severity;
  const label = severity === undefined ? '' : `[${severity.toUpperCase()}] `;
  const { title } = notice;
  if (title.startsWith(`${headlineUnsure}: `)) return `${label}${line(title)}`;
  const said = Object.values(headlines).find((words) => title.startsWith(`${words}: `));
  return `${label}${kindWords[notice.kind]}: ${line(said === undefined ? title : title.slice(said.length + 2))}`;
}

const kindWords: Readonly<Record<Notice['kind'], string>> = {
  opened: 'Incident',
  'approval-needed': 'Your consent is needed',
  'approval-void': 'No answer is needed any more',
  suggestion: 'Suggestion',
  acted: 'Acted',
  'act-failed': 'The act failed',
  resolved: 'Resolved',
  'nothing-matched': 'No runbook matches',
  digest: 'Digest',
  'agent-unwell': 'Watchkeeper is unwell',
};

const widest = 500;
const mostLines = 40;

function line(text: string): string {
  return oneLine(text, widest);
}

function heading(notice: Notice): readonly string[] {
  const said = notice.lines.slice(0, mostLines).map((text) => `  ${line(text)}`);
  const left = notice.lines.length - said.length;
  const more =
    left > 0 ? [`  and ${left} more lines: see watchkeeper explain ${notice.incident?.id ?? ''}`.trimEnd()] : [];
  return [renderTitle(notice), ...said, ...more];
}

function proposal({ plan, kind }: Notice): readonly string[] {
  if (plan === undefined) return [];
  const heading = kind === 'acted' || kind === 'act-failed' ? 'Plan' : 'Proposed';
  return [
    `${heading}: ${line(plan.runbook.name)}: ${line(plan.runbook.summary)}`,
    `  Because ${line(plan.because)}`,
    ...plan.steps.flatMap((step, index) => describeStep(step, index + 1)),
    ...(plan.notWhen === undefined ? [] : [`  Not when: ${line(plan.notWhen)}`]),
  ];
}

function describeStep(step: PlannedStep, number: number): readonly string[] {
  const { touched, total, healthyAfter, targets, dependents } = step.blast;
  const named = targets.slice(0, 10).map(line);
  const rest = targets.length > named.length ? ` and ${targets.length - named.length} more` : '';
  const needed = dependents.length === 0 ? '' : `; needed by ${dependents.slice(0, 10).map(line).join(', ')}`;
  return [
    `  ${number}. ${line(step.describe)}`,
    `     ${step.action} on ${line(step.target.kind)} ${line(step.target.id)}`,
    ...step.diff.slice(0, mostLines).map((change) => `     | ${line(change)}`),
    `     touches ${touched} of ${total}${named.length === 0 ? '' : ` (${named.join(', ')}${rest})`}; ${healthyAfter} stay healthy meanwhile${needed}`,
    `     ${step.traits.reversible ? 'can be undone, and is when it does not help' : 'cannot be undone'}${step.traits.destructive ? '; data can be lost' : ''}`,
  ];
}

function verdict({ decision }: Notice): readonly string[] {
  if (decision === undefined) return [];
  const words = { allow: 'Allowed', 'require-approval': 'Needs consent', deny: 'Denied' }[decision.outcome];
  return [
    `${words} by ${line(decision.decidedBy)}${decision.code === undefined ? '' : ` (${decision.code})`}`,
    ...decision.reasons.slice(0, 10).map((reason) => `  ${line(reason)}`),
  ];
}

function answers(notice: Notice): readonly string[] {
  const { plan, decision, kind, atMs } = notice;
  const asked = decision?.approval;
  if (plan === undefined || (kind !== 'approval-needed' && asked === undefined)) return [];
  const id = shortPlanId(plan.id);
  const lastsMs = Math.min(plan.expiresAtMs - atMs, asked?.expiresMs ?? Infinity);
  const who = asked === undefined ? '' : `, ${asked.need} of ${asked.from.map(line).join(', ')}`;
  return [
    `To answer (within ${formatDuration(Math.max(0, lastsMs))}${who}):`,
    `  watchkeeper approve ${id}`,
    `  watchkeeper deny ${id}`,
  ];
}

/** A plan's id as people type it: enough of the hash to name one plan among those that wait. */
export function shortPlanId(planId: string): string {
  return planId.slice(0, 12);
}

function otherwise({ suggestions = [], ifNobodyAnswers, incident, page }: Notice): readonly string[] {
  return [
    ...(suggestions.length === 0 ? [] : ['What you can do by hand:']),
    ...suggestions.slice(0, mostLines).map((step) => `  - ${line(step)}`),
    ...(ifNobodyAnswers === undefined ? [] : [`If nobody answers: ${line(ifNobodyAnswers)}`]),
    ...(incident === undefined ? [] : [`More: watchkeeper explain ${incident.id}`]),
    ...(page === undefined ? [] : [`On the page: ${page}`]),
  ];
}

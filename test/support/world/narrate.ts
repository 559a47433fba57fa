import type { Diagnosis } from '../../../src/domain/diagnosis.ts';
import type { LedgerDraft } from '../../../src/domain/ledger.ts';
import type { Plan, Verification } from '../../../src/domain/remediation.ts';
import type { Decision } from '../../../src/domain/authority.ts';
import type { Change } from '../../../src/domain/change.ts';
import type { Json } from '../../../src/lib/json.ts';
import type { Story } from './story.ts';

type Told = readonly [who: string, text: string] | undefined;

/** Tells a ledger entry as a line of the story; deliveries and other small print are left out. */
export function narrate(story: Story, draft: LedgerDraft, atMs: number): void {
  nameAll(story, draft);
  const told = lineOf(draft);
  if (told) story.tell(atMs, told[0], told[1]);
}

function nameAll(story: Story, { subject, type, payload }: LedgerDraft): void {
  if (subject.incident !== undefined) story.name('incident', subject.incident);
  if (subject.plan !== undefined) story.name('plan', subject.plan);
  if (subject.execution !== undefined) story.name('execution', subject.execution);
  if (type === 'change-observed') story.name('change', (payload as unknown as Change).id);
}

function lineOf(draft: LedgerDraft): Told {
  const { type, body, subject } = draft;
  const payload = draft.payload as Readonly<Record<string, Json>> | undefined;
  const word = (key: string): string => plainOf(body[key]);
  const said = (key: string): string => plainOf(payload?.[key]);
  switch (type) {
    case 'daemon-started':
      return ['daemon', `starts (epoch ${word('epoch')})`];
    case 'config-loaded':
      return ['daemon', 'takes the new files'];
    case 'config-rejected':
      return ['daemon', `refuses the new files: ${listOf(payload?.['problems'])[0] ?? ''}`];
    case 'change-observed':
      return ['change', changeLine(payload as unknown as Change)];
    case 'change-judged':
      return ['verdict', `${word('verdict')} by ${word('detector')}: ${said('because')}`];
    case 'alert-firing':
      return [
        'alert',
        `FIRING ${word('detector')} on ${subject.service ?? ''}${shadow(word('mode'))}: ${said('because')}`,
      ];
    case 'alert-resolved':
      return ['alert', `resolved ${word('detector')} on ${subject.service ?? ''}: ${said('because')}`];
    case 'incident-opened':
      return ['incident', `OPENED (${word('severity')}) ${said('title')}`];
    case 'incident-updated':
      return ['incident', listOf(payload?.['texts']).join('; ')];
    case 'incident-resolved':
      return ['incident', `RESOLVED: ${listOf(payload?.['texts']).join('; ')}`];
    case 'diagnosis':
      return ['diagnosis', diagnosisLines(payload as unknown as Diagnosis)];
    case 'plan':
      return ['plan', planLines(payload as unknown as Plan)];
    case 'decision':
      return decisionLine(draft, payload);
    case 'approval-requested':
      return ['approval', `asked of ${listOf(body['from']).join(', ')} (${word('need')} needed)`];
    case 'approval':
      return ['approval', `${draft.actor} says ${word('verdict')}`];
    case 'approval-refused':
      return ['approval', `void: ${payload === undefined ? word('reason') : said('reason')} (${draft.actor})`];
    case 'step-intent':
      return ['act', `intent, durable: ${word('way') === 'undo' ? 'take it back' : said('describe')}`];
    case 'step-outcome':
      return ['act', `outcome ${word('status')}: ${said('message')}`];
    case 'step-undone':
      return ['act', `taken back, ${word('status')}: ${said('message')}`];
    case 'verification':
      return ['verify', verificationLines(payload as unknown as Verification)];
    case 'execution-ended':
      return ['act', `ended as ${word('status')}${payload === undefined ? '' : `: ${said('message')}`}`];
    case 'paused':
      return ['daemon', `hands off, by ${draft.actor}: ${said('reason')}`];
    case 'resumed':
      return ['daemon', `hands back on, by ${draft.actor}: ${said('reason')}`];
    default:
      return undefined;
  }
}

function changeLine(change: Change): string {
  const by = change.actor === undefined ? '' : ` by ${change.actor}`;
  return `${change.kind} of ${change.service}: ${change.what} ${change.from ?? ''} → ${change.to ?? ''}${by}`;
}

function diagnosisLines(diagnosis: Diagnosis): string {
  const [leading] = diagnosis.hypotheses;
  const evidence = [
    ...(leading?.for ?? []).slice(0, 3).map((one) => `+ ${one.text}`),
    ...(leading?.against ?? []).slice(0, 2).map((one) => `- ${one.text}`),
  ];
  const head = `${diagnosis.verdict}: ${diagnosis.cause} (${diagnosis.confidence.toFixed(2)}) ${diagnosis.summary}`;
  return [head, ...evidence].join('\n');
}

function planLines(plan: Plan): string {
  return [
    `${plan.runbook.name} for ${plan.service}`,
    ...plan.steps.map((step) => `${step.action}: ${step.describe}`),
  ].join('\n');
}

function decisionLine(draft: LedgerDraft, payload: Readonly<Record<string, Json>> | undefined): Told {
  const { body, subject } = draft;
  // The executor says again, beside its intent, what was recorded with its inputs the moment before.
  if (body['live'] === true && body['outcome'] === 'allow') return undefined;
  const live = body['live'] === true || subject.step !== undefined ? 'live, ' : '';
  const decision = payload?.['decision'] as unknown as Decision | undefined;
  const reasons = decision?.reasons ?? listOf(payload?.['reasons']);
  const code = body['code'] === undefined ? '' : ` (${plainOf(body['code'])})`;
  const outcome = plainOf(body['outcome']).toUpperCase();
  return ['decision', `${live}${outcome}${code} by ${plainOf(body['decidedBy'])}: ${reasons.join('; ')}`];
}

function verificationLines(verification: Verification): string {
  return [
    verification.status,
    ...verification.rules.map((rule) => `${rule.status}: ${rule.expect} — ${rule.because}`),
  ].join('\n');
}

function shadow(mode: string): string {
  return mode === 'shadow' ? ' (shadow)' : '';
}

function plainOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
}

function listOf(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.map((item) => plainOf(item as Json)) : [];
}

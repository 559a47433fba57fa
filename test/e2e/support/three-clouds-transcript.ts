import type { Diagnosis } from '../../../src/domain/diagnosis.ts';
import type { LedgerEntry } from '../../../src/domain/ledger.ts';
import type { Change } from '../../../src/domain/change.ts';
import type { Plan } from '../../../src/domain/remediation.ts';
import type { Json } from '../../../src/lib/json.ts';

/** Entries of the ledger with their payloads. */
export type Recorded = readonly { readonly entry: LedgerEntry; readonly payload?: Json }[];

/**
 * What the ledger tells of one incident, without times, ids and measured numbers: what changed, what fired, what it was held to
 * be, and what was done. Three clouds answer in no fixed order, so changes and alerts are sorted; of diagnoses the last before a plan stands.
 */
export function transcriptOf(all: Recorded): string {
  const of = (type: LedgerEntry['type']): Recorded => all.filter(({ entry }) => entry.type === type);
  const lines = (type: LedgerEntry['type'], tell: (one: Recorded[number]) => string): readonly string[] =>
    [...new Set(of(type).map(tell))].sort().map((line) => `${type}: ${line}`);
  const planned = all.findIndex(({ entry }) => entry.type === 'plan');
  const before = planned < 0 ? all : all.slice(0, planned);
  const diagnosis = before.findLast(({ entry }) => entry.type === 'diagnosis')?.payload as Diagnosis | undefined;
  const told = all.flatMap((one) => {
    const line = lineOf(one);
    return line === undefined ? [] : [`${one.entry.type}: ${line}`];
  });
  return [
    ...lines('change-observed', ({ payload }) => changeLine(payload as unknown as Change)),
    ...lines('alert-firing', ({ entry }) => `${plain(entry.body['signal'])} of ${entry.subject.service ?? ''}`),
    ...lines('incident-opened', ({ entry }) => plain(entry.body['severity'])),
    ...(diagnosis === undefined ? [] : diagnosisLines(diagnosis)),
    ...told,
    ...lines('escalation', ({ entry }) => `${plain(entry.body['kind'])} to ${plain(entry.body['escalation'])}`),
    ...lines('incident-resolved', () => 'all is well'),
    '',
  ].join('\n');
}

function changeLine({ kind, service, what, from = '', to = '', actor, source }: Change): string {
  // Who it was in AWS comes from CloudTrail, with this look or with a later one.
  const by = actor === undefined || source === 'aws' ? '' : ` by ${actor}`;
  return `${kind} of ${service} in ${source}: ${what} ${from} → ${to}${by}`;
}

function diagnosisLines({ verdict, cause, service, hypotheses, gaps }: Diagnosis): readonly string[] {
  const why = verdict === 'conclusive' ? `: ${hypotheses[0]?.title ?? ''}` : '';
  const silent = gaps.filter(({ reason }) => reason === 'unreachable' || reason === 'timeout');
  const unread = [...new Set(silent.map(({ source }) => source))].sort();
  return [
    `diagnosis: ${verdict}, ${cause}, traced to ${service}${why}`,
    ...unread.map((one) => `diagnosis: ${one} did not answer`),
  ];
}

function lineOf({ entry: { type, body, subject }, payload }: Recorded[number]): string | undefined {
  const of = (key: string): Json | undefined => (payload as Readonly<Record<string, Json>> | undefined)?.[key];
  switch (type) {
    case 'plan': {
      const { runbook, service, steps } = payload as unknown as Plan;
      return [
        `${runbook.name} for ${service}`,
        ...steps.flatMap(({ action, diff }) => [`  ${action}`, ...diff.map((line) => `    ${line}`)]),
      ].join('\n');
    }
    case 'decision':
      // What the executor was told again before its step is the same.
      return body['live'] === true || subject.step !== undefined
        ? undefined
        : `${plain(body['outcome'])} by ${plain(body['decidedBy'])}`;
    case 'step-intent':
      return plain(of('describe'));
    case 'step-outcome':
      return `${subject.step ?? ''} ${plain(body['status'])}`;
    case 'verification':
    case 'execution-ended':
      return plain(body['status'] ?? of('status'));
    default:
      return undefined;
  }
}

function plain(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? '');
}

import type { IncidentStatus, Severity } from '../../domain/alert.ts';
import type { Decision } from '../../domain/authority.ts';
import type { ExecutionStatus, StepStatus, Verification } from '../../domain/remediation.ts';
import type { Pending, ServiceNow } from '../wire.ts';

/** How a state is to be taken: `open` is not known, and never looks like good (I10). */
export type Tone = 'good' | 'warn' | 'bad' | 'note' | 'open';

/** A state as it is shown: a word, how it is to be taken, and a drawing that says it a third time. */
export interface Shown {
  readonly word: string;
  readonly tone: Tone;
  readonly icon: 'check' | 'cross' | 'incidents' | 'question' | 'dots' | 'pause' | 'person' | 'undo';
}

type Table<K extends string> = Readonly<Record<K, Shown>>;

const good = (word: string): Shown => ({ word, tone: 'good', icon: 'check' });
const bad = (word: string): Shown => ({ word, tone: 'bad', icon: 'cross' });
const unknown = (word: string): Shown => ({ word, tone: 'open', icon: 'question' });
const under = (word: string): Shown => ({ word, tone: 'note', icon: 'dots' });
const person = (word: string): Shown => ({ word, tone: 'warn', icon: 'person' });

const severities: Table<Severity> = {
  critical: { word: 'critical', tone: 'bad', icon: 'incidents' },
  warning: { word: 'warning', tone: 'warn', icon: 'incidents' },
  info: { word: 'info', tone: 'note', icon: 'dots' },
};
const incidents: Table<IncidentStatus> = {
  open: { word: 'open', tone: 'warn', icon: 'incidents' },
  mitigated: { word: 'mitigated, being watched', tone: 'note', icon: 'dots' },
  resolved: good('resolved'),
};
const services: Table<ServiceNow['state']> = {
  ok: good('ok'),
  pending: { word: 'pending', tone: 'warn', icon: 'dots' },
  firing: { word: 'firing', tone: 'bad', icon: 'incidents' },
  unknown: unknown('not known'),
};
const decisions: Table<Decision['outcome']> = {
  allow: good('allowed'),
  'require-approval': person('needs a person'),
  deny: bad('denied'),
};
const approvals: Table<Pending['status']> = {
  waiting: person('waiting for a person'),
  granted: good('approved'),
  denied: bad('denied'),
  expired: { word: 'expired', tone: 'note', icon: 'dots' },
  void: { word: 'void', tone: 'note', icon: 'cross' },
};
const executions: Table<ExecutionStatus> = {
  'waiting-approval': person('waiting for a person'),
  running: under('running'),
  verifying: under('being verified'),
  succeeded: good('succeeded'),
  failed: bad('failed'),
  undone: { word: 'undone', tone: 'warn', icon: 'undo' },
  unknown: unknown('outcome not known'),
  denied: bad('denied'),
  cancelled: { word: 'cancelled', tone: 'note', icon: 'cross' },
  expired: { word: 'expired', tone: 'note', icon: 'dots' },
};
const steps: Table<StepStatus> = {
  succeeded: good('succeeded'),
  failed: bad('failed, nothing happened'),
  errored: bad('errored'),
  inconclusive: unknown('inconclusive'),
  unknown: unknown('outcome not known'),
  skipped: { word: 'skipped', tone: 'note', icon: 'dots' },
};
const verifications: Table<Verification['status']> = {
  passed: good('passed'),
  failed: bad('failed'),
  inconclusive: unknown('inconclusive'),
  pending: under('pending'),
};

const tables = { severities, incidents, services, decisions, approvals, executions, steps, verifications } as const;

/** How a state of some kind is shown. A word that is not known here is shown as it came, as nothing certain. */
export function shown(kind: keyof typeof tables, state: string): Shown {
  const table: Readonly<Record<string, Shown>> = tables[kind];
  return Object.hasOwn(table, state) ? (table[state] ?? unknown(state)) : unknown(state);
}

import { changeFacts, diagnosisFacts, incidentFacts, serviceFacts, type FactAlert } from '../domain/facts.ts';
import type { Incident } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { Diagnosis } from '../domain/diagnosis.ts';
import type { Service } from '../domain/service.ts';
import type { CelBindings, CelProgram } from '../lib/cel/index.ts';
import { formatDuration } from '../lib/duration.ts';
import type { Json } from '../lib/json.ts';
import { selects } from '../lib/selector.ts';
import type { Runbook } from './runbook.ts';

/** Error budgets of a service by objective; a figure that is not known is absent. */
export type Budgets = Readonly<Record<string, { readonly remaining?: number; readonly burn?: number }>>;

/** What runbooks are chosen and filled in by. */
export interface RunbookFacts {
  readonly asOfMs: number;
  readonly incident: Pick<
    Incident,
    'id' | 'severity' | 'service' | 'services' | 'storm' | 'recurrenceOf' | 'openedAtMs'
  >;
  readonly alerts: readonly FactAlert[];
  readonly diagnosis: Pick<Diagnosis, 'cause' | 'confidence' | 'verdict' | 'service' | 'gaps'>;
  readonly change?: Change;
  /** The service to be helped: the one the diagnosis traced the trouble to. */
  readonly service: Service;
  readonly budgets: Budgets;
}

/** Whether a runbook is for this incident, and why not. */
export interface MatchReport {
  readonly runbook: Runbook;
  readonly matched: boolean;
  readonly because: string;
}

/** Reports on every runbook, best first: matched before unmatched, then priority, then the more specific, then by name. */
export function matchRunbooks(runbooks: readonly Runbook[], facts: RunbookFacts): readonly MatchReport[] {
  const bindings = factBindings(facts);
  return runbooks
    .map((runbook) => report(runbook, facts, bindings))
    .sort(
      (a, b) =>
        Number(b.matched) - Number(a.matched) ||
        b.runbook.priority - a.runbook.priority ||
        specificity(b.runbook) - specificity(a.runbook) ||
        (a.runbook.name < b.runbook.name ? -1 : 1),
    );
}

// The more a runbook asks for, the better it knows what it is for.
function specificity(runbook: Runbook): number {
  return Object.keys(runbook.services).length + runbook.clauses.length;
}

function report(runbook: Runbook, facts: RunbookFacts, bindings: CelBindings): MatchReport {
  if (!selects(runbook.services, facts.service))
    return { runbook, matched: false, because: `it is not for ${facts.service.name}` };
  const outcome = runbook.when.evaluate(bindings);
  if (outcome.ok && outcome.value === true) return { runbook, matched: true, because: runbook.summary };
  return { runbook, matched: false, because: whyNot(runbook, bindings) };
}

// The first clause that is not true, with what it looked at.
function whyNot(runbook: Runbook, bindings: CelBindings): string {
  for (const clause of runbook.clauses) {
    const outcome = clause.evaluate(bindings);
    if (!outcome.ok) return `cannot tell whether ${clause.source}: ${outcome.reason}`;
    if (outcome.value !== true) return `not so: ${clause.source}${seen(clause, bindings)}`;
  }
  return `not so: ${runbook.when.source}`;
}

function seen(clause: CelProgram, bindings: CelBindings): string {
  const figures = clause.reads.flatMap((path) => {
    const value = valueAt(bindings.variables, path);
    if (value === undefined || typeof value === 'object') return [];
    const text = path.endsWith('.age') && typeof value === 'number' ? formatDuration(value) : JSON.stringify(value);
    return [`${path} is ${text}`];
  });
  return figures.length === 0 ? '' : ` (${figures.join(', ')})`;
}

function valueAt(variables: Readonly<Record<string, Json>>, path: string): Json | undefined {
  let value: Json | undefined = variables;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = (value as Readonly<Record<string, Json>>)[key];
  }
  return value;
}

/** The variables and functions of `when`; conditions add to them. */
export function factBindings(facts: RunbookFacts): CelBindings {
  const { asOfMs, change, budgets } = facts;
  const budgetOf = (name: Json): Json =>
    typeof name === 'string' && Object.hasOwn(budgets, name) ? { ...budgets[name] } : null;
  return {
    variables: {
      diagnosis: diagnosisFacts(facts.diagnosis),
      incident: incidentFacts(facts.incident, facts.alerts, asOfMs),
      service: serviceFacts(facts.service),
      ...(change === undefined ? {} : { change: changeFacts(change, asOfMs) }),
      now: asOfMs,
    },
    functions: {
      budget: (name = null) => budgetOf(name),
      burn: (name = null) =>
        typeof name === 'string' && Object.hasOwn(budgets, name) ? (budgets[name]?.burn ?? null) : null,
    },
  };
}

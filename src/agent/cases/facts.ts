import type { Alert, Incident } from '../../domain/alert.ts';
import type { AgentHealth, Approval } from '../../domain/authority.ts';
import type { Change } from '../../domain/change.ts';
import type { Diagnosis } from '../../domain/diagnosis.ts';
import type { Observation, Plan } from '../../domain/remediation.ts';
import type { Service } from '../../domain/service.ts';
import type { Catalog } from '../../catalog/index.ts';
import { actsOf } from '../../diagnosis/index.ts';
import { decide, type ConditionResult, type DecisionInput } from '../../policy/index.ts';
import { checkConditions, type RunbookFacts } from '../../runbooks/index.ts';
import type { Decision } from '../../domain/authority.ts';
import { staleAfterMs, staleParts } from '../health.ts';
import type { Watch } from '../watch.ts';

/** What is known of a case when something is to be decided about it. */
export interface CaseFacts {
  readonly incident: Incident;
  readonly alerts: readonly Alert[];
  readonly diagnosis: Diagnosis;
  readonly change?: Change;
  readonly service: Service;
}

// A value older than this says nothing about now.
const freshWithinMs = 5 * 60_000;

/** Puts the facts of a case together. */
export function caseFacts(watch: Watch, incident: Incident, diagnosis: Diagnosis): CaseFacts {
  const service = watch.catalog().get(diagnosis.service) ?? serviceOf(watch, incident);
  const held = new Set(incident.alerts);
  const change = blamed(watch, diagnosis);
  const alerts = watch.state().alerts.filter((alert) => held.has(alert.fingerprint));
  return { incident, alerts, diagnosis, service, ...(change === undefined ? {} : { change }) };
}

// Of a sync what diagnosis took it for: with the versions of the rollout that it made.
function blamed(watch: Watch, { changeId }: Diagnosis): Change | undefined {
  const change = changeId === undefined ? undefined : watch.changes.byId(changeId);
  if (change === undefined) return undefined;
  const acts = actsOf(watch.changes.of(change.service));
  return acts.changes.find(({ id }) => id === acts.actOf(change.id)) ?? change;
}

/**
 * The service of an incident. An alert from elsewhere may speak of one that nobody declared; people must hear of it all
 * the same (I14), and nothing can be done to it, since it runs nowhere that we know.
 */
export function serviceOf(watch: Watch, incident: Pick<Incident, 'service'>): Service {
  const [escalate = ''] = watch.resources().escalations.keys();
  return (
    watch.catalog().get(incident.service) ?? {
      name: incident.service,
      labels: {},
      owner: { team: 'unowned', escalate },
      dependsOn: [],
      runsOn: [],
      telemetry: {},
      slos: [],
      origin: 'discovered',
    }
  );
}

/** The facts as runbooks read them. */
export function runbookFacts(watch: Watch, facts: CaseFacts): RunbookFacts {
  return { ...facts, asOfMs: watch.clock.nowMs(), budgets: watch.budgets.of(facts.service) };
}

/** The newest fresh value of each signal of a service: the worst of its series. */
export function freshSignals(watch: Watch, service: Service): Readonly<Record<string, number>> {
  const nowMs = watch.clock.nowMs();
  return Object.fromEntries(
    Object.keys(service.telemetry).flatMap((signal) => {
      const fresh = watch.window
        .latest(service.name, signal)
        .filter(({ sample }) => sample.tMs >= nowMs - freshWithinMs);
      if (fresh.length === 0) return [];
      const values = fresh.map(({ sample }) => sample.v);
      return [[signal, fresh[0]?.meta.nature === 'rate' ? values.reduce((sum, v) => sum + v, 0) : Math.max(...values)]];
    }),
  );
}

/** Evaluates `require` and `abortIf` of the steps that were looked at. */
export function conditionsOf(
  watch: Watch,
  facts: CaseFacts,
  plan: Plan,
  observations: Readonly<Record<string, Observation>>,
): readonly ConditionResult[] {
  const base = { ...runbookFacts(watch, facts), signals: freshSignals(watch, facts.service) };
  return plan.steps.flatMap((step) => {
    const observation = observations[step.id];
    return observation === undefined ? [] : checkConditions(step, { ...base, observation });
  });
}

/** What a decision is asked about beside the case. */
export interface Question {
  readonly plan: Plan;
  readonly stepId?: string;
  readonly executionId?: string;
  readonly observations: Readonly<Record<string, Observation>>;
  readonly expectedState?: Readonly<Record<string, string>>;
  readonly approvals: readonly Approval[];
  /** Our own act is being taken back: that its alert has not been seen since a restart is no reason not to. */
  readonly goingBack?: true;
}

/** Everything a decision may look at, gathered now. */
export function decisionInput(watch: Watch, facts: CaseFacts, asked: Question): DecisionInput {
  const { goingBack, ...question } = asked;
  const executor = watch.executor();
  const resources = watch.resources();
  const requested = watch.approvals().of(question.plan.id);
  const { total, unhealthy } = serviceHealth(watch);
  const lastStormMs = watch.health.lastStormMs();
  return {
    asOfMs: watch.clock.nowMs(),
    epoch: watch.epoch,
    ...question,
    incident: facts.incident,
    alerts: facts.alerts,
    diagnosis: facts.diagnosis,
    ...(facts.change === undefined ? {} : { change: facts.change }),
    service: facts.service,
    conditions: conditionsOf(watch, facts, question.plan, question.observations),
    inFlight: [
      ...executor.inFlight().map((act) => ({ ...act, by: 'watchkeeper', sinceMs: act.atMs })),
      ...othersAtWork(question.observations),
    ],
    history: executor.history(),
    labelsOf: labelsOf(watch.catalog()),
    ...(requested === undefined ? {} : { approvalRequestedAtMs: requested.requestedAtMs }),
    groups: resources.groups,
    budgets: watch.budgets.of(facts.service),
    serviceHealth: { total, unhealthy },
    ...(lastStormMs === undefined ? {} : { lastStormMs }),
    agent: agentHealth(watch, facts, goingBack === true),
    ceiling: watch.settings.ceiling,
    ...(watch.settings.caps ? { caps: watch.settings.caps } : {}),
    policies: resources.policies,
  };
}

// The same object until the catalog is another, because its digest is remembered by its identity.
const labels = new WeakMap<Catalog, NonNullable<DecisionInput['labelsOf']>>();

function labelsOf(catalog: Catalog): NonNullable<DecisionInput['labelsOf']> {
  const known = labels.get(catalog);
  if (known !== undefined) return known;
  const made = Object.fromEntries(catalog.services.map((service) => [service.name, service.labels]));
  labels.set(catalog, made);
  return made;
}

/** Decides, and counts it. */
export function decideNow(watch: Watch, input: DecisionInput): Decision {
  const decision = decide(input);
  watch.metrics.decisions.inc({ outcome: decision.outcome, code: decision.code ?? '' });
  return decision;
}

/** How many services there are, and how many have a firing alert. */
export function serviceHealth(watch: Watch): { readonly total: number; readonly unhealthy: number } {
  const ill = new Set(
    watch
      .state()
      .alerts.filter((alert) => alert.status === 'firing' && alert.mode === 'active')
      .map((alert) => alert.service),
  );
  const watched = watch.catalog().services;
  return { total: watched.length, unhealthy: watched.filter((service) => ill.has(service.name)).length };
}

// Besides what makes the whole agent unwell: to act on a service whose own measurements have stopped, or on what only the
// last process saw, is to act blind.
function agentHealth(watch: Watch, { service, incident }: CaseFacts, goingBack: boolean): AgentHealth {
  const statuses = watch.sources.statuses();
  const health = watch.health.health(statuses);
  const doubt = goingBack ? undefined : watch.freshness.whyDoubt(incident);
  return {
    ...health,
    unwell: [...health.unwell, ...silentSources(watch, service), ...(doubt === undefined ? [] : [doubt])],
  };
}

function silentSources(watch: Watch, service: Service): readonly string[] {
  const nowMs = watch.clock.nowMs();
  const statuses = new Map(watch.sources.statuses().map((status) => [status.id, status]));
  const measured = new Set(Object.values(service.telemetry).map((binding) => binding.source));
  const places = service.runsOn.flatMap((place) => (place.on === 'kubernetes' ? [place.kubernetes] : []));
  return watch.liveSources().flatMap(({ id }) => {
    const here = places.filter(({ cluster }) => cluster === id).map(({ namespace }) => namespace);
    if (!measured.has(id) && here.length === 0) return [];
    const status = statuses.get(id);
    if (status?.lastAnswerMs === undefined)
      return [`${id}, which measures ${service.name}, has not answered since the daemon started`];
    return nowMs - status.lastAnswerMs > staleAfterMs(status.intervalMs)
      ? [`${id}, which measures ${service.name}, does not answer`]
      : staleParts(status, here);
  });
}

function othersAtWork(observations: Readonly<Record<string, Observation>>): DecisionInput['inFlight'] {
  return Object.values(observations).flatMap((observation) => {
    if (observation.busy === undefined) return [];
    const { target, blast, atMs } = observation;
    return [
      {
        by: observation.busy,
        service: target.service,
        targetKey: `${target.kind}/${target.id}`,
        action: 'other',
        touched: blast.touched,
        sinceMs: atMs,
      },
    ];
  });
}

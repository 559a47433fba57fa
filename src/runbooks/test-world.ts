import type { ActRecord, AgentHealth, Autonomy } from '../domain/authority.ts';
import type { Change } from '../domain/change.ts';
import type { FactAlert } from '../domain/facts.ts';
import type { AwsResource, GcpResource, Place, WorkloadKind } from '../domain/places.ts';
import type { Incident } from '../domain/alert.ts';
import type { Observation, Plan, Target } from '../domain/remediation.ts';
import type { Service } from '../domain/service.ts';
import type { Json, JsonObject } from '../lib/json.ts';
import { digest } from '../lib/canonical.ts';
import type { Labels } from '../domain/telemetry.ts';
import type { ConditionOutcome } from './conditions.ts';
import type { RunbookFacts } from './match.ts';
import type { Given } from './test-schema.ts';

/** Everything a decision looks at, as a test describes it, but for the policies and the answers. */
export interface TestWorld extends RunbookFacts {
  readonly epoch: number;
  readonly plan: Plan;
  readonly incident: RunbookFacts['incident'] & Pick<Incident, 'mode'>;
  readonly observations: Readonly<Record<string, Observation>>;
  readonly conditions: readonly ConditionOutcome[];
  readonly inFlight: readonly {
    readonly by: string;
    readonly service: string;
    readonly targetKey: string;
    readonly action: string;
    readonly touched: number;
    readonly sinceMs: number;
  }[];
  readonly history: readonly ActRecord[];
  readonly groups: Readonly<Record<string, readonly string[]>>;
  readonly serviceHealth: { readonly total: number; readonly unhealthy: number };
  readonly agent: AgentHealth;
  readonly ceiling: Autonomy;
}

/** The service a case speaks of: one that is loaded, or as the case describes it. */
export function givenService(given: Given, known: ReadonlyMap<string, Service>): Service {
  if (typeof given.service === 'string') {
    const loaded = known.get(given.service);
    if (loaded !== undefined) return loaded;
  }
  const written =
    typeof given.service === 'string'
      ? {
          name: given.service,
          labels: {},
          workload: undefined,
          aws: undefined,
          azure: undefined,
          os: undefined,
          gcp: undefined,
          ssh: undefined,
          team: 'unowned',
          escalate: 'default',
          dependsOn: [],
        }
      : given.service;
  const [kind, namespace = '', name = ''] = written.workload?.split('/') ?? [];
  return {
    name: written.name,
    labels: written.labels,
    owner: { team: written.team, escalate: written.escalate },
    dependsOn: written.dependsOn,
    runsOn: [
      ...(kind === undefined
        ? []
        : [
            {
              on: 'kubernetes',
              kubernetes: { cluster: 'kubernetes', namespace, workload: { kind: kind as WorkloadKind, name } },
            } as const,
          ]),
      ...(written.aws === undefined ? [] : [placeInAws(written.aws)]),
      ...(written.azure === undefined ? [] : [placeInAzure(written.azure)]),
      ...(written.os === undefined ? [] : [placeOnWindows(written.name)]),
      ...(written.gcp === undefined ? [] : [placeInGcp(written.gcp)]),
      ...(written.ssh === undefined ? [] : [placeOverSsh(written.ssh)]),
    ],
    telemetry: {},
    slos: [],
    origin: 'declared',
  };
}

function placeOnWindows(name: string): Place {
  return {
    on: 'ssh',
    ssh: { source: 'fleet', host: 'win-1', os: 'windows', unit: name, iis: { pool: name, site: name } },
  };
}

function placeInAzure(written: string): Place {
  const [is = '', name = '', group = ''] = written.split('/');
  const resource =
    is === 'failover-group'
      ? ({ is, server: name, name: group } as const)
      : { is: is as 'container-app' | 'web-app' | 'scale-set' | 'virtual-machine', name };
  return { on: 'azure', azure: { source: 'azure', region: 'westeurope', resourceGroup: 'shop', resource } };
}

function placeInAws(written: string): Place {
  const [is, first = '', second = ''] = written.split('/');
  const resource: AwsResource =
    is === 'ecs' ? { is, cluster: first, service: second } : { is: 'lambda', function: first, alias: second };
  return { on: 'aws', aws: { source: 'aws', region: 'eu-west-1', resource } };
}

function placeOverSsh(written: string): Place {
  const [is, name = ''] = written.split('/');
  return { on: 'ssh', ssh: { source: 'ssh', ...(is === 'group' ? { group: name } : { host: name }) } };
}

function placeInGcp(written: string): Place {
  const [is, name = '', target = ''] = written.split('/');
  const resource: GcpResource =
    is === 'run'
      ? { is, service: name }
      : is === 'sql'
        ? { is, instance: name }
        : is === 'deploy'
          ? { is, pipeline: name, target }
          : { is: is === 'instance' ? is : 'instance-group', name };
  return { on: 'gcp', gcp: { source: 'gcp', location: 'europe-west1', resource } };
}

/** The facts of a case. */
export function givenFacts(given: Given, service: Service): RunbookFacts & Pick<TestWorld, 'incident'> {
  const asOfMs = Date.parse(given.now);
  const detector = typeof given.incident === 'string' ? given.incident : given.incident.detector;
  const incident =
    typeof given.incident === 'string'
      ? ({
          kind: 'threshold',
          signal: 'errors',
          severity: 'critical',
          storm: false,
          recurrence: false,
          age: 60_000,
          hosts: [],
          mode: 'active',
        } as const)
      : given.incident;
  const change = given.change === undefined ? undefined : givenChange(given.change, service.name, asOfMs);
  const fallback =
    change === undefined
      ? ({ cause: 'unknown', confidence: 0.3, verdict: 'inconclusive' } as const)
      : ({ cause: 'change', confidence: 0.9, verdict: 'conclusive' } as const);
  return {
    asOfMs,
    incident: {
      id: 'test',
      severity: incident.severity,
      service: service.name,
      services: [service.name],
      storm: incident.storm,
      openedAtMs: asOfMs - incident.age,
      mode: incident.mode,
      ...(incident.recurrence ? { recurrenceOf: 'earlier' } : {}),
    },
    alerts: alertsOf({ detector, kind: incident.kind, signal: incident.signal }, incident.hosts),
    diagnosis: { ...(given.diagnosis ?? fallback), service: service.name, gaps: [] },
    ...(change === undefined ? {} : { change }),
    service,
    budgets: given.budgets,
  };
}

function alertsOf(alert: FactAlert, hosts: readonly string[]): readonly FactAlert[] {
  return hosts.length === 0 ? [alert] : hosts.map((host) => ({ ...alert, labels: { host } }));
}

function givenChange(written: NonNullable<Given['change']>, service: string, asOfMs: number): Change {
  const from = written.from ?? written.previous ?? 'previous';
  return {
    id: 'test-change',
    kind: written.kind,
    service,
    atMs: asOfMs - written.age,
    what: written.what,
    ...(from === '' ? {} : { from }),
    to: written.to ?? 'current',
    source: 'test',
    irreversible: written.irreversible,
    attributes: {},
    ...(written.actor === undefined ? {} : { actor: written.actor }),
    ...(written.ref === undefined ? {} : { ref: written.ref }),
    ...(written.instances === undefined ? {} : { instances: written.instances }),
  };
}

/** The target of a case, with its live facts. */
export function givenObservation(given: Given, service: Service, asOfMs: number): Observation {
  const { kind = 'service', id = service.name, labels = {}, ...facts } = given.target;
  const target: Target = {
    kind: text(kind),
    id: text(id),
    service: service.name,
    labels: { ...service.labels, ...textLabels(labels) },
  };
  return {
    target,
    atMs: asOfMs,
    facts: facts satisfies JsonObject,
    stateHash: digest(facts),
    blast: { ...given.blast, targets: [target.id], dependents: [] },
    ...(given.busy === undefined ? {} : { busy: given.busy }),
  };
}

function text(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function textLabels(value: Json): Labels {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([key, label]) => [key, text(label as Json)]));
}

/** Past acts of a case, as records. */
export function givenHistory(given: Given, plan: Plan, observation: Observation): readonly ActRecord[] {
  const asOfMs = Date.parse(given.now);
  const { kind, id } = observation.target;
  return given.history.flatMap((act, index) =>
    Array.from({ length: act.times }, (_, time): ActRecord => ({
      executionId: `past-${index}-${time}`,
      planId: 'past',
      runbook: act.runbook ?? plan.runbook.name,
      service: act.service ?? plan.service,
      targetKey: act.target ?? `${kind}/${id}`,
      action: act.action ?? plan.steps[0]?.action ?? '',
      atMs: asOfMs - act.ago - time,
      outcome: act.outcome,
      touched: 1,
    })),
  );
}

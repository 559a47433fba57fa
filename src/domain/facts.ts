import type { CelField, CelType } from '../lib/cel/types.ts';
import type { Json, JsonObject } from '../lib/json.ts';
import type { Alert, Incident } from './alert.ts';
import type { Change } from './change.ts';
import type { Diagnosis } from './diagnosis.ts';
import type { Service } from './service.ts';

/*
 * What expressions may name, declared once beside the code that fills it in: runbooks, policies and escalations then
 * speak of the same incident in the same words. An optional field that is absent is an evaluation error when read
 * without has(), and that is a refusal.
 */

const string: CelType = { is: 'string' };
const strings: CelType = { is: 'list', of: string };
const bool: CelType = { is: 'bool' };
const int: CelType = { is: 'int' };
const double: CelType = { is: 'double' };
const duration: CelType = { is: 'duration' };
const timestamp: CelType = { is: 'timestamp' };

/** `diagnosis.*`. */
export const diagnosisField: CelField = {
  doc: 'The leading explanation of the incident.',
  type: {
    is: 'record',
    name: 'diagnosis',
    fields: {
      cause: { type: string, doc: 'change, dependency, resource, traffic, host, external or unknown' },
      confidence: { type: double, doc: '0..1' },
      verdict: { type: string, doc: 'conclusive or inconclusive' },
      service: { type: string, doc: 'The service the trouble was traced to.' },
      gaps: { type: int, doc: 'How many things could not be read.' },
    },
  },
};

/** `change.*`: the change the diagnosis names. Absent when it names none. */
export const changeField: CelField = {
  doc: 'The change the diagnosis names, if any.',
  optional: true,
  type: {
    is: 'record',
    name: 'change',
    fields: {
      id: { type: string },
      kind: { type: string, doc: 'deploy, rollback, config, scale, flag, package, restart or infrastructure' },
      service: { type: string },
      what: { type: string },
      age: { type: duration, doc: 'Time since it was made.' },
      at: { type: timestamp },
      from: { type: string, optional: true },
      previous: { type: string, optional: true, doc: 'The same as `from`.' },
      to: { type: string, optional: true },
      version: { type: string, optional: true, doc: 'The same as `to`.' },
      actor: { type: string, optional: true },
      ref: { type: string, optional: true },
      source: { type: string },
      irreversible: { type: bool, doc: 'Going back is known to be unsafe.' },
      instances: { type: strings, optional: true, doc: 'Where it was made, when not everywhere: hosts, pods.' },
    },
  },
};

/** `incident.*`. */
export const incidentField: CelField = {
  type: {
    is: 'record',
    name: 'incident',
    fields: {
      id: { type: string },
      severity: { type: string, doc: 'info, warning or critical' },
      service: { type: string },
      services: { type: strings },
      detectors: { type: strings, doc: 'Names of the detectors that found it.' },
      kinds: { type: strings, doc: 'Their kinds.' },
      signals: { type: strings },
      hosts: { type: strings, doc: 'Hosts that its alerts tell of, where they tell hosts apart.' },
      storm: { type: bool },
      recurrence: { type: bool, doc: 'It came back shortly after it was resolved.' },
      age: { type: duration },
    },
  },
};

/** `service.*`. */
export const serviceField: CelField = {
  type: {
    is: 'record',
    name: 'service',
    fields: {
      name: { type: string },
      labels: { type: { is: 'map', of: string } },
      team: { type: string },
      dependsOn: { type: strings },
      slos: { type: strings },
      signals: { type: strings },
      unit: { type: string, optional: true, doc: 'Its systemd unit.' },
      health: { type: string, optional: true, doc: 'Its health URL.' },
      ssh: { type: string, optional: true, doc: 'Over SSH: host, where it runs on one, or group.' },
      os: { type: string, optional: true, doc: 'windows, for a service on Windows hosts over SSH.' },
      workload: { type: string, optional: true, doc: 'Its Kubernetes workload.' },
      workloadKind: { type: string, optional: true, doc: 'Deployment, StatefulSet, DaemonSet, Job or CronJob.' },
      namespace: { type: string, optional: true, doc: 'The namespace of its workload.' },
      cluster: { type: string, optional: true, doc: 'The cluster of its workload.' },
      aws: {
        type: string,
        optional: true,
        doc: 'What it is in AWS: ecs, lambda, auto-scaling-group, instance, database, database-cluster, codedeploy or stack.',
      },
      azure: {
        type: string,
        optional: true,
        doc: 'What it is in Azure: container-app, web-app, scale-set, virtual-machine or failover-group.',
      },
      region: { type: string, optional: true, doc: 'Its region in AWS or Azure; in Google Cloud its region or zone.' },
      gcp: {
        type: string,
        optional: true,
        doc: 'What it is in Google Cloud: run, instance-group, instance, sql or deploy.',
      },
    },
  },
};

/** Fills `diagnosis.*`. */
export function diagnosisFacts(
  diagnosis: Pick<Diagnosis, 'cause' | 'confidence' | 'verdict' | 'service' | 'gaps'>,
): JsonObject {
  return {
    cause: diagnosis.cause,
    confidence: diagnosis.confidence,
    verdict: diagnosis.verdict,
    service: diagnosis.service,
    gaps: diagnosis.gaps.length,
  };
}

/** Fills `change.*` as seen at `asOfMs`. */
export function changeFacts(change: Change, asOfMs: number): JsonObject {
  return {
    id: change.id,
    kind: change.kind,
    service: change.service,
    what: change.what,
    age: asOfMs - change.atMs,
    at: change.atMs,
    source: change.source,
    irreversible: change.irreversible ?? false,
    ...(change.from === undefined ? {} : { from: change.from, previous: change.from }),
    ...(change.to === undefined ? {} : { to: change.to, version: change.to }),
    ...(change.actor === undefined ? {} : { actor: change.actor }),
    ...(change.ref === undefined ? {} : { ref: change.ref }),
    ...(change.instances === undefined ? {} : { instances: change.instances }),
  };
}

/** An alert as far as expressions know of it. */
export type FactAlert = Pick<Alert, 'detector' | 'kind' | 'signal'> & Partial<Pick<Alert, 'status' | 'labels'>>;

/** Fills `incident.*` as seen at `asOfMs`; `alerts` are those of the incident. */
export function incidentFacts(
  incident: Pick<Incident, 'id' | 'severity' | 'service' | 'services' | 'storm' | 'recurrenceOf' | 'openedAtMs'>,
  alerts: readonly FactAlert[],
  asOfMs: number,
): JsonObject {
  return {
    id: incident.id,
    severity: incident.severity,
    service: incident.service,
    services: incident.services,
    detectors: distinct(alerts.map((alert) => alert.detector)),
    kinds: distinct(alerts.map((alert) => alert.kind)),
    signals: distinct(alerts.map((alert) => alert.signal)),
    hosts: distinct(alerts.flatMap(({ status, labels }) => (status === 'resolved' ? [] : (labels?.['host'] ?? [])))),
    storm: incident.storm,
    recurrence: incident.recurrenceOf !== undefined,
    age: asOfMs - incident.openedAtMs,
  };
}

/** Fills `service.*`. */
export function serviceFacts(service: Service): JsonObject {
  const facts: Record<string, Json> = {
    name: service.name,
    labels: service.labels,
    team: service.owner.team,
    dependsOn: service.dependsOn,
    slos: service.slos.map((slo) => slo.name),
    signals: Object.keys(service.telemetry),
  };
  for (const place of service.runsOn) {
    if (place.on === 'host') {
      if (place.host.unit !== undefined) facts['unit'] ??= place.host.unit;
      if (place.host.health !== undefined) facts['health'] ??= place.host.health;
    } else if (place.on === 'ssh') {
      facts['ssh'] ??= place.ssh.host === undefined ? 'group' : 'host';
      if (place.ssh.unit !== undefined) facts['unit'] ??= place.ssh.unit;
      if (place.ssh.os !== undefined) facts['os'] ??= place.ssh.os;
    } else if (place.on === 'kubernetes') {
      const { cluster, namespace, workload } = place.kubernetes;
      facts['workload'] ??= workload.name;
      facts['workloadKind'] ??= workload.kind;
      facts['namespace'] ??= namespace;
      facts['cluster'] ??= cluster;
    } else if (place.on === 'aws') {
      facts['aws'] ??= place.aws.resource.is;
      facts['region'] ??= place.aws.region;
    } else if (place.on === 'azure') {
      facts['azure'] ??= place.azure.resource.is;
      facts['region'] ??= place.azure.region;
    } else if (place.on === 'gcp') {
      facts['gcp'] ??= place.gcp.resource.is;
      facts['region'] ??= place.gcp.location;
    } else {
      const workload = place.spec['workload'] ?? place.spec['deployment'];
      if (typeof workload === 'string') facts['workload'] ??= workload;
    }
  }
  return facts;
}

function distinct(words: readonly string[]): readonly string[] {
  return [...new Set(words)].sort();
}

import type { Answered, Called } from './server.ts';
import { fault } from './server.ts';

/** One revision of a service of Cloud Run. */
export interface Revision {
  readonly name: string;
  readonly createTime: string;
  readonly conditions?: readonly { readonly type: string; readonly state: string }[];
}

interface Share {
  type: string;
  revision?: string;
  percent: number;
}

/** A service of Cloud Run, in the words of its API. */
export interface RunService {
  name: string;
  labels: Record<string, string>;
  revisions: Revision[];
  traffic: Share[];
  scaling: { minInstanceCount?: number; maxInstanceCount?: number };
  updateTime: string;
  lastModifier: string;
  client: string;
  clientVersion: string;
  etag: string;
  condition: { state: string; message?: string };
}

/** An entry of an audit log, in the words of Cloud Logging. */
export interface AuditEntry {
  readonly timestamp: string;
  readonly service: string;
  readonly method: string;
  readonly resource: string;
  readonly email: string;
  readonly reason?: string;
  readonly code?: number;
  readonly last?: boolean;
}

/** A point of a time series: which service of Cloud Run, of which class of answers, and when. */
export interface Requests {
  readonly service: string;
  readonly location: string;
  readonly atMs: number;
  readonly good: number;
  readonly bad: number;
}

/** The project as it is: what the server answers from, and what its writes change. */
export interface GcpWorld {
  readonly runs: Map<string, RunService>;
  readonly audit: AuditEntry[];
  readonly requests: Requests[];
  readonly logs: object[];
  readonly alerts: object[];
  readonly traces: object[];
  /** Any other method, by its name: what it answers. */
  readonly others: Map<string, (called: Called) => Answered>;
  answer(called: Called): Answered;
  /** What a person or a pipeline does: another revision that takes all traffic. */
  deploy(name: string, revision: string, by: string): void;
}

const latest = 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST';
const chosen = 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION';

/** Makes one with nothing in it. */
export function gcpWorld(nowMs: () => number = Date.now): GcpWorld {
  const now = (): string => new Date(nowMs()).toISOString();
  const world: GcpWorld = {
    ...{ runs: new Map(), audit: [], requests: [], logs: [], alerts: [], traces: [], others: new Map() },
    answer: (called) => {
      const other = world.others.get(called.method);
      if (other !== undefined) return other(called);
      const answer = answers[called.method];
      return answer === undefined ? fault(501, 'UNIMPLEMENTED', called.method) : answer(world, called, now);
    },
    deploy: (name, revision, by) => {
      const known = world.runs.get(name);
      const made = { name: `${name}/revisions/${revision}`, createTime: now() };
      world.runs.set(name, {
        ...{
          labels: {},
          scaling: {},
          client: 'gcloud',
          clientVersion: '500.0.0',
          condition: { state: 'CONDITION_SUCCEEDED' },
        },
        ...known,
        ...{ name, revisions: [made, ...(known?.revisions ?? [])], traffic: [{ type: latest, percent: 100 }] },
        ...{
          updateTime: now(),
          lastModifier: by,
          etag: crypto.randomUUID(),
          client: 'gcloud',
          clientVersion: '500.0.0',
        },
      });
    },
  };
  return world;
}

type Answering = (world: GcpWorld, called: Called, now: () => string) => Answered;

const answers: Readonly<Record<string, Answering>> = {
  'run services.get': (world, { message }) => {
    const found = world.runs.get(String(message['name']));
    return found === undefined ? fault(404, 'NOT_FOUND', 'Resource not found.') : shown(found);
  },
  'run services.list': (world, { message }) => ({
    services: [...world.runs.values()]
      .filter(({ name }) => name.startsWith(`${String(message['parent'])}/`))
      .map(shown),
  }),
  'run revisions.list': (world, { message }) => ({
    revisions: (world.runs.get(String(message['parent']))?.revisions ?? []).map((one) => ({ ...one })),
  }),
  'run services.patch': patched,
  'compute instanceGroupManagers.aggregatedList': () => ({ items: {} }),
  'compute instances.aggregatedList': () => ({ items: {} }),
  'sql instances.list': () => ({}),
  'monitoring timeSeries.list': series,
  'monitoring alerts.list': (world) => ({ alerts: world.alerts }),
  'monitoring alerts.get': ({ alerts }, { message }) =>
    alerts.find((one) => 'name' in one && one.name === message['name']) ?? fault(404, 'NOT_FOUND', 'no such alert'),
  'trace traces.list': (world) => ({ traces: world.traces }),
  'logging entries.list': entries,
};

function shown(found: RunService): object {
  const { name, labels, traffic, updateTime, lastModifier, client, clientVersion, etag, condition, scaling } = found;
  const newest = found.revisions[0]?.name ?? '';
  const ready = condition.state === 'CONDITION_SUCCEEDED' ? newest : (found.revisions[1]?.name ?? '');
  const statuses = traffic.map((one) => ({
    ...one,
    revision: one.type === latest ? ready.slice(ready.lastIndexOf('/') + 1) : (one.revision ?? ''),
  }));
  return {
    ...{
      name,
      labels,
      traffic,
      trafficStatuses: statuses,
      scaling,
      updateTime,
      lastModifier,
      client,
      clientVersion,
      etag,
    },
    ...{ latestCreatedRevision: newest, latestReadyRevision: ready },
    terminalCondition: { type: 'Ready', ...condition },
    template: {
      containers: [{ image: 'europe-docker.pkg.dev/shop/web' }],
      serviceAccount: 'web@shop-prod.iam.gserviceaccount.com',
    },
  };
}

function patched(world: GcpWorld, { message, account }: Called, now: () => string): Answered {
  const given = message['service'] as Partial<RunService> & { name: string };
  const found = world.runs.get(given.name);
  if (found === undefined) return fault(404, 'NOT_FOUND', 'Resource not found.');
  if (given.etag !== undefined && given.etag !== found.etag)
    return fault(409, 'ABORTED', 'Conflict for resource: etag');
  const masked: Record<string, unknown> = {};
  for (const field of String(message['updateMask']).split(',')) {
    const [head = '', inner] = field.split('.');
    const value = (given as Readonly<Record<string, unknown>>)[head];
    if (inner === undefined) masked[head] = value;
    else {
      const set = (value as Readonly<Record<string, unknown>> | undefined)?.[inner];
      masked[head] = { ...found.scaling, ...(masked[head] as object | undefined), [inner]: set };
    }
  }
  for (const one of (masked['traffic'] ?? []) as readonly Share[])
    if (one.type === chosen && !found.revisions.some(({ name }) => name.endsWith(`/${one.revision ?? ''}`)))
      return fault(400, 'INVALID_ARGUMENT', `Revision ${one.revision ?? ''} is not there`);
  const email = account.includes('@') ? account : 'federated';
  world.runs.set(given.name, {
    ...found,
    ...masked,
    updateTime: now(),
    lastModifier: email,
    etag: crypto.randomUUID(),
  });
  world.audit.push({
    ...{ timestamp: now(), service: 'run.googleapis.com', email, resource: given.name },
    method: 'google.cloud.run.v2.Services.UpdateService',
  });
  return { name: `${given.name.split('/services/')[0] ?? ''}/operations/${crypto.randomUUID()}`, done: false };
}

function series(world: GcpWorld, { message }: Called): Answered {
  const filter = String(message['filter']);
  const { startTime = '', endTime } = message['interval'] as { startTime?: string; endTime: string };
  const periodMs = Number.parseFloat((message['aggregation'] as { alignmentPeriod: string }).alignmentPeriod) * 1_000;
  const onlyBad = filter.includes('response_code_class="5xx"');
  if (!filter.includes('request_count')) return { timeSeries: [] };
  const keys = new Set(world.requests.map(({ service, location }) => `${location} ${service}`));
  const timeSeries = [...keys].flatMap((key) => {
    const [location = '', service = ''] = key.split(' ');
    if (!filter.includes(JSON.stringify(service)) || !filter.includes(JSON.stringify(location))) return [];
    const points: object[] = [];
    for (let endMs = Date.parse(endTime); endMs > Date.parse(startTime); endMs -= periodMs) {
      const within = world.requests.filter(
        (one) =>
          one.service === service && one.location === location && one.atMs > endMs - periodMs && one.atMs <= endMs,
      );
      if (within.length === 0) continue;
      const count = within.reduce((sum, { good, bad }) => sum + bad + (onlyBad ? 0 : good), 0);
      const interval = { startTime: new Date(endMs - periodMs).toISOString(), endTime: new Date(endMs).toISOString() };
      points.push({ interval, value: { doubleValue: count / (periodMs / 1_000) } });
    }
    const labels = { service_name: service, location };
    return points.length === 0
      ? []
      : [
          {
            metric: { type: 'run.googleapis.com/request_count' },
            resource: { type: 'cloud_run_revision', labels },
            points,
          },
        ];
  });
  return { timeSeries, unit: '1/s' };
}

function entries(world: GcpWorld, { message }: Called): Answered {
  const filter = String(message['filter']);
  const since = /timestamp>="([^"]+)"/.exec(filter)?.[1] ?? '';
  const until = /timestamp<"([^"]+)"/.exec(filter)?.[1] ?? '9';
  if (!filter.includes('cloudaudit'))
    return {
      entries: (world.logs as readonly { readonly timestamp: string }[]).filter(
        ({ timestamp }) => timestamp >= since && timestamp < until,
      ),
    };
  const found = world.audit.filter(({ timestamp }) => timestamp >= since);
  return { entries: [...found].reverse().map(auditEntry) };
}

/** An audit entry as Cloud Logging shows it (cloud.google.com/logging/docs/audit/understanding-audit-logs). */
export function auditEntry(one: AuditEntry): object {
  return {
    ...{ insertId: `${one.timestamp} ${one.resource}`, timestamp: one.timestamp, severity: 'NOTICE' },
    logName: 'projects/shop-prod/logs/cloudaudit.googleapis.com%2Factivity',
    ...(one.last === undefined ? {} : { operation: { id: '1', producer: one.service, last: one.last } }),
    protoPayload: {
      '@type': 'type.googleapis.com/google.cloud.audit.AuditLog',
      ...{ serviceName: one.service, methodName: one.method, resourceName: one.resource },
      authenticationInfo: { principalEmail: one.email },
      status: one.code === undefined ? {} : { code: one.code },
      requestMetadata: {
        callerIp: '203.0.113.7',
        requestAttributes: { time: one.timestamp, ...(one.reason === undefined ? {} : { reason: one.reason }) },
      },
    },
  };
}

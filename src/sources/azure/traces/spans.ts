import type { Labels, Span, SpanEvent, SpanKind } from '../../../domain/telemetry.ts';
import { tidySpanText } from '../../../io/clients/otlp.ts';
import { limits } from '../../../lib/limits.ts';
import type { Row } from '../tables.ts';

/** Whose spans those of a role are: a service's, by the roles that are known to be its own. */
export type RoleNames = ReadonlyMap<string, string>;

/**
 * Rows of AppRequests, AppDependencies and AppExceptions as spans: a request is a server's, a dependency a client's, an
 * exception an event of what it was thrown in. Rows without a trace, an id or a time are left out. Source: Azure Monitor
 * Logs reference, and "Telemetry correlation in Application Insights".
 */
export function spansOfRows(rows: readonly Row[], names: RoleNames): readonly Span[] {
  const spans = rows.flatMap((row) => spanOf(row, names) ?? []);
  const byId = new Map(spans.map((span) => [`${span.traceId}/${span.spanId}`, span]));
  const events = new Map<Span, SpanEvent[]>();
  for (const row of rows.filter((one) => one('Type') === 'AppExceptions')) {
    const traceId = tidySpanText(row('OperationId'));
    const service = serviceOf(row, names);
    // Without a parent of its own it was thrown in the request of its role.
    const thrownIn =
      byId.get(`${traceId}/${tidySpanText(row('ParentId'))}`) ??
      spans.find((one) => one.traceId === traceId && one.service === service && one.kind === 'server');
    const tMs = Date.parse(row('TimeGenerated'));
    if (thrownIn === undefined || !Number.isFinite(tMs)) continue;
    const own = events.get(thrownIn) ?? [];
    events.set(thrownIn, own);
    if (own.length < limits.spanEvents) own.push(eventOf(row, tMs));
  }
  return spans.map((span) => {
    const own = events.get(span);
    return own === undefined ? span : { ...span, events: own };
  });
}

function eventOf(row: Row, tMs: number): SpanEvent {
  const message = row('InnermostMessage') || row('OuterMessage');
  return {
    ...{ tMs, name: 'exception' },
    attributes: {
      'exception.type': tidySpanText(row('ExceptionType')),
      'exception.message': tidySpanText(message),
    },
  };
}

function spanOf(row: Row, names: RoleNames): Span | undefined {
  const isRequest = row('Type') === 'AppRequests';
  if (!isRequest && row('Type') !== 'AppDependencies') return undefined;
  const [traceId, spanId, parentId] = (['OperationId', 'Id', 'ParentId'] as const).map((name) =>
    tidySpanText(row(name)),
  );
  const [startMs, durationMs] = [Date.parse(row('TimeGenerated')), Number(row('DurationMs') || NaN)];
  if (!traceId || !spanId || !Number.isFinite(startMs)) return undefined;
  const kind = isRequest ? 'server' : kindOf(row('DependencyType'));
  // What begins a trace has the trace itself for a parent.
  const isChild = parentId !== undefined && parentId !== '' && parentId !== traceId && parentId !== spanId;
  return {
    ...{ traceId, spanId, ...(isChild ? { parentSpanId: parentId } : {}) },
    ...{ service: serviceOf(row, names), name: tidySpanText(row('Name')), startMs, kind },
    durationMs: Number.isFinite(durationMs) ? Math.max(0, durationMs) : 0,
    ...{ status: statusOf(row, kind), attributes: labelsOf(row, names) },
  };
}

function serviceOf(row: Row, names: RoleNames): string {
  const role = row('AppRoleName');
  return names.get(role) ?? (role === '' ? 'unknown_service' : tidySpanText(role));
}

// What the SDK does within its process is written as a dependency too.
function kindOf(type: string): SpanKind {
  return type.startsWith('InProc') ? 'internal' : 'client';
}

// Application Insights holds every answer of 400 and above for a failure. A server that answered 4xx did what it should.
function statusOf(row: Row, kind: SpanKind): Span['status'] {
  const success = row('Success').toLowerCase();
  if (success === '') return 'unset';
  if (success !== 'false') return 'ok';
  return kind === 'server' && /^4\d\d$/.test(row('ResultCode')) ? 'unset' : 'error';
}

function labelsOf(row: Row, names: RoleNames): Labels {
  const [target = '', beside = ''] = row('Target').split(' | ');
  // `tcp:orders.database.windows.net,1433`, `pay.example.org:8443`.
  const host = target
    .trim()
    .replace(/^tcp:/, '')
    .replace(/[,:]\d{1,5}$/, '');
  const role = /^roleName:(.+)$/.exec(beside.trim())?.[1];
  const peer = role ?? (names.has(host) ? host : undefined);
  const system = systemOf(row('DependencyType'));
  return {
    ...(row('AppVersion') === '' ? {} : { 'service.version': tidySpanText(row('AppVersion')) }),
    ...(/^\d{3}$/.test(row('ResultCode')) ? { 'http.response.status_code': row('ResultCode') } : {}),
    ...(/^[\w.-]{1,253}$/.test(host) ? { 'server.address': host } : {}),
    ...(peer === undefined ? {} : { 'peer.service': tidySpanText(names.get(peer) ?? peer) }),
    ...(system === undefined ? {} : { 'db.system': system }),
  };
}

// The names that SDKs of Application Insights give databases, as OpenTelemetry calls them.
function systemOf(type: string): string | undefined {
  const name = type.toLowerCase();
  if (name === 'sql') return 'mssql';
  return ['mysql', 'postgresql', 'redis', 'mongodb', 'cassandra', 'mssql', 'oracle', 'sqlite'].find(
    (one) => one === name,
  );
}

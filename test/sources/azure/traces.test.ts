import { describe, expect, it } from 'vitest';

import type { AzureCall } from '../../../src/domain/ports/azure.ts';
import type { Service } from '../../../src/domain/service.ts';
import type { CollectRequest } from '../../../src/domain/ports/source.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { Json, JsonObject } from '../../../src/lib/json.ts';
import { azureSource } from '../../../src/sources/azure/index.ts';
import { rowsPerAnswer } from '../../../src/sources/azure/traces/query.ts';
import { sourceOver, webApp } from './fake-azure.ts';

const never = new AbortController().signal;
const workspace = '22222222-2222-3333-4444-555555555555';
const t0 = Date.UTC(2026, 10, 28, 12, 0, 0);
const minute = 60_000;
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

/** Columns as the workspace answers them: with types, and one more than was asked for. */
const columns = [
  ...[
    ['TimeGenerated', 'datetime'],
    ['Type', 'string'],
    ['OperationId', 'string'],
    ['Id', 'string'],
    ['ParentId', 'string'],
  ],
  ...[
    ['AppRoleName', 'string'],
    ['AppVersion', 'string'],
    ['Name', 'string'],
    ['DurationMs', 'real'],
    ['Success', 'bool'],
  ],
  ...[
    ['ResultCode', 'string'],
    ['Target', 'string'],
    ['DependencyType', 'string'],
    ['ExceptionType', 'string'],
  ],
  ...[
    ['OuterMessage', 'string'],
    ['InnermostMessage', 'string'],
    ['TenantId', 'string'],
  ],
].map(([name = '', type = '']) => ({ name, type }));

const at = (ms: number): string => `${new Date(t0 + ms).toISOString().slice(0, -1)}1234Z`;

function table(rows: readonly Readonly<Record<string, Json>>[]): JsonObject {
  return {
    tables: [{ name: 'PrimaryResult', columns, rows: rows.map((row) => columns.map(({ name }) => row[name] ?? null)) }],
  };
}

/** A request of `web` that calls `pay`, whose own call of a database fails: as SDKs write it. */
const shop: readonly Readonly<Record<string, Json>>[] = [
  {
    ...{ TimeGenerated: at(0), Type: 'AppRequests', OperationId: traceId, Id: 'a1', ParentId: traceId },
    ...{ AppRoleName: 'web', AppVersion: 'v42', Name: 'GET /cart', DurationMs: 812.5 },
    ...{ Success: false, ResultCode: '502' },
  },
  {
    ...{ TimeGenerated: at(5), Type: 'AppDependencies', OperationId: traceId, Id: 'a2', ParentId: 'a1' },
    ...{ AppRoleName: 'web', Name: 'POST /charge', DurationMs: 800, Success: false, ResultCode: '500' },
    ...{ Target: 'pay.shop.example.org:8443 | roleName:payments-api', DependencyType: 'HTTP' },
  },
  {
    ...{ TimeGenerated: at(9), Type: 'AppRequests', OperationId: traceId, Id: 'b1', ParentId: 'a2' },
    ...{ AppRoleName: 'payments-api', Name: 'POST /charge', DurationMs: 790, Success: false, ResultCode: '500' },
  },
  {
    ...{ TimeGenerated: at(12), Type: 'AppDependencies', OperationId: traceId, Id: 'b2', ParentId: 'b1' },
    ...{ AppRoleName: 'payments-api', Name: 'orders', DurationMs: 780, Success: false, ResultCode: '-2' },
    ...{ Target: 'tcp:orders.database.windows.net,1433 | orders', DependencyType: 'SQL' },
  },
  {
    ...{ TimeGenerated: at(700), Type: 'AppExceptions', OperationId: traceId, ParentId: 'b1' },
    ...{ AppRoleName: 'payments-api', ExceptionType: 'SqlException', OuterMessage: 'outer' },
    InnermostMessage: 'Timeout expired\u001b[31m',
  },
  {
    ...{ TimeGenerated: at(20), Type: 'AppDependencies', OperationId: traceId, Id: 'b3', ParentId: 'b1' },
    ...{ AppRoleName: 'payments-api', Name: 'price', DurationMs: 2, Success: true, DependencyType: 'InProc' },
  },
];

const web: Service = { ...webApp, traces: [{ source: 'azure', query: { workspace } }] };
const pay: Service = {
  ...webApp,
  ...{ name: 'pay', runsOn: [], traces: [{ source: 'azure', query: { workspace, role: 'payments-api' } }] },
};

async function read(
  answer: (call: AzureCall) => JsonObject | Error,
  services: readonly Service[] = [web, pay],
  more: Partial<CollectRequest> = {},
) {
  const { source, asked } = sourceOver((call) =>
    call.operation === 'logs.query' ? answer(call) : { value: [], data: [] },
  );
  const request: CollectRequest = {
    ...{ fromMs: t0 - 120 * minute, untilMs: t0 + 10 * minute, stepMs: minute, signals: [], services },
    ...{ mode: 'history', ...more },
  };
  const { spans = [], gaps } = await source.collect(request, never);
  return { spans, gaps, asked: asked.filter(({ operation }) => operation === 'logs.query') };
}

describe('traces of Application Insights', () => {
  it('are spans of the services whose roles wrote them: who called whom, what failed, and what was thrown', async () => {
    const { spans, gaps } = await read(() => table(shop));
    expect(gaps).toEqual([]);
    expect(spans.map(({ spanId, service, kind, status }) => [spanId, service, kind, status])).toEqual([
      ['a1', 'web', 'server', 'error'],
      ['a2', 'web', 'client', 'error'],
      ['b1', 'pay', 'server', 'error'],
      ['b2', 'pay', 'client', 'error'],
      ['b3', 'pay', 'internal', 'ok'],
    ]);
    expect(spans.map(({ parentSpanId }) => parentSpanId)).toEqual([undefined, 'a1', 'a2', 'b1', 'b1']);
    const [request, call, , query] = spans;
    expect(request).toMatchObject({ traceId, name: 'GET /cart', startMs: t0, durationMs: 812.5 });
    expect(request?.attributes).toEqual({ 'service.version': 'v42', 'http.response.status_code': '502' });
    expect(call?.attributes).toMatchObject({ 'peer.service': 'pay', 'server.address': 'pay.shop.example.org' });
    expect(query?.attributes).toEqual({ 'db.system': 'mssql', 'server.address': 'orders.database.windows.net' });
    const [thrown] = spans[2]?.events ?? [];
    expect(thrown).toMatchObject({
      name: 'exception',
      tMs: t0 + 700,
      attributes: { 'exception.type': 'SqlException' },
    });
    expect(thrown?.attributes['exception.message']).toMatch(/^Timeout expired/);
    expect(thrown?.attributes['exception.message']).not.toContain('\u001b');
  });

  it('are asked for by one query of a workspace, for the stretch alone, with every role quoted', async () => {
    const evil = 'x") | union SecretTable //';
    const other = { ...pay, name: 'x', traces: [{ source: 'azure', query: { workspace, role: evil } }] };
    const { asked } = await read(() => table([]), [web, pay, other]);
    expect(asked).toHaveLength(1);
    const { query, timespan } = asked[0]?.body as { readonly query: string; readonly timespan: string };
    // The role of a Container App is its resource's name where nothing else is said.
    expect(query).toContain(
      'AppRoleName in ("web", "payments-api", "x\\u0022) | union SecretTable //") and isnotempty(OperationId)',
    );
    expect(query).toContain(`TimeGenerated >= datetime(${new Date(t0 - 120 * minute).toISOString()})`);
    expect(query).toMatch(/\| extend Part = bin\(Begins, 1300s\)/);
    expect(query).not.toMatch(/\b(Url|Data)\b/);
    expect(timespan).toBe(`${new Date(t0 - 125 * minute).toISOString()}/${new Date(t0 + 15 * minute).toISOString()}`);
  });

  it('are asked for in one query of each workspace, and what one refuses is a gap of its services alone', async () => {
    const elsewhere = '33333333-2222-3333-4444-555555555555';
    const far = { ...pay, name: 'far', traces: [{ source: 'azure', query: { workspace: elsewhere } }] };
    const { spans, gaps, asked } = await read(
      ({ path }) => (path?.['workspace'] === elsewhere ? new WatchkeeperError('forbidden', 'no role') : table(shop)),
      [web, pay, far],
    );
    expect(asked).toHaveLength(2);
    expect(spans).toHaveLength(5);
    expect(gaps).toMatchObject([{ service: 'far', signal: 'traces', reason: 'unauthorized' }]);
  });

  for (const [code, reason] of [
    ['rate-limited', 'rate-limited'],
    ['timeout', 'timeout'],
    ['unreachable', 'unreachable'],
  ] as const)
    it(`are a gap of each service when the workspace answers ${code}, and not nothing`, async () => {
      const { spans, gaps } = await read(() => new WatchkeeperError(code, `Azure logs.query: ${code}`));
      expect(spans).toEqual([]);
      expect(gaps.map((gap) => [gap.service, gap.signal, gap.reason])).toEqual([
        ['web', 'traces', reason],
        ['pay', 'traces', reason],
      ]);
    });

  it('are a gap when what comes is no table', async () => {
    const { gaps } = await read(() => ({ tables: 'none' }));
    expect(gaps).toMatchObject([{ reason: 'malformed' }, { reason: 'malformed' }]);
  });

  it('are a part, and said to be one, when the workspace gives rows and an error', async () => {
    const error = { code: 'PartialError', message: 'There were some errors when processing your query.' };
    const { spans, gaps } = await read(() => ({ ...table(shop), error }));
    expect(spans).toHaveLength(5);
    expect(gaps).toMatchObject([
      { service: 'web', reason: 'partial', message: expect.stringContaining('PartialError') as string },
      { service: 'pay', reason: 'partial' },
    ]);
  });

  it('lose the trace that a full answer ends in, and say so: half of one blames the wrong service', async () => {
    const rows = Array.from({ length: rowsPerAnswer }, (_, index) => ({
      ...shop[0],
      ...{ OperationId: index < 7_000 ? 'a'.repeat(32) : 'b'.repeat(32), Id: `s${index}` },
    }));
    const { spans, gaps } = await read(() => table(rows), [web]);
    expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set(['a'.repeat(32)]));
    expect(gaps).toMatchObject([{ reason: 'partial', message: expect.stringContaining('1 of them') as string }]);
  });

  it('hold an answer of 4xx for no failure of the server that gave it, and for one of the caller', async () => {
    const refused = { Success: false, ResultCode: '404' };
    const { spans } = await read(() => table(shop.slice(0, 2).map((row) => ({ ...row, ...refused }))));
    expect(spans.map(({ status }) => status)).toEqual(['unset', 'error']);
  });

  it('leave out rows that are no spans, and know a bool that is written as a text', async () => {
    const [request = {}] = shop;
    const { spans } = await read(() =>
      table([
        { ...request, TimeGenerated: 'yesterday' },
        { ...request, OperationId: '' },
        { ...request, Type: 'AppTraces' },
        { ...request, Success: 'True', DurationMs: null, AppRoleName: 'cart-worker' },
      ]),
    );
    expect(spans).toMatchObject([{ status: 'ok', durationMs: 0, service: 'cart-worker' }]);
  });

  it('are not asked for while it is read live, nor for services that name no workspace', async () => {
    expect((await read(() => table(shop), [web], { mode: 'live' })).asked).toEqual([]);
    expect((await read(() => table(shop), [webApp])).asked).toEqual([]);
  });

  it('are searched for however long the watch has been running, and nothing else of the service is', () => {
    const parsed = azureSource.config.parse({ subscriptions: [{ name: 'prod', id: workspace }] });
    if (!parsed.ok) throw new Error('no configuration');
    const source = azureSource.create('azure', parsed.value, {} as never);
    const logs = [{ source: 'azure', query: { workspace, table: 'AppTraces' } }];
    const binding = { source: 'azure', unit: '1', nature: 'gauge', query: { state: 'availability' } } as const;
    const both: Service = { ...web, logs, telemetry: { availability: binding } };
    expect(source.searched?.(both)).toEqual({ ...web, logs: [], telemetry: {} });
    expect(source.searched?.({ ...both, traces: [] })).toBeUndefined();
  });

  it('take a binding with a workspace, and no query of its own', () => {
    const schema = azureSource.records?.traces;
    expect(schema?.parse({ workspace, role: 'web' }).ok).toBe(true);
    for (const bad of [{}, { workspace: 'shop' }, { workspace, kql: 'AppRequests' }, { workspace, role: '' }])
      expect(schema?.parse(bad).ok).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';

import type { AzureCall } from '../../../src/domain/ports/azure.ts';
import type { CollectRequest, Collected } from '../../../src/domain/ports/source.ts';
import { copySuffix } from '../../../src/io/clients/azure/copies.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { kqlText } from '../../../src/sources/azure/kql.ts';
import { sourceOver, subscriptionId, webApp } from './fake-azure.ts';

const never = new AbortController().signal;
const id = `/subscriptions/${subscriptionId}/resourceGroups/shop/providers/Microsoft.App/containerApps/web`;
const start = 1_767_225_600_000;
const iso = (ms: number): string => new Date(ms).toISOString();

interface App {
  traffic: readonly JsonObject[];
  revisions: readonly (readonly [name: string, createdMs: number, health?: string])[];
  activity: readonly JsonObject[];
  changes: readonly JsonObject[];
  alerts: readonly JsonObject[];
  /** Whether there are more than are listed. */
  cut: boolean;
  /** Alerts that are not listed as fired. */
  gone: readonly JsonObject[];
}

function azureOf(app: App): (call: AzureCall) => JsonObject | Error {
  const latest = (): string => app.revisions.at(-1)?.[0] ?? '';
  return ({ operation, path }) => {
    switch (operation) {
      case 'containerApps.get':
        return {
          properties: {
            ...{ provisioningState: 'Succeeded', latestRevisionName: latest(), latestReadyRevisionName: latest() },
            configuration: { activeRevisionsMode: 'Multiple', ingress: { traffic: [...app.traffic] } },
          },
        };
      case 'containerApps.revisions':
        return {
          value: app.revisions.map(([name, createdMs, healthState = 'Healthy']) => ({
            name,
            properties: {
              ...{ createdTime: iso(createdMs), active: true, replicas: 2, healthState, runningState: 'Running' },
              template: { containers: [{ image: `shop/${name}` }] },
            },
          })),
        };
      case 'activityLog.list':
        return { value: [...app.activity] };
      case 'graph.query':
        return { data: [...app.changes] };
      case 'alerts.list':
        return { value: [...app.alerts], ...(app.cut && { nextLink: 'https://management.azure.com/more' }) };
      case 'alerts.get':
        return (
          app.gone.find((one) => one['id'] === `/alerts/${path?.['alert'] ?? ''}`) ??
          new WatchkeeperError('not-found', operation)
        );
      default:
        return new WatchkeeperError('not-found', operation);
    }
  };
}

function call(operation: string, atMs: number, more: JsonObject = {}): JsonObject {
  return {
    ...{ eventDataId: `e${atMs}${operation}`, correlationId: `c${atMs}`, resourceId: id, caller: 'ana@example.org' },
    ...{ category: { value: 'Administrative' }, operationName: { value: operation }, status: { value: 'Succeeded' } },
    ...{ eventTimestamp: iso(atMs), ...more },
  };
}

function world() {
  const app: App = {
    traffic: [{ revisionName: 'web--v1', weight: 100 }],
    revisions: [['web--v1', start - 86_400_000]],
    ...{ activity: [], changes: [], alerts: [], gone: [], cut: false },
  };
  const { source, clock, asked } = sourceOver((one) => azureOf(app)(one));
  const signals = ['availability', 'rollout_failing', 'replicas'].map((signal) => ({
    ...{ service: 'web', signal },
    binding: { source: 'azure', unit: '1', nature: 'gauge', query: { state: signal } } as const,
  }));
  const look = (mode: CollectRequest['mode'] = 'live'): Promise<Collected> => {
    const untilMs = clock.nowMs();
    return source.collect(
      { fromMs: untilMs - 300_000, untilMs, stepMs: 60_000, signals, services: [webApp], mode },
      never,
    );
  };
  return { app, clock, look, asked, source };
}

describe('a Container App', () => {
  it('is told as a change when other revisions get its traffic, with the image, and with who did it when that is known', async () => {
    const { app, clock, look } = world();
    expect((await look()).changes).toEqual([]);
    await clock.advance(60_000);
    app.revisions = [...app.revisions, ['web--v2', clock.nowMs() - 10_000]];
    app.traffic = [{ latestRevision: true, weight: 100 }];
    const [seen] = (await look()).changes;
    expect(seen).toMatchObject({ kind: 'deploy', from: 'web--v1', to: 'web--v2', what: 'containerapp/web' });
    expect(seen).toMatchObject({ atMs: clock.nowMs() - 10_000, attributes: { image: 'shop/web--v2' } });
    expect(seen?.actor).toBeUndefined();
    await clock.advance(180_000);
    app.activity = [call('Microsoft.App/containerApps/write', clock.nowMs() - 190_000)];
    const told = (await look()).changes;
    expect(told).toMatchObject([{ id: seen?.id, actor: 'ana@example.org', from: 'web--v1', to: 'web--v2' }]);
    expect((await look()).changes).toEqual([]);
  });

  it('is told as a rollback when its traffic goes back, by our own name when we did it', async () => {
    const { app, clock, look } = world();
    app.revisions = [...app.revisions, ['web--v2', start - 86_000_000]];
    app.traffic = [{ revisionName: 'web--v2', weight: 100 }];
    await look();
    await clock.advance(60_000);
    app.traffic = [{ revisionName: 'web--v1', weight: 100 }];
    const atMs = clock.nowMs() - 5_000;
    app.activity = [
      call('Microsoft.App/containerApps/write', atMs, { httpRequest: { clientRequestId: 'watchkeeper-k1' } }),
    ];
    expect((await look()).changes).toMatchObject([
      { kind: 'rollback', from: 'web--v2', to: 'web--v1', actor: 'watchkeeper', ref: 'k1', atMs },
    ]);
  });

  it('is told as a rollback when what serves is a copy that an act of ours made of an earlier revision', async () => {
    const { app, clock, look } = world();
    app.traffic = [{ latestRevision: true, weight: 100 }];
    app.revisions = [...app.revisions, ['web--v2', start - 86_000_000]];
    await look();
    await clock.advance(60_000);
    app.revisions = [...app.revisions, [`web--${copySuffix('k1')}`, clock.nowMs() - 5_000]];
    expect((await look()).changes).toMatchObject([
      { kind: 'rollback', from: 'web--v2', to: `web--${copySuffix('k1')}` },
    ]);
    await clock.advance(60_000);
    app.revisions = [...app.revisions, ['web--wkshop', clock.nowMs() - 5_000]];
    expect((await look()).changes).toMatchObject([{ kind: 'deploy', to: 'web--wkshop' }]);
  });

  it('names how much of the traffic each gets', async () => {
    const { app, clock, look } = world();
    await look();
    await clock.advance(60_000);
    app.revisions = [...app.revisions, ['web--v2', clock.nowMs() - 1_000]];
    app.traffic = [
      { revisionName: 'web--v1', weight: 90 },
      { revisionName: 'web--v2', weight: 10 },
    ];
    expect((await look()).changes[0]?.to).toBe('web--v1@90%+web--v2@10%');
  });

  it('is as available as the revisions that get its traffic, and fails when its newest one does not come up', async () => {
    const { app, look } = world();
    app.revisions = [...app.revisions, ['web--v2', start - 1_000, 'Unhealthy']];
    app.traffic = [
      { revisionName: 'web--v1', weight: 75 },
      { revisionName: 'web--v2', weight: 25 },
    ];
    const { series } = await look();
    expect(Object.fromEntries(series.map(({ signal, samples }) => [signal, samples[0]?.v]))).toEqual({
      ...{ availability: 0.75, rollout_failing: 1, replicas: 4 },
    });
  });

  it('is unknown, and not well, when it cannot be read', async () => {
    const { source, clock } = sourceOver(({ operation }) =>
      operation === 'containerApps.get' ? new WatchkeeperError('forbidden', 'no role') : { value: [], data: [] },
    );
    const binding = { source: 'azure', unit: '1', nature: 'gauge', query: { state: 'availability' } } as const;
    const answer = await source.collect(
      {
        ...{ fromMs: start, untilMs: clock.nowMs(), stepMs: 60_000, services: [webApp], mode: 'live' },
        signals: [{ service: 'web', signal: 'availability', binding }],
      },
      never,
    );
    expect(answer.series).toEqual([]);
    expect(answer.gaps).toMatchObject([
      { service: 'web', signal: 'availability', reason: 'unauthorized' },
      { service: 'web', signal: 'changes', reason: 'unauthorized' },
    ]);
  });
});

describe('what else is changed', () => {
  const setting = (atMs: number, name: string): JsonObject => ({
    ...{ id: `g${atMs}`, target: id.toLowerCase(), at: iso(atMs), by: 'bo@example.org', correlation: `c${atMs}` },
    operation: 'microsoft.app/containerapps/write',
    changes: {
      [name]: { previousValue: '2', newValue: '1' },
      'properties.provisioningState': { previousValue: 'a', newValue: 'b' },
    },
  });

  it('is told once, with from and to, though both logs tell of it', async () => {
    const { app, clock, look } = world();
    await look();
    const atMs = clock.nowMs() - 30_000;
    app.changes = [setting(atMs, 'properties.configuration.ingress.targetPort')];
    app.activity = [call('Microsoft.App/containerApps/write', atMs)];
    await clock.advance(60_000);
    expect((await look()).changes).toMatchObject([
      {
        kind: 'config',
        from: '2',
        to: '1',
        actor: 'bo@example.org',
        attributes: { property: 'properties.configuration.ingress.targetPort' },
      },
    ]);
    expect((await look()).changes).toEqual([]);
  });

  it('is told of calls about something below the resource, and not of those that change nothing or were refused', async () => {
    const { app, clock, look } = world();
    const atMs = clock.nowMs() - 30_000;
    app.activity = [
      call('Microsoft.App/containerApps/restart/action', atMs, { resourceId: `${id.toUpperCase()}/revisions/web--v1` }),
      call('Microsoft.App/containerApps/listSecrets/action', atMs - 1_000),
      call('Microsoft.App/containerApps/stop/action', atMs - 2_000, { status: { value: 'Failed' } }),
      call('Microsoft.App/containerApps/stop/action', atMs - 3_000, { resourceId: id.replace('/web', '/webby') }),
    ];
    expect((await look()).changes.map(({ kind, to }) => [kind, to])).toEqual([
      ['restart', 'microsoft.app/containerapps/restart/action'],
    ]);
  });
});

describe('alerts', () => {
  const fired = (name: string, targetResource = id, monitorCondition = 'Fired', rule = name): JsonObject => ({
    ...{ id: `/alerts/${name}`, name },
    properties: {
      essentials: {
        ...{ severity: 'Sev1', monitorCondition, targetResource, alertRule: `/rules/${rule}` },
        ...{ description: 'too many\u202e 5xx', startDateTime: iso(start - 60_000) },
      },
    },
  });

  it('are findings of the service whose resource they target, and end when they are resolved', async () => {
    const { app, clock, look } = world();
    app.alerts = [fired('too-many-errors', id.toLowerCase()), fired('other', `${id}by`)];
    expect((await look()).findings).toMatchObject([
      {
        service: 'web',
        signal: 'too-many-errors',
        state: 'bad',
        severity: 'critical',
        sinceMs: start - 60_000,
      },
    ]);
    app.alerts = [];
    app.gone = [fired('too-many-errors', id, 'Resolved')];
    await clock.advance(60_000);
    expect((await look()).findings).toMatchObject([
      { service: 'web', signal: 'too-many-errors', state: 'good', reason: 'too-many-errors is resolved' },
    ]);
    expect((await look()).findings).toEqual([]);
  });

  it('do not end by not being listed: not behind a cut, and not by the age at which Azure keeps them no more', async () => {
    const { app, asked, look } = world();
    app.alerts = [fired('old'), fired('behind')];
    await look();
    expect(asked.find(({ operation }) => operation === 'alerts.list')?.query).toMatchObject({ timeRange: '30d' });
    app.alerts = [];
    app.cut = true;
    app.gone = [fired('behind')];
    const { findings, gaps } = await look();
    expect(findings.map(({ signal, state }) => [signal, state])).toEqual([
      ['old', 'unknown'],
      ['behind', 'bad'],
    ]);
    expect(gaps.filter(({ signal }) => signal === 'alarms')).toMatchObject([{ reason: 'partial' }]);
    // Fired anew, the rule speaks for itself again.
    app.cut = false;
    app.alerts = [fired('young', id, 'Fired', 'old'), fired('behind')];
    expect((await look()).findings.at(-1)).toMatchObject({ signal: 'behind', state: 'bad' });
    app.alerts = [];
    app.gone = [fired('young', id, 'Resolved', 'old'), fired('behind', id, 'Resolved')];
    expect((await look()).findings.map(({ signal, state }) => [signal, state])).toEqual([
      ['behind', 'good'],
      ['old', 'good'],
    ]);
  });
});

describe('discovery', () => {
  const row = (name: string, tags: JsonObject, type = 'microsoft.app/containerapps'): JsonObject => ({
    ...{ id: `/subscriptions/${subscriptionId}/resourceGroups/Shop/x/${name}`, name, type, location: 'westeurope' },
    ...{ resourceGroup: 'Shop', subscriptionId, tags },
  });

  it('makes services of tagged resources, page after page', async () => {
    const pages: JsonObject[] = [
      {
        data: [row('web', { 'watchkeeper-service': 'checkout', 'watchkeeper-depends-on': 'pay', team: 'shop' })],
        $skipToken: 'more',
      },
      {
        data: [
          row('site', { 'watchkeeper-service': 'pay', 'watchkeeper-slot': 'next' }, 'Microsoft.Web/sites'),
          row('x', { 'watchkeeper-service': 'Not a name!' }),
        ],
      },
    ];
    const { source, asked } = sourceOver(() => pages.shift() ?? new Error('no more'));
    const services = await source.discover(never);
    expect(
      services.map(({ name, dependsOn, owner, runsOn }) => [name, dependsOn, owner.team, runsOn[0]]),
    ).toMatchObject([
      [
        'checkout',
        ['pay'],
        'shop',
        { azure: { resourceGroup: 'Shop', resource: { is: 'container-app', name: 'web' } } },
      ],
      ['pay', [], 'unowned', { azure: { resource: { is: 'web-app', name: 'site', slot: 'next' } } }],
    ]);
    expect(Object.keys(services[0]?.telemetry ?? {})).toContain('errors');
    expect(asked.map(({ body }) => (body as { options: JsonObject }).options['$skipToken'])).toEqual([
      undefined,
      'more',
    ]);
  });

  it('fails rather than give a list that is not whole', async () => {
    const { source } = sourceOver(() => ({ data: [], resultTruncated: 'true' }));
    await expect(source.discover(never)).rejects.toMatchObject({ code: 'too-large' });
  });
});

describe('logs', () => {
  const workspace = '22222222-2222-3333-4444-555555555555';
  const columns = ['TimeGenerated', 'Log_s', 'RevisionName_s'].map((name) => ({ name, type: 'string' }));
  const evil = 'web" | union SecurityEvent // \n ü';
  const service = {
    ...webApp,
    logs: [
      {
        source: 'azure',
        query: { workspace, table: 'ContainerAppConsoleLogs_CL', where: { ContainerAppName_s: evil }, has: ['ERROR'] },
      },
    ],
  };

  async function lines(answer: JsonObject) {
    const { source, clock, asked } = sourceOver(({ operation }) =>
      operation === 'logs.query' ? answer : { value: [], data: [] },
    );
    const untilMs = clock.nowMs();
    const request = {
      fromMs: untilMs - 300_000,
      untilMs,
      stepMs: 60_000,
      signals: [],
      services: [service],
      mode: 'history',
    } as const;
    return { ...(await source.collect(request, never)), asked };
  }

  it('are records with what stands beside them', async () => {
    const rows = [[iso(start - 60_000), '{"level":"error","msg":"no stock"}', 'web--v2']];
    const { logs, gaps } = await lines({ tables: [{ name: 'PrimaryResult', columns, rows }] });
    expect(gaps).toEqual([]);
    expect(logs).toMatchObject([
      { service: 'web', severity: 'error', tMs: start - 60_000, attributes: { RevisionName_s: 'web--v2' } },
    ]);
  });

  it('are a part, and said to be one, when Azure says so', async () => {
    const { gaps } = await lines({
      tables: [{ columns, rows: [] }],
      error: { code: 'PartialError', message: 'too much' },
    });
    expect(gaps).toMatchObject([{ reason: 'partial', signal: 'logs' }]);
  });

  it('are asked for with every text of a document quoted', async () => {
    const { asked } = await lines({ tables: [] });
    const { query } = asked.find(({ operation }) => operation === 'logs.query')?.body as { query: string };
    expect(query.split('\n').filter((line) => line.includes('union'))).toEqual([
      '| where tostring(ContainerAppName_s) == "web\\u0022 | union SecurityEvent // \\u000a \\u00fc"',
    ]);
  });

  it('quote what could end a text', () => {
    expect(kqlText('a"b\\c\nd')).toBe('"a\\u0022b\\u005cc\\u000ad"');
    expect(JSON.parse(kqlText('😀')) as string).toBe('😀');
  });
});

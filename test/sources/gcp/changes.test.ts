import { describe, expect, it } from 'vitest';

import type { GcpResource } from '../../../src/domain/places.ts';
import { createChangeDesk } from '../../../src/io/clients/cloud/change-desk.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { createAuditLogs, type AuditEvent } from '../../../src/sources/gcp/changes/audit.ts';
import { lookAtDeliveries } from '../../../src/sources/gcp/changes/deliveries.ts';
import { fromEvents } from '../../../src/sources/gcp/changes/events.ts';
import { groupChanges, runChanges, type Memory } from '../../../src/sources/gcp/changes/rollouts.ts';
import { lookAtGroups } from '../../../src/sources/gcp/look/groups.ts';
import type { RunState } from '../../../src/sources/gcp/look/run.ts';
import type { Watched } from '../../../src/sources/gcp/watched.ts';
import { auditEntry, type AuditEntry } from '../../support/gcp/world.ts';
import { fakeGcp } from './fake-gcp.ts';

const minute = 60_000;
const t0 = Date.UTC(2026, 10, 28, 12, 0, 0);
const never = new AbortController().signal;

function watched(resource: GcpResource, location = 'europe-west1'): Watched {
  return { service: 'web', project: 'shop-prod', place: { source: 'gcp', location, resource } };
}

const web = watched({ is: 'run', service: 'web' });
const entry: AuditEntry = {
  ...{ timestamp: new Date(t0).toISOString(), service: 'run.googleapis.com', email: 'ana@shop.example' },
  method: 'google.cloud.run.v2.Services.DeleteService',
  resource: 'projects/shop-prod/locations/europe-west1/services/web',
};

async function eventsOf(...entries: readonly AuditEntry[]): Promise<readonly AuditEvent[]> {
  const gcp = fakeGcp(() => ({ entries: entries.map(auditEntry) as unknown as JsonObject[] }));
  const { events, gaps } = await createAuditLogs('gcp', gcp, minute).look(['shop-prod'], t0 + minute, never);
  expect(gaps).toEqual([]);
  return events;
}

describe('changes in Google Cloud, by audit logs', () => {
  it('tells each once, though they come late and are read again', async () => {
    const gcp = fakeGcp(() => ({ entries: [auditEntry(entry) as JsonObject] }));
    const logs = createAuditLogs('gcp', gcp, minute);
    expect((await logs.look(['shop-prod'], t0 + minute, never)).events).toMatchObject([{ actor: 'ana@shop.example' }]);
    expect((await logs.look(['shop-prod'], t0 + 2 * minute, never)).events).toEqual([]);
    expect(JSON.stringify(gcp.asked[1]?.body)).toContain(new Date(t0 + minute - 10 * minute).toISOString());
  });

  it('leaves out what was refused, and takes an operation that ends for the one that began', async () => {
    expect(await eventsOf({ ...entry, code: 7 }, { ...entry, resource: `${entry.resource}-2`, last: true })).toEqual(
      [],
    );
  });

  it('knows our own act by the reason that its request gave', async () => {
    const [event] = await eventsOf({ ...entry, reason: 'watchkeeper-0f3a' });
    const { recorded } = fromEvents('gcp', event === undefined ? [] : [event], [web]);
    expect(recorded).toMatchObject([
      { actor: 'watchkeeper', ref: '0f3a', kind: 'infrastructure', to: 'DeleteService' },
    ]);
  });

  it('does not take what happened to another service, location or project for its own', async () => {
    const events = await eventsOf(
      { ...entry, resource: 'projects/shop-prod/locations/europe-west1/services/web-2' },
      { ...entry, resource: 'projects/shop-prod/locations/us-east1/services/web' },
      { ...entry, service: 'compute.googleapis.com' },
    );
    expect(fromEvents('gcp', events, [web])).toEqual({ recorded: [], who: [] });
    const own = await eventsOf(entry);
    expect(fromEvents('gcp', own, [{ ...web, project: 'shop-data' }])).toEqual({ recorded: [], who: [] });
  });

  it('says that changes are not known where the log does not answer, and reads on from there', async () => {
    const gcp = fakeGcp((_call, times) =>
      times === 1 ? new WatchkeeperError('unreachable', 'it is away') : { entries: [auditEntry(entry) as JsonObject] },
    );
    const logs = createAuditLogs('gcp', gcp, minute);
    expect((await logs.look(['shop-prod'], t0, never)).gaps).toMatchObject([
      { reason: 'unreachable', signal: 'changes' },
    ]);
    expect((await logs.look(['shop-prod'], t0 + 5 * minute, never)).events).toHaveLength(1);
  });

  it('says when there are more than it reads', async () => {
    const gcp = fakeGcp(() => ({ entries: [], nextPageToken: 'more' }));
    const { gaps } = await createAuditLogs('gcp', gcp, minute).look(['shop-prod'], t0, never);
    expect(gaps).toMatchObject([{ reason: 'partial' }]);
    expect(gcp.asked.at(-1)?.body?.['pageToken']).toBe('more');
  });
});

const revisions = (...names: readonly string[]): JsonObject => ({
  revisions: names.map((name, index) => ({
    name: `projects/shop-prod/locations/europe-west1/services/web/revisions/${name}`,
    createTime: new Date(t0 - index * 60 * minute).toISOString(),
  })),
});

function running(serving: string, more: Partial<RunState> = {}): RunState {
  return {
    ...{ serving, created: serving, ready: serving, isFailing: false, said: '', updatedMs: t0 - 24 * 60 * minute },
    ...{ modifier: 'deploy@shop-prod.iam.gserviceaccount.com', client: 'gcloud', clientVersion: '500.0.0', ...more },
  };
}

function rollouts() {
  const memory: Memory = new Map();
  const gcp = fakeGcp(() => revisions('web-3', 'web-2', 'web-1'));
  return {
    gcp,
    see: (state: RunState, nowMs: number) =>
      runChanges('gcp', { states: new Map([[web, state]]), faults: new Map() }, memory, gcp, nowMs, never),
  };
}

describe('rollouts of Cloud Run', () => {
  it('tells another revision that serves, from and to, when and by whom, and asks for no revisions while nothing changes', async () => {
    const { see, gcp } = rollouts();
    expect(await see(running('web-2'), t0)).toEqual([]);
    expect(await see(running('web-2'), t0 + minute)).toEqual([]);
    expect(gcp.asked).toEqual([]);
    expect(await see(running('web-3', { updatedMs: t0 + 90_000 }), t0 + 2 * minute)).toMatchObject([
      {
        ...{ kind: 'deploy', from: 'web-2', to: 'web-3', atMs: t0 + 90_000, what: 'run/web' },
        actor: 'deploy@shop-prod.iam.gserviceaccount.com',
      },
    ]);
  });

  it('tells at the first look what was changed lately, from the revision before', async () => {
    const [change] = await rollouts().see(running('web-3', { updatedMs: t0 - minute }), t0);
    expect(change).toMatchObject({ kind: 'deploy', from: 'web-2', to: 'web-3' });
    expect(await rollouts().see(running('web-3', { updatedMs: t0 - 3 * 60 * minute }), t0)).toEqual([]);
  });

  it('tells a return as one, and whose act it was', async () => {
    const { see } = rollouts();
    await see(running('web-3'), t0);
    const back = running('web-2', { updatedMs: t0 + minute, client: 'watchkeeper', clientVersion: '0f3a' });
    expect(await see(back, t0 + minute)).toMatchObject([{ kind: 'rollback', actor: 'watchkeeper', ref: '0f3a' }]);
  });

  it('does not take for ours what came after us from a client that names none', async () => {
    const { see } = rollouts();
    const ours = { client: 'watchkeeper', clientVersion: '0f3a' };
    await see(running('web-3'), t0);
    await see(running('web-2', { updatedMs: t0 + minute, ...ours }), t0 + minute);
    const next = running('web-3', { updatedMs: t0 + 2 * minute, ...ours, modifier: 'eve@shop.example' });
    expect(await see(next, t0 + 2 * minute)).toMatchObject([{ actor: 'eve@shop.example', to: 'web-3' }]);
  });

  it('tells a revision that does not come up, though nothing else serves', async () => {
    const { see } = rollouts();
    await see(running('web-2'), t0);
    const stuck = running('web-2', { created: 'web-3', isFailing: true, said: 'port 8080', updatedMs: t0 + minute });
    expect(await see(stuck, t0 + minute)).toMatchObject([{ kind: 'deploy', from: 'web-2', to: 'web-3' }]);
    expect(await see(stuck, t0 + 2 * minute)).toEqual([]);
  });
});

describe('changes of groups, deliveries and databases', () => {
  const group = (template: string, targetSize: number): JsonObject => ({
    ...{ name: 'web', targetSize, currentActions: { none: 1 }, status: { isStable: true } },
    versions: [{ instanceTemplate: `projects/shop-prod/global/instanceTemplates/${template}` }],
  });

  it('tells another template and another size, and who it was when the log comes later', async () => {
    const of = watched({ is: 'instance-group', name: 'web' }, 'europe-west1-b');
    const memory: Memory = new Map();
    const desk = createChangeDesk();
    const see = async (state: JsonObject, events: readonly AuditEvent[], nowMs: number) => {
      const look = await lookAtGroups(
        [of],
        fakeGcp(() => state),
        never,
      );
      return desk.take({ found: groupChanges('gcp', look, memory, nowMs), ...fromEvents('gcp', events, [of]) }, nowMs);
    };
    expect(await see(group('web-v1', 2), [], t0)).toEqual([]);
    const [first] = await see(group('web-v2', 2), [], t0 + minute);
    expect(first).toMatchObject({ kind: 'deploy', from: 'web-v1', to: 'web-v2', atMs: t0 });
    const events = await eventsOf({
      ...{ ...entry, service: 'compute.googleapis.com', method: 'v1.compute.instanceGroupManagers.patch' },
      resource: 'projects/shop-prod/zones/europe-west1-b/instanceGroupManagers/web',
    });
    const later = await see(group('web-v2', 2), events, t0 + 2 * minute);
    expect(later).toMatchObject([{ id: first?.id, actor: 'ana@shop.example' }]);
    expect(await see(group('web-v2', 4), [], t0 + 3 * minute)).toMatchObject([{ kind: 'scale', from: '2', to: '4' }]);
  });

  it('tells what was done to a group before the first look by the log alone, once', async () => {
    const group = watched({ is: 'instance-group', name: 'web' });
    const events = await eventsOf({
      ...{ ...entry, service: 'compute.googleapis.com' },
      method: 'v1.compute.regionInstanceGroupManagers.setInstanceTemplate',
      resource: 'projects/shop-prod/regions/europe-west1/instanceGroupManagers/web',
    });
    const desk = createChangeDesk();
    const seen = { found: [], ...fromEvents('gcp', events, [group]) };
    expect(desk.take(seen, t0 + 9 * minute)).toEqual([]);
    expect(desk.take({ found: [], recorded: [], who: [] }, t0 + 10 * minute)).toMatchObject([
      { kind: 'deploy', to: 'setInstanceTemplate', actor: 'ana@shop.example', atMs: t0 },
    ]);
    expect(desk.take(seen, t0 + 30 * minute)).toEqual([]);
  });

  it('reads lists of deliveries as far back as it must, and says when there are more than it reads', async () => {
    const target = watched({ is: 'deploy', pipeline: 'shop', target: 'prod' });
    const page = (name: string, atMs: number): JsonObject => ({
      nextPageToken: 'more',
      rollouts: [{ name: `p/releases/${name}/rollouts/r`, targetId: 'prod', createTime: new Date(atMs).toISOString() }],
    });
    const day = 24 * 60 * minute;
    const gcp = fakeGcp((_call, times) => page(`v${9 - times}`, times < 3 ? t0 : t0 - 2 * day));
    const look = await lookAtDeliveries('gcp', [target], gcp, t0 - minute, never);
    expect(look.states.get(target)?.map(({ from, to }) => [from, to])).toEqual([
      [undefined, 'v8'],
      [undefined, 'v7'],
    ]);
    expect([gcp.asked.length, [...look.faults]]).toEqual([3, []]);
    const endless = fakeGcp((_call, times) => page(`v${times}`, t0));
    const cut = await lookAtDeliveries('gcp', [target], endless, t0 - minute, never);
    expect(cut.states.get(target)).toHaveLength(5);
    expect(cut.faults.get(target)).toMatchObject({ reason: 'partial' });
    const database = watched({ is: 'sql', instance: 'orders' });
    const busy = fakeGcp((_call, times) => ({
      nextPageToken: 'more',
      items: [{ name: `o${times}`, operationType: 'UPDATE', startTime: new Date(t0).toISOString() }],
    }));
    expect((await lookAtDeliveries('gcp', [database], busy, t0, never)).faults.get(database)?.reason).toBe('partial');
  });

  it('does not take a pipeline for another whose name begins alike, or for that of another region', async () => {
    const deploy = watched({ is: 'deploy', pipeline: 'web', target: 'prod' });
    const at = (location: string, pipeline: string): AuditEntry => ({
      ...{
        ...entry,
        service: 'clouddeploy.googleapis.com',
        method: 'google.cloud.deploy.v1.CloudDeploy.CreateRollout',
      },
      resource: `projects/shop-prod/locations/${location}/deliveryPipelines/${pipeline}/releases/v2/rollouts/r1`,
    });
    const others = await eventsOf(at('europe-west1', 'web-staging'), at('us-east1', 'web'));
    expect(fromEvents('gcp', others, [deploy])).toEqual({ recorded: [], who: [] });
    expect(fromEvents('gcp', await eventsOf(at('europe-west1', 'web')), [deploy]).who).toHaveLength(1);
  });

  it('reads rollouts of Cloud Deploy from one release to another, and what was done to a database by whom', async () => {
    const target = watched({ is: 'deploy', pipeline: 'shop', target: 'prod' });
    const database = watched({ is: 'sql', instance: 'db' });
    const rollout = (release: string, state: string, ageMs: number): JsonObject => ({
      name: `projects/shop-prod/locations/europe-west1/deliveryPipelines/shop/releases/${release}/rollouts/${release}-to-prod`,
      ...{ targetId: 'prod', state, createTime: new Date(t0 - ageMs).toISOString() },
    });
    const gcp = fakeGcp(({ service }) =>
      service === 'deploy'
        ? {
            rollouts: [
              rollout('v3', 'FAILED', 0),
              rollout('v2', 'FAILED', 20 * minute),
              rollout('v1', 'SUCCEEDED', 90 * minute),
            ],
          }
        : {
            items: [
              { name: 'a', operationType: 'BACKUP_VOLUME', insertTime: new Date(t0).toISOString() },
              { name: 'b', operationType: 'UPDATE', user: 'ana@shop.example', insertTime: new Date(t0).toISOString() },
            ],
          },
    );
    const { states, faults } = await lookAtDeliveries('gcp', [target, database], gcp, t0 - minute, never);
    expect([...states.values()].flat()).toMatchObject([
      { kind: 'deploy', from: 'v1', to: 'v3', ref: 'v3-to-prod' },
      { kind: 'config', to: 'UPDATE', actor: 'ana@shop.example' },
    ]);
    expect(faults.size).toBe(0);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { actionKinds } from '../../src/actions/index.ts';
import type { ActionContext, ActionKind } from '../../src/domain/ports/action.ts';
import type { OperatorIo } from '../../src/domain/ports/io.ts';
import type { GcpPlace } from '../../src/domain/places.ts';
import type { Service } from '../../src/domain/service.ts';
import { makeOperatorIo, systemClock, systemRandom } from '../../src/io/index.ts';
import type { Json, JsonObject } from '../../src/lib/json.ts';
import { actionContract, type Stage } from '../contract/action.ts';
import { startGcpServer, type GcpServer } from '../support/gcp/server.ts';
import { gcpWorld, type GcpWorld } from '../support/gcp/world.ts';
import { recordingLog } from '../support/quiet-log.ts';

const operator = 'operator@shop-prod.iam.gserviceaccount.com';
const ambient = {
  ...{ clock: systemClock, random: systemRandom, log: recordingLog() },
  secrets: { resolve: () => Promise.reject(new Error('no secrets here')) },
};

let folder: string;
let world: GcpWorld;
let server: GcpServer;
let io: OperatorIo;
let stages = 0;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'gcp-'));
  world = gcpWorld();
  server = await startGcpServer({ impersonates: [operator], answer: (called) => world.answer(called) });
  writeFileSync(path.join(folder, 'token'), 'subject');
  writeFileSync(path.join(folder, 'credentials.json'), server.credentials(path.join(folder, 'token')));
  process.env['GOOGLE_APPLICATION_CREDENTIALS'] = path.join(folder, 'credentials.json');
  const projects = [{ id: 'shop-prod', serviceAccount: operator }];
  io = makeOperatorIo(ambient, '/usr/bin', { gcp: [{ source: 'gcp', endpoint: server.url, projects }] });
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
  delete process.env['GOOGLE_APPLICATION_CREDENTIALS'];
  expect(server.violations).toEqual([]);
});

function runStage(params: Json): Promise<Stage> {
  const name = `web-${stages++}`;
  const whole = `projects/shop-prod/locations/europe-west1/services/${name}`;
  for (const revision of ['a', 'b', 'c']) world.deploy(whole, `${name}-${revision}`, 'ci@shop.example');
  const times = world.runs.get(whole);
  if (times !== undefined)
    times.revisions = times.revisions.map((one, index) => ({
      ...one,
      createTime: new Date(1e12 - index * 1e6).toISOString(),
    }));
  const before = server.called.length;
  const service: Service = {
    ...{ name, labels: {}, owner: { team: 'x', escalate: 'default' }, dependsOn: [], slos: [], telemetry: {} },
    origin: 'declared',
    runsOn: [{ on: 'gcp', gcp: { source: 'gcp', location: 'europe-west1', resource: { is: 'run', service: name } } }],
  };
  const restorable = (): Promise<unknown> => {
    const found = world.runs.get(whole);
    return Promise.resolve([found?.traffic, found?.scaling.minInstanceCount ?? 0]);
  };
  return Promise.resolve({
    params: JSON.parse(JSON.stringify(params).replaceAll('NAME', name)) as Json,
    world: () => Promise.resolve(structuredClone(world.runs.get(whole))),
    restorable,
    context: (signal = new AbortController().signal, timeoutMs = 30_000): ActionContext => ({
      ...{ service, io, signal, epoch: 1, timeoutMs },
    }),
    effects: () =>
      Promise.resolve(server.called.slice(before).filter(({ method }) => method === 'run services.patch').length),
    remove: () => Promise.resolve(),
  });
}

/** One thing that is not Cloud Run, whose one write makes of its state another. */
function otherStage(
  place: GcpPlace,
  params: Json,
  at: { state: Json; next: Json },
  get: string,
  write: string,
): Promise<Stage> {
  world.others.set(get, () => at.state as object);
  world.others.set(write, ({ message }) => {
    const size = message['size'];
    const patched = message['instanceGroupManagerResource'] as JsonObject | undefined;
    if (patched !== undefined) at.state = { ...(at.state as JsonObject), versions: patched['versions'] ?? null };
    else at.state = size === undefined ? at.next : { ...(at.state as object), targetSize: size as number };
    return get.startsWith('sql')
      ? { kind: 'sql#operation', name: 'op', status: 'PENDING' }
      : { name: 'op', status: 'RUNNING' };
  });
  const before = server.called.length;
  const service: Service = {
    ...{ name: 'one', labels: {}, owner: { team: 'x', escalate: 'default' }, dependsOn: [], slos: [], telemetry: {} },
    ...{ origin: 'declared', runsOn: [{ on: 'gcp', gcp: place }] },
  };
  const seen = (): Promise<unknown> => Promise.resolve(structuredClone(at.state));
  return Promise.resolve({
    ...{ params, world: seen, restorable: seen, remove: () => Promise.resolve() },
    context: (signal = new AbortController().signal, timeoutMs = 30_000): ActionContext => ({
      ...{ service, io, signal, epoch: 1, timeoutMs },
    }),
    effects: () => Promise.resolve(server.called.slice(before).filter(({ method }) => method === write).length),
  });
}

const group = { name: 'web', targetSize: 2, currentActions: { none: 2 }, status: { isStable: true } };
const groupPlace = (location: string): GcpPlace => ({
  source: 'gcp',
  location,
  resource: { is: 'instance-group', name: 'web' },
});
const database = (gceZone: string, secondaryGceZone: string): Json => ({
  ...{ name: 'db', state: 'RUNNABLE', gceZone, secondaryGceZone },
  settings: { availabilityType: 'REGIONAL', settingsVersion: '7' },
});

function kindOf(name: string): ActionKind {
  const kind = actionKinds[name];
  if (kind === undefined) throw new Error(`there is no ${name}`);
  return kind;
}

actionContract('gcp.run-shift-traffic', {
  kind: kindOf('gcp.run-shift-traffic'),
  set: () => runStage({ from: 'NAME-c', toRevision: 'NAME-b' }),
  probeTells: true,
  refused: {
    'another revision is blamed than the one that serves': { from: 'other-1' },
    'a revision that is nowhere': { toRevision: 'nowhere-1' },
    'a name that is no revision': { toRevision: 'web; rm -rf /' },
  },
});

actionContract('gcp.run-scale', {
  kind: kindOf('gcp.run-scale'),
  set: () => runStage({ minInstances: 3 }),
  probeTells: true,
  refused: { 'as many as there are': { minInstances: 0 }, 'too many': { minInstances: 100_000 } },
});

for (const [location, api] of [
  ['europe-west1-b', 'instanceGroupManagers'],
  ['europe-west1', 'regionInstanceGroupManagers'],
] as const)
  actionContract(`gcp.mig-resize in ${location}`, {
    kind: kindOf('gcp.mig-resize'),
    set: () =>
      otherStage(
        groupPlace(location),
        { size: 4 },
        { state: group, next: null },
        `compute ${api}.get`,
        `compute ${api}.resize`,
      ),
    probeTells: true,
    refused: { 'as many as there are': { size: 2 }, none: { size: 0 } },
  });

const versioned = (name: string, more: JsonObject = {}): Json => ({
  ...group,
  ...{ fingerprint: name, versions: [{ instanceTemplate: `${templates}${name}` }] },
  updatePolicy: { type: 'PROACTIVE', maxUnavailable: { fixed: 1, calculated: 1 } },
  ...more,
});
const templates = 'https://www.googleapis.com/compute/v1/projects/shop-prod/global/instanceTemplates/';

for (const [location, api] of [
  ['europe-west1-b', 'instanceGroupManagers'],
  ['europe-west1', 'regionInstanceGroupManagers'],
] as const)
  actionContract(`gcp.mig-rollback in ${location}`, {
    kind: kindOf('gcp.mig-rollback'),
    set: () =>
      otherStage(
        groupPlace(location),
        { toTemplate: 'web-1', from: 'web-2' },
        { state: versioned('web-2'), next: null },
        `compute ${api}.get`,
        `compute ${api}.patch`,
      ),
    probeTells: true,
    refused: {
      'the template that is set': { toTemplate: 'web-2' },
      'another that is blamed': { toTemplate: 'web-1', from: 'web-3' },
      'a name that is none': { toTemplate: '../web' },
    },
  });

it.each([
  [
    'two versions at once',
    { versions: [{ instanceTemplate: 'a/web-1' }, { instanceTemplate: 'a/web-2' }] },
    /2 versions/,
  ],
  ['a policy that replaces nothing', { updatePolicy: { type: 'OPPORTUNISTIC' } }, /no instance would be replaced/],
])('does not give a group with %s another template', async (_what, more, why) => {
  const at = { state: versioned('web-2', more), next: null };
  const stage = await otherStage(
    groupPlace('europe-west1'),
    {},
    at,
    'compute regionInstanceGroupManagers.get',
    'compute regionInstanceGroupManagers.patch',
  );
  const rollback = kindOf('gcp.mig-rollback');
  const looked = await rollback.observe({ toTemplate: 'web-1' }, stage.context());
  expect(() => rollback.preview({ toTemplate: 'web-1' }, looked)).toThrow(why);
});

actionContract('gcp.gce-reset', {
  kind: kindOf('gcp.gce-reset'),
  set: () => {
    const at = {
      state: { name: 'web', status: 'RUNNING' },
      next: { name: 'web', status: 'RUNNING', statusMessage: 'reset' },
    };
    const place: GcpPlace = {
      ...{ source: 'gcp', location: 'europe-west1-b' },
      resource: { is: 'instance', name: 'web' },
    };
    return otherStage(place, {}, at, 'compute instances.get', 'compute instances.reset');
  },
  probeTells: false,
  refused: { 'a parameter': { hard: true } },
});

actionContract('gcp.sql-failover', {
  kind: kindOf('gcp.sql-failover'),
  set: () => {
    const at = {
      state: database('europe-west1-b', 'europe-west1-c'),
      next: database('europe-west1-c', 'europe-west1-b'),
    };
    const place: GcpPlace = { source: 'gcp', location: 'europe-west1', resource: { is: 'sql', instance: 'db' } };
    return otherStage(place, {}, at, 'sql instances.get', 'sql instances.failover');
  },
  probeTells: true,
  refused: { 'a parameter': { instance: 'other' } },
});

it('does not resize a group that an autoscaler sizes, nor fail over where there is no standby', async () => {
  const scaled = { ...group, status: { isStable: true, autoscaler: 'https://compute.googleapis.com/a' } };
  const get = 'compute instanceGroupManagers.get';
  const one = await otherStage(groupPlace('europe-west1-b'), {}, { state: scaled, next: null }, get, 'compute x');
  const resize = kindOf('gcp.mig-resize');
  const seen = await resize.observe({ size: 4 }, one.context());
  expect(() => resize.preview({ size: 4 }, seen)).toThrow(/autoscaler/);
  const place: GcpPlace = { source: 'gcp', location: 'europe-west1', resource: { is: 'sql', instance: 'db' } };
  const alone = { name: 'db', state: 'RUNNABLE', gceZone: 'europe-west1-b', settings: { availabilityType: 'ZONAL' } };
  const two = await otherStage(place, {}, { state: alone, next: null }, 'sql instances.get', 'sql x');
  const failover = kindOf('gcp.sql-failover');
  const looked = await failover.observe({}, two.context());
  expect(() => failover.preview({}, looked)).toThrow(/no standby/);
});

describe('acting on Cloud Run', () => {
  const shift = kindOf('gcp.run-shift-traffic');

  it('goes back to the revision before the one that serves, keeps tags, and says whose act it was', async () => {
    const stage = await runStage({});
    const { service } = stage.context();
    const whole = `projects/shop-prod/locations/europe-west1/services/${service.name}`;
    const found = world.runs.get(whole);
    found?.traffic.push({ type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST', percent: 0, tag: 'next' } as never);
    const before = shift.before({}, await shift.observe({}, stage.context()));
    expect(before).toEqual({ from: `latest(${service.name}-c)`, to: `${service.name}-b` });
    expect(await shift.run({}, before, 'key-1', stage.context())).toMatchObject({ is: 'done' });
    expect(world.runs.get(whole)).toMatchObject({
      ...{ client: 'watchkeeper', clientVersion: 'key-1', lastModifier: operator },
      traffic: [{ revision: `${service.name}-b`, percent: 100 }, { tag: 'next' }],
    });
    expect(await shift.undo({}, before, 'key-1', stage.context())).toMatchObject({ is: 'done' });
    expect(world.runs.get(whole)?.traffic[0]).toEqual({ type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST', percent: 100 });
  });

  it('passes over a revision that never became ready, and refuses to go there', async () => {
    const stage = await runStage({});
    const { service } = stage.context();
    const found = world.runs.get(`projects/shop-prod/locations/europe-west1/services/${service.name}`);
    const isB = ({ name }: { readonly name: string }): boolean => name.endsWith('-b');
    const conditions = [{ type: 'Ready', state: 'CONDITION_FAILED' }];
    if (found) found.revisions = found.revisions.map((one) => (isB(one) ? { ...one, conditions } : one));
    const seen = shift.before({}, await shift.observe({}, stage.context()));
    expect(seen).toMatchObject({ to: `${service.name}-a` });
    const wish = { toRevision: `${service.name}-b` };
    const looked = await shift.observe(wish, stage.context());
    expect(() => shift.preview(wish, looked)).toThrow(/never became ready/);
  });

  it('leaves alone what somebody else shifted meanwhile', async () => {
    const stage = await runStage({});
    const { service } = stage.context();
    const before = shift.before({}, await shift.observe({}, stage.context()));
    world.deploy(
      `projects/shop-prod/locations/europe-west1/services/${service.name}`,
      `${service.name}-d`,
      'eve@shop.example',
    );
    expect(await shift.run({}, before, 'k', stage.context())).toMatchObject({ is: 'failed' });
    expect(await stage.effects()).toBe(0);
    expect(await shift.probe({}, before, stage.context(), 'k')).toMatchObject({ is: 'unknown' });
  });

  it('looks with a scope that reads alone, and writes with one token for one write', async () => {
    const stage = await runStage({});
    const from = server.called.length;
    const before = shift.before({}, await shift.observe({}, stage.context()));
    await shift.run({}, before, 'k', stage.context());
    const own = server.called.slice(from).filter(({ account }) => account === operator);
    const scopes = (writes: boolean): ReadonlySet<string> =>
      new Set(own.filter(({ method }) => (method === 'run services.patch') === writes).map(({ scope }) => scope));
    expect([...scopes(false)]).toEqual(['https://www.googleapis.com/auth/run.readonly']);
    expect([...scopes(true)]).toEqual(['https://www.googleapis.com/auth/run']);
  });

  it('does nothing where no operator is named, and says what to name', async () => {
    const { context } = await runStage({});
    const bare = makeOperatorIo(ambient, '/usr/bin');
    await expect(shift.observe({}, { ...context(), io: bare })).rejects.toMatchObject({
      code: 'forbidden',
      fix: 'Name a service account to act with in operators.gcp for the source gcp.',
    });
  });
});

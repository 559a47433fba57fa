import { afterAll, beforeAll, expect, test } from 'vitest';

import { actionKinds } from '../../src/actions/index.ts';
import type { ActionContext, ActionKind } from '../../src/domain/ports/action.ts';
import { azureResourcePath, type AzureResource } from '../../src/domain/places.ts';
import type { Service } from '../../src/domain/service.ts';
import { operationOf } from '../../src/io/clients/azure/operations.ts';
import { makeOperatorIo, systemClock, systemRandom } from '../../src/io/index.ts';
import type { Json } from '../../src/lib/json.ts';
import { actionContract, type Stage } from '../contract/action.ts';
import { startAzure, type AzureServer } from '../support/azure-server.ts';
import type { AzureWorld, PlayedApp } from '../support/azure-world.ts';
import { recordingLog } from '../support/quiet-log.ts';

const id = '11111111-2222-3333-4444-555555555555';
const hand = '33333333-2222-3333-4444-555555555555';
interface Played extends AzureWorld {
  readonly apps: Record<string, PlayedApp>;
  readonly sites: Record<string, AzureWorld['sites'][string]>;
  readonly sets: Record<string, AzureWorld['sets'][string]>;
  readonly machines: Record<string, AzureWorld['machines'][string]>;
  readonly groups: Record<string, AzureWorld['groups'][string]>;
}
const world: Played = {
  ...{ apps: {}, sites: {}, sets: {}, machines: {}, groups: {} },
  ...{ people: {}, activity: [], tagged: [] },
};
let azure: AzureServer;
let made = 0;

beforeAll(async () => {
  azure = await startAzure(world);
});
afterAll(() => azure.close());

function kindOf(name: string): ActionKind {
  const kind = actionKinds[name];
  if (kind === undefined) throw new Error(`there is no ${name}`);
  return kind;
}

/** Hands over the server, by the real SDK, as an identity with exactly the rights that the kind says it needs. */
function stageOf(
  kind: ActionKind,
  resource: AzureResource,
  params: Json,
  given: Pick<Stage, 'world' | 'effects'>,
): Stage {
  const place = { source: 'azure', region: 'westeurope', resourceGroup: 'shop', resource };
  const service: Service = {
    ...{ name: 'web', labels: {}, owner: { team: 'shop', escalate: 'default' }, dependsOn: [] },
    ...{ runsOn: [{ on: 'azure', azure: place }], telemetry: {}, slos: [], origin: 'declared' },
  };
  const access = kind.azureAccess?.(service);
  for (const { operations, on } of [...(access?.look ?? []), ...(access?.act ?? [])])
    azure.assign(
      hand,
      operations.map((one) =>
        operationOf(one).permission.replace('/sites/', on.includes('/slots/') ? '/sites/slots/' : '/sites/'),
      ),
      [`/subscriptions/${id}${on}`],
    );
  const scope = `/subscriptions/${id}${azureResourcePath(place)}`;
  const connection = {
    cloud: 'public',
    ...{ source: 'azure', subscriptions: [{ name: 'prod', id }] },
    endpoints: { management: azure.url, authority: azure.url },
    identities: [{ scope, clientId: hand, tenantId: id, secret: { env: 'HAND' } }],
  } as const;
  const secrets = { resolve: () => Promise.resolve(`secret of ${hand}`) };
  const ambient = { clock: systemClock, random: systemRandom, log: recordingLog(), secrets };
  const io = makeOperatorIo(ambient, '/usr/bin', { azure: [connection] });
  const context = (signal = new AbortController().signal, timeoutMs = 20_000): ActionContext => ({
    ...{ service, io, signal, epoch: 1, timeoutMs },
  });
  return { params, context, ...given, restorable: given.world, remove: () => Promise.resolve() };
}

function appStage(
  params: Json,
  more: Partial<PlayedApp> = {},
  name = 'azure.containerapp-shift-traffic',
): Promise<Stage> {
  const kind = kindOf(name);
  const resource = { is: 'container-app', name: `web${made++}` } as const;
  const app: PlayedApp = {
    mode: 'Multiple',
    traffic: [{ latestRevision: true, weight: 100 }],
    revisions: [
      { name: 'web--v1', createdMs: 1_000, image: 'shop/web:v1', active: false },
      { name: 'web--v2', createdMs: 2_000, image: 'shop/web:bad', active: true },
    ],
    ...more,
  };
  world.apps[`/resourceGroups/shop/providers/Microsoft.App/containerApps/${resource.name}`] = app;
  const before = JSON.stringify(app.traffic);
  return Promise.resolve(
    stageOf(kind, resource, params, {
      world: () => Promise.resolve(JSON.stringify(app.traffic)),
      effects: () => Promise.resolve(Number(JSON.stringify(app.traffic) !== before)),
    }),
  );
}

actionContract('azure.containerapp-shift-traffic', {
  kind: kindOf('azure.containerapp-shift-traffic'),
  set: () => appStage({ from: 'web--v2' }),
  probeTells: true,
  refused: {
    'another revision is blamed than the one that serves': { from: 'web--v1' },
    'a revision that is nowhere': { toRevision: 'web--v7' },
    'what serves already': { toRevision: 'web--v2', from: 'web--v3' },
    'a name that is no revision': { toRevision: '../web' },
  },
});

test('traffic goes back to an inactive revision, which is activated before; labels stay', async () => {
  const kind = kindOf('azure.containerapp-shift-traffic');
  const stage = await appStage({}, { traffic: [{ revisionName: 'web--v2', weight: 100, label: 'new' }] });
  const observed = await kind.observe({}, stage.context());
  expect(kind.preview({}, observed).diff).toEqual([
    expect.stringContaining('traffic: web--v2 → web--v1'),
    'image: shop/web:bad → shop/web:v1',
    'web--v1 is activated, and stays so',
  ]);
  expect(await kind.run({}, kind.before({}, observed), 'k', stage.context())).toMatchObject({ is: 'done' });
  expect(JSON.parse(String(await stage.world()))).toEqual([
    { revisionName: 'web--v1', weight: 100 },
    { revisionName: 'web--v2', weight: 0, label: 'new' },
  ]);
});

test('an app in single revision mode is refused, and it says why', async () => {
  const kind = kindOf('azure.containerapp-shift-traffic');
  const stage = await appStage({}, { mode: 'Single' });
  const observed = await kind.observe({}, stage.context());
  expect(() => kind.preview({}, observed)).toThrow(/single revision mode/);
});

const single = 'azure.containerapp-rollback-template';
const scale = { maxReplicas: 5, rules: [{ name: 'http', http: { metadata: { concurrentRequests: '50' } } }] };

async function singleStage(params: Json, more: Partial<PlayedApp> = {}) {
  const revisions = [
    { name: 'web--v1', createdMs: 1_000, image: 'shop/web:v1', active: false, more: { scale: { maxReplicas: 3 } } },
    {
      name: 'web--v2',
      createdMs: 2_000,
      image: 'shop/web:bad',
      active: true,
      more: { scale, volumes: [{ name: 'x' }] },
    },
  ];
  const stage = await appStage(params, { mode: 'Single', revisions, ...more }, single);
  const [app] = Object.values(world.apps).slice(-1);
  if (app === undefined) throw new Error('no app');
  const made = app.revisions.length;
  const latest = () => {
    const { image, more: rest } = app.revisions.at(-1) ?? { image: '' };
    return JSON.stringify([image, rest]);
  };
  const given: Stage = {
    ...stage,
    world: () => Promise.resolve(JSON.stringify(app.revisions)),
    restorable: () => Promise.resolve(latest()),
    effects: () => Promise.resolve(app.revisions.length - made),
  };
  return { stage: given, app };
}

actionContract(single, {
  kind: kindOf(single),
  set: async () => (await singleStage({ from: 'web--v2' })).stage,
  probeTells: true,
  refused: {
    'another revision is blamed than the latest': { from: 'web--v1' },
    'a revision that is nowhere': { toRevision: 'web--v7' },
    'what is the latest already': { toRevision: 'web--v2' },
    'a name that is no revision': { toRevision: '../web' },
  },
});

test('a copy is made of all that the earlier revision is, and of nothing that only the bad one has', async () => {
  const { stage, app } = await singleStage({ toRevision: 'web--v1' });
  const kind = kindOf(single);
  const observed = await kind.observe({ toRevision: 'web--v1' }, stage.context());
  expect(kind.preview({}, observed).diff).toEqual([
    expect.stringMatching(/ template: shop\/web:bad#[0-9a-f]{12} → shop\/web:v1#[0-9a-f]{12}$/),
    'image: shop/web:bad → shop/web:v1',
    'a new revision is made as a copy of web--v1; settings of the app itself (ingress, secrets) stay as they are',
    'its images are pulled by tag: a tag may name another image by now',
  ]);
  expect(await kind.run({}, kind.before({}, observed), 'k', stage.context())).toMatchObject({ is: 'done' });
  expect(app.revisions.at(-1)).toMatchObject({
    ...{ name: expect.stringMatching(/--wk[0-9a-f]{10}$/) as string, image: 'shop/web:v1', active: true },
    more: { scale: { maxReplicas: 3 } },
  });
  expect(JSON.stringify(app.revisions.at(-1)?.more)).toBe('{"scale":{"maxReplicas":3}}');
});

test('a copy that does not come up is a failure, and undo makes one of what was there', async () => {
  const revisions = [
    { name: 'web--v1', createdMs: 1_000, image: 'shop/web:bad-too', active: false },
    { name: 'web--v2', createdMs: 2_000, image: 'shop/web:bad', active: true },
  ];
  const { stage, app } = await singleStage({}, { revisions });
  const kind = kindOf(single);
  const before = kind.before({}, await kind.observe({}, stage.context()));
  expect(await kind.run({}, before, 'k', stage.context())).toMatchObject({
    is: 'failed',
    message: expect.stringContaining('does not come up') as string,
  });
  expect(await kind.undo({}, before, 'k-undo', stage.context())).toMatchObject({ is: 'done' });
  expect(app.revisions.map(({ image }) => image)).toEqual([
    ...['shop/web:bad-too', 'shop/web:bad', 'shop/web:bad-too', 'shop/web:bad'],
  ]);
});

test('a revision that somebody else made meanwhile is left as it is', async () => {
  const { stage, app } = await singleStage({});
  const kind = kindOf(single);
  const before = kind.before({}, await kind.observe({}, stage.context()));
  app.revisions.push({ name: 'web--v3', createdMs: 3_000, image: 'shop/web:v3', active: true });
  expect(await kind.run({}, before, 'k', stage.context())).toMatchObject({ is: 'failed' });
  expect(app.revisions).toHaveLength(3);
  expect(await kind.probe({}, before, stage.context(), 'k')).toMatchObject({ is: 'unknown' });
});

test('an app in multiple revision mode is refused, and it says what is for it', async () => {
  const { stage } = await singleStage({}, { mode: 'Multiple' });
  const kind = kindOf(single);
  const observed = await kind.observe({}, stage.context());
  expect(() => kind.preview({}, observed)).toThrow(/azure\.containerapp-shift-traffic/);
});

test('traffic that somebody else shifted meanwhile is left as it is', async () => {
  const kind = kindOf('azure.containerapp-shift-traffic');
  const revisions = ['v1', 'v2', 'v3'].map((name, at) => ({
    ...{ name: `web--${name}`, createdMs: at * 1_000, image: `shop/web:${name}`, active: true },
  }));
  const stage = await appStage({}, { revisions, traffic: [{ revisionName: 'web--v3', weight: 100 }] });
  const before = kind.before({}, await kind.observe({}, stage.context()));
  const [app] = Object.values(world.apps).slice(-1);
  if (app !== undefined) app.traffic = [{ revisionName: 'web--v1', weight: 100 }];
  expect(await kind.run({}, before, 'k', stage.context())).toMatchObject({ is: 'failed' });
  expect(await kind.probe({}, before, stage.context(), 'k')).toMatchObject({ is: 'unknown' });
  expect(app?.traffic).toEqual([{ revisionName: 'web--v1', weight: 100 }]);
});

function siteStage(kind: string, params: Json, slot: Partial<AzureWorld['sites'][string]> = {}): Promise<Stage> {
  const resource = { is: 'web-app', name: `site${made++}`, slot: 'staging' } as const;
  const path = `/resourceGroups/shop/providers/Microsoft.Web/sites/${resource.name}`;
  const site: AzureWorld['sites'][string] = { content: 'bad0000000000', state: 'Running' };
  const staged: AzureWorld['sites'][string] = { content: 'good000000000', state: 'Running', ...slot };
  Object.assign(world.sites, { [path]: site, [`${path}/slots/staging`]: staged });
  const calls = (): number =>
    azure.called.filter(({ permission, resource: of }) => of.includes(resource.name) && permission.endsWith('/action'))
      .length;
  return Promise.resolve(
    stageOf(kindOf(kind), resource, params, {
      world: () => Promise.resolve([site.content, staged.content]),
      effects: () => Promise.resolve(calls()),
    }),
  );
}

actionContract('azure.webapp-swap-slot', {
  kind: kindOf('azure.webapp-swap-slot'),
  set: () => siteStage('azure.webapp-swap-slot', { from: 'bad000000000' }),
  probeTells: true,
  refused: {
    'another deployment is blamed than the one that runs': { from: 'good00000000' },
    'a parameter of no meaning': { slot: 'x' },
  },
});

test.each([
  ['a slot that is stopped', { state: 'Stopped' }, /is Stopped: it is not swapped in/],
  ['a slot that holds the same', { content: 'bad0000000000' }, /holds the same as production/],
] as const)('%s is not swapped in', async (_what, slot, words) => {
  const kind = kindOf('azure.webapp-swap-slot');
  const stage = await siteStage(kind.kind, {}, slot);
  const observed = await kind.observe({}, stage.context());
  expect(() => kind.preview({}, observed)).toThrow(words);
});

actionContract('azure.webapp-restart', {
  kind: kindOf('azure.webapp-restart'),
  set: () => siteStage('azure.webapp-restart', {}),
  probeTells: false,
  refused: { 'a parameter': { slot: 'x' } },
});

function setStage(
  kind: string,
  params: Json,
  more: Pick<AzureWorld['sets'][string], 'autoscale' | 'flexible'> = {},
): Promise<Stage> {
  const resource = { is: 'scale-set', name: `set${made++}` } as const;
  const set = { capacity: 3, reimaged: [] as string[], ...more };
  world.sets[`/resourceGroups/shop/providers/Microsoft.Compute/virtualMachineScaleSets/${resource.name}`] = set;
  return Promise.resolve(
    stageOf(kindOf(kind), resource, params, {
      world: () => Promise.resolve(JSON.stringify(set)),
      effects: () => Promise.resolve(Number(set.capacity !== 3) + set.reimaged.length),
    }),
  );
}

actionContract('azure.vmss-scale', {
  kind: kindOf('azure.vmss-scale'),
  set: () => setStage('azure.vmss-scale', { machines: 5 }),
  probeTells: true,
  refused: { 'as many as there are': { machines: 3 }, none: { machines: 0 }, 'too many': { machines: 100_000 } },
});

actionContract('azure.vmss-scale of Flexible orchestration', {
  kind: kindOf('azure.vmss-scale'),
  set: () => setStage('azure.vmss-scale', { machines: 5 }, { flexible: true }),
  probeTells: true,
  refused: { 'as many as there are': { machines: 3 } },
});

test('machines of a scale set of Flexible orchestration are not reimaged, and it says what to do instead', async () => {
  const kind = kindOf('azure.vmss-reimage');
  const stage = await setStage(kind.kind, { instances: ['1'] }, { flexible: true });
  const seen = await kind.observe({ instances: ['1'] }, stage.context());
  expect(() => kind.preview({ instances: ['1'] }, seen)).toThrow(/orchestration is Flexible.*restart or replace/);
});

test('a scale set that an autoscale setting sets the number of is left to it, and one whose setting is off is not', async () => {
  const kind = kindOf('azure.vmss-scale');
  const look = async (enabled: boolean) => {
    const stage = await setStage(kind.kind, { machines: 5 }, { autoscale: { enabled } });
    return kind.observe({ machines: 5 }, stage.context());
  };
  const on = await look(true);
  expect(on.facts).toMatchObject({ autoscaled: true });
  expect(() => kind.preview({ machines: 5 }, on)).toThrow(/its autoscale setting .* would set it back: by-cpu/);
  const off = await look(false);
  expect(kind.preview({ machines: 5 }, off).diff[0]).toMatch(/3 → 5/);
});

actionContract('azure.vmss-reimage', {
  kind: kindOf('azure.vmss-reimage'),
  set: () => setStage('azure.vmss-reimage', { instances: ['1'] }),
  probeTells: false,
  refused: {
    'an instance that is nowhere': { instances: ['9'] },
    all: {},
    'a name that is no number': { instances: ['*'] },
  },
});

actionContract('azure.vm-restart', {
  kind: kindOf('azure.vm-restart'),
  set: () => {
    const resource = { is: 'virtual-machine', name: `vm${made++}` } as const;
    const machine = { power: 'PowerState/running', restarts: 0 };
    world.machines[`/resourceGroups/shop/providers/Microsoft.Compute/virtualMachines/${resource.name}`] = machine;
    const given = {
      world: () => Promise.resolve(JSON.stringify(machine)),
      effects: () => Promise.resolve(machine.restarts),
    };
    return Promise.resolve(stageOf(kindOf('azure.vm-restart'), resource, {}, given));
  },
  probeTells: false,
  refused: { 'a parameter': { force: true } },
});

actionContract('azure.sql-failover', {
  kind: kindOf('azure.sql-failover'),
  set: () => {
    const resource = { is: 'failover-group', server: `sql${made++}`, name: 'orders' } as const;
    const group = { role: 'Secondary' };
    world.groups[`/resourceGroups/shop/providers/Microsoft.Sql/servers/${resource.server}/failoverGroups/orders`] =
      group;
    const given = {
      world: () => Promise.resolve(group.role),
      effects: () => Promise.resolve(Number(group.role === 'Primary')),
    };
    return Promise.resolve(stageOf(kindOf('azure.sql-failover'), resource, {}, given));
  },
  probeTells: true,
  refused: { 'a parameter': { allowDataLoss: true } },
});

test('what a kind says that it needs is all that it was ever refused or allowed', () => {
  expect(azure.called.length).toBeGreaterThan(50);
  expect(azure.called.filter(({ allowed }) => !allowed)).toEqual([]);
});

test('where no operator is named, nothing is done, and it says what to name', async () => {
  const { context } = await appStage({});
  const bare = makeOperatorIo(
    { clock: systemClock, random: systemRandom, log: recordingLog(), secrets: context().io.secrets },
    '/usr/bin',
  );
  await expect(
    kindOf('azure.containerapp-shift-traffic').observe({}, { ...context(), io: bare }),
  ).rejects.toMatchObject({
    code: 'forbidden',
    fix: 'Name an identity to act as in operators.azure for the source azure.',
  });
});

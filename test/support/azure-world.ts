import type { Json, JsonObject } from '../../src/lib/json.ts';

/** One revision of a Container App that is played. */
export interface PlayedRevision {
  readonly name: string;
  readonly createdMs: number;
  readonly image: string;
  /** What it is made of beside its one container: `scale`, `volumes`. */
  readonly more?: JsonObject;
  active: boolean;
}

/** A Container App that is played: an image with `bad` in its name comes up, and is unhealthy. */
export interface PlayedApp {
  mode: 'Multiple' | 'Single';
  traffic: readonly JsonObject[];
  readonly revisions: PlayedRevision[];
  /** Its probes fail whatever runs: what it needs does not answer it. */
  ill?: boolean;
}

/** A web app, or a slot of it: what is deployed there. */
export interface PlayedSite {
  content: string;
  state: 'Running' | 'Stopped';
  swappedAt?: string;
}

/** A scale set, and the autoscale setting that is for it. */
export interface PlayedSet {
  capacity: number;
  readonly reimaged: string[];
  autoscale?: { readonly enabled: boolean };
  /** Of Flexible orchestration: it has no view of its own, and its machines are virtual machines. */
  readonly flexible?: boolean;
}

/** What there is in Azure. Names are paths below the subscription. */
export interface AzureWorld {
  readonly apps: Readonly<Record<string, PlayedApp>>;
  readonly sites: Readonly<Record<string, PlayedSite>>;
  readonly sets: Readonly<Record<string, PlayedSet>>;
  readonly machines: Readonly<Record<string, { power: string; restarts: number }>>;
  readonly groups: Readonly<Record<string, { role: string }>>;
  /** Who each client is in the activity log. */
  readonly people: Readonly<Record<string, string>>;
  readonly activity: JsonObject[];
  /** Rows of Resource Graph, for its queries of resources. */
  readonly tagged: readonly JsonObject[];
}

/** One call, as the server has read it. */
export interface AzureAsked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: JsonObject;
  readonly who: string;
  readonly permission: string;
  readonly resource: string;
  readonly clientRequestId: string;
}

interface Answer {
  readonly status: number;
  readonly body: Json;
}

/** What Azure answers, and does. */
export function answerOf(world: AzureWorld, asked: AzureAsked): Answer {
  const { method, path, permission } = asked;
  if (path.endsWith('/eventtypes/management/values')) return ok({ value: world.activity });
  if (path.endsWith('/alerts')) return ok({ value: [] });
  if (path.startsWith('/v1/')) {
    const isOfTraces = JSON.stringify(asked.body['query'] ?? '').includes('AppRequests');
    return ok(isOfTraces ? tracesOf(world, asked.body) : linesOf(world, asked.body));
  }
  if (path.endsWith('/resources'))
    return ok({ data: JSON.stringify(asked.body['query'] ?? '').startsWith('"resources\\n') ? [...world.tagged] : [] });
  if (path.endsWith(':getBatch')) return ok({ values: [] });
  const [, subscription = '', below = ''] = /^(\/subscriptions\/[^/]+)(.*)$/.exec(path) ?? [];
  if (below === '') return ok({ id: subscription, state: 'Enabled' });
  const answer = resourceAnswer(world, below, asked);
  if (method !== 'GET' && answer.status < 300) world.activity.unshift(eventOf(world, asked, permission));
  return answer;
}

function resourceAnswer(world: AzureWorld, below: string, asked: AzureAsked): Answer {
  const has = <T>(all: Readonly<Record<string, T>>): readonly [string, T] | undefined =>
    Object.entries(all)
      .sort(([a], [b]) => b.length - a.length)
      .find(([name]) => below === name || below.startsWith(`${name}/`));
  if (below.endsWith('/Microsoft.Compute/virtualMachines'))
    return membersAnswer(world, asked.query.get('$filter') ?? '');
  if (below.endsWith('/autoscaleSettings')) return ok({ value: autoscaleAnswer(world) });
  const app = has(world.apps);
  if (app !== undefined) return appAnswer(app[0].split('/').at(-1) ?? '', app[1], below.slice(app[0].length), asked);
  const site = has(world.sites);
  if (site !== undefined) return siteAnswer(world, site, below.slice(site[0].length), asked);
  const set = has(world.sets);
  if (set !== undefined) return setAnswer(set[1], below.slice(set[0].length), asked);
  const machine = has(world.machines);
  if (machine !== undefined) {
    if (asked.method === 'POST') machine[1].restarts++;
    return ok({
      properties: { provisioningState: 'Succeeded', instanceView: { statuses: [{ code: machine[1].power }] } },
    });
  }
  const group = has(world.groups);
  if (group === undefined) return refuse(404, 'ResourceNotFound', `The Resource '${below}' was not found.`);
  if (asked.method === 'POST') group[1].role = 'Primary';
  const partnerServers = [{ id: '/other', location: 'northeurope', replicationRole: 'Secondary' }];
  return ok({
    properties: { replicationRole: group[1].role, replicationState: 'CATCH_UP', partnerServers, databases: ['d'] },
  });
}

// What a bad revision writes: the same line every second since it is there.
function linesOf(world: AzureWorld, { timespan = '/' }: { readonly timespan?: string }): JsonObject {
  const [from = 0, until = 0] = timespan.split('/').map((text) => Date.parse(text));
  const bad = Object.values(world.apps)
    .flatMap(({ revisions }) => revisions)
    .find(({ image }) => image.includes('bad'));
  const rows: Json[] = [];
  for (let tMs = bad?.createdMs ?? Infinity; tMs < Math.min(until, Date.now()) && rows.length < 1_000; tMs += 1_000)
    if (tMs >= from)
      rows.push([new Date(tMs).toISOString(), 'ERROR cannot start: setting PAYMENT_URL is missing', bad?.name ?? '']);
  const columns = ['TimeGenerated', 'Log_s', 'RevisionName_s'].map((name) => ({ name, type: 'string' }));
  return { tables: [{ name: 'PrimaryResult', columns, rows }] };
}

// A request every minute of the last half hour, and ten a second since there is a bad revision: all of those fail.
function tracesOf(world: AzureWorld, { timespan = '/' }: { readonly timespan?: string }): JsonObject {
  const [from = 0] = timespan.split('/').map((text) => Date.parse(text));
  const all = Object.values(world.apps).flatMap(({ revisions }) => revisions);
  const bad = all.find(({ image }) => image.includes('bad'));
  const nowMs = Date.now();
  const times: number[] = [];
  for (let tMs = Math.max(from, nowMs - 1_800_000); tMs < nowMs && times.length < 1_000;) {
    times.push(tMs);
    tMs += tMs + 60_000 > (bad?.createdMs ?? Infinity) ? 100 : 60_000;
  }
  const columns = ['TimeGenerated', 'Type', 'OperationId', 'Id', 'AppRoleName', 'AppVersion', 'Name', 'DurationMs'];
  const rows = times.map((tMs, at): Json => {
    const isBad = tMs >= (bad?.createdMs ?? Infinity);
    const version = (isBad ? bad : all[0])?.name ?? '';
    const span = [`${at}`.padStart(32, '0'), `${at}`.padStart(16, '0'), 'web', version, 'GET /cart', 20];
    return [new Date(tMs).toISOString(), 'AppRequests', ...span, !isBad, isBad ? '500' : '200'];
  });
  const named = [...columns, 'Success', 'ResultCode'].map((name) => ({ name, type: 'string' }));
  return { tables: [{ name: 'PrimaryResult', columns: named, rows }] };
}

function latestOf({ revisions }: PlayedApp): string {
  return revisions.at(-1)?.name ?? '';
}

function appAnswer(name: string, app: PlayedApp, rest: string, { method, body }: AzureAsked): Answer {
  if (rest === '/revisions') return ok({ value: app.revisions.map((one) => revisionAnswer(app, one)) });
  const activated = /^\/revisions\/([^/]+)\/activate$/.exec(rest)?.[1];
  if (activated !== undefined) {
    const found = app.revisions.find((one) => one.name === activated);
    if (found === undefined) return refuse(404, 'RevisionNotFound', `There is no revision ${activated}`);
    found.active = true;
    return ok({});
  }
  if (method === 'PATCH') {
    const { properties = {} } = body as { readonly properties?: Patch };
    const { traffic } = properties.configuration?.ingress ?? {};
    if (traffic !== undefined) {
      const weights = traffic.reduce((sum, { weight }) => sum + Number(weight), 0);
      const isGone = (one: JsonObject): boolean =>
        one['latestRevision'] !== true &&
        app.revisions.find((each) => each.name === one['revisionName'])?.active !== true;
      if (weights !== 100 || traffic.some(isGone))
        return refuse(400, 'ContainerAppInvalidTraffic', 'weights must add up to 100 and go to active revisions');
      app.traffic = traffic;
    }
    const { template } = properties;
    if (template !== undefined) {
      const made = revisionOf(name, app, template);
      if (app.revisions.some((one) => one.name === made.name))
        return refuse(400, 'RevisionSuffixInUse', `Revision ${made.name} exists already`);
      // In single mode what served is stopped once the new one is ready; this one always is.
      if (app.mode === 'Single') for (const one of app.revisions) one.active = false;
      app.revisions.push(made);
    }
  }
  return ok({
    ...{ name, location: 'westeurope', type: 'Microsoft.App/containerApps' },
    properties: {
      ...{ provisioningState: 'Succeeded', runningStatus: 'Running' },
      ...{ latestRevisionName: latestOf(app), latestReadyRevisionName: latestOf(app) },
      configuration: { activeRevisionsMode: app.mode, ingress: { external: true, traffic: [...app.traffic] } },
    },
  });
}

interface Patch {
  readonly configuration?: { readonly ingress?: { readonly traffic?: readonly JsonObject[] } };
  readonly template?: JsonObject;
}

// A patch is merged into the latest template, as RFC 7396 has it: what it does not name stays, and what is null goes.
function revisionOf(name: string, app: PlayedApp, patch: JsonObject): PlayedRevision {
  const latest = app.revisions.at(-1);
  const whole = merged(latest?.more ?? {}, patch) as JsonObject;
  const { revisionSuffix, containers, ...more } = whole;
  const [first] = (containers ?? [{ image: latest?.image ?? '' }]) as readonly { readonly image?: string }[];
  return {
    name: `${name}--${typeof revisionSuffix === 'string' ? revisionSuffix : 'next'}`,
    ...{ createdMs: Date.now(), image: first?.image ?? '', active: true, more },
  };
}

function merged(now: Json | undefined, patch: Json): Json {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const base = typeof now === 'object' && now !== null && !Array.isArray(now) ? (now as JsonObject) : {};
  const changes = Object.entries(patch as JsonObject);
  const gone = new Set(changes.filter(([, value]) => value === null).map(([name]) => name));
  return Object.fromEntries([
    ...Object.entries(base).filter(([name]) => !gone.has(name)),
    ...changes
      .filter(([name]) => !gone.has(name))
      .map(([name, value]) => [name, merged(base[name], value ?? null)] as const),
  ]);
}

function revisionAnswer(app: PlayedApp, { name, createdMs, image, active, more = {} }: PlayedRevision): JsonObject {
  const isBad = image.includes('bad') || app.ill === true;
  const share = app.traffic.find(
    (one) => (one['latestRevision'] === true ? latestOf(app) : one['revisionName']) === name,
  );
  return {
    name,
    properties: {
      ...{ createdTime: new Date(createdMs).toISOString(), active, replicas: active ? 2 : 0 },
      ...{ trafficWeight: share?.['weight'] ?? 0, provisioningState: 'Provisioned' },
      healthState: isBad ? 'Unhealthy' : 'Healthy',
      runningState: active ? (isBad ? 'Degraded' : 'Running') : 'Stopped',
      template: {
        ...more,
        revisionSuffix: name.split('--')[1] ?? '',
        containers: [{ image, name: 'web', resources: { cpu: 0.5, ephemeralStorage: `${createdMs % 7}Gi` } }],
      },
    },
  };
}

function siteAnswer(
  world: AzureWorld,
  [name, site]: readonly [string, PlayedSite],
  rest: string,
  { body }: AzureAsked,
): Answer {
  if (rest === '/deployments')
    return ok({
      value: [{ name: site.content, properties: { active: true, author: 'bo', end_time: new Date(0).toISOString() } }],
    });
  if (rest === '/slotsswap') {
    const slot = world.sites[`${name}/slots/${(body as { readonly targetSlot?: string }).targetSlot ?? ''}`];
    if (slot === undefined) return refuse(404, 'NotFound', 'there is no such slot');
    [site.content, slot.content] = [slot.content, site.content];
    site.swappedAt = new Date().toISOString();
    return { status: 202, body: {} };
  }
  const swapped =
    site.swappedAt === undefined ? {} : { slotSwapStatus: { timestampUtc: site.swappedAt, sourceSlotName: 'staging' } };
  return ok({ properties: { state: site.state, availabilityState: 'Normal', siteConfig: {}, ...swapped } });
}

// Azure writes the target in capitals of its own.
function autoscaleAnswer({ sets }: AzureWorld): readonly JsonObject[] {
  return Object.entries(sets).flatMap(([on, { autoscale }]) =>
    autoscale === undefined
      ? []
      : [{ name: 'by-cpu', properties: { ...autoscale, targetResourceUri: `/subscriptions/x${on.toUpperCase()}` } }],
  );
}

function membersAnswer({ sets }: AzureWorld, filter: string): Answer {
  const id = /^'virtualMachineScaleSet\/id' eq '(\S+)'$/.exec(filter)?.[1] ?? '';
  const [, set] = Object.entries(sets).find(([on]) => id.endsWith(on)) ?? [];
  if (set?.flexible !== true) return refuse(400, 'InvalidParameter', `not a filter: ${filter}`);
  const statuses = [{ code: 'ProvisioningState/succeeded' }, { code: 'PowerState/running' }];
  const properties = { provisioningState: 'Succeeded', instanceView: { statuses } };
  return ok({ value: Array.from({ length: set.capacity }, (_, at) => ({ name: `vm${at}`, properties })) });
}

function setAnswer(set: PlayedSet, rest: string, { method, body, path }: AzureAsked): Answer {
  if (set.flexible === true && rest !== '')
    return refuse(409, 'OperationNotAllowed', 'The operation is not supported for VM scale sets in Flexible mode.');
  if (rest === '/instanceView')
    return ok({ virtualMachine: { statusesSummary: [{ code: 'ProvisioningState/succeeded', count: set.capacity }] } });
  if (rest === '/virtualMachines')
    return ok({ value: Array.from({ length: set.capacity }, (_, at) => ({ instanceId: String(at), properties: {} })) });
  if (rest === '/reimage') set.reimaged.push(...((body['instanceIds'] ?? []) as readonly string[]));
  const { capacity } = (body['sku'] ?? {}) as { readonly capacity?: number };
  if (method === 'PATCH' && capacity !== undefined) set.capacity = capacity;
  const orchestrationMode = set.flexible === true ? 'Flexible' : 'Uniform';
  const properties = { provisioningState: 'Succeeded', orchestrationMode };
  return ok({ id: path, sku: { name: 'Standard_B2s', capacity: set.capacity }, properties });
}

function eventOf(world: AzureWorld, { who, resource, clientRequestId }: AzureAsked, permission: string): JsonObject {
  const eventTimestamp = new Date().toISOString();
  return {
    ...{ eventDataId: `e${world.activity.length}`, correlationId: `c${world.activity.length}`, eventTimestamp },
    ...{ resourceId: resource, caller: world.people[who] ?? who, httpRequest: { clientRequestId } },
    ...{ category: { value: 'Administrative' }, status: { value: 'Succeeded' }, operationName: { value: permission } },
  };
}

function ok(body: Json): Answer {
  return { status: 200, body };
}

function refuse(status: number, code: string, message: string): Answer {
  return { status, body: { error: { code, message } } };
}

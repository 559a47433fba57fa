import type { Json } from '../../src/lib/json.ts';

/** What a Windows host of a test is like. Acts change it as Windows would; `effects` counts those that did something. */
export interface WindowsWorld {
  boot: number;
  service: { state: string; start: string; pid: number; startedAtMs: number; dependents: string[]; shares?: string[] };
  pool: { state: number; workers: number[] };
  site: { path: string; releases: string[] };
  files: number;
  synced: boolean;
  effects: number;
  /** What refuses or hides an act: told instead of an answer, after the effect or before it. */
  fault?: { readonly kind: string; readonly message: string };
  cutAfterAct?: boolean;
}

/** A world in which everything can be acted on. */
export function windowsWorld(): WindowsWorld {
  return {
    boot: 61,
    service: { state: 'Running', start: 'Auto', pid: 4120, startedAtMs: 1_795_000_000_000, dependents: [] },
    pool: { state: 1, workers: [5100, 5200] },
    site: { path: 'D:\\sites\\shop\\releases\\4.10.0', releases: ['4.8.0', '4.9.0', '4.10.0', 'notes'] },
    files: 12,
    synced: false,
    effects: 0,
  };
}

/** What the scripts of actions are asked. */
export interface WindowsAsk {
  readonly verb: string;
  readonly identity?: string;
  readonly to?: string;
  readonly name?: string;
}

/** What a look tells of it. */
export function factsOf(world: WindowsWorld, verb: string): Record<string, Json> {
  const { service, pool, site } = world;
  const running = service.state === 'Running';
  switch (verb) {
    case 'service':
    case 'process':
      return {
        ...service,
        shares: service.shares ?? [],
        up: running,
        identity: service.pid > 0 ? `${service.pid}@${service.startedAtMs}` : '',
      };
    case 'pool':
      return {
        state: pool.state,
        up: pool.state === 1,
        workers: pool.workers.length,
        identity: pool.workers.join(','),
      };
    case 'site':
      return { ...site, up: true, state: 1, identity: site.path };
    case 'disk':
      return { files: world.files, bytes: world.files * 1_000, free: 5, up: true, identity: `${world.files}` };
    case 'time':
      return {
        up: world.synced,
        identity: String(world.synced),
        leap: world.synced ? 0 : 3,
        stratum: world.synced ? 3 : 0,
      };
    default:
      return { up: true, identity: `boot ${world.boot}`, bootedAtMs: world.boot };
  }
}

/** What the acting script does, in the order it does it: look, compare, act, look. */
export function actOn(world: WindowsWorld, asked: WindowsAsk): Record<string, Json> {
  const { verb, identity } = asked;
  if (verb !== 'disk' && verb !== 'time' && factsOf(world, verb)['identity'] !== identity)
    return { did: 'gone', code: 0, freed: null, facts: factsOf(world, verb) };
  if (world.fault !== undefined)
    return { did: 'no', code: 0, freed: null, fault: world.fault.kind, message: world.fault.message };
  const did = effect(world, asked);
  return { did: 'yes', code: 0, freed: did, facts: factsOf(world, verb) };
}

function effect(world: WindowsWorld, { verb, to }: WindowsAsk): Json {
  const { service, pool, site } = world;
  if (verb === 'disk') {
    const files = world.files;
    world.files = 0;
    if (files > 0) world.effects++;
    return { bytes: files * 1_000, files, kept: 0 };
  }
  if (verb === 'time') {
    if (!world.synced) world.effects++;
    world.synced = true;
    return null;
  }
  world.effects++;
  if (verb === 'service')
    Object.assign(service, { state: 'Running', pid: service.pid + 4, startedAtMs: service.startedAtMs + 60_000 });
  else if (verb === 'process') Object.assign(service, { state: 'Stopped', pid: 0 });
  else if (verb === 'pool') Object.assign(pool, { state: 1, workers: pool.workers.map((pid) => pid + 4) });
  else if (verb === 'site') site.path = to ?? '';
  else world.boot++;
  return null;
}

import type { ReaderIo } from '../../src/domain/ports/io.ts';
import type { CollectRequest, Source } from '../../src/domain/ports/source.ts';
import type { Service } from '../../src/domain/service.ts';
import type { Json, JsonObject } from '../../src/lib/json.ts';
import { sourceKinds } from '../../src/sources/index.ts';
import { watchReads, type SourceWorld } from '../contract/source.ts';
import { httpWorld, type HttpWorld, type Respond } from '../support/http-world.ts';

/** A service with these bindings and nothing else. */
export function serviceWith(name: string, bindings: Partial<Service>): Service {
  return {
    ...{
      name,
      labels: {},
      owner: { team: 't', escalate: 'default' },
      dependsOn: [],
      runsOn: [],
      telemetry: {},
      slos: [],
    },
    ...{ origin: 'declared', ...bindings },
  };
}

/** A store's source over a scripted peer, asked for `shop` by its name. */
export interface StoreWorld extends SourceWorld {
  readonly world: HttpWorld;
  readonly request: CollectRequest;
  collect(over?: Partial<CollectRequest>): ReturnType<Source['collect']>;
}

export function openStore(
  kind: string,
  respond: Respond,
  options: {
    readonly config?: JsonObject;
    readonly services?: readonly Service[];
    readonly signals?: Readonly<Record<string, Readonly<Record<string, Json>>>>;
    readonly readOnlyPosts?: readonly string[];
  } = {},
): StoreWorld {
  const world = httpWorld(respond, { TOKEN: 's3cret', PASSWORD: 'pw' });
  const { io, touched } = watchReads(world.io);
  const source = opened(kind, { url: 'http://peer.example:3100/base/', ...options.config }, io);
  const services = options.services ?? [
    serviceWith('shop', { logs: [{ source: 's', query: {} }], traces: [{ source: 's', query: {} }] }),
  ];
  const signals = Object.entries(options.signals ?? {}).map(([signal, query]) => ({
    ...{ service: 'shop', signal },
    binding: { source: 's', unit: '1', nature: 'gauge' as const, query },
  }));
  const requestNow = (over: Partial<CollectRequest> = {}): CollectRequest => ({
    ...{ fromMs: world.clock.nowMs() - 60_000, untilMs: world.clock.nowMs(), stepMs: 15_000, mode: 'live' },
    ...{ signals, services },
    ...over,
  });
  return {
    ...{ world, source, touched },
    ...(options.readOnlyPosts !== undefined && { readOnlyPosts: options.readOnlyPosts }),
    get request() {
      return requestNow();
    },
    advance: (ms) => world.clock.advance(ms),
    collect: (over) => source.collect(requestNow(over), new AbortController().signal),
  };
}

function opened(kind: string, config: Json, io: ReaderIo): Source {
  const source = sourceKinds[kind]?.open('s', config, io);
  if (source?.ok !== true) throw new Error(JSON.stringify(source));
  return source.value;
}

import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { Clock, Random } from '../../domain/ports/io.ts';
import type { KubernetesObject, KubernetesReader, KubernetesResource } from '../../domain/ports/kubernetes.ts';

/** One collection of objects, kept current by a watch. */
export interface Collection {
  /** What is there, as far as we heard. Empty until the first list is whole. */
  objects(): readonly KubernetesObject[];
  /** For how long the server has said nothing about it, milliseconds; `undefined` before the first whole list. */
  silentMs(): number | undefined;
  /** Why it cannot be followed just now. */
  fault(): WatchkeeperError | undefined;
  /** Follows until the signal fires; never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

/** What is followed, and where it is read. */
export interface CollectionOptions {
  readonly reader: KubernetesReader;
  readonly clock: Clock;
  readonly random: Random;
  readonly resource: KubernetesResource;
  /** Absent: all namespaces. */
  readonly namespace?: string;
}

const page = 250;
/** The server sends a bookmark about every minute; two that are missing mean that nobody is there. */
const idleMs = 150_000;
const slowestRetryMs = 15_000;

/** Lists once, then watches: goes on after a broken connection where it was, and lists anew only when it must (410). */
export function followCollection(options: CollectionOptions): Collection {
  const { reader, clock, random, resource, namespace } = options;
  const where = namespace === undefined ? {} : { namespace };
  let known: ReadonlyMap<string, KubernetesObject> = new Map();
  let heard: number | undefined;
  let fault: WatchkeeperError | undefined;
  // Where to go on; absent: list first.
  let from: string | undefined;

  const list = async (signal: AbortSignal): Promise<void> => {
    const found = new Map<string, KubernetesObject>();
    let next: string | undefined;
    for (;;) {
      const got = await reader.list(resource, { ...where, limit: page, ...(next !== undefined && { next }) }, signal);
      for (const object of got.items) found.set(keyOf(object), object);
      if (found.size > limits.customResources)
        throw new WatchkeeperError('too-large', `more than ${limits.customResources} ${resource.plural}`);
      next = got.next;
      if (next !== undefined) continue;
      known = found;
      heard = clock.monotonicMs();
      fault = undefined;
      from = got.resourceVersion;
      return;
    }
  };

  const follow = async (resourceVersion: string, signal: AbortSignal): Promise<void> => {
    for await (const event of reader.watch(resource, { ...where, resourceVersion, idleMs }, signal)) {
      from = event.is === 'expired' ? undefined : event.resourceVersion;
      heard = clock.monotonicMs();
      fault = undefined;
      if (event.is === 'expired' || event.is === 'bookmark') continue;
      const now = new Map(known);
      if (event.is === 'deleted') now.delete(keyOf(event.object));
      else if (now.has(keyOf(event.object)) || now.size < limits.customResources)
        now.set(keyOf(event.object), event.object);
      known = now;
    }
  };

  const run = async (signal: AbortSignal): Promise<void> => {
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (from === undefined) await list(signal);
        if (from !== undefined) await follow(from, signal);
        failures = 0;
      } catch (thrown) {
        failures += 1;
        fault = WatchkeeperError.from(thrown);
      }
      const pauseMs = Math.min(slowestRetryMs, 500 * 2 ** Math.min(failures, 10)) * (0.5 + random.uniform());
      await clock.sleep(pauseMs, signal).catch(() => undefined);
    }
  };
  return {
    objects: () => [...known.values()],
    silentMs: () => (heard === undefined ? undefined : clock.monotonicMs() - heard),
    fault: () => fault,
    run,
  };
}

function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

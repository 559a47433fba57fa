import type { ReaderIo } from '../../../domain/ports/io.ts';
import type { KubernetesReader } from '../../../domain/ports/kubernetes.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { JsonObject } from '../../../lib/json.ts';
import { readUsage, type Usage, type UsageBook } from './usage.ts';
import { readVolumes, type Filled, type VolumeBook } from './volumes.ts';

/** What is not watched but asked for in turn: usage from metrics.k8s.io, and how full volumes are, from the kubelets. */
export interface Beside {
  pod(namespace: string, name: string): Usage | undefined;
  node(name: string): Usage | undefined;
  /** A mounted PersistentVolumeClaim. */
  volume(namespace: string, claim: string): Filled | undefined;
  /** A node's own file system. */
  disk(node: string): Filled | undefined;
  /** Why one of the two cannot be read, if so. `undefined` as well while it is not wanted. */
  fault(of: 'usage' | 'volumes'): WatchkeeperError | undefined;
  /** Whether it has been read at least once. */
  has(of: 'usage' | 'volumes'): boolean;
  run(signal: AbortSignal): Promise<void>;
}

/** What to ask for. */
export interface BesideOptions {
  readonly io: ReaderIo;
  readonly reader: KubernetesReader;
  readonly usage: boolean;
  readonly volumes: boolean;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly nodes: () => readonly string[];
  readonly onNews: () => void;
}

const everyMs = { usage: 30_000, volumes: 60_000 } as const;
/** What was read longer ago than this is not told any more. */
const oldMs = 180_000;

/** Makes it; nothing is asked before `run`. */
export function createBeside(options: BesideOptions): Beside {
  const { io, reader, namespaces } = options;
  const faults = new Map<string, WatchkeeperError>();
  let usage: UsageBook = { pods: new Map(), nodes: new Map() };
  let volumes: VolumeBook = { claims: new Map(), nodes: new Map() };
  const read = (path: string, signal: AbortSignal): Promise<JsonObject | undefined> => reader.read(path, signal);
  const fresh = <T extends { readonly atMs: number }>(found: T | undefined): T | undefined =>
    found !== undefined && io.clock.nowMs() - found.atMs <= oldMs ? found : undefined;

  const forever = async (of: 'usage' | 'volumes', once: () => Promise<void>, signal: AbortSignal): Promise<void> => {
    for (;;) {
      try {
        await once();
        faults.delete(of);
        options.onNews();
      } catch (thrown) {
        faults.set(of, WatchkeeperError.from(thrown, 'unreachable'));
      }
      const restMs = everyMs[of] * (0.9 + io.random.uniform() / 5);
      await io.clock.sleep(restMs, signal).catch(() => undefined);
      if (signal.aborted) return;
    }
  };
  return {
    pod: (namespace, name) => fresh(usage.pods.get(`${namespace}/${name}`)),
    node: (name) => fresh(usage.nodes.get(name)),
    volume: (namespace, claim) => fresh(volumes.claims.get(`${namespace}/${claim}`)),
    disk: (node) => fresh(volumes.nodes.get(node)),
    fault: (of) => faults.get(of),
    has: (of) => (of === 'usage' ? usage.pods.size > 0 : volumes.nodes.size > 0),
    run: async (signal) => {
      const loops: Promise<void>[] = [];
      if (options.usage)
        loops.push(
          forever(
            'usage',
            async () => {
              usage = await readUsage(namespaces, (path) => read(path, signal));
            },
            signal,
          ),
        );
      if (options.volumes)
        loops.push(
          forever(
            'volumes',
            async () => {
              volumes = await readVolumes(options.nodes(), io.clock.nowMs(), (path) => read(path, signal));
            },
            signal,
          ),
        );
      await Promise.all(loops);
    },
  };
}

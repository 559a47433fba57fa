import type { ReaderIo } from '../../domain/ports/io.ts';
import type { KubernetesReader } from '../../domain/ports/kubernetes.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { createBeside, type Beside } from './beside/index.ts';
import { createClusterWatch, type ClusterOptions, type ClusterWatch } from './cluster.ts';
import { createComplaints, type Complaints } from './complaints.ts';
import { createBell, type Bell } from './informer/bell.ts';
import { wantedKinds, type KindName, type Records } from './kinds.ts';
import { createFailureLogs, type FailureLogs } from './logs.ts';
import { createMishaps, type Mishaps } from './mishaps.ts';
import type { PodRecord } from './records/pod.ts';
import type { WorkloadRecord } from './records/workload.ts';
import type { KubernetesConfig } from './schema.ts';
import { changesServices, createTouchBook, type TouchBook } from './touched.ts';

/** All that is kept of one cluster, and the loops that keep it true. */
export interface ClusterState {
  readonly watch: ClusterWatch;
  readonly beside: Beside;
  readonly mishaps: Mishaps;
  readonly complaints: Complaints;
  readonly logs: FailureLogs;
  readonly touched: TouchBook;
  /** Since when the rollout of this workload has made no progress. */
  readonly stillSinceMs: (uid: string) => number | undefined;
  /** Rings when something is worth a look at once. */
  readonly news: Bell;
  /** Rings when there may be other services. */
  readonly services: Bell;
  /** The server's version, as last asked, and the one before if it changed since we began. */
  readonly version: () => { readonly now?: string; readonly before?: string; readonly atMs?: number };
  /** Resolves when every kind was listed or has failed. Rejects with the signal. */
  started(signal: AbortSignal): Promise<void>;
  /** Starts the loops, once. */
  start(): void;
  stop(): Promise<void>;
}

const houseworkMs = 60_000;
const versionEveryMs = 600_000;

/** Makes it; nothing is read before `start`. */
export function createClusterState(config: KubernetesConfig, io: ReaderIo, reader: KubernetesReader): ClusterState {
  const { clock } = io;
  const stop = new AbortController();
  const news = createBell();
  const services = createBell();
  const began = Promise.withResolvers<undefined>();
  const mishaps = createMishaps(clock);
  const complaints = createComplaints(clock);
  const progress = createProgress(() => clock.nowMs());
  const touched = createTouchBook(() => watch.view);
  const logs = createFailureLogs(io, reader, () => news.ring());
  const onChange = listenerOf({ config, mishaps, logs, complaints, progress, touched, news, services });
  const watch = createClusterWatch({
    ...{
      io,
      reader,
      kinds: wantedKinds(config),
      namespaces: config.namespaces,
      maxObjects: config.maxObjects,
      onChange,
    },
    onNews: () => {
      if (watch.started()) began.resolve(undefined);
    },
  });
  const beside = createBeside({
    ...{ io, reader, usage: config.usage, volumes: config.volumes && config.nodes, namespaces: config.namespaces },
    nodes: () => [...watch.view.table('nodes').all()].map(({ name }) => name),
    onNews: () => services.ring(),
  });
  const version = createVersion(io, reader, () => news.ring());
  const housework = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await clock.sleep(houseworkMs, stop.signal).catch(() => undefined);
      mishaps.prune();
      complaints.prune();
    }
  };
  let running: Promise<unknown> | undefined;
  return {
    ...{ watch, beside, mishaps, complaints, logs, touched, news, services },
    stillSinceMs: progress.sinceMs,
    version: version.get,
    started: (signal) => orAborted(began.promise, signal),
    start: () => {
      const { signal } = stop;
      running ??= Promise.all([
        watch.run(signal),
        beside.run(signal),
        logs.run(signal),
        version.run(signal),
        housework(),
      ]);
    },
    stop: async () => {
      stop.abort(new WatchkeeperError('aborted', 'the source was closed'));
      await running;
    },
  };
}

type Listening = Pick<ClusterState, 'mishaps' | 'logs' | 'complaints' | 'touched' | 'news' | 'services'> & {
  readonly config: KubernetesConfig;
  readonly progress: Progress;
};

// Everything that a difference in the cluster sets off.
function listenerOf(to: Listening): ClusterOptions['onChange'] {
  return (kind, before, after) => {
    if (kind === 'pods' && after !== undefined) {
      const [was, is] = [before, after] as [PodRecord | undefined, PodRecord];
      to.mishaps.note(was, is);
      if (to.config.logs) for (const one of newlyFailed(was, is)) to.logs.want(is, one.container, one.previous);
    }
    if (kind === 'events' && after !== undefined) to.complaints.note(after as Records['events']);
    if (isWorkload(kind)) to.progress.note(after as WorkloadRecord | undefined, before as WorkloadRecord | undefined);
    if (changesServices(kind, before, after)) to.services.ring();
    if (to.touched.note(kind, before, after)) to.news.ring();
  };
}

function isWorkload(kind: KindName): boolean {
  return kind === 'statefulsets' || kind === 'daemonsets';
}

// What ended just now has a log before its restart; what cannot be restarted any more has it still.
function newlyFailed(
  before: PodRecord | undefined,
  after: PodRecord,
): readonly { readonly container: string; readonly previous: boolean }[] {
  return after.containers.flatMap(({ name, ending, state }) => {
    const was = before?.containers.find((one) => one.name === name);
    if (ending === undefined || ending.exitCode === 0 || ending.atMs === was?.ending?.atMs) return [];
    return [{ container: name, previous: state !== 'ended' }];
  });
}

interface Progress {
  note(after: WorkloadRecord | undefined, before: WorkloadRecord | undefined): void;
  readonly sinceMs: (uid: string) => number | undefined;
}

// Controllers without a deadline of their own: since when the counts of a rollout have stood still.
function createProgress(nowMs: () => number): Progress {
  const known = new Map<string, { readonly counts: string; readonly sinceMs: number }>();
  return {
    note: (after, before) => {
      if (after === undefined) {
        known.delete(before?.uid ?? '');
        return;
      }
      const counts = `${after.generation} ${after.updated} ${after.ready}`;
      if (known.get(after.uid)?.counts !== counts) known.set(after.uid, { counts, sinceMs: nowMs() });
    },
    sinceMs: (uid) => known.get(uid)?.sinceMs,
  };
}

interface Version {
  readonly get: ClusterState['version'];
  run(signal: AbortSignal): Promise<void>;
}

function createVersion({ clock }: ReaderIo, reader: KubernetesReader, onNews: () => void): Version {
  let held: ReturnType<ClusterState['version']> = {};
  return {
    get: () => held,
    run: async (signal) => {
      while (!signal.aborted) {
        try {
          const now = await reader.version(signal);
          const changed = held.now !== undefined && held.now !== now;
          held = changed ? { now, before: held.now ?? '', atMs: clock.nowMs() } : { ...held, now };
          if (changed) onNews();
        } catch {
          // The watches say that the server does not answer, and why.
        }
        await clock.sleep(versionEveryMs, signal).catch(() => undefined);
      }
    },
  };
}

function orAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (): void => {
      const reason: unknown = signal.reason;
      const timeout = reason instanceof WatchkeeperError && reason.code === 'timeout';
      reject(
        timeout
          ? new WatchkeeperError('timeout', 'the first lists of the cluster are not complete yet')
          : new WatchkeeperError('aborted', 'stopped while the cluster was listed', { cause: reason }),
      );
    };
    if (signal.aborted) {
      fail();
      return;
    }
    signal.addEventListener('abort', fail, { once: true });
    void promise.then(() => {
      signal.removeEventListener('abort', fail);
      resolve();
    });
  });
}

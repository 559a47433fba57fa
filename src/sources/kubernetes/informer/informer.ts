import type { Clock, Random } from '../../../domain/ports/io.ts';
import type { KubernetesEvent, KubernetesReader, KubernetesSelection } from '../../../domain/ports/kubernetes.ts';
import { servesResource } from '../../../io/clients/kubernetes/discovery.ts';
import { askedToWaitMs } from '../../../io/clients/kubernetes/faults.ts';
import { WatchkeeperError, type ErrorCode } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import type { WatchedKind } from '../kinds.ts';
import type { ObjectRecord } from '../records/parts.ts';
import type { Table, Within } from './table.ts';

/** How well one kind is known. */
export interface InformerStatus {
  /** `starting` until the first list ended or failed; `absent`: the cluster has no such API, and need not. */
  readonly state: 'starting' | 'fresh' | 'failing' | 'absent';
  /** The last event, bookmark or successful (re)connect. */
  readonly heardMs?: number;
  /** While failing: since when, and why. */
  readonly failingSinceMs?: number;
  readonly fault?: WatchkeeperError;
  /** Lists read whole so far, and watches begun. */
  readonly lists: number;
  readonly watches: number;
}

/** What an informer works with. */
export interface InformerOptions<R extends ObjectRecord> {
  readonly kind: WatchedKind<R>;
  /** Absent: the whole cluster. */
  readonly within?: Within;
  readonly table: Table<R>;
  readonly reader: KubernetesReader;
  readonly clock: Clock;
  readonly random: Random;
  /** Called when the status changed, and after each event. */
  readonly onNews: () => void;
}

/** Keeps a table true to one kind in the cluster, for as long as it runs. */
export interface Informer {
  readonly status: () => InformerStatus;
  /** Ends when the signal fires; never throws. */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * List by page, then watch from there; a watch that ends goes on from the last version, one that expired is listed anew,
 * and one that broke is begun again after a pause that doubles, jitters and is capped. Every object is projected as it
 * comes, so that no page is held. Once in a while all is listed anew, whatever the watch said.
 */
export function createInformer<R extends ObjectRecord>(options: InformerOptions<R>): Informer {
  const { clock, random, kind } = options;
  let status: InformerStatus = { state: 'starting', lists: 0, watches: 0 };
  let failures = 0;
  const heard = (change: Pick<Partial<InformerStatus>, 'lists'> = {}): void => {
    failures = 0;
    const { lists, watches } = status;
    status = { state: 'fresh', lists, watches, heardMs: clock.nowMs(), ...change };
    options.onNews();
  };
  // A watch over quiet objects says nothing for a minute; whether the server answers can be asked. That is no reason to
  // hurry, should the watch break again.
  const reached = (): void => {
    const soFar = failures;
    heard();
    failures = soFar;
  };
  const failed = (fault: WatchkeeperError): void => {
    failures += 1;
    const absent = fault.code === 'not-found' && kind.addOn === true;
    const failingSinceMs = status.failingSinceMs ?? clock.nowMs();
    status = absent
      ? { state: 'absent', lists: status.lists, watches: status.watches }
      : { ...status, state: 'failing', failingSinceMs, fault };
    options.onNews();
  };

  const run = async (signal: AbortSignal): Promise<void> => {
    let from: Position | undefined;
    for (;;) {
      try {
        if (from === undefined || clock.monotonicMs() - from.listedMs >= limits.kubernetesRelistMs) {
          from = { version: await listAll(options, signal), listedMs: clock.monotonicMs() };
          heard({ lists: status.lists + 1 });
        } else if (isUnreachable(status.fault)) {
          await ping(options, signal);
          reached();
        }
        status = { ...status, watches: status.watches + 1 };
        if ((await follow(options, from, signal, heard)) === 'expired') from = undefined;
      } catch (thrown) {
        if (signal.aborted) return;
        const fault = WatchkeeperError.from(thrown, 'unreachable');
        failed(fault);
        // A page token or a version that the server no longer has; and what cannot be read may be read whole.
        if (fault.code === 'conflict' || fault.code === 'malformed') from = undefined;
        const pauseMs = Math.max(pauseAfter(failures, fault, random.uniform()), askedToWaitMs(fault) ?? 0);
        await clock.sleep(pauseMs, signal).catch(() => undefined);
      }
      if (signal.aborted) return;
    }
  };
  return { status: () => status, run };
}

interface Position {
  version: string;
  readonly listedMs: number;
}

async function listAll<R extends ObjectRecord>(options: InformerOptions<R>, signal: AbortSignal): Promise<string> {
  const { kind, reader, clock, within, table } = options;
  if (kind.addOn === true) await discover(options, signal);
  const found: R[] = [];
  let next: string | undefined;
  for (;;) {
    const deadline = clock.deadline(limits.kubernetesTimeoutMs, signal);
    try {
      const page = await reader.list(
        kind.resource,
        { ...selectionOf(options), limit: limits.kubernetesPage, ...(next === undefined ? {} : { next }) },
        deadline.signal,
      );
      for (const item of page.items) found.push(kind.project(item));
      if (page.next === undefined) {
        table.replace(found, within);
        return page.resourceVersion;
      }
      ({ next } = page);
    } finally {
      deadline.cancel();
    }
  }
}

async function discover<R extends ObjectRecord>({ kind, reader, clock }: InformerOptions<R>, signal: AbortSignal) {
  const { plural, group, version } = kind.resource;
  const deadline = clock.deadline(limits.kubernetesTimeoutMs, signal);
  try {
    if (await servesResource(reader, kind.resource, deadline.signal)) return;
    throw new WatchkeeperError('not-found', `the cluster has no ${plural}.${group} in version ${version}`);
  } finally {
    deadline.cancel();
  }
}

function isUnreachable(fault: WatchkeeperError | undefined): boolean {
  return fault !== undefined && !patient.has(fault.code);
}

async function ping<R extends ObjectRecord>(options: InformerOptions<R>, signal: AbortSignal): Promise<void> {
  const deadline = options.clock.deadline(limits.kubernetesTimeoutMs, signal);
  try {
    await options.reader.list(options.kind.resource, { ...selectionOf(options), limit: 1 }, deadline.signal);
  } finally {
    deadline.cancel();
  }
}

// Ends when the server closes the watch, when its version expired, and when it is time to list anew.
async function follow<R extends ObjectRecord>(
  options: InformerOptions<R>,
  position: Position,
  signal: AbortSignal,
  heard: () => void,
): Promise<'ended' | 'expired'> {
  const { kind, reader, clock } = options;
  const stop = clock.deadline(limits.kubernetesRelistMs, signal);
  try {
    const events = reader.watch(
      kind.resource,
      { ...selectionOf(options), resourceVersion: position.version, idleMs: limits.kubernetesIdleMs },
      stop.signal,
    );
    for await (const event of events) {
      if (event.is === 'expired') return 'expired';
      take(options, event);
      position.version = event.resourceVersion;
      heard();
    }
    return 'ended';
  } catch (thrown) {
    // The time for a list anew, not a fault.
    if (stop.signal.aborted && !signal.aborted) return 'expired';
    throw thrown;
  } finally {
    stop.cancel();
  }
}

function take<R extends ObjectRecord>(
  { kind, table }: InformerOptions<R>,
  event: Exclude<KubernetesEvent, { readonly is: 'expired' }>,
): void {
  if (event.is === 'bookmark') return;
  if (event.is === 'deleted') table.remove(event.object.metadata.namespace ?? '', event.object.metadata.name);
  else table.put(kind.project(event.object));
}

function selectionOf<R extends ObjectRecord>({ kind, within = {} }: InformerOptions<R>): KubernetesSelection {
  const { labelSelector, metadataOnly } = kind;
  const { namespace, name } = within;
  // A right to one object by name covers a list of just that name.
  const fieldSelector = name === undefined ? kind.fieldSelector : `metadata.name=${name}`;
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(metadataOnly === undefined ? {} : { metadataOnly }),
  };
}

const firstPauseMs = 500;
/** What somebody must mend: asked again more and more seldom. At first not, for an API server that starts refuses everybody. */
const patient: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['forbidden', 'unauthorized', 'not-found']);

function pauseAfter(failures: number, fault: WatchkeeperError, uniform: number): number {
  const longestMs = patient.has(fault.code) ? limits.kubernetesRefusedMs : limits.kubernetesBackoffMs;
  return Math.min(longestMs, firstPauseMs * 2 ** Math.min(failures - 1, 10)) * (0.5 + uniform);
}

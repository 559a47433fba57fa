import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { DocumentKind } from '../../domain/document.ts';
import type { Clock, Log, Random } from '../../domain/ports/io.ts';
import type { KubernetesObject, KubernetesReader } from '../../domain/ports/kubernetes.ts';
import type { DocumentFeed, FedDocument } from '../load/feed.ts';
import { followCollection, type Collection } from './collection.ts';
import { documentOf, resourceOf } from './document.ts';
import type { StatusWriter } from './status.ts';

/** Which namespaces count, for what. */
export interface FeedNamespaces {
  /** Services, detectors and runbooks: `*` is every namespace. */
  readonly namespaces: readonly string[];
  /** Every kind, without bounds: where the platform team writes. */
  readonly policyNamespaces: readonly string[];
}

/** What a feed reads with, and how it answers. */
export interface FeedOptions extends FeedNamespaces {
  readonly reader: KubernetesReader;
  readonly status: StatusWriter;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Ends the watches. */
  readonly signal: AbortSignal;
}

interface Followed {
  readonly kind: DocumentKind;
  readonly collection: Collection;
}

const open: readonly DocumentKind[] = ['Service', 'Detector', 'Runbook'];
const guarded: readonly DocumentKind[] = ['Policy', 'Escalation'];
const lookEveryMs = 100;

/** Follows the collections from the first `read` on. */
export function createFeed(options: FeedOptions): DocumentFeed {
  const { clock, log, status, policyNamespaces } = options;
  const followed = collections(options);
  const lastGood = new Map<string, Uint8Array>();
  const refused = new Map<DocumentKind, number>(followed.map(({ kind }) => [kind, 0]));
  let running = false;

  const start = (): void => {
    if (running) return;
    running = true;
    for (const { collection } of followed) void collection.run(options.signal);
    void status.run(options.signal);
  };
  const synced = async (signal: AbortSignal): Promise<void> => {
    const endMs = clock.monotonicMs() + limits.customResourcesSyncMs;
    for (;;) {
      const missing = followed.find(({ collection }) => collection.silentMs() === undefined);
      if (missing === undefined) return;
      if (hopeless(missing.collection) || clock.monotonicMs() >= endMs) throw unread(missing);
      await clock.sleep(lookEveryMs, signal);
    }
  };
  return {
    read: async (signal) => {
      start();
      await synced(signal);
      const documents = followed.flatMap(({ kind, collection }) =>
        collection.objects().map((object) => ({ object, fed: fedOf(kind, object, policyNamespaces, lastGood) })),
      );
      // Of two that want one name the older keeps it, and the platform team's before anybody's.
      return documents
        .sort((a, b) => compare(rank(a.object, policyNamespaces), rank(b.object, policyNamespaces)))
        .map(({ fed }) => fed);
    },
    judged: (verdicts, inForce) => {
      for (const { document, problems } of verdicts)
        if (inForce && problems.length === 0) lastGood.set(document.path, document.bytes);
      const present = new Set(verdicts.map(({ document }) => document.path));
      for (const path of lastGood.keys()) if (!present.has(path)) lastGood.delete(path);
      for (const { document, problems, using } of verdicts)
        if (problems.length > 0)
          log.warn('a custom resource is refused', { path: document.path, using, problem: problems[0]?.message ?? '' });
      for (const kind of refused.keys())
        refused.set(
          kind,
          verdicts.filter(({ document, problems }) => problems.length > 0 && document.ref.kind === kind).length,
        );
      status.answer(verdicts, inForce, currentOf(followed));
    },
    refused: () => refused,
    unwell: () => {
      const silent = followed.find(
        ({ kind, collection }) =>
          guarded.includes(kind) && (collection.silentMs() ?? 0) > limits.customResourcesSilentMs,
      );
      return silent === undefined
        ? undefined
        : `${unread(silent).message}: what may be done may have been narrowed since`;
    },
  };
}

function collections(options: FeedOptions): readonly Followed[] {
  const { namespaces, policyNamespaces } = options;
  const everywhere = namespaces.includes('*');
  const some = [...new Set([...namespaces, ...policyNamespaces])];
  const follow = (kind: DocumentKind, namespace?: string): Followed => ({
    kind,
    collection: followCollection({
      ...options,
      resource: resourceOf(kind),
      ...(namespace !== undefined && { namespace }),
    }),
  });
  return [
    ...open.flatMap((kind) => (everywhere ? [follow(kind)] : some.map((namespace) => follow(kind, namespace)))),
    ...guarded.flatMap((kind) => [...new Set(policyNamespaces)].map((namespace) => follow(kind, namespace))),
  ];
}

function fedOf(
  kind: DocumentKind,
  object: KubernetesObject,
  trusted: readonly string[],
  lastGood: ReadonlyMap<string, Uint8Array>,
): FedDocument {
  const fed = documentOf(kind, object, trusted.includes(object.metadata.namespace ?? ''));
  const last = lastGood.get(fed.path);
  return last === undefined || Buffer.compare(last, fed.bytes) === 0 ? fed : { ...fed, last };
}

function rank({ metadata }: KubernetesObject, trusted: readonly string[]): string {
  const first = trusted.includes(metadata.namespace ?? '') ? '0' : '1';
  return `${first} ${metadata.creationTimestamp ?? ''} ${metadata.namespace ?? ''}/${metadata.name}`;
}

// What waiting does not mend: no such resources, or no right to read them.
function hopeless(collection: Collection): boolean {
  return ['not-found', 'forbidden', 'unauthorized', 'config-invalid'].includes(collection.fault()?.code ?? '');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function currentOf(followed: readonly Followed[]): ReadonlyMap<string, KubernetesObject> {
  return new Map(
    followed.flatMap(({ collection }) =>
      collection.objects().map((object) => [object.metadata.uid ?? '', object] as const),
    ),
  );
}

function unread({ kind, collection }: Followed): WatchkeeperError {
  const { plural } = resourceOf(kind);
  const fault = collection.fault();
  const name = `${plural}.watchkeeper.dev`;
  if (fault?.code === 'not-found')
    return new WatchkeeperError('config-invalid', `the cluster does not know ${name}`, {
      fix: 'Install the custom resource definitions (deploy/helm/watchkeeper/files/crds), or leave resources.kubernetes out.',
      cause: fault,
    });
  return new WatchkeeperError(fault?.code ?? 'timeout', `${name} cannot be read: ${fault?.message ?? 'no answer'}`, {
    ...(fault === undefined ? {} : { cause: fault }),
  });
}

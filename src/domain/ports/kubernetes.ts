import type { JsonObject } from '../../lib/json.ts';
import type { SecretRef } from './secrets.ts';

/** One collection of the Kubernetes API: `{group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true}`. */
export interface KubernetesResource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** The part of `metadata` that is read here. Labels and annotations are untrusted text (I12). */
export type KubernetesMetadata = JsonObject & {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
};

/** An object as the API gives it, not checked beyond its name: what a cluster sends is input like any other. */
export type KubernetesObject = JsonObject & { readonly metadata: KubernetesMetadata };

/** Which object. `namespace` for namespaced resources only. */
export interface KubernetesRef {
  readonly namespace?: string;
  readonly name: string;
}

/** Which objects of a collection. */
export interface KubernetesSelection {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Only what `metadata` says of each object: the rest never leaves the server. */
  readonly metadataOnly?: boolean;
}

/** One page of a list, and where to watch from once the last page is read. */
export interface KubernetesPage {
  readonly items: readonly KubernetesObject[];
  readonly resourceVersion: string;
  /** Given when there is more. */
  readonly next?: string;
}

/**
 * What a watch tells. `bookmark` carries only a resourceVersion. `expired` is the last event of a watch whose
 * resourceVersion is too old (410): list anew.
 */
export type KubernetesEvent =
  | {
      readonly is: 'added' | 'modified' | 'deleted';
      readonly object: KubernetesObject;
      readonly resourceVersion: string;
    }
  | { readonly is: 'bookmark'; readonly resourceVersion: string }
  | { readonly is: 'expired'; readonly message: string };

/** What one container of a pod wrote. */
export interface KubernetesLogQuery {
  readonly namespace: string;
  readonly pod: string;
  readonly container?: string;
  /** The container before its last restart. */
  readonly previous?: boolean;
  readonly sinceMs?: number;
  readonly tailLines?: number;
  /** More is cut off at the end. */
  readonly maxBytes: number;
}

/** May we? As the API server answers it for our own credentials. */
export interface KubernetesAccess {
  readonly verb: string;
  readonly group: string;
  /** `deployments`, or `deployments/scale`. */
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
}

/**
 * A cluster as a reader sees it. Each call throws WatchkeeperError: `unauthorized` (401), `forbidden` (403, in the
 * server's words), `not-found`, `conflict` (409, or a page token that expired), `config-invalid` (400, 422), `rate-limited`
 * (429, after waiting as told within the deadline), `unreachable`, `timeout`, `aborted`, `too-large`, `malformed`.
 */
export interface KubernetesReader {
  /** What `watchkeeper.yaml` calls the cluster. */
  readonly cluster: string;
  /** The server's version: `v1.34.2`. */
  version(signal: AbortSignal): Promise<string>;
  /** `undefined` when there is no such object. */
  get(resource: KubernetesResource, ref: KubernetesRef, signal: AbortSignal): Promise<KubernetesObject | undefined>;
  /** `subresource`: `scale`, `status`. */
  getSubresource(
    resource: KubernetesResource,
    ref: KubernetesRef,
    subresource: string,
    signal: AbortSignal,
  ): Promise<KubernetesObject | undefined>;
  /** One page of at most `limit` objects. */
  list(
    resource: KubernetesResource,
    selection: KubernetesSelection & { readonly limit: number; readonly next?: string },
    signal: AbortSignal,
  ): Promise<KubernetesPage>;
  /**
   * Events from `resourceVersion` on, bookmarks included. Ends when the server closes the watch (every few minutes: go on
   * from the last resourceVersion); throws when it breaks, and `timeout` when nothing, not even a bookmark, came for
   * `idleMs`.
   */
  watch(
    resource: KubernetesResource,
    selection: KubernetesSelection & { readonly resourceVersion: string; readonly idleMs: number },
    signal: AbortSignal,
  ): AsyncIterable<KubernetesEvent>;
  /** Untrusted text. `not-found` when there is no such container, or no previous one. */
  logs(query: KubernetesLogQuery, signal: AbortSignal): Promise<string>;
  /** `SelfSubjectAccessReview`: changes nothing. */
  may(access: KubernetesAccess, signal: AbortSignal): Promise<boolean>;
  /** The rules we have in a namespace, as `SelfSubjectRulesReview` tells them (`status` of it). */
  rules(namespace: string, signal: AbortSignal): Promise<JsonObject>;
  /** Any other GET of the API by its path: `/apis/metrics.k8s.io/v1beta1/pods`. `undefined` when there is no such path. */
  read(path: string, signal: AbortSignal): Promise<JsonObject | undefined>;
}

/** How a patch is to be understood. `apply` is server-side apply under our own field manager, never forced. */
export type KubernetesPatch =
  | { readonly type: 'merge' | 'strategic' | 'apply'; readonly body: JsonObject }
  | { readonly type: 'json'; readonly body: readonly JsonObject[] };

/** For every write. */
export interface KubernetesWriteOptions {
  /** The server checks and answers as if, and changes nothing. */
  readonly dryRun?: boolean;
  readonly subresource?: string;
}

/**
 * A cluster as a hand sees it: other credentials than a reader's. Writes are sent once and never repeated here; one whose
 * answer was lost throws `unreachable` or `timeout`, and only a probe can tell (I5). The field manager is `watchkeeper`.
 * Preconditions travel in the object: `metadata.uid` and `metadata.resourceVersion` in a patch make the server answer
 * `conflict` when the object is not that one any more.
 */
export interface KubernetesOperator extends KubernetesReader {
  /** The object as created; for a subresource such as `eviction`, what the server says instead. */
  create(
    resource: KubernetesResource,
    ref: { readonly namespace?: string; readonly name?: string },
    body: JsonObject,
    options: KubernetesWriteOptions,
    signal: AbortSignal,
  ): Promise<JsonObject>;
  patch(
    resource: KubernetesResource,
    ref: KubernetesRef,
    patch: KubernetesPatch,
    options: KubernetesWriteOptions,
    signal: AbortSignal,
  ): Promise<KubernetesObject>;
  /** Replaces the whole object; its `metadata.resourceVersion` must be current. */
  replace(
    resource: KubernetesResource,
    ref: KubernetesRef,
    body: JsonObject,
    options: KubernetesWriteOptions,
    signal: AbortSignal,
  ): Promise<KubernetesObject>;
  /** Deletes the object with this uid, in the background; `conflict` when it is another one by now. */
  remove(
    resource: KubernetesResource,
    ref: KubernetesRef,
    uid: string,
    options: KubernetesWriteOptions,
    signal: AbortSignal,
  ): Promise<void>;
}

/** How a cluster is reached. With neither kubeconfig nor server: as the pod we run in. */
export interface KubernetesConnection {
  readonly cluster: string;
  /** A kubeconfig file, and which of its contexts; default: its current one. */
  readonly kubeconfig?: string;
  readonly context?: string;
  /** A bearer token to use instead of the one found there: how a hand in the same pod gets other credentials. */
  readonly token?: SecretRef;
  /** Whom to act as, with tokens that those credentials may ask for. */
  readonly serviceAccount?: KubernetesAccount;
}

/** A ServiceAccount. */
export interface KubernetesAccount {
  readonly namespace: string;
  readonly name: string;
}

/** Asks a cluster whose token it is. */
export interface KubernetesTokenReviewer {
  /**
   * `undefined` when the cluster does not know the token, or not for any of the audiences.
   *
   * @throws `unreachable`, `timeout`, and `forbidden` when we may not create TokenReviews.
   */
  readonly review: (
    token: string,
    audiences: readonly string[],
    signal: AbortSignal,
  ) => Promise<{ readonly username: string; readonly groups: readonly string[] } | undefined>;
}

/** Clusters to read. Nothing is loaded or connected before the first call. */
export interface KubernetesReaders {
  reader(connection: KubernetesConnection): KubernetesReader;
}

/** Clusters to act in: those that watchkeeper.yaml gives operator credentials for, and no others. */
export interface KubernetesOperators {
  /** @throws WatchkeeperError `config-invalid` when there are no operator credentials for the cluster. */
  operator(cluster: string): KubernetesOperator;
}

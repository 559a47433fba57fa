import type { Json, JsonObject } from '../../lib/json.ts';
import type { CloudUse } from './cloud.ts';

/** The services of Google Cloud that are spoken to. */
export type GcpServiceName =
  'compute' | 'deploy' | 'iamcredentials' | 'logging' | 'monitoring' | 'resourcemanager' | 'run' | 'sql' | 'trace';

/** One project, as watchkeeper.yaml names it. */
export interface GcpProject {
  /** The project's id: `shop-prod`. */
  readonly id: string;
  /** A service account that is impersonated there. Absent: the application default credentials themselves. */
  readonly serviceAccount?: string;
}

/** How Google Cloud is reached: a reader and a hand each have their own. */
export interface GcpConnection {
  /** What watchkeeper.yaml calls it: the id of the `gcp` source. */
  readonly source: string;
  readonly projects: readonly GcpProject[];
  /** Instead of every service's own endpoint. */
  readonly endpoint?: string;
  /** Instead of one service's own: an endpoint of Private Service Connect. */
  readonly endpoints?: Readonly<Partial<Record<GcpServiceName, string>>>;
}

/** One call of one API by the method's name: `{service: 'run', method: 'services.get', params: {name: …}}`. */
export interface GcpCall {
  readonly service: GcpServiceName;
  readonly method: string;
  /** Path and query, by the names of the published definition; a list is repeated. */
  readonly params: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  readonly body?: Readonly<Record<string, Json>>;
  /** The project's id; absent where there is only one. */
  readonly project?: string;
}

/**
 * Google Cloud as a reader sees it: methods that only read, `unsupported` for any other. Answers are the published JSON, not
 * checked: what Google sends is input like any other. Throws WatchkeeperError: `unauthorized` (no, expired or refused
 * credentials, or clocks that differ), `forbidden` (IAM does not allow it, or the API is not enabled), `rate-limited`,
 * `not-found`, `config-invalid` (the call is not right), `conflict`, `unreachable`, `timeout`, `aborted`, `too-large`, `unsupported`.
 */
export interface GcpReader {
  ask(call: GcpCall, signal: AbortSignal): Promise<JsonObject>;
  use(): CloudUse;
  close(): void;
}

/** Makes readers: each has credentials and a pace of its own. */
export interface GcpReaders {
  reader(connection: GcpConnection): GcpReader;
}

/** What an identity has to be allowed: permissions of IAM, on one resource where its service knows narrower ones than the project. */
export interface GcpGrant {
  readonly permissions: readonly string[];
  /**
   * Where the role is bound. `project` with a `condition` in CEL where the service knows resource attributes; `resource` where
   * it has a policy of its own: `projects/{project}/locations/europe-west1/services/web`.
   */
  readonly on:
    { readonly is: 'project'; readonly condition?: string } | { readonly is: 'resource'; readonly name: string };
}

/** What one look or one act may do: the methods of one service alone, by tokens of its scopes. */
export interface GcpSession {
  /** The project's id, of which names of resources are made. */
  readonly project: string;
  ask(call: Omit<GcpCall, 'project'>, signal: AbortSignal): Promise<JsonObject>;
}

/** Where and for what a session is made. */
export interface GcpSessionWish {
  readonly source: string;
  readonly project?: string;
  /** Methods it may call, as `run services.get`. */
  readonly allow: readonly string[];
  /** Names the act in audit logs: its idempotency key. Absent for a look. */
  readonly act?: string;
}

/**
 * Hands in Google Cloud. There is no standing credential to act with: each look impersonates the operator's service account
 * with a scope that reads, and each write with a token of its own that lasts five minutes. A write is one request, never
 * repeated (I5).
 */
export interface GcpOperators {
  /** @throws `forbidden` when no operator is configured there. Whether it may be impersonated shows at the first call. */
  session(wish: GcpSessionWish): GcpSession;
}

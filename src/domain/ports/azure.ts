import type { Json, JsonObject } from '../../lib/json.ts';
import type { CloudUse } from './cloud.ts';
import type { SecretRef } from './secrets.ts';

/** Calls that change nothing: all that a reader may ask. */
export type AzureRead =
  | 'activityLog.list'
  | 'alerts.get'
  | 'alerts.list'
  | 'autoscaleSettings.list'
  | 'containerApps.get'
  | 'containerApps.revisions'
  | 'failoverGroups.get'
  | 'graph.query'
  | 'logs.query'
  | 'machines.list'
  | 'metrics.batch'
  | 'permissions.list'
  | 'scaleSets.get'
  | 'scaleSets.instances'
  | 'scaleSets.instanceView'
  | 'scaleSets.upgrades'
  | 'subscriptions.get'
  | 'virtualMachines.get'
  | 'webApps.deployments'
  | 'webApps.get';

/** Calls of the hands. */
export type AzureWrite =
  | 'containerApps.update'
  | 'failoverGroups.failover'
  | 'revisions.activate'
  | 'scaleSets.reimage'
  | 'scaleSets.update'
  | 'virtualMachines.restart'
  | 'webApps.restart'
  | 'webApps.swap';

/** Every call that is made. */
export type AzureOperation = AzureRead | AzureWrite;

/** One subscription, as watchkeeper.yaml names it. */
export interface AzureSubscription {
  readonly name: string;
  /** Its GUID. */
  readonly id: string;
  /** The Microsoft Entra tenant, where it is not that of the credentials. */
  readonly tenantId?: string;
}

/** As whom one asks. Absent parts: what the environment, the workload identity or the machine gives. */
export interface AzureIdentity {
  /** Of an app registration, or of a user-assigned managed identity. */
  readonly clientId?: string;
  readonly tenantId?: string;
  /** A secret of the app registration. Absent: a federated token, or the identity of the machine. */
  readonly secret?: SecretRef;
}

/** Which cloud of Azure. Each has addresses and an authority of its own. */
export type AzureCloud = 'public' | 'usgovernment' | 'china';

/** How Azure is reached: a reader and a hand each have their own. */
export interface AzureConnection {
  /** What watchkeeper.yaml calls it: the id of the `azure` source. */
  readonly source: string;
  readonly cloud: AzureCloud;
  readonly subscriptions: readonly AzureSubscription[];
  /** Instead of the cloud's own addresses; `{region}` in that of the metrics stands for the region. */
  readonly endpoints?: {
    readonly management?: string;
    readonly metrics?: string;
    readonly logs?: string;
    readonly authority?: string;
  };
}

/** A reader's connection. */
export interface AzureReading extends AzureConnection {
  readonly identity?: AzureIdentity;
}

/** One call: an operation, and on what. */
export interface AzureCall {
  readonly operation: AzureOperation;
  /** The subscription's name; absent where there is only one. */
  readonly subscription?: string;
  /** For what lies in a region: the metrics. */
  readonly region?: string;
  /** The resource below its subscription: `/resourceGroups/shop/providers/Microsoft.App/containerApps/web`; or a resource group. */
  readonly on?: string;
  /** What else the path names: a revision, a workspace. */
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Json;
  /** The `nextLink` of the answer before: the same list, further on. */
  readonly next?: string;
}

/**
 * Azure as a reader sees it: operations that only read, `unsupported` for any other. Answers are what Azure sends, not
 * checked: input like any other. Throws WatchkeeperError: `unauthorized` (no, expired or refused credentials, or clocks
 * that differ), `forbidden` (no role allows it), `rate-limited`, `not-found`, `config-invalid` (the call is not right),
 * `conflict`, `malformed`, `unreachable`, `timeout`, `aborted`, `too-large`, `unsupported`.
 */
export interface AzureReader {
  ask(call: AzureCall, signal: AbortSignal): Promise<JsonObject>;
  use(): CloudUse;
  close(): void;
}

/** Makes readers: each has credentials and a pace of its own. */
export interface AzureReaders {
  reader(connection: AzureReading): AzureReader;
}

/** What a session may ask, and on which resource below its subscription. */
export interface AzureAllowance {
  readonly operations: readonly AzureOperation[];
  readonly on: string;
}

/** Where and for what a session is opened. */
export interface AzureSessionWish {
  readonly source: string;
  readonly subscription?: string;
  readonly region: string;
  readonly allow: readonly AzureAllowance[];
  /** Stands in the user agent: the idempotency key of an act, or `look`. */
  readonly name: string;
}

/** A token of one identity, for one look or act; calls beside those that were stated are refused here. */
export interface AzureSession {
  ask(call: Omit<AzureCall, 'subscription' | 'region' | 'next'>, signal: AbortSignal): Promise<JsonObject>;
}

/**
 * Hands in Azure. Azure mints no credential that is narrower than its identity, so the identity itself is narrow: one for
 * each scope, with a role of its own there. A write is one request, never repeated (I5).
 */
export interface AzureOperators {
  /** @throws `forbidden` when no operator is configured for that resource. */
  session(wish: AzureSessionWish, signal: AbortSignal): Promise<AzureSession>;
}

import type { KubernetesConnection } from './kubernetes.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { Change } from '../change.ts';
import type { Finding } from '../alert.ts';
import type { Service, TelemetryBinding } from '../service.ts';
import type { Gap, LogRecord, ResourceState, Series, Span } from '../telemetry.ts';
import type { AwsStatement } from './aws.ts';
import type { InboundReply, InboundRequest } from './channel.ts';
import type { CloudUse } from './cloud.ts';
import type { GcpGrant } from './gcp.ts';
import type { ReaderIo } from './io.ts';
import type { Schema } from './schema.ts';

/** One signal of one service, as the source is asked for it. */
export interface SignalQuery {
  readonly service: string;
  readonly signal: string;
  readonly binding: TelemetryBinding;
}

/** What is wanted, and for when. A source answers with what it has and a Gap for each thing it lacks. */
export interface CollectRequest {
  readonly fromMs: number;
  readonly untilMs: number;
  /** Wanted resolution. */
  readonly stepMs: number;
  readonly signals: readonly SignalQuery[];
  /** Services whose logs, changes and resource states are wanted. */
  readonly services: readonly Service[];
  /** `live`: the newest since last time, on the source's own cursor. `history`: the stretch from..until, as evidence. */
  readonly mode: 'live' | 'history';
}

/** Partial results are results. Throwing is for bugs only: an unreachable peer is a Gap. */
export interface Collected {
  readonly series: readonly Series[];
  readonly logs: readonly LogRecord[];
  /** Each span once in live mode. Absent: this source reads no traces. */
  readonly spans?: readonly Span[];
  readonly changes: readonly Change[];
  readonly resources: readonly ResourceState[];
  /** Alerts from elsewhere, as findings of kind `external`. */
  readonly findings: readonly Finding[];
  readonly gaps: readonly Gap[];
}

/** What a source can give; docs and `doctor` are printed from it. */
export interface SourceTraits {
  readonly metrics: boolean;
  readonly logs: boolean;
  readonly traces: boolean;
  readonly changes: boolean;
  readonly discovery: boolean;
}

/** How well one part of what a source watches is known. */
export interface SourcePart {
  readonly name: string;
  /** The last word about it, or that there is none; absent before the first. */
  readonly heardMs?: number;
  readonly objects: number;
  /** Where it lies, when it is a part of less than all. */
  readonly namespace?: string;
  /** Whether what is done to what the source watches relies on it. */
  readonly vital: boolean;
  /** Why it is not known any more, in a sentence. Absent while it is known; what never was is a gap, and not this. */
  readonly stale?: string;
}

/** What a peer is answered, and why it was turned away, for the ledger: the peer is not told more than it has to know. */
export interface SourceReply extends InboundReply {
  readonly refused?: string;
}

/** A live reader. It holds a reader's credentials only. */
export interface Source {
  readonly id: string;
  readonly kind: string;
  readonly traits: SourceTraits;
  /** How often `collect` in live mode makes sense. */
  readonly intervalMs: number;
  collect(request: CollectRequest, signal: AbortSignal): Promise<Collected>;
  /** Services it can see for itself; empty when it discovers nothing. */
  discover(signal: AbortSignal): Promise<readonly Service[]>;
  /**
   * For sources that are told rather than ask: resolves when there is something worth a live `collect` before the
   * interval is over, and when the signal fires. Such a `collect` may give only what is new.
   */
  news?(signal: AbortSignal): Promise<void>;
  /** Resolves when `discover` may give something else than before, and when the signal fires. */
  newServices?(signal: AbortSignal): Promise<void>;
  /**
   * For sources that are called back at `POST /hooks/SOURCE`: takes what a peer sends, once it has verified that it is the
   * peer's. Whoever it is, it is answered; nothing is believed that is not verified.
   */
  receive?(request: InboundRequest, signal: AbortSignal): Promise<SourceReply>;
  /**
   * What of a service is only ever searched for, and never read live: the service with those records and nothing else, to
   * be asked for in `history` mode whenever it is diagnosed. `undefined`, or absent: nothing.
   */
  searched?(service: Service): Service | undefined;
  /** For sources that keep watches open: each with its freshness, for metrics and status. */
  parts?(): readonly SourcePart[] | undefined;
  /** For sources whose calls are counted and cost money: what was asked since the start, and its price by the list. */
  use?(): CloudUse | undefined;
  /** Tries the connection and credentials once, for `check` and `doctor`. Throws WatchkeeperError with a fix. */
  check(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** One kind of source. A new one is a folder that exports this, and one line in sources/index.ts. */
export interface SourceKind<Config> {
  readonly kind: string;
  readonly summary: string;
  readonly traits: SourceTraits;
  /** The source's block in watchkeeper.yaml, less `kind` and `id`. */
  readonly config: Schema<Config>;
  /** A `telemetry` binding of a Service that names this source, less `source`, `unit` and `nature`. */
  readonly query: Schema<JsonObject>;
  /** The same for `logs` and `traces` of a Service. Absent: this kind cannot be named there. */
  readonly records?: { readonly logs?: Schema<JsonObject>; readonly traces?: Schema<JsonObject> };
  /** What a source in a cluster needs to be allowed there: the least, and to read. Absent: nothing. */
  access?(config: Config): readonly ClusterReading[];
  /** What a source needs to be allowed in AWS: the least, and to read. Absent: nothing. */
  awsAccess?(config: Config): readonly AwsStatement[];
  /** The rights that a source's identity needs in Azure, as a role definition names them. Absent: none. */
  azureAccess?(config: Config): readonly string[];
  /** What a source needs to be allowed in each of its projects of Google Cloud: the least, and to read. Absent: nothing. */
  gcpAccess?(config: Config): readonly GcpGrant[];
  /** How a source in a cluster reaches it. */
  connection?(id: string, config: Config): KubernetesConnection;
  create(id: string, config: Config, io: ReaderIo): Source;
}

/** Rules of Kubernetes RBAC that a reader needs: in these namespaces, or in the whole cluster. */
export interface ClusterReading {
  readonly namespaces?: readonly string[];
  readonly group: string;
  readonly resources: readonly string[];
  readonly verbs: readonly ('get' | 'list' | 'watch')[];
  /** Only objects of these names. */
  readonly names?: readonly string[];
}

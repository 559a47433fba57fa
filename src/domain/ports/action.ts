import type { Json, JsonObject } from '../../lib/json.ts';
import type { ActionTraits, Observation, Target } from '../remediation.ts';
import type { SshPlace } from '../places.ts';
import type { Service } from '../service.ts';
import type { AwsStatement } from './aws.ts';
import type { AzureAllowance } from './azure.ts';
import type { GcpGrant } from './gcp.ts';
import type { OperatorIo } from './io.ts';
import type { Schema } from './schema.ts';

/** What an action is told about its surroundings. */
export interface ActionContext {
  readonly service: Service;
  readonly io: OperatorIo;
  readonly signal: AbortSignal;
  /** Of the leader that acts. A target that has seen a newer one may refuse; see ADR 18. */
  readonly epoch: number;
  /** Stop by then; the executor treats a later end as unknown. */
  readonly timeoutMs: number;
}

/** Did it happen? `unknown` when the world cannot tell: then people are called, and nothing is repeated (I5). */
export type Probe = { readonly is: 'done' | 'not-done' | 'unknown'; readonly because: string };

/** `done`, or `failed` with the certainty that nothing (more) will happen. Anything less certain is `unknown`. */
export type ActionResult = {
  readonly is: 'done' | 'failed' | 'unknown';
  readonly message: string;
  readonly data?: JsonObject;
};

/** What one run would do, in words people read and as before → after lines. */
export interface ActionPreview {
  readonly describe: string;
  readonly diff: readonly string[];
}

/**
 * One rule of Kubernetes RBAC that an action needs: in the namespace of the service it acts on, or in the whole cluster.
 * `resources` may name subresources: `pods/eviction`.
 */
export interface KubernetesNeed {
  readonly in: 'namespace' | 'cluster';
  /** The API group; empty for the core group. */
  readonly group: string;
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** One command that a hand runs as root on a host over SSH. */
export interface HostCommand {
  /** Its exact words; the first is an absolute path. */
  readonly argv: readonly [string, ...string[]];
  /** Its arguments as a regular expression of sudoers (sudo 1.9.10), where a word cannot be known before. */
  readonly pattern?: string;
}

/** A right of a user on a Windows host. Group memberships and lists of access are made of these. */
export type WindowsRight =
  /** Ask, start and stop one service. */
  | { readonly is: 'service'; readonly service: string }
  /** List one folder and what is below it, and delete files there. */
  | { readonly is: 'folder'; readonly path: string }
  | { readonly is: 'shutdown' }
  /** Windows knows no lesser right for it. */
  | { readonly is: 'administrator'; readonly why: string };

/** What an action needs to be allowed on each host of a place. */
export interface HostNeeds {
  /** What is run as root. Empty on Windows. */
  readonly commands: readonly HostCommand[];
  /** Said by kinds for Windows, and by no others. */
  readonly windows?: readonly WindowsRight[];
  /** Folders that the hand's own user must be able to write to. */
  readonly writes?: readonly string[];
  /** What cannot be worked out before, in sentences. */
  readonly unknown?: readonly string[];
}

/** What an action needs in AWS for one service: to look, and besides to act. Sessions are minted with this, or with less. */
export interface AwsAccess {
  readonly look: readonly AwsStatement[];
  readonly act: readonly AwsStatement[];
}

/** What an action needs in Azure for one service: to look, and besides to act. */
export interface AzureAccess {
  /** Where the resource is: the source and the subscription's name. */
  readonly source: string;
  readonly subscription?: string;
  readonly look: readonly AzureAllowance[];
  readonly act: readonly AzureAllowance[];
}

/** What an action needs in Google Cloud for one service: roles on resources, and the methods that a session of it may call. */
export interface GcpAccess {
  readonly grants: readonly GcpGrant[];
  /** As `run services.get`; writes among them only in a session to act. */
  readonly look: readonly string[];
  readonly act: readonly string[];
}

interface ActionSpecBase<P> {
  /** `host.release-rollback`: the platform, a dot, the verb. */
  readonly kind: string;
  readonly summary: string;
  readonly params: Schema<P>;
  /** What the hand needs to be allowed: files, units, API verbs. `permissions` is printed from it. */
  readonly needs: readonly string[];
  /** The same as rules, for kinds that act in a cluster. */
  readonly access?: readonly KubernetesNeed[];
  /** The same on hosts over SSH. `written` are the parameters as a runbook has them, templates and all. Pure. */
  readonly onHosts?: (written: JsonObject, place: SshPlace) => HostNeeds;
  /**
   * The same for kinds that act in AWS, for one service. `written` are the parameters as a runbook has them, templates and
   * all. @throws when the service has no such place, or what is needed cannot be told from what is written.
   */
  awsAccess?(service: Service, written: JsonObject): AwsAccess;
  /** The same for kinds that act in Azure. */
  azureAccess?(service: Service): AzureAccess;
  /** The same for kinds that act in Google Cloud. */
  gcpAccess?(service: Service): GcpAccess;
  /** Names what would be touched. Pure: no look at the world. @throws `config-invalid` when the service has no such place. */
  target(params: P, service: Service): Target;
  /** Reads live state: facts, blast radius, state hash, who else is busy. Read-only. */
  observe(params: P, context: ActionContext): Promise<Observation>;
  /** Says what `run` would do to the observed state. Pure. @throws `conflict` when it cannot be done from there. */
  preview(params: P, observed: Observation): ActionPreview;
  /** What `probe` and `undo` will need, recorded durably before `run`. Pure. */
  before(params: P, observed: Observation): Json;
  /** The only thing that acts. The same key twice must have one effect. */
  run(params: P, before: Json, key: string, context: ActionContext): Promise<ActionResult>;
  /** Read-only: has `run` with this `before` and key happened? Asked after a crash, a timeout or an unclear answer. */
  probe(params: P, before: Json, context: ActionContext, key: string): Promise<Probe>;
}

/** A claim to be reversible without an undo does not compile (I8). */
export type ActionSpec<P> = ActionSpecBase<P> &
  (
    | {
        readonly traits: ActionTraits & { readonly reversible: true };
        undo(params: P, before: Json, key: string, context: ActionContext): Promise<ActionResult>;
      }
    | { readonly traits: ActionTraits & { readonly reversible: false } }
  );

/** An action kind with its parameter type erased, as the registry holds it: parameters are parsed JSON. */
export interface ActionKind {
  readonly kind: string;
  readonly summary: string;
  readonly traits: ActionTraits;
  readonly params: Schema<JsonObject>;
  readonly needs: readonly string[];
  readonly access?: readonly KubernetesNeed[];
  readonly onHosts?: (written: JsonObject, place: SshPlace) => HostNeeds;
  awsAccess?(service: Service, written: JsonObject): AwsAccess;
  azureAccess?(service: Service): AzureAccess;
  gcpAccess?(service: Service): GcpAccess;
  target(params: JsonObject, service: Service): Target;
  observe(params: JsonObject, context: ActionContext): Promise<Observation>;
  preview(params: JsonObject, observed: Observation): ActionPreview;
  before(params: JsonObject, observed: Observation): Json;
  run(params: JsonObject, before: Json, key: string, context: ActionContext): Promise<ActionResult>;
  probe(params: JsonObject, before: Json, context: ActionContext, key: string): Promise<Probe>;
  /** `failed` at once when the kind is not reversible. */
  undo(params: JsonObject, before: Json, key: string, context: ActionContext): Promise<ActionResult>;
}

import type { JsonObject } from '../../lib/json.ts';
import type { CloudUse } from './cloud.ts';
import type { SecretRef } from './secrets.ts';

/** The services of AWS that are spoken to. Each is a package of the SDK, imported at the first call. */
export type AwsServiceName =
  | 'applicationautoscaling'
  | 'autoscaling'
  | 'cloudformation'
  | 'cloudtrail'
  | 'cloudwatch'
  | 'codedeploy'
  | 'ec2'
  | 'ecs'
  | 'iam'
  | 'lambda'
  | 'logs'
  | 'rds'
  | 'ssm'
  | 'sts'
  | 'tagging'
  | 'xray';

/** One account, as watchkeeper.yaml names it. */
export interface AwsAccount {
  readonly name: string;
  /** Taken on by AssumeRole with what the SDK's chain gives. Absent: those credentials themselves. */
  readonly roleArn?: string;
  readonly externalId?: SecretRef;
}

/** How AWS is reached: a reader and a hand each have their own. */
export interface AwsConnection {
  /** What watchkeeper.yaml calls it: the id of the `aws` source. */
  readonly source: string;
  readonly accounts: readonly AwsAccount[];
  /** Where a role is taken on when the region of a call is away. */
  readonly regions?: readonly string[];
  /** A profile of the shared configuration files. Absent: the SDK's whole chain. */
  readonly profile?: string;
  /** Instead of every service's own endpoint. */
  readonly endpoint?: string;
}

/** What a call may carry: JSON, and moments as Date, which the SDK writes as each service wants them. */
export type AwsValue = string | number | boolean | Date | readonly AwsValue[] | { readonly [key: string]: AwsValue };

/** One call of one API, in the words of its reference: `{service: 'ecs', operation: 'DescribeServices', …}`. */
export interface AwsCall {
  readonly service: AwsServiceName;
  readonly operation: string;
  readonly input: Readonly<Record<string, AwsValue>>;
  /** The account's name; absent where there is only one. */
  readonly account?: string;
  readonly region: string;
}

/**
 * AWS as a reader sees it: operations that only read, `unsupported` for any other. Answers are plain JSON, moments in
 * epoch milliseconds, not checked: what AWS sends is input like any other. Throws WatchkeeperError: `unauthorized` (no,
 * expired or refused credentials, or clocks that differ), `forbidden` (the policy does not allow it), `rate-limited`,
 * `not-found`, `config-invalid` (the call is not right), `unreachable`, `timeout`, `aborted`, `too-large`, `unsupported`.
 */
export interface AwsReader {
  ask(call: AwsCall, signal: AbortSignal): Promise<JsonObject>;
  use(): CloudUse;
  close(): void;
}

/** Makes readers: each has credentials, connections and a pace of its own. */
export interface AwsReaders {
  reader(connection: AwsConnection): AwsReader;
}

/** What a session may do: `{actions: ['ecs:UpdateService'], resources: [arn]}`. */
export interface AwsStatement {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  /** As IAM writes it: `{StringEquals: {'ecs:cluster': arn}}`. */
  readonly condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** Credentials that allow the stated calls on the stated resources, and nothing else, for a quarter of an hour. */
export interface AwsSession {
  /** The number of the account, of which ARNs are made. */
  readonly accountId: string;
  /** Documents of Systems Manager that watchkeeper.yaml allows to be run there. */
  readonly documents: readonly string[];
  ask(call: Omit<AwsCall, 'account' | 'region'>, signal: AbortSignal): Promise<JsonObject>;
}

/** Where and for what a session is minted. */
export interface AwsSessionWish {
  readonly source: string;
  readonly account?: string;
  readonly region: string;
  /** ARNs in it may hold `{account}`, which becomes the number of the account, and `{partition}`. */
  readonly allow: readonly AwsStatement[];
  /** Names the session, so that CloudTrail tells which act it was: the idempotency key, or `look`. */
  readonly name: string;
}

/**
 * Hands in AWS. There is no standing credential to act with: each look and each act mints one by AssumeRole, with a
 * session policy that allows what it states. A write is one request, never repeated (I5).
 */
export interface AwsOperators {
  /** @throws `forbidden` when no operator is configured there, or its role may not be assumed. */
  session(wish: AwsSessionWish, signal: AbortSignal): Promise<AwsSession>;
}

import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import type { Clock, Http } from '../../../domain/ports/io.ts';
import type { AwsAccount, AwsCall, AwsConnection, AwsStatement } from '../../../domain/ports/aws.ts';
import type { Secrets } from '../../../domain/ports/secrets.ts';
import { stopped } from '../cloud/stopping.ts';
import { faultOf } from './faults.ts';
import { makeClient, makeCommand } from './modules.ts';
import { sdkTransport } from './transport.ts';

/** What the SDK signs with. */
export interface Identity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** Gives credentials whenever the SDK wants them; what runs out is fetched anew. */
export type Identities = () => Promise<Identity>;

/** What credentials are made with. */
export interface CredentialParts {
  readonly clock: Clock;
  readonly http: Http;
  readonly secrets: Secrets;
}

/**
 * The SDK's own chain: environment, shared files and SSO, web identity, container, machine. It reads files and asks the
 * metadata service by itself, as every tool of AWS does; that is what people expect of it.
 */
export function chainOf({ profile }: Pick<AwsConnection, 'profile'>): Identities {
  let chain: Identities | undefined;
  return async () => {
    if (chain === undefined) {
      const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
      chain = defaultProvider(profile === undefined ? {} : { profile });
    }
    return chain();
  };
}

/** A role to take on, for how long, and with what limits. */
export interface RoleWish {
  readonly account: AwsAccount & { readonly roleArn: string };
  readonly region: string;
  readonly endpoint?: string;
  readonly sessionName: string;
  readonly seconds: number;
  /** Allows this and nothing else of what the role may do. Absent: all that it may. */
  readonly allow?: readonly AwsStatement[];
}

/** Takes on a role. @throws what a call throws: `forbidden` when its trust policy or ours does not allow it. */
export async function assumeRole(
  chain: Identities,
  wish: RoleWish,
  parts: CredentialParts,
  signal: AbortSignal,
): Promise<Identity> {
  const { account, region, endpoint, allow } = wish;
  const { externalId, roleArn } = account;
  const policy = allow === undefined ? undefined : policyText(allow);
  const call: AwsCall = { service: 'sts', operation: 'AssumeRole', input: {}, account: account.name, region };
  const client = await makeClient('sts', {
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    credentials: chain,
    maxAttempts: 1,
    requestHandler: sdkTransport(parts.http),
  });
  try {
    const command = await makeCommand('sts', 'AssumeRole', {
      RoleArn: roleArn,
      RoleSessionName: wish.sessionName,
      DurationSeconds: wish.seconds,
      ...(externalId === undefined ? {} : { ExternalId: await parts.secrets.resolve(externalId, signal) }),
      ...(policy === undefined ? {} : { Policy: policy }),
    });
    return identityOf(await client.send(command, { abortSignal: signal }));
  } catch (thrown) {
    throw faultOf(thrown, call);
  } finally {
    client.destroy();
  }
}

// AWS takes at most 2,048 characters of a session policy, and packs them.
const longestPolicy = 2_048;

/** A session policy as IAM reads it. @throws `too-large` when AWS would refuse it. */
export function policyText(allow: readonly AwsStatement[]): string {
  const text = JSON.stringify({
    Version: '2012-10-17',
    Statement: allow.map(({ actions, resources, condition }) => ({
      Effect: 'Allow',
      Action: actions,
      Resource: resources,
      ...(condition === undefined ? {} : { Condition: condition }),
    })),
  });
  if (text.length <= longestPolicy) return text;
  throw new WatchkeeperError('too-large', `the session policy would have ${text.length} characters; AWS takes 2,048`);
}

/**
 * Takes on a role in the first of the regions whose STS answers: one that is away must not take the others with it. What
 * is refused in one is refused in all.
 */
export async function assumeRoleInOne(
  chain: Identities,
  regions: readonly string[],
  wish: Omit<RoleWish, 'region'>,
  parts: CredentialParts,
): Promise<Identity> {
  const withinMs = regions.length > 1 ? limits.awsTimeoutMs / 3 : limits.awsTimeoutMs;
  let first: unknown;
  for (const region of regions) {
    const deadline = parts.clock.deadline(withinMs, new AbortController().signal);
    try {
      return await assumeRole(chain, { ...wish, region }, parts, deadline.signal);
    } catch (thrown) {
      const fault = deadline.signal.aborted ? stopped(thrown, deadline.signal) : WatchkeeperError.from(thrown);
      first ??= fault;
      if (!fault.retryable) break;
    } finally {
      deadline.cancel();
    }
  }
  throw first;
}

/** Credentials that are fetched once, where they are wanted first, and anew before they run out. */
export function renewing(
  make: (region: string) => Promise<Identity>,
  clock: Clock,
): { readonly get: (region: string) => Promise<Identity> } {
  let held: Promise<Identity> | undefined;
  let untilMs = 0;
  return {
    get: async (region) => {
      if (held !== undefined && clock.nowMs() < untilMs) return held;
      const fresh = make(region);
      held = fresh;
      untilMs = Infinity;
      try {
        const { expiration } = await fresh;
        untilMs = (expiration?.getTime() ?? clock.nowMs() + 900_000) - earlyMs;
      } catch (thrown) {
        held = undefined;
        throw thrown;
      }
      return fresh;
    },
  };
}

const earlyMs = 5 * 60_000;

function identityOf(answer: object): Identity {
  const { Credentials: given } = answer as {
    readonly Credentials?: {
      readonly AccessKeyId?: string;
      readonly SecretAccessKey?: string;
      readonly SessionToken?: string;
      readonly Expiration?: Date;
    };
  };
  if (given?.AccessKeyId === undefined || given.SecretAccessKey === undefined)
    throw new WatchkeeperError('malformed', 'AWS sts AssumeRole answered without credentials');
  return {
    accessKeyId: given.AccessKeyId,
    secretAccessKey: given.SecretAccessKey,
    ...(given.SessionToken === undefined ? {} : { sessionToken: given.SessionToken }),
    ...(given.Expiration === undefined ? {} : { expiration: given.Expiration }),
  };
}

import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import type {
  AwsAccount,
  AwsConnection,
  AwsOperators,
  AwsSession,
  AwsSessionWish,
  AwsStatement,
} from '../../../domain/ports/aws.ts';
import { plainAnswer } from './answer.ts';
import { assumeRole, chainOf, type CredentialParts, type Identities } from './credentials.ts';
import { faultOf } from './faults.ts';
import { isRead, makeClient, makeCommand } from './modules.ts';
import { accountOf } from './reader.ts';
import { sdkTransport } from './transport.ts';

/** An account to act in: its role is what sessions are minted from. */
export type ActingAccount = AwsAccount & { readonly roleArn: string };

/** Where hands have roles: `operators.aws` in watchkeeper.yaml. */
export interface ActingConnection extends AwsConnection {
  readonly accounts: readonly ActingAccount[];
  /** Documents of Systems Manager that may be run. */
  readonly documents?: readonly string[];
}

// The shortest that AWS gives.
const sessionSeconds = 900;

/** Hands over the configured connections. Nothing is imported or asked before the first session. */
export function awsOperators(connections: readonly ActingConnection[], parts: CredentialParts): AwsOperators {
  const chains = new Map<string, Identities>();
  return {
    session: async (wish, signal) => {
      const connection = connections.find(({ source }) => source === wish.source);
      if (connection === undefined)
        throw new WatchkeeperError('forbidden', `there is no operator for ${wish.source}: it is only read`, {
          fix: `Name a role to act with in operators.aws for the source ${wish.source}.`,
        });
      const account = accountOf(connection, wish.account);
      const chain = chains.get(connection.source) ?? chainOf(connection);
      chains.set(connection.source, chain);
      const allow = wish.allow.map((statement) => written(statement, account.roleArn));
      const { endpoint } = connection;
      const identity = await assumeRole(
        chain,
        {
          ...{ account, region: wish.region, allow, seconds: sessionSeconds, sessionName: sessionName(wish.name) },
          ...(endpoint === undefined ? {} : { endpoint }),
        },
        parts,
        signal,
      );
      return sessionOf(connection, account, wish, () => Promise.resolve(identity), parts);
    },
  };
}

function sessionOf(
  { endpoint, documents = [] }: ActingConnection,
  account: ActingAccount,
  { region }: AwsSessionWish,
  credentials: Identities,
  { http, clock }: CredentialParts,
): AwsSession {
  return {
    ...{ accountId: numberOf(account.roleArn), documents },
    ask: async (call, signal) => {
      const whole = { ...call, account: account.name, region };
      const deadline = clock.deadline(limits.awsTimeoutMs, signal);
      const client = await makeClient(call.service, {
        region,
        ...(endpoint === undefined ? {} : { endpoint }),
        credentials,
        maxAttempts: 1,
        requestHandler: sdkTransport(http),
      });
      try {
        const command = await makeCommand(call.service, call.operation, call.input);
        return plainAnswer(await client.send(command, { abortSignal: deadline.signal }));
      } catch (thrown) {
        const fault = faultOf(thrown, whole);
        // A write that AWS answered with a fault of its own may have happened: only a clear refusal is one (I5).
        if (isRead(call.service, call.operation) || fault.code !== 'malformed') throw fault;
        throw new WatchkeeperError('unreachable', fault.message, { cause: thrown });
      } finally {
        deadline.cancel();
        client.destroy();
      }
    },
  };
}

/** ARNs of a statement with the account's number and partition in place. */
export function written(statement: AwsStatement, roleArn: string): AwsStatement {
  const [, partition = 'aws'] = roleArn.split(':');
  const put = (text: string): string =>
    text.replaceAll('{account}', numberOf(roleArn)).replaceAll('{partition}', partition);
  const { condition } = statement;
  return {
    ...statement,
    resources: statement.resources.map(put),
    ...(condition === undefined
      ? {}
      : { condition: JSON.parse(put(JSON.stringify(condition))) as NonNullable<AwsStatement['condition']> }),
  };
}

function numberOf(roleArn: string): string {
  return roleArn.split(':')[4] ?? '';
}

// AWS takes letters, digits and `+=,.@-_`, at most 64.
function sessionName(name: string): string {
  return `watchkeeper-${name.replace(/[^\w+=,.@-]/g, '-')}`.slice(0, 64);
}

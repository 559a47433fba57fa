import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import type { JsonObject } from '../../../lib/json.ts';
import type { Random } from '../../../domain/ports/io.ts';
import type { AwsAccount, AwsCall, AwsConnection, AwsReader } from '../../../domain/ports/aws.ts';
import { plainAnswer } from './answer.ts';
import { createMeter, createSearches } from './cost.ts';
import { assumeRoleInOne, chainOf, renewing, type CredentialParts, type Identities } from './credentials.ts';
import { faultOf, isExpired, isSkew } from './faults.ts';
import { isRead, makeClient, makeCommand, type SdkClient } from './modules.ts';
import { createPace } from '../cloud/pace.ts';
import { isOver, stopped } from '../cloud/stopping.ts';
import { laneOf } from './lanes.ts';
import { sdkTransport } from './transport.ts';

/** What a reader is made with. */
export interface ReaderParts extends CredentialParts {
  readonly random: Random;
}

/** Makes a reader of all accounts of a connection. Nothing is imported, read or asked before the first call. */
export function awsReader(connection: AwsConnection, parts: ReaderParts): AwsReader {
  const { clock, random } = parts;
  const pace = createPace(clock);
  const meter = createMeter();
  const searches = createSearches();
  const clients = clientsOf(connection, parts);
  const once = async (call: AwsCall, account: AwsAccount, signal: AbortSignal): Promise<JsonObject> => {
    await pace.turn(laneOf(call), signal);
    const client = await clients.of(call, account);
    const command = await makeCommand(call.service, call.operation, call.input);
    meter.count(call);
    const answer = plainAnswer(await client.send(command, { abortSignal: signal }));
    pace.went(laneOf(call), false);
    if (call.operation === 'GetQueryResults') meter.scanned(searches.more(call, answer));
    if (call.operation === 'GetTraceSummaries') meter.searched(searchedTraces(answer));
    return answer;
  };
  return {
    ask: async (call, signal) => {
      if (!isRead(call.service, call.operation))
        throw new WatchkeeperError('unsupported', `a reader does not ask ${call.service} ${call.operation}`);
      const account = accountOf(connection, call.account);
      const named = connection.accounts.length > 1 ? { ...call, account: account.name } : call;
      for (let tries = 1; ; tries++) {
        if (signal.aborted) throw stopped(undefined, signal);
        try {
          return await once(named, account, signal);
        } catch (thrown) {
          const fault = isOver(signal) ? stopped(thrown, signal) : faultOf(thrown, named);
          if (fault.code === 'rate-limited') pace.went(laneOf(named), true);
          const again = isExpired(thrown) || isSkew(thrown) || fault.retryable;
          if (!again || tries >= limits.awsTries || isOver(signal)) throw fault;
          if (isExpired(thrown)) clients.forget(account);
          await clock.sleep(200 * 2 ** tries * (0.5 + random.uniform()), signal);
        }
      }
    },
    use: () => meter.use(),
    close: () => clients.close(),
  };
}

interface Clients {
  of(call: AwsCall, account: AwsAccount): Promise<SdkClient>;
  /** The next call of the account comes with fresh credentials. */
  forget(account: AwsAccount): void;
  close(): void;
}

// One client for each service in a region of an account, and one set of credentials for each account.
function clientsOf(connection: AwsConnection, parts: ReaderParts): Clients {
  const chain = chainOf(connection);
  const endpoint = connection.endpoint === undefined ? {} : { endpoint: connection.endpoint };
  const clients = new Map<string, Promise<SdkClient>>();
  const identities = new Map<string, ReturnType<typeof renewing>>();
  const takeOn = (account: AwsAccount, region: string): ReturnType<Identities> => {
    const { roleArn } = account;
    if (roleArn === undefined) return chain();
    const wish = { account: { ...account, roleArn }, sessionName: 'watchkeeper-reader', seconds: 3_600 };
    const regions = [...new Set([region, ...(connection.regions ?? [])])];
    return assumeRoleInOne(chain, regions, { ...wish, ...endpoint }, parts);
  };
  return {
    of: (call, account) => {
      const key = `${account.name} ${call.region} ${call.service}`;
      const known = clients.get(key);
      if (known !== undefined) return known;
      const identity = identities.get(account.name) ?? renewing((region) => takeOn(account, region), parts.clock);
      identities.set(account.name, identity);
      const made = makeClient(call.service, {
        ...{ region: call.region, ...endpoint, credentials: () => identity.get(call.region) },
        ...{ maxAttempts: 1, requestHandler: sdkTransport(parts.http) },
      });
      clients.set(key, made);
      return made;
    },
    forget: ({ name }) => {
      identities.delete(name);
      for (const key of clients.keys()) if (key.startsWith(`${name} `)) clients.delete(key);
    },
    close: () => {
      for (const client of clients.values()) void client.then((one) => one.destroy()).catch(() => undefined);
      clients.clear();
    },
  };
}

/** The account that is meant. @throws `config-invalid` when it is not named, and there are several, or there is none so named. */
export function accountOf<A extends AwsAccount>(
  { accounts, source }: { readonly accounts: readonly A[]; readonly source: string },
  name: string | undefined,
): A {
  const found = name === undefined ? accounts : accounts.filter((account) => account.name === name);
  const [account] = found;
  if (account !== undefined && found.length === 1) return account;
  const names = accounts.map((one) => one.name).join(', ');
  throw new WatchkeeperError(
    'config-invalid',
    name === undefined ? `${source} has several accounts: say which (${names})` : `${source} has no account ${name}`,
    { fix: `Name one of ${names}.` },
  );
}

function searchedTraces({ TracesProcessedCount: count }: JsonObject): number {
  return typeof count === 'number' && Number.isFinite(count) ? count : 0;
}

import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import type { Clock, Random } from '../../../domain/ports/io.ts';
import type { AzureCall, AzureReader, AzureReading, AzureSubscription } from '../../../domain/ports/azure.ts';
import { createPace, type Lane } from '../cloud/pace.ts';
import { createTally } from '../cloud/tally.ts';
import { asking, AzureRefused, type Asked, type Asking } from './asking.ts';
import { costOf } from './cost.ts';
import { credentialOf, type CredentialParts } from './credentials.ts';
import { isNearlySpent, retryAfterOf, whereOf } from './faults.ts';
import { isAzureRead, operationOf } from './operations.ts';
import { isOver, stopped } from '../cloud/stopping.ts';

/** What a reader is made with. */
export interface ReaderParts extends CredentialParts {
  readonly clock: Clock;
  readonly random: Random;
}

// Reads of Resource Manager: 25 a second for a subscription, shared with everybody who asks as the same identity.
const usual = 5;

/** Makes a reader of all subscriptions of a connection. Nothing is imported, read or asked before the first call. */
export function azureReader(connection: AzureReading, parts: ReaderParts): AzureReader {
  const { clock, random } = parts;
  const pace = createPace(clock);
  const tally = createTally();
  const quiet = new Map<string, number>();
  const tenants = tenantsOf(connection, parts);
  const once = async (call: AzureCall, subscription: AzureSubscription, signal: AbortSignal): Promise<Asked> => {
    const lane = laneOf(call);
    const leftMs = (quiet.get(lane.key) ?? -Infinity) - clock.monotonicMs();
    if (leftMs > 0)
      throw new WatchkeeperError(
        'rate-limited',
        `${lane.words}: Azure wants to be left alone for ${Math.ceil(leftMs / 1_000)} s more`,
        // Asking again at once is what it asks not to be done.
        { retryable: false },
      );
    await pace.turn(lane, signal);
    const asker = await tenants.of(subscription);
    tally.count(call.operation, costOf(call));
    const answer = await asker.ask(call, subscription.id, signal);
    pace.went(lane, isNearlySpent(answer.headers));
    return answer;
  };
  return {
    ask: async (call, signal) => {
      if (!isAzureRead(call.operation))
        throw new WatchkeeperError('unsupported', `a reader does not ask ${call.operation}`);
      const subscription = subscriptionOf(connection, call.subscription);
      const named = connection.subscriptions.length > 1 ? { ...call, subscription: subscription.name } : call;
      for (let tries = 1; ; tries++) {
        if (signal.aborted) throw stopped(undefined, signal);
        try {
          return (await once(named, subscription, signal)).body;
        } catch (thrown) {
          const fault = isOver(signal) ? stopped(thrown, signal) : WatchkeeperError.from(thrown, 'malformed');
          const lane = laneOf(named);
          const askedMs = fault instanceof AzureRefused ? (retryAfterOf(fault.headers, clock.nowMs()) ?? 0) : 0;
          if (fault.code === 'rate-limited' && fault instanceof AzureRefused) pace.went(lane, true);
          if (askedMs > limits.cloudPatienceMs) quiet.set(lane.key, clock.monotonicMs() + askedMs);
          // A token that ran out while we held it is fetched anew, once.
          const isStale = fault.code === 'unauthorized' && /token has expired/.test(fault.message) && tries === 1;
          if (isStale) tenants.forget(subscription);
          const isWorthIt = (fault.retryable && askedMs <= limits.cloudPatienceMs) || isStale;
          if (!isWorthIt || tries >= limits.azureTries || isOver(signal)) throw fault;
          await clock.sleep(Math.max(200 * 2 ** tries * (0.5 + random.uniform()), askedMs), signal);
        }
      }
    },
    use: () => tally.use(),
    close: () => tenants.close(),
  };
}

// Budgets are an identity's in a subscription, and those of the metrics a region's besides.
function laneOf(call: AzureCall): Lane {
  const { perSecond = usual, host } = operationOf(call.operation);
  return {
    key: [call.subscription ?? '', call.region ?? '', host, call.operation].join(' '),
    words: whereOf(aside(call)),
    most: perSecond,
  };
}

function aside({ on: _on, ...call }: AzureCall): AzureCall {
  return call;
}

interface Tenants {
  of(subscription: AzureSubscription): Promise<Asking>;
  /** The next call comes with a fresh token. */
  forget(subscription: AzureSubscription): void;
  close(): void;
}

// One credential for each tenant: most have one.
function tenantsOf(connection: AzureReading, parts: ReaderParts): Tenants {
  const askers = new Map<string, Promise<Asking>>();
  const make = async (tenantId: string | undefined): Promise<Asking> => {
    const identity = { ...connection.identity, ...(tenantId === undefined ? {} : { tenantId }) };
    const signal = AbortSignal.timeout(limits.azureTimeoutMs);
    const credential = await credentialOf(connection, identity, parts, signal);
    return asking(connection, credential, { ...parts, name: 'reader' });
  };
  return {
    of: ({ tenantId }) => {
      const key = tenantId ?? '';
      const made = askers.get(key) ?? make(tenantId);
      askers.set(key, made);
      made.catch(() => askers.delete(key));
      return made;
    },
    forget: ({ tenantId }) => askers.delete(tenantId ?? ''),
    close: () => askers.clear(),
  };
}

/** The subscription that is meant. @throws `config-invalid` when it is not named, and there are several, or there is none so named. */
export function subscriptionOf(
  { subscriptions, source }: Pick<AzureReading, 'subscriptions' | 'source'>,
  name: string | undefined,
): AzureSubscription {
  const found = name === undefined ? subscriptions : subscriptions.filter((one) => one.name === name);
  const [subscription] = found;
  if (subscription !== undefined && found.length === 1) return subscription;
  const names = subscriptions.map((one) => one.name).join(', ');
  throw new WatchkeeperError(
    'config-invalid',
    name === undefined
      ? `${source} has several subscriptions: say which (${names})`
      : `${source} has no subscription ${name}`,
    { fix: `Name one of ${names}.` },
  );
}

import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import type { Clock } from '../../../domain/ports/io.ts';
import type { AzureCall, AzureOperators, AzureSessionWish } from '../../../domain/ports/azure.ts';
import { asking } from './asking.ts';
import { credentialOf, type CredentialParts } from './credentials.ts';
import { whereOf } from './faults.ts';
import { isAzureRead } from './operations.ts';
import { identityFor, type ActingAzure } from './scopes.ts';
import { subscriptionOf } from './reader.ts';

/** What operators are made with. */
export interface OperatorParts extends CredentialParts {
  readonly clock: Clock;
}

/** Hands over the configured connections. Nothing is imported or asked before the first session. */
export function azureOperators(connections: readonly ActingAzure[], parts: OperatorParts): AzureOperators {
  return {
    session: async (wish, signal) => {
      const connection = connections.find(({ source }) => source === wish.source);
      if (connection === undefined)
        throw new WatchkeeperError('forbidden', `there is no operator for ${wish.source}: it is only read`, {
          fix: `Name an identity to act as in operators.azure for the source ${wish.source}.`,
        });
      const subscription = subscriptionOf(connection, wish.subscription);
      const identity = identityFor(connection, subscription.id, wish);
      const { tenantId = subscription.tenantId } = identity;
      const who = { ...identity, ...(tenantId === undefined ? {} : { tenantId }) };
      // Made anew for each look and act, so that no token outlives what it was fetched for.
      const credential = await credentialOf(connection, who, parts, signal);
      const asker = await asking(connection, credential, { ...parts, name: nameOf(wish.name) });
      return {
        ask: async (call, signalOfCall) => {
          const whole: AzureCall = { ...call, subscription: subscription.name, region: wish.region };
          if (!isAllowed(wish, whole))
            throw new WatchkeeperError(
              'forbidden',
              `${whereOf(whole)}: that is not among what this session was opened for`,
            );
          const deadline = parts.clock.deadline(limits.azureTimeoutMs, signalOfCall);
          try {
            return (await asker.ask(whole, subscription.id, deadline.signal)).body;
          } catch (thrown) {
            const fault = WatchkeeperError.from(thrown, 'malformed');
            // A write that Azure answered with something unreadable may have happened: only a clear refusal is one (I5).
            if (isAzureRead(call.operation) || fault.code !== 'malformed') throw fault;
            throw new WatchkeeperError('unreachable', fault.message, { cause: thrown });
          } finally {
            deadline.cancel();
          }
        },
      };
    },
  };
}

function isAllowed({ allow }: AzureSessionWish, { operation, on = '' }: AzureCall): boolean {
  return allow.some((one) => one.operations.includes(operation) && one.on.toLowerCase() === on.toLowerCase());
}

// A product token of a user agent.
function nameOf(name: string): string {
  return name.replace(/[^\w.-]/g, '-').slice(0, 80);
}

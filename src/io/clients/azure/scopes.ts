import { WatchkeeperError } from '../../../lib/errors.ts';
import type { AzureConnection, AzureIdentity, AzureSessionWish } from '../../../domain/ports/azure.ts';

/** An identity to act as, for the resources below a scope. */
export interface ActingIdentity extends AzureIdentity {
  /** The id of a resource, a resource group or a subscription. */
  readonly scope: string;
}

/** Where hands have identities: `operators.azure` in watchkeeper.yaml, with the subscriptions of its source. */
export interface ActingAzure extends AzureConnection {
  readonly identities: readonly ActingIdentity[];
}

/** The identity with the longest scope that holds everything that is wished for. @throws `forbidden` when there is none. */
export function identityFor(
  { identities, source }: Pick<ActingAzure, 'identities' | 'source'>,
  subscriptionId: string,
  { allow }: Pick<AzureSessionWish, 'allow'>,
): ActingIdentity {
  const ids = allow.map(({ on }) => `/subscriptions/${subscriptionId}${on}`);
  const [found] = identities
    .filter(({ scope }) => ids.every((id) => isWithin(id, scope)))
    .sort((a, b) => b.scope.length - a.scope.length);
  if (found !== undefined) return found;
  throw new WatchkeeperError(
    'forbidden',
    `no identity of operators.azure for ${source} has a scope that holds ${ids[0] ?? ''}`,
    {
      fix: 'Name one, with the resource or its resource group as its scope.',
    },
  );
}

/** Whether a resource is, or lies below, a scope. Azure does not tell capitals apart in ids. */
export function isWithin(id: string, scope: string): boolean {
  const [a, b] = [id.toLowerCase(), scope.toLowerCase()];
  return a === b || a.startsWith(`${b}/`);
}

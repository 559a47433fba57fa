import { WatchkeeperError } from '../../../lib/errors.ts';
import type { AzureConnection, AzureIdentity, AzureSessionWish } from '../../../domain/ports/azure.ts';
import { isResourceGroup } from './operations.ts';

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
  // What is looked at in the group around a resource does not ask for an identity of the whole group.
  const resources = allow.filter(({ on }) => !isResourceGroup(on));
  const ids = (resources.length === 0 ? allow : resources).map(({ on }) => `/subscriptions/${subscriptionId}${on}`);
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

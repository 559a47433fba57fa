import type { TokenCredential, TokenCredentialOptions } from '@azure/identity';

import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Http } from '../../../domain/ports/io.ts';
import type { AzureConnection, AzureIdentity } from '../../../domain/ports/azure.ts';
import type { Secrets } from '../../../domain/ports/secrets.ts';
import { authorityOf } from './endpoints.ts';
import { azureTransport } from './transport.ts';

/** What credentials are made with. */
export interface CredentialParts {
  readonly http: Http;
  readonly secrets: Secrets;
}

/**
 * As whom one asks. With a secret: that app registration. Else the SDK's own credentials one after another: what the
 * environment says, workload identity, the identity of the machine; those of developers' tools are left out, for they
 * start programs. The SDK reads the federated token and asks the metadata service by itself, as every tool of Azure does.
 */
export async function credentialOf(
  connection: Pick<AzureConnection, 'cloud' | 'endpoints'>,
  identity: AzureIdentity,
  { http, secrets }: CredentialParts,
  signal: AbortSignal,
): Promise<TokenCredential> {
  const sdk = await import('@azure/identity');
  const authority = noting(http, authorityOf(connection));
  const httpClient = await azureTransport(authority.http);
  // A new object each time: the SDK writes into it. The authority is ours to name; asking a third party whether it is one
  // would be another address to reach.
  const options = (): TokenCredentialOptions & { readonly disableInstanceDiscovery: true } => ({
    ...{ authorityHost: authorityOf(connection), httpClient, disableInstanceDiscovery: true },
    retryOptions: { maxRetries: 1 },
  });
  const { clientId, tenantId, secret } = identity;
  if (secret !== undefined) {
    if (clientId === undefined || tenantId === undefined)
      throw new WatchkeeperError('config-invalid', 'a secret needs the clientId and tenantId that it belongs to');
    const text = await secrets.resolve(secret, signal);
    return authority.over(new sdk.ClientSecretCredential(tenantId, clientId, text, options()));
  }
  const who = clientId === undefined ? {} : { clientId };
  const where = tenantId === undefined ? {} : { tenantId };
  const all: (() => TokenCredential)[] = [
    ...(clientId === undefined ? [() => new sdk.EnvironmentCredential(options())] : []),
    () => new sdk.WorkloadIdentityCredential({ ...options(), ...who, ...where }),
    () => new sdk.ManagedIdentityCredential({ ...options(), ...who }),
  ];
  const chain = all.flatMap((make) => available(make, sdk.CredentialUnavailableErrorName));
  return authority.over(new sdk.ChainedTokenCredential(...chain));
}

// One that is not set up here says so when it is made.
function available(make: () => TokenCredential, unavailable: string): readonly TokenCredential[] {
  try {
    return [make()];
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === unavailable) return [];
    throw thrown;
  }
}

interface Noting {
  readonly http: Http;
  over(credential: TokenCredential): TokenCredential;
}

// The SDK makes "no credentials" of an authority that did not answer; what our port said of it is kept, and said instead.
function noting(http: Http, authority: string): Noting {
  const last = new Map<'fault', WatchkeeperError>();
  return {
    http: {
      request: async (request) => {
        try {
          return await http.request(request);
        } catch (thrown) {
          if (request.url.startsWith(authority)) last.set('fault', WatchkeeperError.from(thrown));
          throw thrown;
        }
      },
    },
    over: (credential) => ({
      getToken: async (scopes, options) => {
        last.clear();
        try {
          return await credential.getToken(scopes, options);
        } catch (thrown) {
          throw last.get('fault') ?? thrown;
        }
      },
    }),
  };
}

import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Clock, Http } from '../../../domain/ports/io.ts';
import type { GcpConnection } from '../../../domain/ports/gcp.ts';
import { faultOf } from './faults.ts';
import { wholeScope } from './methods.ts';
import { send, type Identity } from './send.ts';
import { gcpFetch } from './transport.ts';

/** What credentials are made with. */
export interface CredentialParts {
  readonly clock: Clock;
  readonly http: Http;
}

/** Says who we are whenever a call is made; what runs out is fetched anew. */
export interface Identities {
  get(signal: AbortSignal): Promise<Identity>;
  /** The next call comes with fresh credentials. */
  forget(): void;
}

/**
 * Application default credentials: a file that is named, gcloud's, workload identity federation, or the machine's own service
 * account. The library reads files and asks the metadata server by itself, as every tool of Google's does; that is what
 * people expect of it.
 */
export function defaultIdentities({ http }: Pick<CredentialParts, 'http'>): Identities {
  let client: Promise<{ getRequestHeaders(): Promise<Headers> }> | undefined;
  const make = async (): Promise<{ getRequestHeaders(): Promise<Headers> }> => {
    const [{ GoogleAuth }, { Gaxios }] = await Promise.all([
      import('google-auth-library'),
      import('googleapis-common'),
    ]);
    const transporter = new Gaxios({ fetchImplementation: gcpFetch(http), retry: false });
    // Named, or the library would ask for the identity's own project, which nobody needs and not everybody may.
    const projectId = '-';
    return new GoogleAuth({ scopes: [wholeScope], projectId, clientOptions: { transporter } }).getClient();
  };
  return {
    get: async () => {
      client ??= make();
      try {
        return Object.fromEntries(await (await client).getRequestHeaders());
      } catch (thrown) {
        client = undefined;
        throw thrown;
      }
    },
    forget: () => {
      client = undefined;
    },
  };
}

/** A service account to be, for what, and for how long. */
export interface TokenWish {
  readonly connection: Pick<GcpConnection, 'endpoint' | 'endpoints'>;
  readonly project: string;
  readonly serviceAccount: string;
  readonly scope: string;
  readonly seconds: number;
}

/** A token, and when it runs out. */
export interface Token {
  readonly identity: Identity;
  readonly untilMs: number;
}

/** What to do where we may not be a service account: by this it is known that nothing else was asked. */
export function impersonationFix(serviceAccount: string): string {
  return `Grant roles/iam.serviceAccountTokenCreator on ${serviceAccount} to the daemon's own identity.`;
}

/** Makes a token of a service account. @throws what a call throws: `forbidden` when we may not be it. */
export async function tokenOf(
  from: Identities,
  { connection, project, serviceAccount, scope, seconds }: TokenWish,
  { http, clock }: CredentialParts,
  signal: AbortSignal,
): Promise<Token> {
  const call = {
    ...({ service: 'iamcredentials', method: 'generateAccessToken', project } as const),
    params: { name: `projects/-/serviceAccounts/${serviceAccount}` },
    body: { scope: [scope], lifetime: `${seconds}s` },
  };
  try {
    const { accessToken, expireTime } = await send(connection, call, await from.get(signal), http, signal);
    if (typeof accessToken !== 'string' || accessToken === '')
      throw new WatchkeeperError('malformed', `Google made no token of ${serviceAccount}`);
    const untilMs = typeof expireTime === 'string' ? Date.parse(expireTime) : NaN;
    return {
      identity: { authorization: `Bearer ${accessToken}` },
      untilMs: Number.isFinite(untilMs) ? untilMs : clock.nowMs() + seconds * 1_000,
    };
  } catch (thrown) {
    const fault = faultOf(thrown, call);
    if (fault.code !== 'forbidden') throw fault;
    throw new WatchkeeperError('forbidden', fault.message, {
      fix: impersonationFix(serviceAccount),
      cause: thrown,
    });
  }
}

// Anew so long before the end.
const earlyMs = 60_000;

/** Tokens that are made once, and anew before they run out. */
export function renewing(make: (signal: AbortSignal) => Promise<Token>, clock: Clock): Identities {
  let held: Promise<Token> | undefined;
  let untilMs = -Infinity;
  return {
    get: async (signal) => {
      if (held === undefined || clock.nowMs() >= untilMs) {
        const fresh = make(signal);
        held = fresh;
        untilMs = Infinity;
        try {
          untilMs = (await fresh).untilMs - earlyMs;
        } catch (thrown) {
          held = undefined;
          throw thrown;
        }
      }
      return (await held).identity;
    },
    forget: () => {
      held = undefined;
    },
  };
}

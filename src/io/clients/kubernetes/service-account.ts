import { dig, textAt } from '../../../lib/dig.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import type { Clock } from '../../../domain/ports/io.ts';
import type { KubernetesAccount } from '../../../domain/ports/kubernetes.ts';
import { parseObject } from './parse.ts';
import type { KubernetesTransport } from './transport.ts';

/** Tokens of a ServiceAccount that end by themselves. */
export interface AccountTokens {
  /** One that is good for a while still. @throws WatchkeeperError as the API server answers: `forbidden`, `not-found`. */
  readonly get: () => Promise<string>;
  /** The server does not know the last one any more: the next is asked for anew. */
  readonly refused: () => void;
}

interface Issued {
  readonly token: string;
  /** When it was asked for, monotonic: its life began no earlier. */
  readonly askedMs: number;
  readonly livesMs: number;
}

/**
 * Asks the API server for tokens of another ServiceAccount (TokenRequest) with credentials that may ask for just that one.
 * Each is kept in memory alone, for a quarter of an hour, and followed by the next before it ends; an API server that is
 * away meanwhile costs nothing as long as the last one lives.
 */
export function accountTokens(own: KubernetesTransport, account: KubernetesAccount, clock: Clock): AccountTokens {
  let held: Issued | undefined;
  let asking: Promise<Issued> | undefined;
  const isGood = (part: number): boolean =>
    held !== undefined && clock.monotonicMs() < held.askedMs + part * held.livesMs;
  return {
    get: async () => {
      if (held !== undefined && isGood(0.8)) return held.token;
      asking ??= issue(own, account, clock).finally(() => {
        asking = undefined;
      });
      try {
        held = await asking;
      } catch (thrown) {
        if (held === undefined || !isGood(0.95)) throw thrown;
      }
      return held.token;
    },
    refused: () => {
      held = undefined;
    },
  };
}

async function issue(own: KubernetesTransport, { namespace, name }: KubernetesAccount, clock: Clock): Promise<Issued> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(name)}/token`;
  const body = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: limits.kubernetesTokenSeconds },
  };
  const askedMs = clock.monotonicMs();
  const { signal } = new AbortController();
  const answer = parseObject(await own.call({ method: 'POST', path, body: JSON.stringify(body) }, signal), path);
  const token = textAt(answer, 'status', 'token');
  if (token === undefined || token === '')
    throw new WatchkeeperError('malformed', `${path}: the API server answered without a token`);
  // A server may shorten what was asked for, and says so.
  const seconds = dig(answer, 'spec', 'expirationSeconds');
  const livesMs = 1_000 * (typeof seconds === 'number' ? seconds : limits.kubernetesTokenSeconds);
  return { token, askedMs, livesMs };
}

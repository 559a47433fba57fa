import type { KubernetesTokenReviewer } from '../../domain/ports/kubernetes.ts';
import type { Clock } from '../../domain/ports/io.ts';
import { sha256Hex } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { groupsFrom, nameFrom, roleFrom, type Identity, type RoleRule } from './identity.ts';

/** A cluster whose tokens are taken, and what its groups may do. */
export interface KubernetesSettings {
  readonly audiences: readonly string[];
  readonly roles: readonly RoleRule[];
}

interface Known {
  readonly untilMs: number;
  readonly who: { readonly username: string; readonly groups: readonly string[] } | undefined;
}

/**
 * Asks the API server whose token it is (TokenReview). An answer is kept for a short while, under the token's digest, so that
 * a client that asks often does not become the API server's burden.
 */
export function kubernetesTokens(
  settings: KubernetesSettings,
  io: { readonly clock: Clock; readonly reviewer: KubernetesTokenReviewer },
): (token: string, signal: AbortSignal) => Promise<Identity> {
  const known = new Map<string, Known>();
  return async (token, signal) => {
    const key = sha256Hex(token);
    const nowMs = io.clock.monotonicMs();
    let found = known.get(key);
    if (found === undefined || found.untilMs <= nowMs) {
      const who = await io.reviewer.review(token, settings.audiences, signal).catch(cannotAsk);
      found = { who, untilMs: nowMs + (who ? limits.reviewKeptMs : limits.reviewRefusedMs) };
      known.delete(key);
      known.set(key, found);
      for (const [old] of known) if (known.size > limits.reviewsKept) known.delete(old);
    }
    const name = nameFrom(found.who?.username);
    if (found.who === undefined || name === undefined)
      throw new WatchkeeperError('unauthorized', 'the cluster does not know this token');
    const groups = groupsFrom(found.who.groups);
    const id = `kubernetes:${name}`;
    const untilMs = io.clock.nowMs() + found.untilMs - nowMs;
    return { principal: { id, groups }, role: roleFrom(id, groups, settings.roles), via: 'kubernetes', untilMs };
  };
}

// That the cluster does not take our own credentials says nothing of the caller's.
function cannotAsk(cause: unknown): never {
  throw new WatchkeeperError('unreachable', 'the cluster cannot be asked about tokens now', {
    fix: 'Try again shortly, or use a token of http.tokens; the log says why.',
    cause,
  });
}

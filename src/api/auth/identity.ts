import type { Principal, Role } from '../../domain/authority.ts';
import { WatchkeeperError } from '../../lib/errors.ts';

/** Somebody who proved who they are, and what they may do. */
export interface Identity {
  readonly principal: Principal;
  readonly role: Role;
  readonly via: 'token' | 'oidc' | 'session' | 'kubernetes' | 'proxy';
  /** Until when the proof holds, epoch milliseconds. Absent: until the daemon starts anew. */
  readonly untilMs?: number;
  /** For sessions: what a request that acts must carry beside the cookie. */
  readonly csrf?: string;
  /** False once it was taken back. Absent: it cannot be. */
  readonly stands?: () => boolean;
  /** Takes a session back. */
  readonly end?: () => void;
}

/** What a request came with. All of it is untrusted. */
export interface Presented {
  readonly header: (name: string) => string | undefined;
  /** The address of whoever holds the connection; absent where there is none. */
  readonly peer: string | undefined;
  readonly signal: AbortSignal;
}

/** A group, or a service account's, and the role that it gives. */
export interface RoleRule {
  readonly group: string;
  readonly role: Role;
}

// From the least to the most. A reporter is a machine, and no step on the way.
const rising: readonly Role[] = ['reporter', 'viewer', 'approver', 'operator', 'admin'];

/**
 * The most that any of the groups gives.
 *
 * @throws `forbidden` when none gives anything: known, and not let in.
 */
export function roleFrom(id: string, groups: readonly string[], rules: readonly RoleRule[]): Role {
  const held = new Set(groups);
  const given = rules.filter(({ group }) => group === '*' || held.has(group)).map(({ role }) => role);
  const role = rising.findLast((one) => given.includes(one));
  if (role !== undefined) return role;
  throw new WatchkeeperError('forbidden', `${id} belongs to no group that has a role here`, {
    fix: 'Give one of its groups a role, under "roles" beside the way it signs in, in watchkeeper.yaml.',
  });
}

/** A name as it may stand in the ledger, from text outside; `undefined` when it cannot be one. */
export function nameFrom(text: unknown): string | undefined {
  return typeof text === 'string' && /^[^\p{C}\p{Z}]{1,256}$/u.test(text) ? text : undefined;
}

/** Groups, from text outside: what is no name is left out. */
export function groupsFrom(list: unknown): readonly string[] {
  const given = typeof list === 'string' ? [list] : Array.isArray(list) ? list.slice(0, mostGroups) : [];
  return given.map((one) => nameFrom(one)).filter((one) => one !== undefined);
}

const mostGroups = 500;

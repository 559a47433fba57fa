import { createMiddleware } from 'hono/factory';

import type { Role } from '../domain/authority.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import type { Identity } from './auth/identity.ts';
import type { Env } from './request.ts';

/** Every role there is. */
export const roleNames = ['viewer', 'reporter', 'approver', 'operator', 'admin'] as const satisfies readonly Role[];

/** Every permission there is. */
export const permissionNames = [
  'self',
  'read',
  'plan',
  'answer',
  'pause',
  'resume',
  'feed',
  'reload',
  'export',
] as const;

/** What a route lets its caller do. `self`: to be told who one is. */
export type Permission = (typeof permissionNames)[number];

/**
 * Who may do what. Stopping the machine's hand is for whoever may answer it; letting it act again takes more. A
 * `reporter` is a machine that tells us of changes and alerts: it may not even look.
 */
export const permissions: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  viewer: new Set(['self', 'read']),
  reporter: new Set(['self', 'feed']),
  approver: new Set(['self', 'read', 'plan', 'answer', 'pause']),
  operator: new Set(['self', 'read', 'plan', 'answer', 'pause', 'resume', 'feed']),
  admin: new Set(['self', 'read', 'plan', 'answer', 'pause', 'resume', 'feed', 'reload', 'export']),
};

/** The roles that give a permission. */
export function rolesWith(permission: Permission): readonly string[] {
  return Object.entries(permissions).flatMap(([name, has]) => (has.has(permission) ? [name] : []));
}

/** Lets nobody past whose role does not give the permission. Every route under /api has one. */
export function needs(permission: Permission) {
  return createMiddleware<Env>(async (c, next) => {
    const identity = c.get('identity') as Identity | undefined;
    if (identity === undefined) throw new WatchkeeperError('unauthorized', 'nobody is signed in');
    const { role, principal } = identity;
    if (!permissions[role].has(permission)) {
      const enough = rolesWith(permission).join(' or ');
      throw new WatchkeeperError('forbidden', `${principal.id} is ${role}, and this needs ${enough}`, {
        fix: 'Come with that role, or change the role under http in watchkeeper.yaml and start again.',
      });
    }
    await next();
  });
}

import * as z from 'zod';

import type { JsonObject } from '../../lib/json.ts';
import { endpoint, ok, type Endpoint } from '../endpoint.ts';
import { permissionNames, permissions, roleNames } from '../roles.ts';
import { list, zJsonObject } from '../schemas/common.ts';

/** The endpoint that gives the OpenAPI document of the table it stands in. */
export function documentEndpoint(document: () => JsonObject): Endpoint {
  return endpoint({
    method: 'get',
    path: '/api/v1/openapi.json',
    id: 'getOpenApi',
    tag: 'about',
    summary: 'This document.',
    needs: 'read',
    answers: { 200: { description: 'OpenAPI 3.1.', schema: zJsonObject } },
    handle: () => ok(document()),
  });
}

/** Who the caller is. */
export const whoami = endpoint({
  method: 'get',
  path: '/api/v1/whoami',
  id: 'whoAmI',
  tag: 'about',
  summary: 'Who the caller is to the daemon, and what that lets it do.',
  needs: 'self',
  answers: {
    200: {
      description: 'The caller.',
      schema: z.object({
        id: z.string(),
        groups: list(z.string()),
        role: z.enum(roleNames),
        permissions: list(z.enum(permissionNames)),
        via: z.enum(['token', 'oidc', 'session', 'kubernetes', 'proxy']),
        csrf: z.string().exactOptional().meta({
          description: 'For a session of the page: what every POST must carry in X-CSRF-Token.',
        }),
      }),
    },
  },
  handle: ({ identity: { principal, role, via, csrf } }) =>
    ok({
      id: principal.id,
      groups: principal.groups,
      role,
      permissions: [...permissions[role]],
      via,
      ...(csrf !== undefined && { csrf }),
    }),
});

/** Ends the caller's session. */
export const logout = endpoint({
  method: 'post',
  path: '/api/v1/logout',
  id: 'logOut',
  tag: 'about',
  summary: "Ends the caller's session on the page. Tokens are not the daemon's to end.",
  needs: 'self',
  answers: { 200: { description: 'Whether there was a session to end.', schema: z.object({ ended: z.boolean() }) } },
  handle: ({ identity }) => {
    identity.end?.();
    return ok({ ended: identity.end !== undefined });
  },
});

import { isIP } from 'node:net';

import * as z from 'zod';

import type { Role } from '../../domain/authority.ts';
import type { SecretRef } from '../../domain/ports/io.ts';
import { kubernetesConnection } from '../../io/clients/kubernetes/config.ts';
import type { Issue } from '../../lib/issues.ts';
import { zSecretRef, zUrl } from '../../lib/zod-parts.ts';

/** The roles at the API, as people write them. */
export const zRole = z.enum(['viewer', 'reporter', 'approver', 'operator', 'admin']);

const roles = z
  .array(z.strictObject({ group: z.string().min(1).max(256), role: zRole }))
  .min(1)
  .describe(
    'Which groups have which role; "*" is everybody who signs in this way. The most that any group gives counts.',
  );

const address = z.string().refine((text) => {
  const [host = '', bits] = text.split('/');
  const family = isIP(host);
  return family !== 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32)));
}, 'an address or a range such as 10.0.0.7 or 10.0.0.0/24');

const header = z
  .string()
  .regex(/^[a-z0-9-]{1,64}$/, 'a header in lower case')
  .refine((name) => !/^(authorization|cookie|host|origin)$/.test(name), 'not this header');

/** Ways to sign in beside static tokens: `http.oidc`, `http.kubernetes`, `http.proxy`. */
export const waysIn = {
  publicUrl: zUrl
    .exactOptional()
    .describe(
      'How browsers reach the daemon: https://watch.example.com. Messages to people lead there. Needed to sign in on the page, and behind a proxy.',
    ),
  oidc: z
    .strictObject({
      issuer: zUrl.describe('The OpenID Connect provider, as it names itself.'),
      audience: z.string().min(1).max(300).describe('Whom bearer tokens must be for.'),
      usernameClaim: z.string().min(1).max(100).default('sub').describe('Which claim names the person: oidc:NAME.'),
      groupsClaim: z.string().min(1).max(100).default('groups'),
      roles,
      login: z
        .strictObject({
          clientId: z.string().min(1).max(300),
          clientSecret: zSecretRef.exactOptional(),
          scopes: z.array(z.string().min(1).max(100)).default(['openid', 'profile', 'email']),
        })
        .exactOptional()
        .describe(
          'Lets people sign in on the page, by authorization code and PKCE. Redirects to publicUrl/auth/callback.',
        ),
    })
    .exactOptional()
    .describe('Tokens and people of an OpenID Connect provider.'),
  kubernetes: z
    .strictObject({
      ...kubernetesConnection,
      audiences: z.array(z.string().min(1).max(300)).default([]).describe("Default: the API server's own."),
      roles,
    })
    .exactOptional()
    .describe("A cluster's tokens, asked about by TokenReview with these credentials."),
  proxy: z
    .strictObject({
      from: z
        .array(address)
        .min(1)
        .max(100)
        .describe('Addresses of the proxy. From anybody else its headers are refused.'),
      userHeader: header.default('x-forwarded-user'),
      groupsHeader: header.default('x-forwarded-groups'),
      roles,
    })
    .exactOptional()
    .describe('A proxy that has authenticated people, and names them in headers.'),
};

interface Written {
  readonly tokens: readonly unknown[];
  readonly publicUrl?: string;
  readonly oidc?: { readonly issuer: string; readonly login?: unknown };
  readonly kubernetes?: unknown;
  readonly proxy?: unknown;
}

/** What does not go together. */
export function waysInIssues(http: Written, beyondLoopback: boolean): readonly Issue[] {
  const { tokens, publicUrl, oidc, kubernetes, proxy } = http;
  const issues: Issue[] = [];
  const nobody = tokens.length === 0 && oidc === undefined && kubernetes === undefined && proxy === undefined;
  if (beyondLoopback && nobody)
    issues.push({
      path: ['http', 'listen'],
      message:
        'listening beyond this machine needs somebody who may come in: at least one token under http.tokens, or oidc, kubernetes or proxy',
    });
  for (const [key, needed] of [
    ['oidc', oidc?.login !== undefined],
    ['proxy', proxy !== undefined],
  ] as const)
    if (needed && publicUrl === undefined)
      issues.push({ path: ['http', key], message: 'http.publicUrl must say how browsers reach the daemon' });
  if (oidc !== undefined && !/^(https:|http:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])[:/])/.test(`${oidc.issuer}/`))
    issues.push({ path: ['http', 'oidc', 'issuer'], message: 'a provider beyond this machine is reached by https' });
  return issues;
}

/** As checked. */
export interface HttpWays {
  readonly publicUrl?: string;
  readonly oidc?: {
    readonly issuer: string;
    readonly audience: string;
    readonly usernameClaim: string;
    readonly groupsClaim: string;
    readonly roles: readonly { readonly group: string; readonly role: Role }[];
    readonly login?: {
      readonly clientId: string;
      readonly clientSecret?: SecretRef;
      readonly scopes: readonly string[];
    };
  };
  readonly kubernetes?: {
    readonly kubeconfig?: string;
    readonly context?: string;
    readonly token?: SecretRef;
    readonly audiences: readonly string[];
    readonly roles: readonly { readonly group: string; readonly role: Role }[];
  };
  readonly proxy?: {
    readonly from: readonly string[];
    readonly userHeader: string;
    readonly groupsHeader: string;
    readonly roles: readonly { readonly group: string; readonly role: Role }[];
  };
}

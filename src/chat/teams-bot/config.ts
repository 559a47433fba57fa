import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import { zSecretRef, zUrl } from '../../lib/zod-parts.ts';
import type { SecretRef } from '../../domain/ports/io.ts';

/**
 * # teams-bot: one live card an incident in Microsoft Teams, and answers by button
 *
 * A bot of the Bot Framework: it posts and edits cards through the connector, and is called back at `/hooks/ID` with activities
 * that carry a signed token.
 */
export interface TeamsBotConfig {
  readonly appId: string;
  readonly tenant: string;
  readonly secret: SecretRef;
  readonly serviceUrl: string;
  /** Address → conversation id. */
  readonly conversations: Readonly<Record<string, string>>;
  readonly operators: readonly string[];
  readonly serviceHosts: readonly string[];
  readonly authority: string;
  readonly scope: string;
  readonly metadata: string;
  readonly issuer: string;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const zUuid = z.string().regex(uuid, 'must be an id such as 0f0c3b1e-7a53-4c39-8f6d-6d2f6a1f4b11, in small letters');
// A secret goes there, or keys come from there: plain HTTP on this machine alone.
const zSecure = zUrl.refine(isSecure, 'must begin with https://');

/** Whether a text is the id of a person or a tenant as Entra ID writes it. */
export function isEntraId(text: unknown): text is string {
  return typeof text === 'string' && uuid.test(text);
}

/** Whether a connector's address is secure and its host, or a domain above it, is among those that are allowed. */
export function isAllowedService(url: string, hosts: readonly string[]): boolean {
  if (!isSecure(url)) return false;
  const { hostname, username, password } = new URL(url);
  return username === '' && password === '' && hosts.some((host) => hostname === host || hostname.endsWith(`.${host}`));
}

function isSecure(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
}

/** Reads it; an address to which the token may not go is refused. */
export const teamsBotConfig = schemaOf<TeamsBotConfig>(
  z
    .strictObject({
      appId: zUuid.describe("The bot's application id in Entra ID."),
      tenant: zUuid.describe('The tenant of the bot and of everybody who is heard.'),
      secret: zSecretRef.describe("The application's client secret, by handle."),
      serviceUrl: zSecure.describe(
        'The connector, as activities name it: https://smba.trafficmanager.net/emea/TENANT/.',
      ),
      conversations: z
        .record(
          z.string().min(1).max(100),
          z.string().regex(/^[A-Za-z0-9:._@-]{3,300}$/, 'must be the id of a conversation such as 19:…@thread.tacv2'),
        )
        .refine((all) => Object.keys(all).length > 0, 'must name at least one conversation')
        .describe('What an Escalation calls a conversation, and its id in Teams.'),
      operators: z.array(zUuid).max(100).default([]).describe('Object ids of people that may resume after a pause.'),
      serviceHosts: z
        .array(z.string().regex(/^[a-z0-9.-]{3,253}$/, 'must be a host name'))
        .min(1)
        .max(20)
        .default(['smba.trafficmanager.net', 'botframework.com'])
        .describe('Hosts, with all below them, to which the token may be sent. Other clouds have others.'),
      authority: zSecure.default('https://login.microsoftonline.com').describe('The sign-in service.'),
      scope: z.string().min(1).max(300).default('https://api.botframework.com/.default'),
      metadata: zSecure
        .default('https://login.botframework.com/v1/.well-known/openidconfiguration')
        .describe('Names the keys that sign what the bot is sent.'),
      issuer: z.string().min(1).max(300).default('https://api.botframework.com'),
    })
    .refine(({ serviceUrl, serviceHosts }) => isAllowedService(serviceUrl, serviceHosts), {
      path: ['serviceUrl'],
      message: 'is not below one of serviceHosts: the token is not sent there',
    }),
);

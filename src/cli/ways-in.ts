import type { Daemon } from '../agent/index.ts';
import type { AuthOptions } from '../api/index.ts';
import type { Shell } from './shell.ts';

/** The ways in beside tokens, as watchkeeper.yaml opens them, with their secrets resolved. */
export async function waysIn(shell: Shell, daemon: Daemon): Promise<AuthOptions> {
  const { publicUrl, oidc, kubernetes, proxy } = daemon.config.http;
  const login = oidc?.login;
  const secret = login?.clientSecret && (await daemon.secrets.resolve(login.clientSecret, shell.signal));
  return {
    http: shell.http,
    random: shell.random,
    ...(publicUrl !== undefined && { publicUrl: publicUrl.replace(/\/+$/, '') }),
    ...(oidc && { oidc }),
    ...(login && { login: { clientId: login.clientId, clientSecret: secret, scopes: login.scopes } }),
    ...(kubernetes && daemon.reviewer && { kubernetes: { ...kubernetes, reviewer: daemon.reviewer } }),
    ...(proxy && { proxy }),
  };
}

import type { Clock, Http, Random } from '../../domain/ports/io.ts';
import type { KubernetesTokenReviewer } from '../../domain/ports/kubernetes.ts';
import type { Ways } from './index.ts';
import { kubernetesTokens, type KubernetesSettings } from './kubernetes.ts';
import { cookieName, type LoginSettings } from './login.ts';
import { oidcProvider, type OidcSettings } from './oidc.ts';
import { proxyIdentity, type ProxySettings } from './proxy.ts';
import { createSessions, type Sessions } from './sessions.ts';
import type { TokenGrant } from './tokens.ts';

/** The ways in beside static tokens, as they are configured. */
export interface AuthOptions {
  /** How browsers reach the daemon: `https://watch.example.com`. */
  readonly publicUrl?: string;
  readonly oidc?: OidcSettings;
  /** Signing in on the page; needs `oidc` and `publicUrl`. */
  readonly login?: Pick<LoginSettings, 'clientId' | 'clientSecret' | 'scopes'>;
  readonly kubernetes?: KubernetesSettings & { readonly reviewer: KubernetesTokenReviewer };
  readonly proxy?: ProxySettings;
  readonly http: Http;
  readonly random: Random;
}

/** What is open, and how people sign in on the page where they can. */
export interface Opened {
  readonly ways: Ways;
  readonly login?: { readonly settings: LoginSettings; readonly sessions: Sessions };
}

/** Opens the ways that are configured. */
export function openWays(grants: readonly TokenGrant[], clock: Clock, auth: AuthOptions | undefined): Opened {
  const cookie = cookieName(auth?.publicUrl);
  if (auth === undefined) return { ways: { grants, cookie } };
  const { publicUrl, oidc, login, kubernetes, proxy, http, random } = auth;
  const provider = oidc && oidcProvider(oidc, { clock, http });
  const sessions = provider && login && publicUrl !== undefined ? createSessions({ clock, random }) : undefined;
  return {
    ways: {
      grants,
      cookie,
      ...(provider && { oidc: provider }),
      ...(kubernetes && { kubernetes: kubernetesTokens(kubernetes, { clock, reviewer: kubernetes.reviewer }) }),
      ...(proxy && { proxy: proxyIdentity(proxy) }),
      ...(sessions && { sessions }),
    },
    ...(provider &&
      login &&
      publicUrl !== undefined &&
      sessions && { login: { settings: { ...login, provider, publicUrl }, sessions } }),
  };
}

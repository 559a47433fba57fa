import { createHash } from 'node:crypto';
import type { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';

import type { KubeConfig } from '@kubernetes/client-node';

import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import type { Clock } from '../../../domain/ports/io.ts';
import type { Secrets } from '../../../domain/ports/secrets.ts';
import type { KubernetesConnection } from '../../../domain/ports/kubernetes.ts';
import { accountTokens } from './service-account.ts';
import { kubernetesTransport, type KubernetesEndpoint } from './transport.ts';

/**
 * Finds the API server and our credentials for it, as kubectl would: a kubeconfig (client certificates, tokens, exec
 * plugins, OIDC), or the pod's ServiceAccount, whose token is read again as it rotates; or, with those, tokens of another
 * ServiceAccount. The client library is loaded here,
 * at the first request, and only its configuration part is used: requests, watches and retries are ours.
 */
export function kubernetesEndpoint(
  connection: KubernetesConnection,
  secrets: Secrets,
  clock: Clock,
): () => Promise<KubernetesEndpoint> {
  const { token, serviceAccount } = connection;
  const given =
    token === undefined ? undefined : () => secrets.resolve(token, AbortSignal.timeout(limits.kubernetesTimeoutMs));
  const own = endpointOf(connection, given);
  if (serviceAccount === undefined) return own;
  const tokens = accountTokens(kubernetesTransport(clock, own), serviceAccount, clock);
  const as = endpointOf(connection, tokens.get);
  return async () => ({ ...(await as()), refused: tokens.refused });
}

function endpointOf(
  connection: KubernetesConnection,
  bearer: (() => Promise<string>) | undefined,
): () => Promise<KubernetesEndpoint> {
  let config: Promise<KubeConfig> | undefined;
  const pool = connectionPool();
  return async () => {
    config ??= loadConfig(connection);
    // A file that was missing or wrong may be there at the next try.
    const loaded = await config.catch((thrown: unknown) => {
      config = undefined;
      throw thrown;
    });
    const options: RequestOptions = {};
    try {
      await loaded.applyToHTTPSOptions(options);
    } catch (thrown) {
      throw WatchkeeperError.from(thrown, 'unauthorized', `cluster ${connection.cluster}: no credentials could be had`);
    }
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = String(value);
    if (typeof options.auth === 'string') headers['authorization'] = basic(options.auth);
    if (bearer !== undefined) {
      headers['authorization'] = `Bearer ${await bearer()}`;
      // A client certificate would be believed before the token.
      delete options.cert;
      delete options.key;
    }
    const cluster = loaded.getCurrentCluster();
    const direct = cluster?.server.startsWith('https:') === true ? pool(options) : undefined;
    const agent = cluster?.proxyUrl === undefined ? direct : (options.agent as HttpAgent | HttpsAgent | undefined);
    return { server: cluster?.server ?? '', agent, headers };
  };
}

function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

// The library's own agents keep no connection open, and keep a certificate that has since been renewed.
function connectionPool(): (options: RequestOptions) => HttpsAgent {
  let known: { readonly key: string; readonly agent: HttpsAgent } | undefined;
  return ({ ca, cert, key, rejectUnauthorized, servername }) => {
    const secured = { ca, cert, key, rejectUnauthorized, servername };
    const fingerprint = createHash('sha256').update(JSON.stringify(secured)).digest('hex');
    if (known?.key !== fingerprint) {
      known?.agent.destroy();
      const given = Object.fromEntries(Object.entries(secured).filter(([, value]) => value !== undefined));
      known = { key: fingerprint, agent: new HttpsAgent({ ...given, keepAlive: true, maxSockets: 64 }) };
    }
    return known.agent;
  };
}

async function loadConfig(connection: KubernetesConnection): Promise<KubeConfig> {
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const config = new Config();
  const what = `cluster ${connection.cluster}`;
  try {
    if (connection.kubeconfig === undefined) config.loadFromCluster();
    else config.loadFromFile(connection.kubeconfig);
  } catch (thrown) {
    throw new WatchkeeperError(
      'config-invalid',
      `${what}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      {
        fix: 'Give a readable kubeconfig, or run in a pod with a ServiceAccount token.',
        cause: thrown,
      },
    );
  }
  if (connection.context !== undefined) {
    if (config.getContextObject(connection.context) === null)
      throw new WatchkeeperError('config-invalid', `${what}: the kubeconfig has no context ${connection.context}`, {
        fix: `Use one of: ${config
          .getContexts()
          .map(({ name }) => name)
          .join(', ')}.`,
      });
    config.setCurrentContext(connection.context);
  }
  const server = config.getCurrentCluster()?.server;
  if (server === undefined || !URL.canParse(server) || !/^https?:/.test(server))
    throw new WatchkeeperError('config-invalid', `${what}: no API server to speak to`, {
      fix:
        connection.kubeconfig === undefined
          ? 'Outside a cluster, give the cluster a kubeconfig.'
          : 'Set current-context in the kubeconfig, or name a context.',
    });
  return config;
}

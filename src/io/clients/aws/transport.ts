import { limits } from '../../../lib/limits.ts';
import type { Http, HttpRequest } from '../../../domain/ports/io.ts';

/** The SDK's own shape of a request, as far as it is read here (`@smithy/types`, HttpRequest). */
interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface SdkResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What the SDK takes as `requestHandler`. */
export interface SdkTransport {
  readonly metadata: { readonly handlerProtocol: string };
  handle(
    request: SdkRequest,
    options?: { readonly abortSignal?: AbortSignal },
  ): Promise<{ readonly response: SdkResponse }>;
  updateHttpClientConfig(): void;
  httpHandlerConfigs(): object;
  destroy(): void;
}

/**
 * Our HTTP port below the SDK, so that its calls have what all requests have: one deadline from the first byte to the
 * last, a limit on the answer, no redirects, and the guard of the lease where a hand writes.
 */
export function sdkTransport(http: Http): SdkTransport {
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    handle: async (request, options = {}) => {
      const { status, headers, body } = await http.request({
        method: request.method as HttpRequest['method'],
        url: urlOf(request),
        headers: request.headers,
        ...(typeof request.body === 'string' || request.body instanceof Uint8Array ? { body: request.body } : {}),
        timeoutMs: limits.awsTimeoutMs,
        maxBytes: limits.awsAnswerBytes,
        signal: options.abortSignal ?? AbortSignal.timeout(limits.awsTimeoutMs),
      });
      return { response: { statusCode: status, headers, body } };
    },
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
    destroy: () => undefined,
  };
}

function urlOf({ protocol, hostname, port, path, query = {} }: SdkRequest): string {
  const pairs = Object.entries(query)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, value]) => {
      if (value === null) return [escaped(name)];
      return (typeof value === 'string' ? [value] : value).map((one) => `${escaped(name)}=${escaped(one)}`);
    });
  const where = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`;
  return pairs.length === 0 ? where : `${where}?${pairs.join('&')}`;
}

// As the signature was made over it (RFC 3986, and so SigV4): encodeURIComponent leaves five characters too many.
function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}

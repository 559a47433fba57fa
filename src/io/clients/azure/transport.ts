import type { HttpClient, PipelineRequest, PipelineResponse } from '@azure/core-rest-pipeline';

import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import type { Http, HttpRequest } from '../../../domain/ports/io.ts';

/**
 * Our HTTP port below the SDK, so that its calls have what all requests have: one deadline from the first byte to the
 * last, a limit on the answer, no redirects, and the guard of the lease where a hand writes.
 */
export async function azureTransport(http: Http): Promise<HttpClient> {
  const { createHttpHeaders } = await import('@azure/core-rest-pipeline');
  return {
    sendRequest: async (request: PipelineRequest): Promise<PipelineResponse> => {
      const { status, headers, body } = await http.request({
        method: request.method as HttpRequest['method'],
        url: request.url,
        headers: request.headers.toJSON(),
        ...bodyOf(request),
        timeoutMs: limits.azureTimeoutMs,
        maxBytes: limits.azureAnswerBytes,
        signal: signalOf(request),
      });
      return { request, status, headers: createHttpHeaders(headers), bodyAsText: new TextDecoder().decode(body) };
    },
  };
}

function bodyOf({ body }: PipelineRequest): Pick<HttpRequest, 'body'> {
  if (body === undefined || body === null) return {};
  if (typeof body === 'string' || body instanceof Uint8Array) return { body };
  throw new WatchkeeperError('internal', 'the SDK sends a body that is neither text nor bytes');
}

// Tokens are fetched by the SDK without the caller's signal: what several wait for is not stopped by one of them.
function signalOf({ abortSignal }: PipelineRequest): AbortSignal {
  return abortSignal instanceof AbortSignal ? abortSignal : AbortSignal.timeout(limits.azureTimeoutMs);
}

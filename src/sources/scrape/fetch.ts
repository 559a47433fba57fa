import { limits } from '../../lib/limits.ts';
import {
  authHeaders,
  faultOfError,
  faultOfStatus,
  placeOf,
  rethrowAbort,
  unpacked,
  type ReadFault,
} from '../../io/clients/http-reader.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';
import type { ScrapeConfig } from './schema.ts';
import type { ExpositionFormat } from './scan.ts';

/** What an endpoint answered. */
export interface Fetched {
  readonly body: Uint8Array;
  readonly format: ExpositionFormat;
}

/** Gets one exposition. A fault is a value; only the caller's abort is thrown. */
export async function fetchExposition(
  url: string,
  config: ScrapeConfig,
  io: ReaderIo,
  signal: AbortSignal,
): Promise<Fetched | { readonly fault: ReadFault }> {
  const where = placeOf(url);
  const deadline = io.clock.deadline(config.timeout, signal);
  try {
    const response = await io.http.request({
      method: 'GET',
      url,
      headers: {
        ...config.headers,
        ...(await authHeaders(config.auth, io, deadline.signal)),
        accept,
        'accept-encoding': 'gzip',
        'x-prometheus-scrape-timeout-seconds': String(config.timeout / 1_000),
      },
      timeoutMs: config.timeout,
      maxBytes: limits.scrapeBodyBytes,
      signal: deadline.signal,
    });
    if (response.status !== 200) return { fault: faultOfStatus(response.status, where) };
    const type = (response.headers['content-type'] ?? '').toLowerCase();
    if (type.includes('text/html') || type.includes('application/json') || type.includes('protobuf'))
      return { fault: { reason: 'malformed', message: `${where} answered ${type}, which is no text exposition` } };
    return {
      body: unpacked(response.body, where, limits.scrapeBodyBytes),
      format: type.startsWith('application/openmetrics-text') ? 'openmetrics' : 'text',
    };
  } catch (thrown) {
    rethrowAbort(thrown, signal);
    return { fault: faultOfError(thrown) };
  } finally {
    deadline.cancel();
  }
}

// OpenMetrics first, because it tells when a counter was created; protobuf, which carries native histograms, is not read.
const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,text/plain;q=0.3,*/*;q=0.1';

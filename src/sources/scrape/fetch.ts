import { gunzipSync } from 'node:zlib';

import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import {
  authHeaders,
  faultOfError,
  faultOfStatus,
  placeOf,
  rethrowAbort,
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
      body: unpack(response.body, where),
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

// By its magic number, not by the header: some proxies unpack and leave the header, others pack and set none.
function unpack(body: Uint8Array, where: string): Uint8Array {
  if (body[0] !== 0x1f || body[1] !== 0x8b) return body;
  try {
    return gunzipSync(body, { maxOutputLength: limits.scrapeBodyBytes });
  } catch (thrown) {
    const tooLarge = thrown instanceof RangeError || (thrown as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
    throw new WatchkeeperError(
      tooLarge ? 'too-large' : 'malformed',
      tooLarge ? `${where} unpacks to more than ${limits.scrapeBodyBytes} bytes` : `${where} answered broken gzip`,
      { cause: thrown },
    );
  }
}

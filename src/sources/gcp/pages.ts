import type { GcpCall, GcpReader } from '../../domain/ports/gcp.ts';
import { limits } from '../../lib/limits.ts';
import type { JsonObject } from '../../lib/json.ts';

/** All pages of a list, in order. `more`: there are more than were read, of those that were wanted. */
export interface Pages {
  readonly pages: readonly JsonObject[];
  readonly more: boolean;
}

/** Reads a list, page by page. The token goes where the method takes it: into the query, or into the body of a POST. */
export async function pagesOf(
  reader: GcpReader,
  call: GcpCall,
  signal: AbortSignal,
  most: number = limits.gcpPages,
  /** Whether what comes after a page is not wanted any more. */
  isLast: (page: JsonObject) => boolean = () => false,
): Promise<Pages> {
  const pages: JsonObject[] = [];
  let token: string | undefined;
  do {
    const next = token === undefined ? {} : { pageToken: token };
    const whole =
      call.body === undefined
        ? { ...call, params: { ...call.params, ...next } }
        : { ...call, body: { ...call.body, ...next } };
    const page = await reader.ask(whole, signal);
    pages.push(page);
    const given = page['nextPageToken'];
    token = typeof given === 'string' && given !== '' && !isLast(page) ? given : undefined;
  } while (token !== undefined && pages.length < most);
  return { pages, more: token !== undefined };
}

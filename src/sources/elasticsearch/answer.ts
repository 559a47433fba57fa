import * as z from 'zod';

import type { HttpResponse } from '../../domain/ports/io.ts';
import { faultOfStatus } from '../../io/clients/http-reader.ts';
import { wordsOf, type Fault } from '../../io/clients/polite-http.ts';

const success = z.object({
  timed_out: z.boolean(),
  _shards: z.object({
    total: z.number(),
    failed: z.number(),
    failures: z.array(z.object({ reason: z.object({ reason: z.string().optional() }).optional() })).optional(),
  }),
  hits: z.object({ hits: z.array(z.unknown()) }),
  aggregations: z.unknown().optional(),
});
const failure = z.object({ error: z.object({ type: z.string(), reason: z.string().nullable().optional() }) });

/** What a search gave. */
export interface SearchAnswer {
  readonly hits: readonly unknown[];
  readonly aggregations: unknown;
  /** Shards that did not answer, or not in time. */
  readonly partial?: string;
}

/** Reads the answer to a search. An index that is not there, and a pattern that matches none, are missing. */
export function readSearch({ status, body }: HttpResponse, where: string): SearchAnswer | Fault {
  const json = parseJson(body);
  if (status !== 200) {
    const failed = failure.safeParse(json);
    const said = failed.success
      ? `${failed.data.error.type}: ${failed.data.error.reason ?? ''}`.slice(0, 300)
      : wordsOf(body);
    return { fault: faultOfStatus(status, where, said) };
  }
  const parsed = success.safeParse(json);
  if (!parsed.success)
    return { fault: { reason: 'malformed', message: `${where} answered something that is no search result` } };
  const { timed_out: late, _shards: shards, hits, aggregations } = parsed.data;
  if (shards.total === 0) return { fault: { reason: 'missing', message: `${where} has no index of that name` } };
  const why = shards.failures?.[0]?.reason?.reason?.slice(0, 200) ?? 'no reason given';
  const partial =
    shards.failed > 0
      ? `${shards.failed} of ${shards.total} shards failed: ${why}`
      : late
        ? 'the search timed out on some shards'
        : undefined;
  return { hits: hits.hits, aggregations, ...(partial !== undefined && { partial }) };
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

import * as z from 'zod';

import type { HttpResponse } from '../../domain/ports/io.ts';
import { faultOfStatus } from '../../io/clients/http-reader.ts';
import { recordOf } from '../../io/clients/log-record.ts';
import { msOf, type LogPage, type StoredRecord } from '../../io/clients/log-tail.ts';
import { wordsOf, type Fault } from '../../io/clients/polite-http.ts';

const fields = z.record(z.string(), z.string());
const nanoseconds = z.string().regex(/^\d{1,20}$/);
const success = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('streams'),
    result: z.array(
      z.object({
        stream: fields,
        // With its newer encoding a value has a third member: what was stored with the line and parsed from it.
        values: z.array(z.tuple([nanoseconds, z.string()]).rest(z.unknown())),
      }),
    ),
  }),
  warnings: z.array(z.string()).optional(),
});

/** Reads a page of streams as records, oldest first over all streams. */
export function readStreams({ status, body }: HttpResponse, where: string): LogPage | Fault {
  if (status !== 200) return { fault: faultOfStatus(status, where, wordsOf(body)) };
  const parsed = success.safeParse(parseJson(body));
  if (!parsed.success)
    return { fault: { reason: 'malformed', message: `${where} answered something that is no list of streams` } };
  const records = parsed.data.data.result.flatMap(({ stream, values }) => {
    const name = JSON.stringify(Object.entries(stream).sort());
    return values.map(([at, line, more]): StoredRecord => {
      const ns = BigInt(at);
      const beside = { ...stream, ...besideOf(more) };
      return { ns, id: `${at}\n${name}\n${line}`, ...recordOf(line, beside, msOf(ns)) };
    });
  });
  const [warning] = parsed.data.warnings ?? [];
  return {
    records: records.sort((a, b) => (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0)),
    ...(warning !== undefined && { partial: `Loki warns: ${warning.slice(0, 300)}` }),
  };
}

const extra = z.object({ structuredMetadata: fields.optional(), parsed: fields.optional() });

function besideOf(more: unknown): Readonly<Record<string, string>> {
  const parsed = extra.safeParse(more);
  if (parsed.success && (parsed.data.structuredMetadata ?? parsed.data.parsed) !== undefined)
    return { ...parsed.data.structuredMetadata, ...parsed.data.parsed };
  const flat = fields.safeParse(more);
  return flat.success ? flat.data : {};
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

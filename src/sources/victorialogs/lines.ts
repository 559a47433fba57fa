import type { HttpResponse } from '../../domain/ports/io.ts';
import { faultOfStatus } from '../../io/clients/http-reader.ts';
import { flattened, recordOf } from '../../io/clients/log-record.ts';
import { msOf, type LogPage, type StoredRecord } from '../../io/clients/log-tail.ts';
import { wordsOf, type Fault } from '../../io/clients/polite-http.ts';

const mostFields = 64;

/** Reads a page of JSON lines as records, oldest first. A line that is no record makes the answer malformed. */
export function readLines({ status, body }: HttpResponse, where: string): LogPage | Fault {
  if (status !== 200) return { fault: faultOfStatus(status, where, wordsOf(body)) };
  const lines = new TextDecoder()
    .decode(body)
    .split('\n')
    .filter((line) => line !== '');
  const records: StoredRecord[] = [];
  for (const line of lines) {
    const record = recordFrom(line);
    if (record === undefined)
      return { fault: { reason: 'malformed', message: `${where} answered a line that is no log record` } };
    records.push(record);
  }
  return { records: records.sort((a, b) => (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0)) };
}

function recordFrom(line: string): StoredRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { _time: time = '', _msg: message = '', _stream_id: _, _stream: __, ...fields } = flattened(value, mostFields);
  const ns = nanosecondsOf(time);
  return ns === undefined ? undefined : { ns, id: line, ...recordOf(message, fields, msOf(ns)) };
}

function nanosecondsOf(text: string): bigint | undefined {
  const [, seconds, fraction = ''] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(text) ?? [];
  if (seconds === undefined) return undefined;
  const ms = Date.parse(`${seconds}Z`);
  return Number.isFinite(ms) ? BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0')) : undefined;
}

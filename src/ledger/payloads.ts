import type { StoredPayload } from '../domain/ports/store.ts';
import { canonicalJson } from '../lib/canonical.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import type { Json } from '../lib/json.ts';
import { isCanonical } from './canonical.ts';
import { indexPath } from './tiles.ts';

/** Where the payloads of one bundle of entries are exported: a line each, in order. */
export function payloadsPath(index: number): string {
  return `payloads/${indexPath(index)}.jsonl`;
}

/** One line: canonical JSON of seq, commitment, salt (hex) and the payload itself. */
export function encodePayloads(payloads: readonly StoredPayload[]): string {
  return payloads
    .map(({ seq, commitment, salt, data }) => {
      const payload = JSON.parse(Buffer.from(data).toString('utf8')) as Json;
      return `${canonicalJson({ seq, commitment, salt: Buffer.from(salt).toString('hex'), payload })}\n`;
    })
    .join('');
}

/**
 * Reads such a file back, strictly: a text has one reading, and a reading one text, so that no changed byte goes unseen.
 *
 * @throws `malformed` naming the line.
 */
export function decodePayloads(text: string): readonly StoredPayload[] {
  if (text !== '' && !text.endsWith('\n')) throw new WatchkeeperError('malformed', 'its last line has no end');
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line, at) => {
    const payload = decodeLine(line);
    if (payload === undefined) throw new WatchkeeperError('malformed', `line ${at + 1} cannot be read`);
    return payload;
  });
}

function decodeLine(line: string): StoredPayload | undefined {
  let value: Json;
  try {
    value = JSON.parse(line) as Json;
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !isCanonical(line, value))
    return undefined;
  const { seq, commitment, salt, payload, ...rest } = value as Readonly<Record<string, Json>>;
  const readable = typeof seq === 'number' && typeof commitment === 'string' && payload !== undefined;
  if (!readable || typeof salt !== 'string' || !/^[0-9a-f]{64}$/.test(salt) || Object.keys(rest).length > 0)
    return undefined;
  return { seq, commitment, salt: Buffer.from(salt, 'hex'), data: Buffer.from(canonicalJson(payload)) };
}

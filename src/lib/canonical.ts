import { createHash } from 'node:crypto';

import { WatchkeeperError } from './errors.ts';
import type { Json } from './json.ts';

/**
 * Canonical JSON (RFC 8785, JSON Canonicalization Scheme): object keys sorted by UTF-16 code units, no white space,
 * numbers as ECMAScript prints them. Equal values give equal bytes, so a hash of it names the value.
 *
 * @throws WatchkeeperError `internal` for NaN, Infinity, lone surrogates and values JSON cannot carry.
 */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new WatchkeeperError('internal', `canonical JSON cannot carry ${value}`);
    return JSON.stringify(value);
  }
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new WatchkeeperError('internal', 'canonical JSON cannot carry a lone surrogate');
    return JSON.stringify(value);
  }
  if (isJsonArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object')
    throw new WatchkeeperError('internal', `canonical JSON cannot carry a ${typeof value}`);
  const parts: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    if (member !== undefined) parts.push(`${canonicalJson(key)}:${canonicalJson(member)}`);
  }
  return `{${parts.join(',')}}`;
}

/** Lower-case hex SHA-256 of a UTF-8 string or bytes. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** The name of a value: SHA-256 of its canonical JSON. Plan.id, policy digests and fingerprints are made with it. */
export function digest(value: Json): string {
  return sha256Hex(canonicalJson(value));
}

// Array.isArray narrows a readonly array to any[]; this keeps the element type.
function isJsonArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

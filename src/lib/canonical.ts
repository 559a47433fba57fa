import { hash } from 'node:crypto';

import { WatchkeeperError } from './errors.ts';
import type { Json, JsonObject } from './json.ts';

/**
 * Canonical JSON (RFC 8785, JSON Canonicalization Scheme): object keys sorted by UTF-16 code units, no white space,
 * numbers as ECMAScript prints them. Equal values give equal bytes, so a hash of it names the value.
 *
 * @throws WatchkeeperError `internal` for NaN, Infinity, lone surrogates and values JSON cannot carry.
 */
export function canonicalJson(value: Json): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new WatchkeeperError('internal', `canonical JSON cannot carry ${value}`);
    return String(value);
  }
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value !== 'object')
    throw new WatchkeeperError('internal', `canonical JSON cannot carry a ${typeof value}`);
  return isJsonArray(value) ? canonicalList(value) : canonicalObject(value);
}

// Strings are grown instead of parts joined, here and below: this is on the path of every decision and every ledger entry.
function canonicalList(list: readonly Json[]): string {
  let text = '[';
  let comma = '';
  for (const element of list) {
    text += comma + canonicalJson(element);
    comma = ',';
  }
  return `${text}]`;
}

function canonicalObject(object: JsonObject): string {
  let text = '{';
  let comma = '';
  for (const key of sortedKeys(object)) {
    const member = object[key];
    if (member === undefined) continue;
    text += `${comma}${quoted(key)}:${canonicalJson(member)}`;
    comma = ',';
  }
  return `${text}}`;
}

// Objects are small and often nearly in order: moving the odd key back is several times faster than the engine's sort.
const fewKeys = 24;

function sortedKeys(object: JsonObject): readonly string[] {
  const keys = Object.keys(object);
  if (keys.length > fewKeys) return keys.sort();
  for (let end = 1; end < keys.length; end++) {
    const key = keys[end] ?? '';
    let at = end;
    for (; at > 0; at--) {
      const before = keys[at - 1] ?? '';
      if (before < key) break;
      keys[at] = before;
    }
    keys[at] = key;
  }
  return keys;
}

// Nothing to escape and no surrogate, lone or paired: such a string stands for itself.
const plain = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;

function quoted(text: string): string {
  if (plain.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new WatchkeeperError('internal', 'canonical JSON cannot carry a lone surrogate');
  return JSON.stringify(text);
}

/** Lower-case hex SHA-256 of a UTF-8 string or bytes. */
export function sha256Hex(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex');
}

/** The name of a value: SHA-256 of its canonical JSON. Plan.id, policy digests and fingerprints are made with it. */
export function digest(value: Json): string {
  return sha256Hex(canonicalJson(value));
}

// Array.isArray narrows a readonly array to any[]; this keeps the element type.
function isJsonArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

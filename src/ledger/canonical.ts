import { canonicalJson } from '../lib/canonical.ts';
import type { Json } from '../lib/json.ts';

/**
 * Whether a text is the canonical JSON of the value that was parsed from it.
 *
 * The fast path holds for nearly every text: the engine's own serialiser prints numbers and strings as RFC 8785 wants,
 * and keeps the order of keys, so what remains is to look whether they are sorted. Anything else takes the long way.
 */
export function isCanonical(text: string, parsed: Json): boolean {
  if (!text.includes('\\ud') && keysSorted(parsed) && JSON.stringify(parsed) === text) return true;
  try {
    return canonicalJson(parsed) === text;
  } catch {
    return false;
  }
}

function keysSorted(value: Json | undefined): boolean {
  if (typeof value !== 'object' || value === null) return true;
  let last: string | undefined;
  const object = value as Readonly<Record<string, Json | undefined>>;
  const list = Array.isArray(value);
  for (const key in object) {
    // Compared by UTF-16 code units, as RFC 8785 sorts; the keys of a list are its indexes.
    if (!list && last !== undefined && last >= key) return false;
    last = key;
    if (!keysSorted(object[key])) return false;
  }
  return true;
}

import type { Json } from '../lib/json.ts';

/**
 * What a detector saved, as its own fresh copy; `undefined` when there is nothing or another version wrote it: then it
 * starts anew rather than guess. The shape is trusted because only the same definition's digest gets it back.
 */
export function savedState(saved: Json | undefined): unknown {
  if (typeof saved !== 'object' || saved === null || !('version' in saved) || saved['version'] !== 1) return undefined;
  return JSON.parse(JSON.stringify(saved));
}

/** A copy that nothing still points into. */
export function toSave(state: object): Json {
  return JSON.parse(JSON.stringify({ version: 1, ...state })) as Json;
}

import type { Json } from '../../../lib/json.ts';
import type { KubernetesObject } from '../../../domain/ports/kubernetes.ts';
import { at, list, object, text, timeMs } from './parts.ts';

/** Who last changed a part of an object, and when, as the API server keeps it in `managedFields`. */
export interface Edit {
  /** The field manager: `kubectl-edit`, `argocd-controller`, `helm`, `watchkeeper`. */
  readonly by: string;
  readonly atMs: number;
}

/**
 * The newest edit of a part of the spec (`['spec', 'template']`), of `data`, or of anything, by anybody or only by these.
 * Status updates are nobody's edit. `undefined` when the server kept none.
 */
export function newestEdit(
  from: KubernetesObject,
  path: readonly string[],
  managers?: readonly string[],
): Edit | undefined {
  let newest: Edit | undefined;
  for (const entry of list(from.metadata['managedFields']).map(object)) {
    if (entry['subresource'] === 'status' || !owns(entry['fieldsV1'], path)) continue;
    const atMs = timeMs(entry['time']);
    const by = text(entry['manager'], 128);
    if (by !== undefined && managers?.includes(by) === false) continue;
    if (atMs !== undefined && by !== undefined && atMs >= (newest?.atMs ?? 0)) newest = { by, atMs };
  }
  return newest;
}

function owns(fields: Json | undefined, path: readonly string[]): boolean {
  return at(fields, ...path.map((name) => `f:${name}`)) !== undefined;
}

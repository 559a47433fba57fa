import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json, JsonObject } from '../../../lib/json.ts';
import type { KubernetesObject } from '../../../domain/ports/kubernetes.ts';

/** @throws WatchkeeperError `malformed` for anything but a JSON object. */
export function parseObject(text: string, path: string): JsonObject {
  let parsed: Json;
  try {
    parsed = JSON.parse(text) as Json;
  } catch (thrown) {
    throw new WatchkeeperError('malformed', `${path}: the answer is not JSON`, { cause: thrown });
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as JsonObject;
  throw new WatchkeeperError('malformed', `${path}: the answer is not an object`);
}

/** @throws WatchkeeperError `malformed` for what has no `metadata.name`. */
export function objectOf(value: Json | undefined, path: string): KubernetesObject {
  const metadata = typeof value === 'object' && value !== null && 'metadata' in value ? value['metadata'] : undefined;
  const name = typeof metadata === 'object' && metadata !== null && 'name' in metadata ? metadata['name'] : undefined;
  if (typeof name !== 'string') throw new WatchkeeperError('malformed', `${path}: an object without a name`);
  return value as KubernetesObject;
}

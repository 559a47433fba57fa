import type { Json, JsonObject } from '../../../lib/json.ts';
import { sha256Hex } from '../../../lib/canonical.ts';
import type { KubernetesObject } from '../../../domain/ports/kubernetes.ts';
import type { Labels } from '../../../domain/telemetry.ts';

/** Safe steps into what a cluster sent: nothing here trusts its shape. */

/** The value at a path, or `undefined` where the path leads nowhere. */
export function at(value: Json | undefined, ...path: readonly (string | number)[]): Json | undefined {
  let found = value;
  for (const step of path) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as Readonly<Record<string | number, Json | undefined>>)[step];
  }
  return found ?? undefined;
}

/** A text, cut to `max` characters; `undefined` for anything else and for the empty text. */
export function text(value: Json | undefined, max = 256): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, max) : undefined;
}

/** A finite number, else `fallback`. */
export function number(value: Json | undefined, fallback: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : fallback;
}

/** A list, empty for anything else. */
export function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

/** An object, empty for anything else. */
export function object(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

/** An RFC 3339 time as epoch milliseconds. */
export function timeMs(value: Json | undefined): number | undefined {
  const parsed = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(parsed) ? undefined : parsed;
}

/** The condition of that type: `{status, reason, message}`. */
export function condition(status: Json | undefined, type: string): JsonObject | undefined {
  return list(at(status, 'conditions'))
    .map(object)
    .find((one) => one['type'] === type);
}

/** Names a content without showing it: short, and the same for the same content. */
export function hashOf(value: string): string {
  return `#${sha256Hex(value).slice(0, 10)}`;
}

/** Who owns an object, as its controller. */
export interface Owner {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** What every record has. */
export interface ObjectRecord {
  readonly uid: string;
  readonly name: string;
  /** Empty for what has none. */
  readonly namespace: string;
  readonly createdMs: number;
  readonly deleting: boolean;
  readonly owner?: Owner;
}

/** The part of an object's metadata that is kept. */
export function recordOf(from: KubernetesObject): ObjectRecord {
  const { metadata } = from;
  const owner = list(metadata['ownerReferences'])
    .map(object)
    .find((one) => one['controller'] === true);
  const [kind, name, uid] = [text(owner?.['kind']), text(owner?.['name']), text(owner?.['uid'])];
  return {
    uid: metadata.uid ?? `${metadata.namespace ?? ''}/${metadata.name}`,
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    createdMs: timeMs(metadata.creationTimestamp) ?? 0,
    deleting: metadata.deletionTimestamp !== undefined,
    ...(kind === undefined || name === undefined || uid === undefined ? {} : { owner: { kind, name, uid } }),
  };
}

const mostLabels = 40;

/** Labels or annotations whose names pass, values cut; at most forty. */
export function chosen(from: Json | undefined, passes: (name: string) => boolean, max = 256): Labels {
  const pairs = Object.entries(object(from))
    .filter((pair): pair is [string, string] => typeof pair[1] === 'string' && passes(pair[0]))
    .slice(0, mostLabels);
  return Object.fromEntries(pairs.map(([name, value]) => [name, value.slice(0, max)]));
}

/** `100m`, `1.5`, `2`: cores. `128Mi`, `1G`: bytes. `undefined` for anything else. */
export function quantity(value: Json | undefined): number | undefined {
  if (typeof value === 'number') return value;
  const matched =
    typeof value === 'string' ? /^([0-9.]{1,20})(n|u|m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?$/.exec(value) : null;
  const amount = Number(matched?.[1]);
  return matched === null || Number.isNaN(amount) ? undefined : amount * (scales[matched[2] ?? ''] ?? 1);
}

const scales: Readonly<Record<string, number>> = {
  ...{ n: 1e-9, u: 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 },
};

import { canonicalJson } from '../../../lib/canonical.ts';
import { isObject } from '../../../lib/dig.ts';
import type { Json, JsonObject } from '../../../lib/json.ts';

/**
 * The merge patch (RFC 7386) that makes a live object what a manifest says, as Helm's three-way merge does: what `to` says
 * is set, what `from` said and `to` does not is removed, what neither speaks of is left alone. A list goes as a whole;
 * in a list of named things (containers, env, volumes) each is merged with the live one of its name, and those that
 * neither manifest names stay. `undefined`: nothing is to be changed.
 */
export function threeWay(from: JsonObject, to: JsonObject, live: JsonObject): JsonObject | undefined {
  const patch: Record<string, Json> = {};
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [was, will, is] = [from[key], to[key], live[key]];
    if (will === undefined || will === null) {
      if (was !== undefined && was !== null && is !== undefined) patch[key] = null;
    } else if (isObject(will) && isObject(is)) {
      const inner = threeWay(isObject(was) ? was : {}, will, is);
      if (inner !== undefined) patch[key] = inner;
    } else if (isNamed(will) && isNamed(is)) {
      const list = mergeNamed(isNamed(was) ? was : [], will, is);
      if (canonicalJson(list) !== canonicalJson(is)) patch[key] = list;
    } else if (is === undefined || !covers(is, will)) patch[key] = will;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

type Named = readonly (JsonObject & { readonly name: string })[];

function isNamed(value: Json | undefined): value is Named {
  if (!Array.isArray(value) || value.length === 0) return false;
  const names = (value as readonly Json[]).map((one) => (isObject(one) ? one['name'] : undefined));
  return names.every((name) => typeof name === 'string') && new Set(names).size === names.length;
}

function mergeNamed(from: Named, to: Named, live: Named): readonly JsonObject[] {
  const of = (list: Named, name: string): JsonObject | undefined => list.find((one) => one.name === name);
  const merged = to.map((will): JsonObject => {
    const is = of(live, will.name);
    const patch = is === undefined ? undefined : threeWay(of(from, will.name) ?? {}, will, is);
    return is === undefined ? will : patch === undefined ? is : merge(is, patch);
  });
  const others = live.filter(({ name }) => of(to, name) === undefined && of(from, name) === undefined);
  return [...merged, ...others];
}

function merge(target: JsonObject, patch: JsonObject): JsonObject {
  const merged = new Map(Object.entries(target));
  for (const [key, value] of Object.entries(patch)) {
    const old = merged.get(key);
    if (value === null) merged.delete(key);
    else merged.set(key, isObject(value) && isObject(old) ? merge(old, value) : value);
  }
  return Object.fromEntries(merged);
}

// Whether the live value says all that is wanted; the server fills in defaults beside it.
function covers(live: Json, wanted: Json): boolean {
  if (isObject(wanted))
    return (
      isObject(live) &&
      Object.entries(wanted).every(([key, value]) => value === undefined || covers(live[key] ?? null, value))
    );
  if (Array.isArray(wanted)) {
    const [a, b] = [live, wanted as readonly Json[]];
    return (
      Array.isArray(a) &&
      a.length === b.length &&
      b.every((one, index) => covers((a as readonly Json[])[index] ?? null, one))
    );
  }
  return canonicalJson(live) === canonicalJson(wanted);
}

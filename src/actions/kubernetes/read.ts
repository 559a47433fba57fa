import type { Json, JsonObject } from '../../lib/json.ts';

/* What a cluster sends is read field by field; what is not as expected counts as absent. */

/** The value at a path, or `undefined`. */
export function at(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let found = value;
  for (const key of path) {
    if (!isRecord(found)) return undefined;
    found = Object.hasOwn(found, key) ? found[key] : undefined;
  }
  return found;
}

/** Whether it is a JSON object. */
export function isRecord(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The objects of a list; anything else is none. */
export function records(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter(isRecord) : [];
}

/** A text, or the empty one. */
export function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** A text or a number as people read it, or nothing. */
export function told(value: Json | undefined): string {
  return typeof value === 'number' ? String(value) : text(value);
}

/** A whole number of zero or more, or `otherwise`. */
export function count(value: Json | undefined, otherwise = 0): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : otherwise;
}

/** Texts by name. */
export function texts(value: Json | undefined): Readonly<Record<string, string>> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** A time of the API in epoch milliseconds. */
export function timeMs(value: Json | undefined): number | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** The condition of a type in `status.conditions`. */
export function condition(object: Json | undefined, type: string): JsonObject | undefined {
  return records(at(object, 'status', 'conditions')).find((one) => one['type'] === type);
}

/** A share or a count (`25%`, `2`) of a total; percentages are rounded as said. */
export function amountOf(value: Json | undefined, total: number, round: 'up' | 'down', otherwise: number): number {
  if (typeof value === 'number') return Math.max(0, Math.trunc(value));
  const percent = /^(\d{1,3})%$/.exec(text(value))?.[1];
  if (percent === undefined) return otherwise;
  const exact = (Number(percent) * total) / 100;
  return round === 'up' ? Math.ceil(exact) : Math.floor(exact);
}

const units: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** A quantity of the API (`512Mi`, `1.5G`, `128974848`, `1e3`) as a number, or `undefined`. */
export function quantity(value: Json | undefined): number | undefined {
  const match = /^(\d{1,18}(?:\.\d{1,9})?(?:[eE]\d{1,2})?)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/.exec(
    typeof value === 'number' ? String(value) : text(value),
  );
  if (match === null) return undefined;
  return Number(match[1]) * (units[match[2] ?? ''] ?? Number.NaN);
}

/** Bytes as a quantity in whole Mi, rounded up: how people write them. */
export function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)}Mi`;
}

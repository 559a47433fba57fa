import type { Json } from '../lib/json.ts';
import type { Detector } from '../domain/ports/detector.ts';
import type { Put } from '../domain/ports/store.ts';

/** A detector in force, under the digest of its definition. */
export interface Kept {
  readonly name: string;
  readonly digest: string;
  readonly detector: Detector;
}

/**
 * The rows that keep a detector's state: one under its name, or, for a kind with much of it, one for each part that
 * changed, under `name/part`. With `all`, what the detector holds back for later saves too. Made one by one.
 */
export function* detectorPuts({ name, digest, detector }: Kept, all: boolean): Generator<Put> {
  const put = (key: string, state: Json): Put => ({ space: 'detector', key, value: { digest, state } });
  if (detector.saveParts === undefined) yield put(name, detector.save());
  else for (const [part, state] of detector.saveParts(all)) yield put(`${name}/${part}`, state);
}

/** The detector whose row it is. */
export function detectorOfRow(key: string): string {
  return key.split('/', 1)[0] ?? key;
}

/** What is stored of a detector, as `{digest, state}`; its parts together again, those of the first one's digest. */
export function storedDetector(rows: ReadonlyMap<string, Json>, name: string): Json | undefined {
  const whole = rows.get(name);
  const first = rows.get(`${name}/0`);
  if (first === undefined) return whole;
  const digest = fieldOf(first, 'digest') ?? null;
  const parts: Record<string, Json> = {};
  for (const [key, value] of rows) {
    if (!key.startsWith(`${name}/`) || fieldOf(value, 'digest') !== digest) continue;
    const state = fieldOf(value, 'state');
    if (state !== undefined) parts[key.slice(name.length + 1)] = state;
  }
  return { digest, state: { version: 1, parts } };
}

function fieldOf(value: Json, name: string): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, Json>>)[name]
    : undefined;
}

import { PackedKeys } from '../../lib/packed-keys.ts';
import { seriesKey, type Labels, type SeriesMeta } from '../../domain/telemetry.ts';

/** What many series have in common: kept once. */
export interface Family {
  readonly source: string;
  readonly service: string;
  readonly signal: string;
  readonly unit: string;
  readonly nature: SeriesMeta['nature'];
  /** The usual time between steps that bring samples of it, and the last such step: what is stale depends on both. */
  everyMs: number;
  arrivedMs: number;
  /** Since when it is heard of without a long silence. */
  wokeMs: number;
  /** How long after their own time the samples of that step came. */
  lateMs: number;
}

/** Which row a series has, and what is known of it besides. A key costs its characters and no more, what it shares with its family left out: labels are read from it. */
export interface Directory {
  readonly size: number;
  find(key: string): number | undefined;
  add(meta: SeriesMeta, index: number): void;
  remove(index: number): void;
  metaOf(index: number): SeriesMeta | undefined;
  family(index: number): Family | undefined;
  /** What is to be saved of rows `from` up to `until`. */
  rows(from: number, until: number): readonly SavedRow[];
  families(): readonly Family[];
  restore(families: readonly Family[], rows: readonly SavedRow[], from: number): void;
}

/** Key and family of a row, with its labels where the key does not tell them; null for a free one. */
export type SavedRow = readonly [string, number, Labels?] | null;

/** An empty directory. */
export function createDirectory(): Directory {
  const familyOf = new FamilyColumn();
  const families: Family[] = [];
  const heads: string[] = [];
  const keys = new PackedKeys((index) => heads[familyOf.get(index)] ?? '');
  const known = new Map<string, number>();
  const odd = new Map<number, Labels>();
  const numberOf = (family: Omit<Family, 'everyMs' | 'arrivedMs' | 'wokeMs' | 'lateMs'>): number => {
    const { source, service, signal, unit, nature } = family;
    const name = JSON.stringify([source, service, signal, unit, nature]);
    const before = known.get(name);
    if (before !== undefined) return before;
    known.set(name, families.length);
    heads.push(`${service}/${signal}{`);
    families.push({ source, service, signal, unit, nature, everyMs: 0, arrivedMs: 0, wokeMs: 0, lateMs: 0 });
    return families.length - 1;
  };
  const put = (key: string, family: number, index: number, labels: Labels | undefined): void => {
    if (labels !== undefined) odd.set(index, labels);
    familyOf.set(index, family);
    keys.add(key, index);
  };
  return {
    get size() {
      return keys.size;
    },
    find(key) {
      const index = keys.find(key);
      return index < 0 ? undefined : index;
    },
    add: (meta, index) => put(meta.key, numberOf(meta), index, isPlain(meta) ? undefined : meta.labels),
    remove(index) {
      keys.remove(index);
      odd.delete(index);
    },
    metaOf(index) {
      const key = keys.keyAt(index);
      const family = families[familyOf.get(index)];
      if (key === undefined || family === undefined) return undefined;
      const { source, service, signal, unit, nature } = family;
      return { key, source, service, signal, unit, nature, labels: odd.get(index) ?? labelsIn(key, service, signal) };
    },
    family: (index) => families[familyOf.get(index)],
    rows(from, until) {
      const list: SavedRow[] = [];
      for (let index = from; index < until; index++) {
        const key = keys.keyAt(index);
        const labels = odd.get(index);
        const family = familyOf.get(index);
        list.push(key === undefined ? null : labels === undefined ? [key, family] : [key, family, labels]);
      }
      return list;
    },
    families: () => families,
    restore(saved, rows, from) {
      const numbers = saved.map((family) => {
        const number = numberOf(family);
        const { everyMs, arrivedMs, wokeMs, lateMs } = family;
        Object.assign(families[number] ?? {}, { everyMs, arrivedMs, lateMs });
        // States saved by earlier versions have none.
        if (Number.isFinite(wokeMs)) Object.assign(families[number] ?? {}, { wokeMs });
        return number;
      });
      rows.forEach((row, offset) => {
        if (row !== null) put(row[0], numbers[row[1]] ?? 0, from + offset, row[2]);
      });
    },
  };
}

/** The family of each row, in pages, so that it grows by a little at a time. */
class FamilyColumn {
  readonly #pages: Uint32Array[] = [];

  get(index: number): number {
    return this.#pages[index >> 10]?.[index & 1_023] ?? 0;
  }

  set(index: number, family: number): void {
    while (this.#pages.length <= index >> 10) this.#pages.push(new Uint32Array(1_024));
    const page = this.#pages[index >> 10];
    if (page !== undefined) page[index & 1_023] = family;
  }
}

function isPlain(meta: SeriesMeta): boolean {
  return meta.key === seriesKey(meta.service, meta.signal, meta.labels);
}

// The inverse of seriesKey: name="text",name="text" with the texts as JSON.
function labelsIn(key: string, service: string, signal: string): Labels {
  const labels: Record<string, string> = {};
  const inside = key.slice(service.length + signal.length + 2, -1);
  for (const [, name = '', text = '""'] of inside.matchAll(/([^=,]+)=("(?:[^"\\]|\\.)*")/g))
    labels[name] = String(JSON.parse(text));
  return labels;
}

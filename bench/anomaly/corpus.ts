/** The Numenta Anomaly Benchmark as numbers: its files and windows, and its rule of scoring (arXiv:1510.03336). */
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** One file. Rows in their own order; `gain` is what a detection at the row is worth before weights. */
export interface Data {
  readonly key: string;
  readonly category: string;
  readonly stamps: readonly string[];
  readonly tMs: Float64Array;
  readonly v: Float64Array;
  /** The number of the window a row lies in, -1 outside, -2 in probation. */
  readonly window: Int16Array;
  readonly gain: Float64Array;
  readonly windows: number;
  readonly live: readonly number[];
}

/** Weights of a hit, a false row and a miss. */
export const profiles = {
  standard: [1, 0.11, 1],
  'low false positives': [1, 0.22, 1],
  'low false negatives': [1, 0.11, 2],
} as const;
export type Profile = keyof typeof profiles;

const decay = (x: number): number => (x > 3 ? -1 : 2 / (1 + Math.exp(5 * x)) - 1);
const canonical = (text: string): string => text.trim().replace('T', ' ').replace(/\.0+$/, '');

/** Reads `windows.json` and `data/` of a folder. */
export function readCorpus(folder: string): readonly Data[] {
  const labels = JSON.parse(readFileSync(path.join(folder, 'windows.json'), 'utf8')) as Record<
    string,
    readonly (readonly [string, string])[]
  >;
  return Object.keys(labels)
    .sort()
    .map((key) => readData(folder, key, labels[key] ?? []));
}

function readData(folder: string, key: string, labels: readonly (readonly [string, string])[]): Data {
  const lines = readFileSync(path.join(folder, 'data', key), 'utf8')
    .split('\n')
    .slice(1);
  const rows = lines.map((line) => line.trim().split(',')).filter((row) => row.length >= 2);
  const stamps = rows.map((row) => row[0] ?? '');
  const first = new Map<string, number>();
  stamps.forEach((stamp, row) => {
    if (!first.has(canonical(stamp))) first.set(canonical(stamp), row);
  });
  const spans = labels
    .map(([from, to]) => [first.get(canonical(from)) ?? -1, first.get(canonical(to)) ?? -1] as const)
    .sort((a, b) => a[0] - b[0]);
  const tMs = Float64Array.from(stamps, (stamp) => Date.parse(`${canonical(stamp).replace(' ', 'T')}Z`));
  return {
    key,
    category: key.split('/')[0] ?? '',
    stamps,
    tMs,
    v: Float64Array.from(rows, (row) => Number(row[1])),
    windows: spans.length,
    ...gainsOf(rows.length, spans),
  };
}

function gainsOf(rows: number, spans: readonly (readonly [number, number])[]): Pick<Data, 'window' | 'gain' | 'live'> {
  const window = new Int16Array(rows).fill(-1);
  const gain = new Float64Array(rows);
  const live = new Set<number>();
  let next = 0;
  for (let row = 0; row < rows; row++) {
    while (next < spans.length && row > spans[next]![1]) next++;
    if (row < Math.min(Math.floor(0.15 * rows), 750)) window[row] = -2;
    else if (next < spans.length && row >= spans[next]![0]) {
      const [a, b] = spans[next]!;
      window[row] = next;
      gain[row] = decay(-(b - row + 1) / (b - a + 1)) / decay(-1);
      live.add(next);
    } else if (next === 0) gain[row] = -1;
    else gain[row] = decay((row - spans[next - 1]![1]) / (spans[next - 1]![1] - spans[next - 1]![0]));
  }
  return { window, gain, live: [...live] };
}

/** What detecting all rows at `threshold` or above comes to, unscaled. */
export function rawAt(data: readonly Data[], scores: readonly Float64Array[], profile: Profile, threshold: number) {
  const [hit, falseRow, miss] = profiles[profile];
  let raw = 0;
  let hits = 0;
  let falseRows = 0;
  data.forEach((one, number) => {
    const best = new Map<number, number>();
    const own = scores[number]!;
    for (let row = 0; row < own.length; row++) {
      const window = one.window[row]!;
      if (own[row]! < threshold || window === -2) continue;
      if (window >= 0) best.set(window, Math.max(best.get(window) ?? -1, one.gain[row]!));
      else {
        raw += falseRow * one.gain[row]!;
        falseRows++;
      }
    }
    for (const window of one.live) raw += best.has(window) ? hit * best.get(window)! : -miss;
    hits += best.size;
  });
  return { raw, hits, falseRows };
}

/** The threshold with the highest raw score, and that score. */
export function bestOf(
  data: readonly Data[],
  scores: readonly Float64Array[],
  profile: Profile,
): { readonly threshold: number; readonly raw: number } {
  const [hit, falseRow, miss] = profiles[profile];
  const rows: (readonly [number, number, number])[] = [];
  let raw = 0;
  data.forEach((one, number) => {
    raw -= miss * one.live.length;
    scores[number]!.forEach((score, row) => {
      if (score > 0 && one.window[row]! !== -2) rows.push([score, number, row]);
    });
  });
  rows.sort((a, b) => b[0] - a[0]);
  let best = { threshold: Infinity, raw };
  const held = new Map<string, number>();
  rows.forEach(([score, number, row], index) => {
    const one = data[number]!;
    const window = one.window[row]!;
    if (window < 0) raw += falseRow * one.gain[row]!;
    else {
      const name = `${number}/${window}`;
      const before = held.get(name) ?? -miss;
      const now = hit * one.gain[row]!;
      if (now > before) {
        raw += now - before;
        held.set(name, now);
      }
    }
    if (rows[index + 1]?.[0] !== score && raw > best.raw + 1e-12) best = { threshold: score, raw };
  });
  return best;
}

/** 0 for a detector that never fires, 100 for a perfect one. */
export function scaled(data: readonly Data[], raw: number, profile: Profile): number {
  const [hit, , miss] = profiles[profile];
  const windows = data.reduce((sum, one) => sum + one.windows, 0);
  return (100 * (raw + miss * windows)) / ((hit + miss) * windows);
}

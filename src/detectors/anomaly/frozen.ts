import { field } from './layout.ts';

/**
 * How surprising it is that a series still has the same value: runs of one length are common in one series and never
 * happen in another. The chance that a run goes on is learned from how often values repeat; a run must also be twice
 * as long as any before, because repeats come in clumps. Gives 0 while a run is nothing, and updates the row.
 */
export function frozen(f: Float32Array, at: number, x: number, n: number): number {
  const same = n > 1 && f[at + field.last] === Math.fround(x);
  f[at + field.last] = x;
  const run = same ? (f[at + field.run] ?? 0) + 1 : 0;
  const before = f[at + field.run] ?? 0;
  f[at + field.run] = run;
  const repeats = (f[at + field.repeats] ?? 0) + (same ? 1 : 0);
  const longest = f[at + field.longestRun] ?? 0;
  if (!same) {
    f[at + field.longestRun] = Math.max(longest, before);
    // What a frozen series repeated is no habit of it.
    f[at + field.repeats] = repeats;
    return 0;
  }
  f[at + field.repeats] = repeats;
  if (n - run < 100 || run <= 2 * longest + 5) return 0;
  const share = (repeats - run + 1) / (n - run + 2);
  return -run * Math.log(Math.min(0.999, share));
}

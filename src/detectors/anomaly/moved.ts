/** Moves the mean at `at` towards `value`, as one that remembers `memory` samples, and gives it. */
export function moved(f: Float32Array, at: number, value: number, memory: number): number {
  const old = f[at] ?? 0;
  const next = old + (value - old) / memory;
  f[at] = next;
  return next;
}

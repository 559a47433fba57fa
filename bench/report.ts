/** What every bench prints: one JSON object a line, so that `bench/run.mjs` and whoever keeps figures can read it. */
export interface Figure {
  readonly bench: string;
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The bar it has to meet, where there is one. */
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** Prints a figure, rounded to what can be read. */
export function report(figure: Figure): void {
  const value = Number(figure.value.toPrecision(4));
  process.stdout.write(`${JSON.stringify({ ...figure, value })}\n`);
}

/** A stretch of work, by the clock on the wall and by what the processor spent on it in all threads. */
export interface Spent {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Times a stretch of work. On a busy machine the two differ, and only the second says what the work costs. */
export async function spent(work: () => Promise<void>): Promise<Spent> {
  const cpu = process.cpuUsage();
  const from = performance.now();
  await work();
  const wallMs = performance.now() - from;
  const { user, system } = process.cpuUsage(cpu);
  return { wallMs, cpuMs: (user + system) / 1_000 };
}

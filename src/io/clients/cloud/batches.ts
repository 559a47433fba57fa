/** How queries are put together into calls. */
interface Packing<Q, W> {
  group(query: Q, where: W): string;
  weigh(query: Q): number;
  readonly perCall: number;
}

/** One thing to ask for. */
interface Packed<Q, W> {
  readonly query: Q;
  readonly where: W;
  readonly fromMs: number;
  readonly close: boolean;
}

/** Full calls: what is read together is of one group, starts about as long ago, and is all close or all wide. */
export function batchesOf<Q, W, P extends Packed<Q, W>>(
  wanted: readonly P[],
  packing: Packing<Q, W>,
): readonly (readonly P[])[] {
  const groups = new Map<string, P[]>();
  for (const one of wanted) {
    const key = `${packing.group(one.query, one.where)} ${one.close ? 'close' : 'wide'}`;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [one]);
    else known.push(one);
  }
  const batches: P[][] = [];
  for (const all of groups.values()) {
    let batch: P[] | undefined;
    let weight = 0;
    for (const one of all.sort((a, b) => a.fromMs - b.fromMs)) {
      const more = packing.weigh(one.query);
      if (batch === undefined || weight + more > packing.perCall) {
        batch = [];
        batches.push(batch);
        weight = 0;
      }
      batch.push(one);
      weight += more;
    }
  }
  return batches;
}

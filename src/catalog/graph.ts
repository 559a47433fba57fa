/** Who needs whom: name → direct dependencies. */
export type Edges = ReadonlyMap<string, readonly string[]>;

/** Something found by following edges, and how many it took. */
export interface Reached {
  readonly name: string;
  readonly hops: number;
}

/** Breadth first from `start` (left out), each once at its shortest distance; by distance, then name. */
export function reach(start: string, edges: Edges, maxHops = Number.POSITIVE_INFINITY): readonly Reached[] {
  const seen = new Set([start]);
  const found: Reached[] = [];
  let level = [start];
  for (let hops = 1; level.length > 0 && hops <= maxHops; hops++) {
    const next = new Set(level.flatMap((name) => edges.get(name) ?? []).filter((name) => !seen.has(name)));
    level = [...next].sort();
    for (const name of level) {
      seen.add(name);
      found.push({ name, hops });
    }
  }
  return found;
}

/** The same graph with every edge turned round. */
export function reverse(edges: Edges): Edges {
  const back = new Map<string, string[]>([...edges.keys()].map((name) => [name, []]));
  for (const [from, list] of edges) for (const to of list) back.get(to)?.push(from);
  for (const list of back.values()) list.sort();
  return back;
}

/** The shortest way from `start` back to itself, `[a, b, a]`, or `undefined` when there is none. */
export function cycleThrough(start: string, edges: Edges): readonly string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let head = 0; head < queue.length; head++) {
    const name = queue[head] ?? start;
    for (const next of edges.get(name) ?? []) {
      if (next === start) {
        const way = [start];
        for (let at: string | undefined = name; at !== undefined && at !== start; at = cameFrom.get(at))
          way.unshift(at);
        return [start, ...way];
      }
      if (!cameFrom.has(next)) {
        cameFrom.set(next, name);
        queue.push(next);
      }
    }
  }
  return undefined;
}

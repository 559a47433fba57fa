import type { JsonObject } from '../../../lib/json.ts';
import { at, list, number, text, timeMs } from '../records/parts.ts';

/** How full a file system is. */
export interface Filled {
  readonly atMs: number;
  readonly used: number;
  readonly capacity: number;
  readonly inodesUsed?: number;
  readonly inodes?: number;
}

/** By `namespace/claim`, and by node. */
export interface VolumeBook {
  readonly claims: ReadonlyMap<string, Filled>;
  readonly nodes: ReadonlyMap<string, Filled>;
}

/**
 * Asks every kubelet, through the API server, one after another: a burst of large answers would cost memory and the
 * server's patience. A node that does not answer is left out; when none does, the last error is thrown.
 */
export async function readVolumes(
  nodes: readonly string[],
  nowMs: number,
  read: (path: string) => Promise<JsonObject | undefined>,
): Promise<VolumeBook> {
  const book = { claims: new Map<string, Filled>(), nodes: new Map<string, Filled>() };
  let fault: unknown;
  for (const node of nodes) {
    try {
      const summary = await read(`/api/v1/nodes/${encodeURIComponent(node)}/proxy/stats/summary`);
      if (summary !== undefined) note(book, node, summary, nowMs);
    } catch (thrown) {
      fault = thrown;
    }
  }
  if (book.nodes.size === 0 && fault !== undefined) throw fault as Error;
  return book;
}

type Book = { readonly claims: Map<string, Filled>; readonly nodes: Map<string, Filled> };

function note(book: Book, node: string, summary: JsonObject, nowMs: number): void {
  const own = filled(at(summary, 'node', 'fs') as JsonObject | undefined, nowMs);
  if (own !== undefined) book.nodes.set(node, own);
  for (const pod of list(summary['pods']))
    for (const volume of list(at(pod, 'volume'))) {
      const [namespace, claim] = [text(at(volume, 'pvcRef', 'namespace')), text(at(volume, 'pvcRef', 'name'))];
      const found = filled(volume as JsonObject, nowMs);
      if (namespace !== undefined && claim !== undefined && found !== undefined)
        book.claims.set(`${namespace}/${claim}`, found);
    }
}

function filled(from: JsonObject | undefined, nowMs: number): Filled | undefined {
  const [used, capacity] = [number(from?.['usedBytes'], -1), number(from?.['capacityBytes'], -1)];
  if (used < 0 || capacity <= 0) return undefined;
  const [inodesUsed, inodes] = [number(from?.['inodesUsed'], -1), number(from?.['inodes'], -1)];
  return {
    atMs: timeMs(from?.['time']) ?? nowMs,
    used,
    capacity,
    ...(inodesUsed < 0 || inodes <= 0 ? {} : { inodesUsed, inodes }),
  };
}

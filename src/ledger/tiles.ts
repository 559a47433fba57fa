import { WatchkeeperError } from '../lib/errors.ts';

/** `x001/x234/067`: the path of tile 1234067 (C2SP tlog-tiles). */
export function indexPath(index: number): string {
  const groups: string[] = [];
  let rest = index;
  do {
    groups.unshift(String(rest % 1000).padStart(3, '0'));
    rest = Math.floor(rest / 1000);
  } while (rest > 0);
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
}

/** Path of a tile; `width` below 256 makes it a partial one. `level` may be `entries`. */
export function tilePath(level: number | 'entries', index: number, width: number): string {
  return `tile/${level}/${indexPath(index)}${width < 256 ? `.p/${width}` : ''}`;
}

/** An entry bundle: each entry behind its length, a big-endian uint16. */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    if (entry.length > 0xffff) throw new WatchkeeperError('too-large', 'an entry of a bundle has at most 65,535 bytes');
    const length = Buffer.alloc(2);
    length.writeUInt16BE(entry.length);
    parts.push(length, entry);
  }
  return Buffer.concat(parts);
}

/** Takes a bundle apart (views, not copies); `undefined` when the lengths do not add up. */
export function decodeBundle(bundle: Uint8Array): Uint8Array[] | undefined {
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bundle.length;) {
    const high = bundle[at];
    const low = bundle[at + 1];
    if (high === undefined || low === undefined) return undefined;
    const end = at + 2 + high * 256 + low;
    if (end > bundle.length) return undefined;
    entries.push(bundle.subarray(at + 2, end));
    at = end;
  }
  return entries;
}

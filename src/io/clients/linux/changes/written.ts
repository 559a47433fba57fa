import type { FileStat } from '../../../../domain/ports/io.ts';

/** Times over SSH are whole seconds, and a file system's may be two. */
const coarsestMs = 2_000;

/**
 * Tells whether a later look may trust that a file of the same inode, size and time is the same file. Not when it was
 * written right before the look at `nowMs`: another write within the same second would leave all three as they are.
 * (Git has the same rule for its index, under the name "racily clean".)
 */
export function wasWrittenBefore({ mtimeMs }: FileStat, nowMs: number): boolean {
  return nowMs - mtimeMs > coarsestMs;
}

import type { FileStat, ReadFiles } from '../../../../domain/ports/io.ts';
import { limits } from '../../../../lib/limits.ts';

/** Where reading of one file stands. `mark` are the bytes just before `offset`: they tell a rewritten file from a grown one. */
export interface TailState {
  readonly inode: number;
  readonly device: number;
  readonly offset: number;
  readonly mark: Uint8Array;
  /** The rest of a line that was cut is being passed over. */
  readonly skipping: boolean;
}

/** Whole lines read, as bytes without their newline, and where to go on. `behindBytes` is what was left for next time. */
export interface TailRead {
  readonly lines: readonly Uint8Array[];
  readonly next: TailState;
  readonly behindBytes: number;
  /** Bytes that were skipped because reading had fallen too far behind. */
  readonly lostBytes: number;
  readonly event: 'grown' | 'truncated' | 'rewritten';
}

/** At most this much of one file in one go. */
export const tailBytes = 1024 * 1024;
/** Further behind than this, what is oldest is given up: being current matters more. */
export const maxBehindBytes = 64 * 1024 * 1024;
const markBytes = 64;
const newline = 0x0a;

/** The state of a file that is first seen, to be read from `offset` on. */
export function tailFrom(stat: FileStat, offset: number): TailState {
  return { inode: stat.inode, device: stat.device, offset, mark: new Uint8Array(), skipping: offset > 0 };
}

/** Whether a state belongs to the file that has this stat. */
export function isSameFile(state: TailState, stat: FileStat): boolean {
  return state.inode === stat.inode && state.device === stat.device;
}

/**
 * Reads what was added since `state`. A file that became shorter was truncated, and one whose earlier bytes changed was
 * rewritten: both are read from their start. A last line without its newline stays for the next read.
 */
export async function readTail(
  files: ReadFiles,
  path: string,
  stat: FileStat,
  state: TailState,
  maxLines: number,
  signal: AbortSignal,
): Promise<TailRead> {
  const from = (start: TailState, event: TailRead['event']): Promise<TailRead> =>
    readFrom({ files, path, stat, maxLines, signal }, start, event);
  if (stat.size < state.offset) return from(tailFrom(stat, 0), 'truncated');
  if (stat.size === state.offset) return { lines: [], next: state, behindBytes: 0, lostBytes: 0, event: 'grown' };
  const before =
    state.mark.length === 0
      ? state.mark
      : await files.readAt(path, state.offset - state.mark.length, state.mark.length, signal);
  return sameBytes(before, state.mark) ? from(state, 'grown') : from(tailFrom(stat, 0), 'rewritten');
}

interface Reading {
  readonly files: ReadFiles;
  readonly path: string;
  readonly stat: FileStat;
  readonly maxLines: number;
  readonly signal: AbortSignal;
}

async function readFrom(reading: Reading, from: TailState, event: TailRead['event']): Promise<TailRead> {
  const { files, path, stat, maxLines, signal } = reading;
  const behind = stat.size - from.offset;
  const lostBytes = behind > maxBehindBytes ? behind - tailBytes : 0;
  const start = from.offset + lostBytes;
  const bytes = await files.readAt(path, start, Math.min(tailBytes, stat.size - start), signal);
  const split = splitLines(bytes, from.skipping || lostBytes > 0, maxLines);
  const offset = start + split.used;
  const mark = bytes.slice(Math.max(0, split.used - markBytes), split.used);
  const next: TailState = {
    inode: stat.inode,
    device: stat.device,
    offset,
    mark: mark.length > 0 ? mark : from.mark,
    skipping: split.skipping,
  };
  // What is left is either more than one read holds, or the beginning of a line that is still being written.
  const behindBytes = split.full || bytes.length === tailBytes ? Math.max(0, stat.size - offset) : 0;
  return { lines: split.lines, next, behindBytes, lostBytes, event };
}

interface Split {
  readonly lines: readonly Uint8Array[];
  readonly used: number;
  readonly skipping: boolean;
  /** There were more lines than asked for. */
  readonly full: boolean;
}

/** Cuts bytes into lines. A line longer than the limit is cut there and the rest of it passed over. */
export function splitLines(bytes: Uint8Array, skipping: boolean, maxLines: number): Split {
  const lines: Uint8Array[] = [];
  let start = 0;
  let skip = skipping;
  for (;;) {
    const end = bytes.indexOf(newline, start);
    if (end < 0) break;
    if (lines.length >= maxLines) return { lines, used: start, skipping: skip, full: true };
    if (!skip && end > start) lines.push(bytes.subarray(start, Math.min(end, start + limits.logLineBytes)));
    skip = false;
    start = end + 1;
  }
  const rest = bytes.length - start;
  if (skip) return { lines, used: bytes.length, skipping: true, full: false };
  if (rest <= limits.logLineBytes) return { lines, used: start, skipping: false, full: false };
  lines.push(bytes.subarray(start, start + limits.logLineBytes));
  return { lines, used: bytes.length, skipping: true, full: false };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

import { WatchkeeperError } from './errors.ts';

const mostBytes = 0xffff;

/**
 * Puts byte strings behind one another, each behind its length as a big-endian uint16: the form of an entry bundle in C2SP
 * tlog-tiles.
 *
 * @throws `too-large` for one of more than 65,535 bytes.
 */
export function packFrames(frames: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const frame of frames) length += 2 + frame.length;
  const packed = new Uint8Array(length);
  let at = 0;
  for (const frame of frames) {
    if (frame.length > mostBytes) throw new WatchkeeperError('too-large', `a frame has at most ${mostBytes} bytes`);
    packed[at] = frame.length >>> 8;
    packed[at + 1] = frame.length & 0xff;
    packed.set(frame, at + 2);
    at += 2 + frame.length;
  }
  return packed;
}

/** Takes them apart (views, not copies); `undefined` when the lengths do not add up. */
export function unpackFrames(packed: Uint8Array): Uint8Array[] | undefined {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < packed.length;) {
    const high = packed[at];
    const low = packed[at + 1];
    if (high === undefined || low === undefined) return undefined;
    const end = at + 2 + high * 256 + low;
    if (end > packed.length) return undefined;
    frames.push(packed.subarray(at + 2, end));
    at = end;
  }
  return frames;
}

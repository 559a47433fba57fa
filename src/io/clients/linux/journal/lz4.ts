import { WatchkeeperError } from '../../../../lib/errors.ts';

/**
 * Decodes one LZ4 block (https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md) into at most `maxBytes`.
 *
 * @throws `malformed` for bytes that are no such block, `too-large` when they hold more.
 */
export function decodeLz4Block(input: Uint8Array, size: number, maxBytes: number): Uint8Array {
  if (size > maxBytes) throw new WatchkeeperError('too-large', `an LZ4 block of ${size} bytes`);
  const output = new Uint8Array(size);
  let at = 0;
  let written = 0;
  const length = (nibble: number): number => {
    let total = nibble;
    if (nibble !== 15) return total;
    for (;;) {
      const byte = input[at++];
      if (byte === undefined) throw broken('ends inside a length');
      total += byte;
      if (byte !== 255) return total;
    }
  };
  while (at < input.length) {
    const token = input[at++] ?? 0;
    const literals = length(token >> 4);
    if (at + literals > input.length || written + literals > size) throw broken('literals beyond its end');
    output.set(input.subarray(at, at + literals), written);
    at += literals;
    written += literals;
    if (at >= input.length) break; // the last sequence has literals only
    const offset = (input[at] ?? 0) | ((input[at + 1] ?? 0) << 8);
    at += 2;
    if (offset === 0 || offset > written) throw broken('a match before its start');
    const match = length(token & 15) + 4;
    if (written + match > size) throw broken('a match beyond its end');
    // Byte by byte, since a match may overlap what it writes.
    for (let end = written + match; written < end; written++) output[written] = output[written - offset] ?? 0;
  }
  if (written !== size) throw broken(`${written} bytes instead of ${size}`);
  return output;
}

function broken(what: string): WatchkeeperError {
  return new WatchkeeperError('malformed', `LZ4 block: ${what}`);
}

import { WatchkeeperError } from '../../../../lib/errors.ts';

/** Reads the data types of SSH (RFC 4251, section 5) one after another. @throws `malformed` past the end. */
export interface Fields {
  /** Where the next field begins. */
  readonly at: number;
  byte(): number;
  uint32(): number;
  uint64(): bigint;
  /** A `string`: bytes with their length before them. */
  bytes(): Uint8Array;
  /** A `string` that is text. */
  text(): string;
  readonly isOver: boolean;
}

/** Begins at the beginning, or after `at` bytes. */
export function fieldsOf(data: Uint8Array, at = 0): Fields {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const take = (count: number): number => {
    if (at + count > data.length) throw new WatchkeeperError('malformed', 'an SSH message ends too early');
    at += count;
    return at - count;
  };
  const bytes = (): Uint8Array => {
    const length = view.getUint32(take(4));
    const from = take(length);
    return data.subarray(from, from + length);
  };
  return {
    get at() {
      return at;
    },
    get isOver() {
      return at === data.length;
    },
    byte: () => view.getUint8(take(1)),
    uint32: () => view.getUint32(take(4)),
    uint64: () => view.getBigUint64(take(8)),
    bytes,
    text: () => new TextDecoder().decode(bytes()),
  };
}

/** A `string`: its length, and its bytes. */
export function stringOf(data: string | Uint8Array): Buffer {
  const bytes = Buffer.from(data);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

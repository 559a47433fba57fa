import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { packFrames, unpackFrames } from '../../src/lib/frames.ts';

describe('frames', () => {
  test('are behind one another, each behind its length as a big-endian uint16', () => {
    const packed = packFrames([new Uint8Array([7, 8]), new Uint8Array(), new Uint8Array(258).fill(9)]);
    expect([...packed.subarray(0, 8)]).toEqual([0, 2, 7, 8, 0, 0, 1, 2]);
    expect(packed).toHaveLength(2 + 2 + 2 + 2 + 258);
  });

  test('come back as they went in', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (frames) => {
        expect(unpackFrames(packFrames(frames))?.map((frame) => [...frame])).toEqual(frames.map((frame) => [...frame]));
      }),
    );
  });

  test('whose lengths do not add up are not read at all', () => {
    const packed = packFrames([new Uint8Array([1, 2, 3])]);
    for (let cut = 1; cut < packed.length; cut++) expect(unpackFrames(packed.subarray(0, cut))).toBeUndefined();
    expect(unpackFrames(new Uint8Array([0]))).toBeUndefined();
  });

  test('of more than a uint16 can count are refused', () => {
    expect(() => packFrames([new Uint8Array(65_535)])).not.toThrow();
    expect(() => packFrames([new Uint8Array(65_536)])).toThrow(/65535/);
  });
});

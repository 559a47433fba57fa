import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Sockets } from '../../../src/domain/ports/io.ts';
import { connectDbus } from '../../../src/io/clients/dbus.ts';
import {
  decodeMessage,
  encodeMessage,
  headerField,
  messageLength,
  splitSignature,
} from '../../../src/io/clients/dbus-wire.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';

const never = new AbortController().signal;

function bus(answers: readonly (string | Uint8Array)[]): Sockets {
  const left = answers.map((one) => (typeof one === 'string' ? new TextEncoder().encode(one) : one));
  return {
    connectUnix: () =>
      Promise.resolve({
        write: () => Promise.resolve(),
        read: () => Promise.resolve(left.shift()),
        close: () => undefined,
      }),
  };
}

const reply = (serial: number, text: string): Uint8Array =>
  encodeMessage({
    type: 2,
    flags: 0,
    serial: 9,
    fields: { [headerField.replySerial]: serial },
    signature: 's',
    body: [text],
  });

describe('D-Bus messages', () => {
  it('reads what it writes, whatever the strings', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.array(fc.string()), fc.nat(), (text, list, number) => {
        const bytes = encodeMessage({
          type: 1,
          flags: 2,
          serial: 7,
          fields: { [headerField.path]: '/a/b', [headerField.member]: 'M' },
          signature: 'sasu',
          body: [text, list, number],
        });
        expect(messageLength(bytes)).toBe(bytes.length);
        const message = decodeMessage(bytes);
        expect(message.body).toEqual([text, list, number]);
        expect(message.fields.get(headerField.path)).toBe('/a/b');
      }),
    );
  });

  it('splits signatures into complete types and refuses what is none', () => {
    expect(splitSignature('sa{sv}(ia(ss))u')).toEqual(['s', 'a{sv}', '(ia(ss))', 'u']);
    for (const bad of ['a', '(s', 'z', `${'a'.repeat(100)}s`]) expect(() => splitSignature(bad)).toThrow();
  });

  it('meets any bytes with a value or a malformed error, and always ends', () => {
    const good = reply(1, 'hello');
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, byte, length) => {
        const bytes = good.slice(0, length);
        bytes[at] = byte;
        try {
          decodeMessage(bytes);
        } catch (thrown) {
          expect(WatchkeeperError.from(thrown).code).toBe('malformed');
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a connection to the bus', () => {
  it('passes signals and finds its reply, however the bytes are cut', async () => {
    const bytes = [...reply(77, 'not yours'), ...reply(2, 'yours')];
    const cutUp = bytes.map((byte) => Uint8Array.of(byte));
    const connection = await connectDbus(bus(['OK 1234\r\n', reply(1, ':1.1'), ...cutUp]), '/bus', never);
    const call = { destination: 'a.b', path: '/', interface: 'a.b', member: 'M' };
    expect(await connection.call(call, never)).toEqual(['yours']);
  });

  it.each([
    ['REJECTED EXTERNAL\r\n', 'unauthorized'],
    ['HTTP/1.1 400 Bad Request\r\n', 'malformed'],
    ['x'.repeat(20_000), 'malformed'],
  ])('refuses a bus that answers %.20s', async (answer, code) => {
    await expect(connectDbus(bus([answer]), '/bus', never)).rejects.toMatchObject({ code });
  });

  it('refuses a message of absurd size before reading it', async () => {
    const huge = reply(1, 'x');
    huge.set([0xff, 0xff, 0xff, 0x7f], 4);
    await expect(connectDbus(bus(['OK 1\r\n', huge]), '/bus', never)).rejects.toMatchObject({ code: 'too-large' });
  });
});

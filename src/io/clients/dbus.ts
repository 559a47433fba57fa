import type { ByteStream, Sockets } from '../../domain/ports/io.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { ErrorCode } from '../../lib/errors.ts';
import { decodeMessage, encodeMessage, headerField, maxMessageBytes, messageLength, messageType } from './dbus-wire.ts';
import type { DbusMessage, DbusValue } from './dbus-wire.ts';

/** A method call. `signature` describes `body`; this client sends strings, and arrays of strings. */
export interface DbusCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly DbusValue[];
}

/** A connection to a message bus, for one caller at a time: calls are answered in the order they are made. */
export interface Dbus {
  /**
   * Calls a method and gives the reply's body. Never starts a service that does not run.
   *
   * @throws `forbidden`, `not-found` (no such object or unit), `unsupported` (no such service or method),
   * `unreachable` (the connection ended), `timeout`, `malformed`, `too-large`.
   */
  call(call: DbusCall, signal: AbortSignal): Promise<readonly DbusValue[]>;
  readonly closed: boolean;
  close(): void;
}

/** "Do not start the destination for this call": reading must not change what runs. */
const noAutoStart = 0x2;
const maxSkipped = 1_000;

/**
 * Connects to the bus behind a unix socket and says hello. Authentication is EXTERNAL: the kernel tells the bus who we
 * are, no identity and no secret is sent.
 */
export async function connectDbus(sockets: Sockets, path: string, signal: AbortSignal): Promise<Dbus> {
  const stream = await sockets.connectUnix(path, signal);
  try {
    const input = createInput(stream);
    await authenticate(stream, input, signal);
    const bus = createBus(stream, input);
    await bus.call({ ...daemon, member: 'Hello' }, signal);
    return bus;
  } catch (thrown) {
    stream.close();
    throw WatchkeeperError.from(thrown, 'unreachable', path);
  }
}

const daemon = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
} as const;

interface Input {
  line(signal: AbortSignal): Promise<string>;
  message(signal: AbortSignal): Promise<DbusMessage>;
}

function createInput(stream: ByteStream): Input {
  let buffer: Uint8Array = new Uint8Array();
  const more = async (signal: AbortSignal): Promise<void> => {
    const chunk = await stream.read(signal);
    if (chunk === undefined) throw new WatchkeeperError('unreachable', 'the bus closed the connection');
    if (buffer.length + chunk.length > maxMessageBytes * 2)
      throw new WatchkeeperError('too-large', 'the bus sent too much');
    buffer = buffer.length === 0 ? chunk : new Uint8Array(Buffer.concat([buffer, chunk]));
  };
  const take = (length: number): Uint8Array => {
    const taken = buffer.slice(0, length);
    buffer = buffer.subarray(length);
    return taken;
  };
  return {
    async line(signal) {
      for (;;) {
        const end = buffer.indexOf(0x0a);
        if (end >= 0) return new TextDecoder().decode(take(end + 1)).trim();
        if (buffer.length > 16_384) throw new WatchkeeperError('malformed', 'the bus does not speak D-Bus');
        await more(signal);
      }
    },
    async message(signal) {
      for (;;) {
        const length = messageLength(buffer);
        if (length !== undefined && buffer.length >= length) return decodeMessage(take(length));
        await more(signal);
      }
    },
  };
}

async function authenticate(stream: ByteStream, input: Input, signal: AbortSignal): Promise<void> {
  const send = (text: string): Promise<void> => stream.write(new TextEncoder().encode(text));
  await send('\0AUTH EXTERNAL\r\n');
  let answer = await input.line(signal);
  if (answer.startsWith('DATA')) {
    await send('DATA\r\n');
    answer = await input.line(signal);
  }
  if (answer.startsWith('REJECTED')) throw new WatchkeeperError('unauthorized', 'the bus does not accept this user');
  if (!answer.startsWith('OK ')) throw new WatchkeeperError('malformed', 'the bus does not speak D-Bus');
  await send('BEGIN\r\n');
}

function createBus(stream: ByteStream, input: Input): Dbus {
  let serial = 0;
  let closed = false;
  let queue: Promise<unknown> = Promise.resolve();
  const close = (): void => {
    closed = true;
    stream.close();
  };
  const exchange = async (call: DbusCall, signal: AbortSignal): Promise<readonly DbusValue[]> => {
    if (closed) throw new WatchkeeperError('unreachable', 'the connection to the bus is closed');
    serial += 1;
    await stream.write(encodeCall(call, serial));
    for (let skipped = 0; skipped < maxSkipped; skipped++) {
      const message = await input.message(signal);
      if (message.fields.get(headerField.replySerial) !== serial) continue; // signals, and replies nobody waits for
      if (message.type === messageType.reply) return message.body;
      if (message.type === messageType.error) throw failure(message);
    }
    throw new WatchkeeperError('malformed', 'the bus never answered the call');
  };
  return {
    call: (call, signal) => {
      const answer = queue
        .then(() => exchange(call, signal))
        .catch((thrown: unknown) => {
          const error = WatchkeeperError.from(thrown);
          // After anything but a clean error reply, the stream may stand in the middle of a message.
          if (!(thrown instanceof BusFailure)) close();
          throw error;
        });
      queue = answer.catch(() => undefined);
      return answer;
    },
    get closed() {
      return closed;
    },
    close,
  };
}

function encodeCall(call: DbusCall, serial: number): Uint8Array {
  return encodeMessage({
    type: messageType.call,
    flags: noAutoStart,
    serial,
    fields: {
      [headerField.path]: call.path,
      [headerField.destination]: call.destination,
      [headerField.interface]: call.interface,
      [headerField.member]: call.member,
    },
    signature: call.signature ?? '',
    body: call.body ?? [],
  });
}

/** An error reply: the connection is well, the call was refused. */
class BusFailure extends WatchkeeperError {}

function failure(message: DbusMessage): BusFailure {
  const name = String(message.fields.get(headerField.errorName) ?? 'unnamed error');
  const [text] = message.body;
  return new BusFailure(codeOf(name), `${name}${typeof text === 'string' ? `: ${text.slice(0, 200)}` : ''}`);
}

function codeOf(name: string): ErrorCode {
  if (/AccessDenied|AuthFailed|InteractiveAuthorizationRequired/.test(name)) return 'forbidden';
  if (/NoSuchUnit|UnknownObject|FileNotFound/.test(name)) return 'not-found';
  if (/ServiceUnknown|NameHasNoOwner|UnknownMethod|UnknownInterface/.test(name)) return 'unsupported';
  return /NoReply|Timeout|TimedOut/.test(name) ? 'timeout' : 'malformed';
}

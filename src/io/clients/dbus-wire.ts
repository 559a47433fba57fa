import { WatchkeeperError } from '../../lib/errors.ts';

/**
 * A D-Bus value as plain data: 64-bit integers are bigints, a variant is its content, a dict entry is a pair. Names of
 * types are the specification's (https://dbus.freedesktop.org/doc/dbus-specification.html, "Type System").
 */
export type DbusValue = string | number | bigint | boolean | readonly DbusValue[];

/** One message, as far as a client that only calls methods needs it. */
export interface DbusMessage {
  readonly type: number;
  readonly flags: number;
  readonly serial: number;
  readonly fields: ReadonlyMap<number, DbusValue>;
  readonly body: readonly DbusValue[];
}

/** Message types of the D-Bus specification, "Message Format". */
export const messageType = { call: 1, reply: 2, error: 3, signal: 4 } as const;
/** Header field codes of the D-Bus specification, "Header Fields". */
export const headerField = {
  path: 1,
  interface: 2,
  member: 3,
  errorName: 4,
  replySerial: 5,
  destination: 6,
  sender: 7,
  signature: 8,
} as const;

/** Bounds on what a peer may send. */
export const maxMessageBytes = 4 * 1024 * 1024;
const maxDepth = 32;
const fixedHeaderBytes = 16;

/** How long the message at the start of `bytes` is; `undefined` while too little has arrived to tell. */
export function messageLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < fixedHeaderBytes) return undefined;
  const view = viewOf(bytes);
  const little = littleEndian(bytes[0]);
  const length = align(fixedHeaderBytes + view.getUint32(12, little), 8) + view.getUint32(4, little);
  if (length > maxMessageBytes) throw new WatchkeeperError('too-large', `a D-Bus message of ${length} bytes`);
  return length;
}

/** Reads one whole message. @throws `malformed` for anything the specification does not allow. */
export function decodeMessage(bytes: Uint8Array): DbusMessage {
  try {
    const little = littleEndian(bytes[0]);
    const reader: Reader = { bytes, view: viewOf(bytes), little, at: fixedHeaderBytes - 4 };
    const rows = readValue(reader, 'a(yv)', 0);
    const fields = new Map<number, DbusValue>();
    if (Array.isArray(rows))
      for (const row of rows as readonly DbusValue[])
        if (Array.isArray(row) && typeof row[0] === 'number') fields.set(row[0], row[1] as DbusValue);
    reader.at = align(reader.at, 8);
    const signature = fields.get(headerField.signature);
    const body =
      typeof signature === 'string' ? splitSignature(signature).map((type) => readValue(reader, type, 0)) : [];
    return { type: bytes[1] ?? 0, flags: bytes[2] ?? 0, serial: reader.view.getUint32(8, little), fields, body };
  } catch (thrown) {
    throw WatchkeeperError.from(thrown, 'malformed', 'D-Bus message');
  }
}

/** Writes one message. Header fields are strings but for the reply serial; the body is what `signature` says. */
export function encodeMessage(message: {
  readonly type: number;
  readonly flags: number;
  readonly serial: number;
  readonly fields: Readonly<Record<number, string | number>>;
  readonly signature: string;
  readonly body: readonly DbusValue[];
}): Uint8Array {
  const body = new Writer();
  for (const [index, type] of splitSignature(message.signature).entries()) body.value(type, message.body[index] ?? '');
  const head = new Writer();
  for (const byte of [0x6c, message.type, message.flags, 1]) head.byte(byte);
  head.uint32(body.length);
  head.uint32(message.serial);
  const fields: DbusValue[] = Object.entries(message.fields).map(([code, value]) => [Number(code), value]);
  if (message.signature !== '') fields.push([headerField.signature, message.signature]);
  head.array('(yv)', fields, (field) => {
    const [code = 0, value = ''] = field as readonly (number | string)[];
    head.byte(Number(code));
    const type = fieldTypes[Number(code)] ?? 's';
    head.signature(type);
    head.value(type, value);
  });
  head.pad(8);
  return Uint8Array.from([...head.bytes(), ...body.bytes()]);
}

const fieldTypes: Readonly<Record<number, string>> = { 1: 'o', 5: 'u', 8: 'g' };

/** Splits a signature into its complete types: `sa{sv}u` is `s`, `a{sv}`, `u`. */
export function splitSignature(signature: string): readonly string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length;) {
    const end = endOfType(signature, at, 0);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}

function endOfType(signature: string, at: number, depth: number): number {
  if (depth > maxDepth) throw new RangeError('signature nests too deep');
  const code = signature[at];
  if (code === 'a') return endOfType(signature, at + 1, depth + 1);
  const close = code === '(' ? ')' : code === '{' ? '}' : undefined;
  if (close === undefined) {
    if (code === undefined || !'ybnqiuxtdsogvh'.includes(code))
      throw new RangeError(`no type at ${at} of ${signature}`);
    return at + 1;
  }
  let next = at + 1;
  while (signature[next] !== close) next = endOfType(signature, next, depth + 1);
  return next + 1;
}

interface Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly little: boolean;
  at: number;
}

const alignments: Readonly<Record<string, number>> = {
  ...{ y: 1, g: 1, v: 1, n: 2, q: 2, b: 4, i: 4, u: 4, h: 4, s: 4, o: 4, a: 4 },
  ...{ x: 8, t: 8, d: 8, '(': 8, '{': 8 },
};

function alignmentOf(type: string): number {
  return alignments[type[0] ?? ''] ?? 1;
}

function readValue(reader: Reader, type: string, depth: number): DbusValue {
  if (depth > maxDepth) throw new RangeError('value nests too deep');
  const code = type[0] ?? '';
  reader.at = align(reader.at, alignmentOf(type));
  switch (code) {
    case 'a':
      return readArray(reader, type.slice(1), depth);
    case '(':
    case '{':
      return splitSignature(type.slice(1, -1)).map((inner) => readValue(reader, inner, depth + 1));
    case 'v':
      return readValue(reader, singleType(readText(reader, 1)), depth + 1);
    case 's':
    case 'o':
      return readText(reader, 4);
    case 'g':
      return readText(reader, 1);
    default:
      return readNumber(reader, code);
  }
}

function singleType(signature: string): string {
  const [type, ...more] = splitSignature(signature);
  if (type === undefined || more.length > 0) throw new RangeError('a variant holds exactly one type');
  return type;
}

function readArray(reader: Reader, element: string, depth: number): readonly DbusValue[] {
  const length = reader.view.getUint32(reader.at, reader.little);
  reader.at = align(reader.at + 4, alignmentOf(element));
  const end = reader.at + length;
  if (end > reader.bytes.length) throw new RangeError('an array longer than its message');
  const items: DbusValue[] = [];
  while (reader.at < end) items.push(readValue(reader, element, depth + 1));
  if (reader.at !== end) throw new RangeError('an array that ends inside an element');
  return items;
}

function readText(reader: Reader, lengthBytes: 1 | 4): string {
  const { view, bytes, little } = reader;
  const length = lengthBytes === 1 ? view.getUint8(reader.at) : view.getUint32(reader.at, little);
  const start = reader.at + lengthBytes;
  if (start + length >= bytes.length) throw new RangeError('a string longer than its message');
  reader.at = start + length + 1;
  return new TextDecoder().decode(bytes.subarray(start, start + length));
}

function readNumber(reader: Reader, code: string): DbusValue {
  const { view, at, little } = reader;
  const size = code === 'y' ? 1 : alignmentOf(code);
  reader.at = at + size;
  switch (code) {
    case 'y':
      return view.getUint8(at);
    case 'b':
      return view.getUint32(at, little) !== 0;
    case 'n':
      return view.getInt16(at, little);
    case 'q':
      return view.getUint16(at, little);
    case 'i':
      return view.getInt32(at, little);
    case 'x':
      return view.getBigInt64(at, little);
    case 't':
      return view.getBigUint64(at, little);
    case 'd':
      return view.getFloat64(at, little);
    default:
      return view.getUint32(at, little);
  }
}

/** Grows as it is written to. Methods take only what a reading client ever sends: strings, numbers, arrays of them. */
class Writer {
  private readonly data: number[] = [];

  get length(): number {
    return this.data.length;
  }

  bytes(): readonly number[] {
    return this.data;
  }

  byte(value: number): void {
    this.data.push(value & 0xff);
  }

  pad(to: number): void {
    while (this.data.length % to !== 0) this.data.push(0);
  }

  uint32(value: number): void {
    this.pad(4);
    for (const shift of [0, 8, 16, 24]) this.byte(value >>> shift);
  }

  signature(text: string): void {
    this.byte(text.length);
    this.data.push(...new TextEncoder().encode(text), 0);
  }

  text(text: string): void {
    const encoded = new TextEncoder().encode(text);
    this.uint32(encoded.length);
    this.data.push(...encoded, 0);
  }

  array(element: string, items: readonly DbusValue[], write: (item: DbusValue) => void): void {
    this.uint32(0);
    const lengthAt = this.data.length - 4;
    this.pad(alignmentOf(element));
    const start = this.data.length;
    for (const item of items) {
      this.pad(alignmentOf(element));
      write(item);
    }
    const length = this.data.length - start;
    for (const [index, shift] of [0, 8, 16, 24].entries()) this.data[lengthAt + index] = (length >>> shift) & 0xff;
  }

  value(type: string, value: DbusValue): void {
    if (type === 'g') this.signature(stringOf(value));
    else if (type === 's' || type === 'o') this.text(stringOf(value));
    else if (type === 'u') this.uint32(Number(value));
    else if (type === 'as') this.array('s', value as readonly DbusValue[], (item) => this.text(stringOf(item)));
    else throw new WatchkeeperError('internal', `this client does not write D-Bus type ${type}`);
  }
}

function stringOf(value: DbusValue): string {
  if (typeof value === 'string') return value;
  throw new WatchkeeperError('internal', 'a D-Bus string must be a string');
}

function littleEndian(mark: number | undefined): boolean {
  if (mark === 0x6c) return true;
  if (mark === 0x42) return false;
  throw new WatchkeeperError('malformed', 'a D-Bus message begins with l or B');
}

function align(at: number, to: number): number {
  return Math.ceil(at / to) * to;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

import type { LedgerEntry } from '../domain/ledger.ts';
import { limits } from '../lib/limits.ts';
import { entryTypes, readEntry, redactedSeq, subjectMembers } from './entry.ts';

/** What a verifier needs to know of an entry besides that it is one. */
export interface EntryFacts {
  readonly seq: number;
  readonly commitment: string | undefined;
  /** The entry whose payload this one says was erased. */
  readonly erased: number | undefined;
}

/**
 * Reads of a leaf what a verifier needs. @returns why it is not an entry otherwise.
 *
 * A verifier reads millions of leaves, so those of the usual kind (ASCII, nothing escaped) are recognised byte by byte without
 * building their values. The scanner only ever says yes or "I do not know"; what it does not know is parsed the long way,
 * which alone refuses. So it can cost time, never soundness, and a test holds the one against the other.
 */
export function readFacts(data: Uint8Array): EntryFacts | string {
  const known = scanEntry(data);
  if (known !== undefined) return known;
  const entry: LedgerEntry | string = readEntry(data);
  if (typeof entry === 'string') return entry;
  return { seq: entry.seq, commitment: entry.commitment, erased: redactedSeq(entry) };
}

/** The facts of an entry of the usual kind; `undefined` for any other bytes. */
export function scanEntry(data: Uint8Array): EntryFacts | undefined {
  if (data.length > limits.ledgerEntryBytes) return undefined;
  const scan = new Scanner(data);
  if (!scan.literal(members.actor)) return undefined;
  const actor = scan.at;
  if (!scan.text() || scan.at - actor < 3 || scan.at - actor > maxActorBytes) return undefined;
  if (!scan.literal(members.atMs) || !scan.integer()) return undefined;
  if (!scan.literal(members.body) || !scan.object(0)) return undefined;
  const commitment = scan.literal(members.commitment) ? scan.hex64() : undefined;
  if (!scan.literal(members.epoch) || !scan.count()) return undefined;
  if (!scan.literal(members.seq) || !scan.count()) return undefined;
  const seq = scan.number;
  if (!scan.literal(members.subject) || !scan.subject()) return undefined;
  if (!scan.literal(members.type) || !scan.entryType()) return undefined;
  if (!scan.literal(members.end) || scan.at !== data.length) return undefined;
  return { seq, commitment, erased: undefined };
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const members = {
  actor: bytesOf('{"actor":'),
  atMs: bytesOf(',"atMs":'),
  body: bytesOf(',"body":'),
  commitment: bytesOf(',"commitment":"'),
  epoch: bytesOf(',"epoch":'),
  seq: bytesOf(',"seq":'),
  subject: bytesOf(',"subject":'),
  type: bytesOf(',"type":'),
  end: bytesOf(',"v":1}'),
} as const;
const words = [bytesOf('true'), bytesOf('false'), bytesOf('null')] as const;
const quotedBytes = (names: ReadonlySet<string>): readonly Uint8Array[] =>
  [...names].map((name) => bytesOf(JSON.stringify(name)));
// A `redacted` entry is rare, and says more than the scanner reads.
const typeNames = quotedBytes(new Set([...entryTypes].filter((type) => type !== 'redacted')));
const subjectNames = quotedBytes(subjectMembers);
const maxActorBytes = 256 + 2;
const maxDepth = 16;
// Any integer of so many digits is exact.
const exactDigits = 15;
const [quote, backslash, comma, minus, zero, nine] = [0x22, 0x5c, 0x2c, 0x2d, 0x30, 0x39];
const [colon, openList, closeList, openObject, closeObject] = [0x3a, 0x5b, 0x5d, 0x7b, 0x7d];
const numberMarks: ReadonlySet<number> = new Set(bytesOf('+-.eE'));

/** Walks over canonical JSON in ASCII. Each method moves past what it recognises, or answers `false`. */
class Scanner {
  at = 0;
  /** The integer that was read last. */
  number = 0;
  readonly #data: Uint8Array;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  literal(wanted: Uint8Array): boolean {
    for (let index = 0; index < wanted.length; index++) if (this.#data[this.at + index] !== wanted[index]) return false;
    this.at += wanted.length;
    return true;
  }

  entryType(): boolean {
    return this.#oneOf(typeNames);
  }

  /** A string in which nothing is, or would have to be, escaped. */
  text(): boolean {
    const data = this.#data;
    if (data[this.at] !== quote) return false;
    for (let at = this.at + 1; at < data.length; at++) {
      const byte = data[at] ?? 0;
      if (byte === quote) {
        this.at = at + 1;
        return true;
      }
      if (byte < 0x20 || byte > 0x7e || byte === backslash) return false;
    }
    return false;
  }

  /** The rest of a string of 64 hex digits, its closing quote included. */
  hex64(): string | undefined {
    const digits = latin1(this.#data, this.at, 64);
    if (!/^[0-9a-f]{64}$/.test(digits) || this.#data[this.at + 64] !== quote) return undefined;
    this.at += 65;
    return digits;
  }

  count(): boolean {
    return this.#data[this.at] !== minus && this.integer();
  }

  integer(): boolean {
    const negative = this.#data[this.at] === minus;
    const first = this.at + (negative ? 1 : 0);
    let value = 0;
    let at = first;
    for (; ; at++) {
      const byte = this.#data[at] ?? 0;
      if (byte < zero || byte > nine) break;
      value = value * 10 + byte - zero;
    }
    if (at === first || at - first > exactDigits) return false;
    if (this.#data[first] === zero && (negative || at - first > 1)) return false;
    this.number = negative ? -value : value;
    this.at = at;
    return true;
  }

  subject(): boolean {
    return this.#members(0, subjectNames);
  }

  object(depth: number): boolean {
    return depth < maxDepth && this.#members(depth, undefined);
  }

  // With names given, keys must be among them and values strings; otherwise both may be anything.
  #members(depth: number, names: readonly Uint8Array[] | undefined): boolean {
    const data = this.#data;
    if (data[this.at] !== openObject) return false;
    this.at++;
    if (this.#passes(closeObject)) return true;
    let last = -1;
    do {
      const key = this.at;
      if (!(names === undefined ? this.text() : this.#oneOf(names))) return false;
      if (last >= 0 && !this.#isBefore(last, key)) return false;
      last = key;
      if (!this.#passes(colon)) return false;
      if (!(names === undefined ? this.#value(depth + 1) : this.text())) return false;
    } while (this.#passes(comma));
    return this.#passes(closeObject);
  }

  #list(depth: number): boolean {
    if (depth >= maxDepth) return false;
    this.at++;
    if (this.#passes(closeList)) return true;
    do if (!this.#value(depth + 1)) return false;
    while (this.#passes(comma));
    return this.#passes(closeList);
  }

  #value(depth: number): boolean {
    const byte = this.#data[this.at] ?? 0;
    if (byte === quote) return this.text();
    if (byte === openObject) return this.object(depth);
    if (byte === openList) return this.#list(depth);
    return byte === minus || (byte >= zero && byte <= nine) ? this.#anyNumber() : this.#oneOf(words);
  }

  // What is not a plain integer is canonical when it is what the engine prints for it.
  #anyNumber(): boolean {
    const start = this.at;
    const plain = this.integer() && !isInNumber(this.#data[this.at]);
    if (plain) return true;
    let end = start;
    while (isInNumber(this.#data[end])) end++;
    const digits = latin1(this.#data, start, end - start);
    if (String(Number(digits)) !== digits) return false;
    this.at = end;
    return true;
  }

  /** Whether the key that starts at `a` sorts before the one at `b`. Both are ASCII and end in a quote, which itself never occurs. */
  #isBefore(a: number, b: number): boolean {
    const data = this.#data;
    for (let index = 1; ; index++) {
      const left = data[a + index] ?? 0;
      const right = data[b + index] ?? 0;
      if (left === right && left !== quote) continue;
      return right !== quote && (left === quote || left < right);
    }
  }

  #passes(byte: number): boolean {
    if (this.#data[this.at] !== byte) return false;
    this.at++;
    return true;
  }

  #oneOf(names: readonly Uint8Array[]): boolean {
    for (const name of names) if (this.literal(name)) return true;
    return false;
  }
}

// The characters of a number; which of them make one is for the engine to say.
function isInNumber(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= zero && byte <= nine) || numberMarks.has(byte);
}

function latin1(data: Uint8Array, at: number, length: number): string {
  return Buffer.from(data.buffer, data.byteOffset + at, Math.min(length, data.length - at)).toString('latin1');
}

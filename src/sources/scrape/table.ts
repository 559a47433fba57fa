import type { Labels } from '../../domain/telemetry.ts';

/** One series as exposed. The same object stands for it in every exposition the parser reads; `id` indexes columns. */
export interface ExposedSeries {
  readonly id: number;
  readonly name: string;
  readonly labels: Labels;
}

/**
 * Every series of one target by the raw bytes of its name and labels. An exporter writes its series in the same order at
 * every scrape, so the series that followed this one last time is tried first: one comparison of bytes, no hash, no string.
 * What is not where it was is found by its hash. Ids are dense, and used again only when no reading that a rate is taken
 * from can still hold their last owner.
 */
export class SeriesTable {
  readonly #series: (ExposedSeries | undefined)[] = [];
  readonly #words = new Map<string, string>();
  readonly #free: number[] = [];
  readonly #resting: number[] = [];
  #restUntil = 0;
  #pass = 0;
  #arena = new Uint8Array(4_096);
  #used = 0;
  #columns = makeColumns(64);
  #slots = new Int32Array(128).fill(-1);
  #size = 0;
  #first = -1;

  get size(): number {
    return this.#size;
  }

  /** Begins scrape `pass`. */
  begin(pass: number): void {
    this.#pass = pass;
    if (pass > this.#restUntil) for (const id of this.#resting.splice(0)) this.#free.push(id);
  }

  /** The series that followed `after` (-1: came first) last time, when its bytes stand at `from`, whole; else -1. */
  predict(after: number, bytes: Uint8Array, from: number): number {
    const columns = this.#columns;
    const id = after < 0 ? this.#first : (columns.next[after] ?? -1);
    if (id < 0 || this.#series[id] === undefined) return -1;
    const length = columns.length[id] ?? 0;
    if (from + length >= bytes.length) return -1;
    const end = bytes[from + length];
    if (end !== space && end !== tab) return -1;
    return this.#same(id, bytes, from, length) ? id : -1;
  }

  /** How many bytes name it. */
  length(id: number): number {
    return this.#columns.length[id] ?? 0;
  }

  get(id: number): ExposedSeries | undefined {
    return this.#series[id];
  }

  /** The series with exactly these bytes; -1 when there is none. */
  find(bytes: Uint8Array, from: number, to: number): number {
    const hash = hashOf(bytes, from, to);
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const id = slots[at] ?? -1;
      if (id < 0) return -1;
      const mayBe = this.#columns.hash[id] === hash && this.#columns.length[id] === to - from;
      if (mayBe && this.#same(id, bytes, from, to - from)) return id;
    }
  }

  add(bytes: Uint8Array, from: number, to: number, name: string, labels: Labels): ExposedSeries {
    const id = this.#free.pop() ?? this.#series.length;
    if (id >= this.#columns.start.length) this.#columns = grown(this.#columns);
    this.#makeRoom(to - from);
    this.#arena.set(bytes.subarray(from, to), this.#used);
    this.#columns.start[id] = this.#used;
    this.#columns.length[id] = to - from;
    this.#columns.hash[id] = hashOf(bytes, from, to);
    this.#columns.next[id] = -1;
    this.#columns.pass[id] = 0;
    this.#used += to - from;
    const made = { id, name: this.#pool(name), labels: this.#pooled(labels) };
    this.#series[id] = made;
    this.#size++;
    if (2 * this.#size > this.#slots.length) this.#rehash(this.#slots.length * 2);
    else this.#place(id);
    return made;
  }

  /** Notes that it stands in this scrape, after `after`. @returns false when it did already. */
  see(id: number, after: number): boolean {
    const columns = this.#columns;
    if (columns.pass[id] === this.#pass) return false;
    columns.pass[id] = this.#pass;
    if (after < 0) this.#first = id;
    else columns.next[after] = id;
    return true;
  }

  /** Forgets what was last seen before scrape `pass`, and what `keep` refuses. */
  forget(pass: number, keep: (name: string) => boolean): void {
    let gone = 0;
    for (const one of this.#series) {
      if (one === undefined || ((this.#columns.pass[one.id] ?? 0) >= pass && keep(one.name))) continue;
      this.#series[one.id] = undefined;
      this.#resting.push(one.id);
      gone++;
    }
    if (gone === 0) return;
    this.#size -= gone;
    this.#words.clear();
    this.#restUntil = this.#pass + 2;
    this.#compact();
    this.#rehash(this.#slots.length);
  }

  *living(): Iterable<ExposedSeries> {
    for (const one of this.#series) if (one !== undefined) yield one;
  }

  #same(id: number, bytes: Uint8Array, from: number, length: number): boolean {
    const arena = this.#arena;
    const start = this.#columns.start[id] ?? 0;
    for (let at = 0; at < length; at++) if (arena[start + at] !== bytes[from + at]) return false;
    return true;
  }

  #place(id: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = (this.#columns.hash[id] ?? 0) & mask;
    while (slots[at] !== -1) at = (at + 1) & mask;
    slots[at] = id;
  }

  #rehash(capacity: number): void {
    this.#slots = new Int32Array(capacity).fill(-1);
    for (const one of this.#series) if (one !== undefined) this.#place(one.id);
  }

  #makeRoom(bytes: number): void {
    const arena = this.#arena;
    if (this.#used + bytes <= arena.length) return;
    this.#arena = new Uint8Array(Math.max(arena.length + (arena.length >> 1), this.#used + bytes));
    this.#arena.set(arena);
  }

  #compact(): void {
    const packed = new Uint8Array(this.#arena.length);
    let to = 0;
    for (const one of this.#series) {
      if (one === undefined) continue;
      const start = this.#columns.start[one.id] ?? 0;
      const length = this.#columns.length[one.id] ?? 0;
      packed.set(this.#arena.subarray(start, start + length), to);
      this.#columns.start[one.id] = to;
      to += length;
    }
    this.#arena = packed;
    this.#used = to;
  }

  // Names and label values repeat from series to series: one string each, and a copy, since a piece keeps its whole alive.
  #pool(text: string): string {
    let known = this.#words.get(text);
    if (known === undefined) this.#words.set((known = Buffer.from(text, 'utf8').toString('utf8')), known);
    return known;
  }

  #pooled(labels: Labels): Labels {
    return Object.fromEntries(Object.entries(labels).map(([name, value]) => [this.#pool(name), this.#pool(value)]));
  }
}

interface Columns {
  readonly start: Uint32Array;
  readonly length: Uint32Array;
  readonly hash: Uint32Array;
  /** The series that followed in the last scrape that had both. */
  readonly next: Int32Array;
  /** The last scrape it was seen in. */
  readonly pass: Uint32Array;
}

function makeColumns(capacity: number): Columns {
  return {
    start: new Uint32Array(capacity),
    length: new Uint32Array(capacity),
    hash: new Uint32Array(capacity),
    next: new Int32Array(capacity).fill(-1),
    pass: new Uint32Array(capacity),
  };
}

function grown(old: Columns): Columns {
  const made = makeColumns(old.start.length * 2);
  made.start.set(old.start);
  made.length.set(old.length);
  made.hash.set(old.hash);
  made.next.set(old.next);
  made.pass.set(old.pass);
  return made;
}

// FNV-1a, with a last mix so that the low bits, which pick the slot, depend on all of them.
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x85ebca6b) >>> 0;
}

const space = 0x20;
const tab = 0x09;

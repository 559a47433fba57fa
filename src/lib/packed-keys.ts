/**
 * Many strings, each found by its text and by its number, in few typed arrays: a string costs its characters and some
 * twenty bytes, and no object that a garbage collector has to look at. Numbers are given by the caller and should be dense.
 *
 * What many strings begin with need not be kept with each: `headOf` says how a number's string begins, and only what
 * follows is stored. A string that does not begin so is kept whole.
 */
export class PackedKeys {
  readonly #headOf: (index: number) => string;
  #pages: Uint8Array[] = [];
  readonly #entries: Entries[] = [];
  #slots = new Int32Array(16).fill(-1);
  #size = 0;
  #last = -1;
  /** Bytes of the last page in use, and bytes that belong to nobody any more. */
  #used = 0;
  #dead = 0;
  #bytes = 0;

  constructor(headOf: (index: number) => string = () => '') {
    this.#headOf = headOf;
  }

  get size(): number {
    return this.#size;
  }

  /** Room that is held for texts, in bytes: used, free and forgotten. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The number of a string; -1 when it is not here. */
  find(key: string): number {
    // Those who ask for many ask in the order in which they added them: then neither hash nor search is needed.
    if (this.#same(this.#last + 1, key)) return ++this.#last;
    const hash = hashOf(key);
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const index = slots[at] ?? -1;
      if (index < 0) return -1;
      if (this.#entries[index >> entryBits]?.hash[index & entryMask] === hash && this.#same(index, key))
        return (this.#last = index);
    }
  }

  /** Keeps `key` under `index`, which must be free, and which `headOf` must know already. */
  add(key: string, index: number): void {
    while (this.#entries.length <= index >> entryBits) this.#entries.push(newEntries());
    const head = this.#headOf(index);
    const from = key.startsWith(head) ? head.length : 0;
    const wide = hasWide(key, from);
    const length = (key.length - from) * (wide ? 2 : 1);
    this.#put(index, length, wide, from === 0 && head !== '');
    const entries = this.#entries[index >> entryBits];
    const slot = index & entryMask;
    if (entries === undefined) return;
    entries.hash[slot] = hashOf(key);
    const page = this.#pages[entries.page[slot] ?? 0];
    const start = entries.start[slot] ?? 0;
    if (page === undefined) return;
    for (let at = from, to = start; at < key.length; at++) {
      const code = key.charCodeAt(at);
      page[to++] = code;
      if (wide) page[to++] = code >> 8;
    }
    this.#size++;
    if (5 * this.#size > 4 * this.#slots.length) this.#rehash(this.#slots.length * 2);
    else this.#place(index);
  }

  /** The string under a number. */
  keyAt(index: number): string | undefined {
    const entries = this.#entries[index >> entryBits];
    const slot = index & entryMask;
    const span = entries?.span[slot] ?? 0;
    const page = this.#pages[entries?.page[slot] ?? 0];
    if (entries === undefined || (span & inUse) === 0 || page === undefined) return undefined;
    const start = entries.start[slot] ?? 0;
    const codes: number[] = [];
    const end = start + (span >>> flagBits);
    if ((span & isWide) === 0) for (let at = start; at < end; at++) codes.push(page[at] ?? 0);
    else for (let at = start; at < end; at += 2) codes.push((page[at] ?? 0) | ((page[at + 1] ?? 0) << 8));
    return ((span & isWhole) === 0 ? this.#headOf(index) : '') + textOf(codes);
  }

  /** Forgets the string under a number; the number may be used again. */
  remove(index: number): void {
    const entries = this.#entries[index >> entryBits];
    const slot = index & entryMask;
    const span = entries?.span[slot] ?? 0;
    if (entries === undefined || (span & inUse) === 0) return;
    entries.span[slot] = 0;
    this.#dead += span >>> flagBits;
    this.#size--;
    this.#unplace(index, entries.hash[slot] ?? 0);
    if (this.#dead > pageBytes && 2 * this.#dead > this.#bytes) this.#compact();
  }

  #same(index: number, key: string): boolean {
    const entries = this.#entries[index >> entryBits];
    const slot = index & entryMask;
    const span = entries?.span[slot] ?? 0;
    const page = this.#pages[entries?.page[slot] ?? 0];
    if (page === undefined || (span & inUse) === 0) return false;
    const head = (span & isWhole) === 0 ? this.#headOf(index) : '';
    const wide = (span & isWide) !== 0;
    const length = span >>> flagBits;
    if (key.length !== head.length + (wide ? length / 2 : length) || !key.startsWith(head)) return false;
    let from = entries?.start[slot] ?? 0;
    for (let at = head.length; at < key.length; at++) {
      const low = page[from++] ?? 0;
      if (key.charCodeAt(at) !== (wide ? low | ((page[from++] ?? 0) << 8) : low)) return false;
    }
    return true;
  }

  // Room for so many bytes: a string lies in one page, and a long one has its own.
  #put(index: number, length: number, wide: boolean, whole: boolean): void {
    const entries = this.#entries[index >> entryBits];
    if (entries === undefined) return;
    const last = this.#pages.at(-1);
    if (last === undefined || this.#used + length > last.length) {
      this.#dead += last === undefined ? 0 : last.length - this.#used;
      this.#pages.push(new Uint8Array(Math.max(pageBytes, length)));
      this.#bytes += Math.max(pageBytes, length);
      this.#used = 0;
    }
    const slot = index & entryMask;
    entries.page[slot] = this.#pages.length - 1;
    entries.start[slot] = this.#used;
    entries.span[slot] = (length << flagBits) | inUse | (wide ? isWide : 0) | (whole ? isWhole : 0);
    this.#used += length;
  }

  #place(index: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = (this.#entries[index >> entryBits]?.hash[index & entryMask] ?? 0) & mask;
    while (slots[at] !== -1) at = (at + 1) & mask;
    slots[at] = index;
  }

  // Closes the hole, so that what was put further on because of it is still found (Knuth 6.4, algorithm R).
  #unplace(index: number, hash: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = hash & mask;
    while (slots[hole] !== index) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; slots[at] !== -1; at = (at + 1) & mask) {
      const other = slots[at] ?? 0;
      const home = (this.#entries[other >> entryBits]?.hash[other & entryMask] ?? 0) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots[hole] = other;
      hole = at;
    }
    slots[hole] = -1;
  }

  #rehash(capacity: number): void {
    this.#slots = new Int32Array(capacity).fill(-1);
    this.#each((index) => this.#place(index));
  }

  #compact(): void {
    const old = this.#pages;
    this.#pages = [];
    this.#used = this.#dead = this.#bytes = 0;
    this.#each((index, entries, slot) => {
      const span = entries.span[slot] ?? 0;
      const length = span >>> flagBits;
      const start = entries.start[slot] ?? 0;
      const from = old[entries.page[slot] ?? 0]?.subarray(start, start + length);
      this.#put(index, length, (span & isWide) !== 0, (span & isWhole) !== 0);
      if (from !== undefined) this.#pages.at(-1)?.set(from, entries.start[slot]);
    });
  }

  #each(work: (index: number, entries: Entries, slot: number) => void): void {
    for (const [at, entries] of this.#entries.entries())
      for (let slot = 0; slot <= entryMask; slot++)
        if (((entries.span[slot] ?? 0) & inUse) !== 0) work((at << entryBits) | slot, entries, slot);
  }
}

/** What is known of a number's string: where it lies, how long it is with flags below, and its hash. */
interface Entries {
  readonly page: Uint16Array;
  /** A page longer than the usual one holds one string, which begins at 0. */
  readonly start: Uint16Array;
  readonly span: Uint32Array;
  readonly hash: Uint32Array;
}

const entryBits = 10;
const entryMask = (1 << entryBits) - 1;
const pageBytes = 65_536;
const flagBits = 3;
const inUse = 1;
const isWide = 2;
const isWhole = 4;

function newEntries(): Entries {
  const count = 1 << entryBits;
  return {
    page: new Uint16Array(count),
    start: new Uint16Array(count),
    span: new Uint32Array(count),
    hash: new Uint32Array(count),
  };
}

function hasWide(text: string, from: number): boolean {
  for (let at = from; at < text.length; at++) if (text.charCodeAt(at) > 0xff) return true;
  return false;
}

function textOf(codes: readonly number[]): string {
  let text = '';
  for (let at = 0; at < codes.length; at += 4_096) text += String.fromCharCode(...codes.slice(at, at + 4_096));
  return text;
}

// FNV-1a over the characters, with a last mix so that the low bits, which pick the slot, depend on all of them.
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x85ebca6b) >>> 0;
}

/**
 * Many small rings of (time, value) in few typed arrays: a series costs its samples, and a few bytes beside them. A ring is a
 * chain of blocks of four samples. It grows by a block, up to what its owner lets it have, and moves nothing; then the oldest
 * sample makes room. Times are whole milliseconds.
 */
export class RingPool {
  readonly #blocks = new Blocks();
  readonly #free: number[] = [];
  #rings = 0;
  #columns = makeColumns(16);

  /** A new, empty ring. It holds no room for samples before the first one comes. */
  take(): number {
    const ring = this.#free.pop() ?? this.#rings++;
    if (ring >= this.#columns.count.length) this.#columns = grown(this.#columns);
    return ring;
  }

  /** Gives a ring back. */
  release(ring: number): void {
    this.#dropOldest(ring, this.count(ring));
    this.#free.push(ring);
  }

  count(ring: number): number {
    return this.#columns.count[ring] ?? 0;
  }

  /** The samples from the `from`-th oldest on, oldest first. */
  *read(ring: number, from = 0): Generator<{ readonly tMs: number; readonly v: number }> {
    const count = this.count(ring);
    if (from >= count) return;
    const columns = this.#columns;
    const base = columns.base[ring] ?? 0;
    let at = (columns.start[ring] ?? 0) + Math.max(0, from);
    let block = columns.head[ring] ?? none;
    for (; at >= blockSize; at -= blockSize) block = this.#blocks.after(block);
    for (let index = Math.max(0, from); index < count; index++) {
      yield { tMs: base + this.#blocks.time(block, at), v: this.#blocks.value(block, at) };
      if (++at < blockSize) continue;
      at = 0;
      block = this.#blocks.after(block);
    }
  }

  /** The newest sample. */
  last(ring: number): { readonly tMs: number; readonly v: number } | undefined {
    if (this.count(ring) === 0) return undefined;
    const v = this.#blocks.value(this.#columns.tail[ring] ?? none, this.#placeOfLast(ring));
    return { tMs: this.newest(ring), v };
  }

  /** When the newest sample was taken; minus infinity for none. */
  newest(ring: number): number {
    const { count, base, tail } = this.#columns;
    if ((count[ring] ?? 0) === 0) return -Infinity;
    return (base[ring] ?? 0) + this.#blocks.time(tail[ring] ?? none, this.#placeOfLast(ring));
  }

  /** Appends a sample; the ring holds `most` at most. */
  push(ring: number, tMs: number, v: number, most: number): void {
    const columns = this.#columns;
    this.#dropOldest(ring, this.count(ring) - Math.max(1, most) + 1);
    const count = this.count(ring);
    if (count === 0) columns.base[ring] = Math.round(tMs);
    let offset = Math.round(tMs) - (columns.base[ring] ?? 0);
    if (offset < 0 || offset > largestOffset) {
      this.#rebase(ring, tMs);
      offset = Math.max(0, Math.round(tMs) - (columns.base[ring] ?? 0));
    }
    const place = ((columns.start[ring] ?? 0) + count) % blockSize;
    if (place === 0 || count === 0) this.#extend(ring);
    this.#blocks.write(columns.tail[ring] ?? none, place, offset, v);
    columns.count[ring] = count + 1;
  }

  /** Forgets the newest sample. */
  dropNewest(ring: number): void {
    const columns = this.#columns;
    const count = this.count(ring);
    if (count === 0) return;
    columns.count[ring] = count - 1;
    if (count === 1) {
      this.#blocks.release(columns.head[ring] ?? none);
      this.#begin(ring);
    } else if (((columns.start[ring] ?? 0) + count - 1) % blockSize === 0) {
      this.#blocks.release(columns.tail[ring] ?? none);
      let block = columns.head[ring] ?? none;
      for (let left = (columns.start[ring] ?? 0) + count - 2; left >= blockSize; left -= blockSize)
        block = this.#blocks.after(block);
      columns.tail[ring] = block;
    }
  }

  #extend(ring: number): void {
    const columns = this.#columns;
    const block = this.#blocks.take();
    if (this.count(ring) === 0) columns.head[ring] = block;
    else this.#blocks.chain(columns.tail[ring] ?? none, block);
    columns.tail[ring] = block;
  }

  #dropOldest(ring: number, many: number): void {
    const columns = this.#columns;
    if (many <= 0) return;
    const left = this.count(ring) - many;
    let start = (columns.start[ring] ?? 0) + many;
    let block = columns.head[ring] ?? none;
    for (; start >= blockSize; start -= blockSize) {
      const next = this.#blocks.after(block);
      this.#blocks.release(block);
      block = next;
    }
    columns.count[ring] = left;
    columns.head[ring] = block;
    columns.start[ring] = start;
    if (left > 0) return;
    // Where the last sample stood at the end of its block, that block is given back already.
    if (start > 0) this.#blocks.release(block);
    this.#begin(ring);
  }

  #begin(ring: number): void {
    this.#columns.start[ring] = 0;
    this.#columns.count[ring] = 0;
  }

  #placeOfLast(ring: number): number {
    return ((this.#columns.start[ring] ?? 0) + this.count(ring) - 1) % blockSize;
  }

  // Times are counted from another moment: what is longer ago than can be told becomes as old as can be told.
  #rebase(ring: number, tMs: number): void {
    const columns = this.#columns;
    const kept = [...this.read(ring)];
    const least = Math.min(Math.round(tMs), kept[0]?.tMs ?? tMs);
    const base = Math.max(least, Math.round(tMs) - largestOffset);
    columns.base[ring] = base;
    let at = columns.start[ring] ?? 0;
    let block = columns.head[ring] ?? none;
    for (const one of kept) {
      this.#blocks.write(block, at, Math.max(0, one.tMs - base), one.v);
      if (++at < blockSize) continue;
      at = 0;
      block = this.#blocks.after(block);
    }
  }
}

const blockSize = 4;
const slotBits = 10;
const slotMask = (1 << slotBits) - 1;
const firstPage = 64;
const largestPage = 1 << slotBits;
const none = -1;
const largestOffset = 0xffff_ffff;

interface Page {
  readonly times: Uint32Array;
  readonly values: Float64Array;
  readonly after: Int32Array;
  readonly slots: number;
  readonly free: number[];
  /** Slots never given out yet begin here. */
  next: number;
  used: number;
}

/** Blocks in pages that grow from small to large, so that a small pool stays small. A page that nobody uses is given back. */
class Blocks {
  readonly #pages: (Page | undefined)[] = [];
  readonly #vacant: number[] = [];
  /** Pages that may have room, the last one first. */
  readonly #open: number[] = [];

  take(): number {
    for (let at = this.#open.at(-1); at !== undefined; at = this.#open.at(-1)) {
      const page = this.#pages[at];
      if (page !== undefined && page.used < page.slots) {
        page.used++;
        return (at << slotBits) | (page.free.pop() ?? page.next++);
      }
      this.#open.pop();
    }
    this.#add();
    return this.take();
  }

  release(block: number): void {
    const at = block >> slotBits;
    const page = this.#pages[at];
    if (page === undefined) return;
    if (page.used === page.slots) this.#open.push(at);
    page.free.push(block & slotMask);
    page.used--;
    if (page.used > 0) return;
    this.#pages[at] = undefined;
    this.#vacant.push(at);
  }

  chain(block: number, next: number): void {
    const page = this.#pages[block >> slotBits];
    if (page !== undefined) page.after[block & slotMask] = next;
  }

  after(block: number): number {
    return this.#pages[block >> slotBits]?.after[block & slotMask] ?? none;
  }

  time(block: number, place: number): number {
    return this.#pages[block >> slotBits]?.times[(block & slotMask) * blockSize + place] ?? NaN;
  }

  value(block: number, place: number): number {
    return this.#pages[block >> slotBits]?.values[(block & slotMask) * blockSize + place] ?? NaN;
  }

  write(block: number, place: number, offsetMs: number, v: number): void {
    const page = this.#pages[block >> slotBits];
    if (page === undefined) return;
    const at = (block & slotMask) * blockSize + place;
    page.times[at] = offsetMs;
    page.values[at] = v;
  }

  #add(): void {
    const at = this.#vacant.pop() ?? this.#pages.length;
    const living = this.#pages.length - this.#vacant.length;
    const slots = Math.min(largestPage, firstPage << Math.min(living, 16));
    // One piece of memory: three would each be rounded up.
    const memory = new ArrayBuffer(slots * (blockSize * 12 + 4));
    const timesFrom = slots * blockSize * 8;
    this.#pages[at] = {
      values: new Float64Array(memory, 0, slots * blockSize),
      times: new Uint32Array(memory, timesFrom, slots * blockSize),
      after: new Int32Array(memory, timesFrom + slots * blockSize * 4, slots),
      slots,
      free: [],
      next: 0,
      used: 0,
    };
    this.#open.push(at);
  }
}

interface Columns {
  /** The blocks of the oldest and the newest sample. Mean nothing while there is none. */
  readonly head: Int32Array;
  readonly tail: Int32Array;
  /** Where in its block the oldest sample stands. */
  readonly start: Uint8Array;
  readonly count: Uint16Array;
  /** What the times are counted from, epoch milliseconds. */
  readonly base: Float64Array;
}

function makeColumns(capacity: number): Columns {
  return {
    head: new Int32Array(capacity),
    tail: new Int32Array(capacity),
    start: new Uint8Array(capacity),
    count: new Uint16Array(capacity),
    base: new Float64Array(capacity),
  };
}

// By a quarter: of many rings, what stands empty counts.
function grown(old: Columns): Columns {
  const made = makeColumns(Math.ceil(old.count.length * 1.25));
  made.head.set(old.head);
  made.tail.set(old.tail);
  made.start.set(old.start);
  made.count.set(old.count);
  made.base.set(old.base);
  return made;
}

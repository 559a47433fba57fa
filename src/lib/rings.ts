/**
 * Many small rings of (time, value) in few typed arrays: a series costs its samples, and twenty-odd bytes beside them. A
 * ring begins small and moves to a larger size as it fills, up to what its owner lets it have; then the oldest sample
 * makes room. Times are whole milliseconds.
 */
export class RingPool {
  readonly #sizes: readonly number[];
  readonly #classes: readonly SizeClass[];
  readonly #free: number[] = [];
  #rings = 0;
  #columns = makeColumns(16);

  /** @param sizes the capacities a ring may have, rising. */
  constructor(sizes: readonly number[]) {
    this.#sizes = sizes;
    this.#classes = sizes.map((capacity) => new SizeClass(capacity));
  }

  /** A new, empty ring. It holds no room for samples before the first one comes. */
  take(): number {
    const ring = this.#free.pop() ?? this.#rings++;
    if (ring >= this.#columns.count.length) this.#columns = grown(this.#columns);
    this.#columns.size[ring] = none;
    this.#columns.start[ring] = 0;
    this.#columns.count[ring] = 0;
    return ring;
  }

  /** Gives a ring back. */
  release(ring: number): void {
    this.#leave(ring);
    this.#free.push(ring);
  }

  count(ring: number): number {
    return this.#columns.count[ring] ?? 0;
  }

  /** When the n-th oldest sample was taken; NaN when there is none. */
  time(ring: number, index: number): number {
    const columns = this.#columns;
    const page = this.#page(ring);
    if (page === undefined || index < 0 || index >= (columns.count[ring] ?? 0)) return NaN;
    return (columns.base[ring] ?? 0) + (page.times[this.#place(ring, index)] ?? 0);
  }

  /** The n-th oldest value; NaN when there is none. */
  value(ring: number, index: number): number {
    const page = this.#page(ring);
    if (page === undefined || index < 0 || index >= (this.#columns.count[ring] ?? 0)) return NaN;
    return page.values[this.#place(ring, index)] ?? NaN;
  }

  /** When the newest sample was taken; minus infinity for none. */
  newest(ring: number): number {
    const count = this.#columns.count[ring] ?? 0;
    return count === 0 ? -Infinity : this.time(ring, count - 1);
  }

  /** Appends a sample; the ring holds `most` at most, or the largest size of the pool. */
  push(ring: number, tMs: number, v: number, most: number): void {
    const columns = this.#columns;
    const count = columns.count[ring] ?? 0;
    const size = columns.size[ring] ?? none;
    const capacity = size === none ? 0 : (this.#sizes[size] ?? 0);
    if (count === 0) columns.base[ring] = Math.round(tMs);
    if (count >= capacity || count >= most) this.#resize(ring, most);
    this.#append(ring, tMs, v);
  }

  /** Forgets the newest sample. */
  dropNewest(ring: number): void {
    const count = this.#columns.count[ring] ?? 0;
    if (count > 0) this.#columns.count[ring] = count - 1;
  }

  #append(ring: number, tMs: number, v: number): void {
    const columns = this.#columns;
    let offset = Math.round(tMs) - (columns.base[ring] ?? 0);
    if (offset < 0 || offset > largestOffset) {
      this.#rebase(ring, tMs);
      offset = Math.max(0, Math.round(tMs) - (columns.base[ring] ?? 0));
    }
    const page = this.#page(ring);
    if (page === undefined) return;
    const at = this.#place(ring, columns.count[ring] ?? 0);
    page.times[at] = offset;
    page.values[at] = v;
    columns.count[ring] = (columns.count[ring] ?? 0) + 1;
  }

  // Makes room for one more: a larger place while one is allowed, else the oldest go.
  #resize(ring: number, most: number): void {
    const columns = this.#columns;
    const size = columns.size[ring] ?? none;
    const count = columns.count[ring] ?? 0;
    const allowed = this.#allowed(most);
    const wanted = size === none ? 0 : count >= (this.#sizes[size] ?? 0) ? size + 1 : size;
    const next = Math.min(wanted, allowed);
    const capacity = Math.min(this.#sizes[next] ?? 1, Math.max(1, most));
    if (size !== none && next === size) {
      this.#dropOldest(ring, count - capacity + 1);
      return;
    }
    const keep = Math.min(count, capacity - (count >= capacity ? 1 : 0));
    this.#move(ring, next, keep);
  }

  #allowed(most: number): number {
    const at = this.#sizes.findIndex((size) => size >= most);
    return at < 0 ? this.#sizes.length - 1 : at;
  }

  #dropOldest(ring: number, many: number): void {
    const columns = this.#columns;
    if (many <= 0) return;
    const capacity = this.#sizes[columns.size[ring] ?? 0] ?? 1;
    columns.start[ring] = ((columns.start[ring] ?? 0) + many) % capacity;
    columns.count[ring] = (columns.count[ring] ?? 0) - many;
  }

  #move(ring: number, size: number, keep: number): void {
    const columns = this.#columns;
    const count = columns.count[ring] ?? 0;
    const times: number[] = [];
    const values: number[] = [];
    for (let index = count - keep; index < count; index++) {
      times.push(this.time(ring, index));
      values.push(this.value(ring, index));
    }
    this.#leave(ring);
    columns.size[ring] = size;
    columns.slot[ring] = this.#classes[size]?.take() ?? 0;
    columns.start[ring] = 0;
    columns.count[ring] = 0;
    for (const [index, tMs] of times.entries()) this.#append(ring, tMs, values[index] ?? NaN);
  }

  #leave(ring: number): void {
    const size = this.#columns.size[ring] ?? none;
    if (size !== none) this.#classes[size]?.release(this.#columns.slot[ring] ?? 0);
    this.#columns.size[ring] = none;
  }

  #rebase(ring: number, tMs: number): void {
    const columns = this.#columns;
    const count = columns.count[ring] ?? 0;
    const times = Array.from({ length: count }, (_, index) => this.time(ring, index));
    const base = Math.min(Math.round(tMs), times[0] ?? tMs);
    const page = this.#page(ring);
    columns.base[ring] = Math.max(base, Math.round(tMs) - largestOffset);
    for (const [index, time] of times.entries())
      if (page !== undefined) page.times[this.#place(ring, index)] = Math.max(0, time - (columns.base[ring] ?? 0));
  }

  #page(ring: number): Page | undefined {
    const size = this.#columns.size[ring] ?? none;
    return size === none ? undefined : this.#classes[size]?.page(this.#columns.slot[ring] ?? 0);
  }

  #place(ring: number, index: number): number {
    const columns = this.#columns;
    const capacity = this.#sizes[columns.size[ring] ?? 0] ?? 1;
    let at = (columns.start[ring] ?? 0) + index;
    if (at >= capacity) at -= capacity;
    return ((columns.slot[ring] ?? 0) & slotMask) * capacity + at;
  }
}

interface Page {
  readonly times: Uint32Array;
  readonly values: Float64Array;
  readonly slots: number;
  readonly free: number[];
  /** Slots never given out yet begin here. */
  next: number;
  used: number;
}

const slotBits = 16;
const slotMask = (1 << slotBits) - 1;
const firstPage = 512;
const largestPage = 65_536;
const none = 255;
const largestOffset = 0xffff_ffff;

/**
 * Room for rings of one capacity, in pages that grow from small to large, so that a small pool stays small. A page that
 * nobody uses any more is given back: rings that began together outgrow a capacity together.
 */
class SizeClass {
  readonly #capacity: number;
  readonly #pages: (Page | undefined)[] = [];
  readonly #vacant: number[] = [];
  /** Pages that may have room, the last one first. */
  readonly #open: number[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

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

  release(slot: number): void {
    const at = slot >>> slotBits;
    const page = this.#pages[at];
    if (page === undefined) return;
    if (page.used === page.slots) this.#open.push(at);
    page.free.push(slot & slotMask);
    page.used--;
    if (page.used > 0) return;
    this.#pages[at] = undefined;
    this.#vacant.push(at);
  }

  page(slot: number): Page | undefined {
    return this.#pages[slot >>> slotBits];
  }

  #add(): void {
    const at = this.#vacant.pop() ?? this.#pages.length;
    const living = this.#pages.length - this.#vacant.length;
    const samples = Math.min(largestPage, firstPage << Math.min(living, 16));
    const slots = Math.max(1, Math.floor(samples / this.#capacity));
    const length = slots * this.#capacity;
    const made = { times: new Uint32Array(length), values: new Float64Array(length) };
    this.#pages[at] = { ...made, slots, free: [], next: 0, used: 0 };
    this.#open.push(at);
  }
}

interface Columns {
  /** Which size, `none` before the first sample. */
  readonly size: Uint8Array;
  readonly slot: Uint32Array;
  readonly start: Uint16Array;
  readonly count: Uint16Array;
  /** What the times are counted from, epoch milliseconds. */
  readonly base: Float64Array;
}

function makeColumns(capacity: number): Columns {
  return {
    size: new Uint8Array(capacity).fill(none),
    slot: new Uint32Array(capacity),
    start: new Uint16Array(capacity),
    count: new Uint16Array(capacity),
    base: new Float64Array(capacity),
  };
}

function grown(old: Columns): Columns {
  const made = makeColumns(old.size.length * 2);
  made.size.set(old.size);
  made.slot.set(old.slot);
  made.start.set(old.start);
  made.count.set(old.count);
  made.base.set(old.base);
  return made;
}

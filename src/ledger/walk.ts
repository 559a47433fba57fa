import type { LedgerEntry } from '../domain/ledger.ts';
import type { StoredPayload } from '../domain/ports/store.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import { commitTo } from './commitment.ts';
import { readEntry, redactedSeq } from './entry.ts';
import { hashBytes, hashLeaf, sameBytes } from './hash.ts';
import { payloadsPath } from './payloads.ts';
import { maxProblems, type Findings, type LedgerProblem } from './report.ts';
import { tilePath } from './tiles.ts';
import { partialWidth, splitTile, tileLevels, tileWidth, TreeEdge } from './tree.ts';

/** Where a ledger is read from: a store, or an exported folder. Positions are named as in the exported layout. */
export interface VerifiableLedger {
  checkpoint(): Promise<string>;
  /** Entries of a bundle; `leaves` are the hashes kept beside them, where there are any. */
  bundle(index: number, width: number): Promise<BundleRead>;
  tile(level: number, index: number, width: number): Promise<Uint8Array>;
  payloads(index: number, width: number): Promise<readonly StoredPayload[]>;
}

/** A bundle of entries as it was read. */
export interface BundleRead {
  readonly entries: readonly Uint8Array[];
  readonly leaves?: readonly Uint8Array[];
}

/**
 * One pass over a ledger, bundle by bundle, from the entries up to the root.
 */
export class Walk {
  redacted = 0;
  payloads = 0;
  readonly #source: VerifiableLedger;
  readonly #size: number;
  readonly #findings: Findings;
  readonly #edge = new TreeEdge();
  /** The tree as the stored leaf hashes would have it, kept only once it differs: tells which of the two is wrong. */
  #claimed: TreeEdge | undefined;
  readonly #doubts: { readonly seq: number; readonly entry: LedgerProblem; readonly tile: LedgerProblem }[] = [];
  /** Entries whose payload is not there, until an entry says that it was erased. */
  readonly #missing = new Map<number, string>();
  #lost = false;

  constructor(source: VerifiableLedger, size: number, findings: Findings) {
    this.#source = source;
    this.#size = size;
    this.#findings = findings;
  }

  async run(): Promise<void> {
    for (let index = 0; index * tileWidth < this.#size && !this.#lost; index++)
      await this.#bundle(index, Math.min(tileWidth, this.#size - index * tileWidth));
    if (this.#lost) return;
    for (let level = 1; level < tileLevels(this.#size); level++) {
      const width = partialWidth(this.#size, level);
      if (width === 0) continue;
      const index = Math.floor(this.#edge.size / tileWidth ** (level + 1));
      const computed = this.#edge.partialTile(level) ?? Buffer.alloc(0);
      await this.#compareTile(level, index, computed, this.#claimed?.partialTile(level));
    }
  }

  /** Compares the roots, and says of each doubtful leaf whether the entry or its kept hash was changed. */
  conclude(root: Uint8Array): void {
    for (const [seq, file] of this.#missing)
      this.#findings.add({
        file,
        seq,
        message: `the payload of entry ${seq} is missing, and no later entry erased it`,
      });
    if (this.#lost) return;
    const entriesAgree = sameBytes(this.#edge.root(), root);
    const tilesAgree = this.#claimed !== undefined && sameBytes(this.#claimed.root(), root);
    for (const { entry, tile } of this.#doubts) this.#findings.add(entriesAgree ? tile : entry);
    if (entriesAgree || (tilesAgree && this.#doubts.length > 0)) return;
    this.#findings.add({
      file: 'checkpoint',
      message: 'the entries do not lead to the root that was signed: the log was changed',
    });
  }

  async #bundle(index: number, width: number): Promise<void> {
    const file = tilePath('entries', index, width);
    const read = await this.#read(file, () => this.#source.bundle(index, width));
    if (read === undefined) return;
    if (read.entries.length !== width) {
      this.#findings.add({ file, message: `it holds ${read.entries.length} entries instead of ${width}` });
      this.#lost = true;
      return;
    }
    const payloads = await this.#payloadsOf(index, width);
    const before = this.#edge.fork();
    const leaves: Uint8Array[] = [];
    const offsets: number[] = [];
    let offset = 0;
    for (const [at, data] of read.entries.entries()) {
      const leaf = hashLeaf(data);
      const kept = read.leaves?.[at];
      if (kept !== undefined && !sameBytes(kept, leaf))
        this.#findings.add({ file, seq: index * tileWidth + at, message: 'the hash beside the entry is another' });
      leaves.push(leaf);
      offsets.push(offset);
      offset += 2 + data.length;
      this.#entry(file, index * tileWidth + at, data, offsets[at] ?? 0, payloads);
    }
    for (const payload of payloads.values())
      this.#findings.add({ file: payloads.file, seq: payload.seq, message: 'it belongs to no entry' });
    await this.#leaves(index, width, { leaves, before, file, offsets: [...offsets, offset] });
  }

  #entry(file: string, seq: number, data: Uint8Array, offset: number, payloads: PayloadMap): void {
    const entry = readEntry(data);
    const bytes = [offset + 2, offset + 2 + data.length] as const;
    if (typeof entry === 'string') {
      this.#findings.add({ file, seq, bytes, message: `entry ${seq} is not a ledger entry: ${entry}` });
      return;
    }
    if (entry.seq !== seq)
      this.#findings.add({ file, seq, bytes, message: `entry ${seq} says that it is number ${entry.seq}` });
    const erased = redactedSeq(entry);
    if (erased !== undefined && this.#missing.delete(erased)) this.redacted++;
    if (entry.commitment !== undefined) this.#payload(entry, seq, payloads);
  }

  #payload(entry: LedgerEntry, seq: number, payloads: PayloadMap): void {
    const payload = payloads.get(seq);
    if (payload === undefined) {
      this.#missing.set(seq, payloads.file);
      return;
    }
    payloads.delete(seq);
    this.payloads++;
    if (payload.commitment !== entry.commitment || commitTo(payload.data, payload.salt) !== entry.commitment)
      this.#findings.add({
        file: payloads.file,
        seq,
        message: `the payload of entry ${seq} is not what it committed to`,
      });
  }

  async #payloadsOf(index: number, width: number): Promise<PayloadMap> {
    const payloads = new PayloadMap(index);
    const read = (await this.#read(payloads.file, () => this.#source.payloads(index, width), false)) ?? [];
    let last = -1;
    for (const payload of read) {
      if (payload.seq <= last)
        this.#findings.add({ file: payloads.file, seq: payload.seq, message: 'its lines are out of order' });
      last = payload.seq;
      payloads.set(payload.seq, payload);
    }
    return payloads;
  }

  async #leaves(
    index: number,
    width: number,
    bundle: {
      readonly leaves: readonly Uint8Array[];
      readonly before: TreeEdge;
      readonly file: string;
      readonly offsets: readonly number[];
    },
  ): Promise<void> {
    const completed = bundle.leaves.flatMap((leaf) => this.#edge.append(leaf));
    const file = tilePath(0, index, width);
    const claimed = await this.#read(file, () => this.#source.tile(0, index, width), false);
    const kept = claimed === undefined ? [] : splitTile(claimed);
    if (claimed?.length === width * hashBytes) this.#doubtLeaves(index, kept, bundle, file);
    else if (claimed) this.#findings.add({ file, message: `it has ${claimed.length} bytes` });
    const alternative = this.#claimed
      ? bundle.leaves.flatMap((leaf, at) => this.#claimed?.append(kept[at] ?? leaf) ?? [])
      : [];
    for (const [at, tile] of completed.entries())
      if (tile.level > 0) await this.#compareTile(tile.level, tile.index, tile.data, alternative[at]?.data);
  }

  #doubtLeaves(
    index: number,
    kept: readonly Uint8Array[],
    bundle: {
      readonly leaves: readonly Uint8Array[];
      readonly before: TreeEdge;
      readonly file: string;
      readonly offsets: readonly number[];
    },
    tileFile: string,
  ): void {
    for (const [at, leaf] of bundle.leaves.entries()) {
      if (sameBytes(kept[at] ?? leaf, leaf)) continue;
      this.#claimed ??= bundle.before;
      const seq = index * tileWidth + at;
      const [start = 0, end = 0] = [bundle.offsets[at], bundle.offsets[at + 1]];
      if (this.#doubts.length >= maxProblems) continue;
      this.#doubts.push({
        seq,
        entry: { file: bundle.file, seq, bytes: [start, end], message: `entry ${seq} is not the one that was signed` },
        tile: {
          file: tileFile,
          seq,
          bytes: [at * hashBytes, (at + 1) * hashBytes],
          message: `the hash of entry ${seq} is wrong`,
        },
      });
    }
  }

  // A tile above a doubtful leaf may go by the entry or by its kept hash; which of the two is wrong is said of the leaf.
  async #compareTile(
    level: number,
    index: number,
    computed: Uint8Array,
    alternative: Uint8Array | undefined,
  ): Promise<void> {
    const width = computed.length / hashBytes;
    const file = tilePath(level, index, width);
    const claimed = await this.#read(file, () => this.#source.tile(level, index, width), false);
    if (claimed === undefined || (alternative && sameBytes(claimed, alternative))) return;
    if (claimed.length !== computed.length)
      this.#findings.add({ file, message: `it has ${claimed.length} bytes instead of ${computed.length}` });
    else if (!sameBytes(claimed, computed)) {
      const at = claimed.findIndex((byte, position) => byte !== computed[position]);
      const first = Math.floor(at / hashBytes) * hashBytes;
      const below = index * tileWidth + first / hashBytes;
      this.#findings.add({
        file,
        bytes: [first, first + hashBytes],
        message: `its hash ${first / hashBytes} is not the root of ${tilePath(level - 1, below, tileWidth)}`,
      });
    }
  }

  // What cannot be read is a finding. Without the entries of a bundle nothing after it can be checked.
  async #read<T>(file: string, read: () => Promise<T>, fatal = true): Promise<T | undefined> {
    try {
      return await read();
    } catch (thrown) {
      const fault = WatchkeeperError.from(thrown);
      if (fault.code === 'aborted' || fault.code === 'timeout') throw fault;
      this.#findings.add({ file, message: fault.message });
      this.#lost ||= fatal;
      return undefined;
    }
  }
}

class PayloadMap extends Map<number, StoredPayload> {
  readonly file: string;

  constructor(index: number) {
    super();
    this.file = payloadsPath(index);
  }
}

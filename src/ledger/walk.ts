import type { StoredPayload } from '../domain/ports/store.ts';
import { commitTo } from './commitment.ts';
import { fetchBundles, outcome, type FetchedBundle, type Outcome, type VerifiableLedger } from './fetch.ts';
import { hashBytes, hashLeaf, sameBytes } from './hash.ts';
import { payloadsPath } from './payloads.ts';
import { maxProblems, type Findings, type LedgerProblem } from './report.ts';
import { readFacts } from './scan.ts';
import { tilePath } from './tiles.ts';
import { joinHashes, partialWidth, splitTile, tileLevels, tileWidth, TreeEdge } from './tree.ts';

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
    for await (const fetched of fetchBundles(this.#source, this.#size)) {
      await this.#bundle(fetched);
      if (this.#lost) return;
    }
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

  async #bundle(fetched: FetchedBundle): Promise<void> {
    const { index, width } = fetched;
    const file = tilePath('entries', index, width);
    const read = this.#take(file, fetched.bundle);
    if (read === undefined) {
      this.#lost = true;
      return;
    }
    if (read.entries.length !== width) {
      this.#findings.add({ file, message: `it holds ${read.entries.length} entries instead of ${width}` });
      this.#lost = true;
      return;
    }
    const payloads = this.#payloadsOf(fetched);
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
    await this.#leaves(fetched, { leaves, before, file, offsets: [...offsets, offset] });
  }

  #entry(file: string, seq: number, data: Uint8Array, offset: number, payloads: PayloadMap): void {
    const entry = readFacts(data);
    const bytes = [offset + 2, offset + 2 + data.length] as const;
    if (typeof entry === 'string') {
      this.#findings.add({ file, seq, bytes, message: `entry ${seq} is not a ledger entry: ${entry}` });
      return;
    }
    if (entry.seq !== seq)
      this.#findings.add({ file, seq, bytes, message: `entry ${seq} says that it is number ${entry.seq}` });
    if (entry.erased !== undefined && this.#missing.delete(entry.erased)) this.redacted++;
    if (entry.commitment !== undefined) this.#payload(entry.commitment, seq, payloads);
  }

  #payload(commitment: string, seq: number, payloads: PayloadMap): void {
    const payload = payloads.get(seq);
    if (payload === undefined) {
      this.#missing.set(seq, payloads.file);
      return;
    }
    payloads.delete(seq);
    this.payloads++;
    if (payload.commitment !== commitment || commitTo(payload.data, payload.salt) !== commitment)
      this.#findings.add({
        file: payloads.file,
        seq,
        message: `the payload of entry ${seq} is not what it committed to`,
      });
  }

  #payloadsOf(fetched: FetchedBundle): PayloadMap {
    const payloads = new PayloadMap(fetched.index);
    const read = this.#take(payloads.file, fetched.payloads) ?? [];
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
    { index, width, leafTile }: FetchedBundle,
    bundle: {
      readonly leaves: readonly Uint8Array[];
      readonly before: TreeEdge;
      readonly file: string;
      readonly offsets: readonly number[];
    },
  ): Promise<void> {
    const completed = bundle.leaves.flatMap((leaf) => this.#edge.append(leaf));
    const file = tilePath(0, index, width);
    const claimed = this.#take(file, leafTile);
    const differs = claimed !== undefined && !sameBytes(claimed, joinHashes(bundle.leaves));
    const kept = differs || this.#claimed ? splitTile(claimed ?? new Uint8Array()) : [];
    if (differs && claimed.length !== width * hashBytes)
      this.#findings.add({ file, message: `it has ${claimed.length} bytes` });
    else if (differs) this.#doubtLeaves(index, kept, bundle, file);
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
    const claimed = this.#take(file, await outcome(() => this.#source.tile(level, index, width)));
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

  // What cannot be read is a finding, unless nobody waits for it any more.
  #take<T>(file: string, read: Outcome<T>): T | undefined {
    if (read.ok) return read.value;
    if (read.fault.code === 'aborted' || read.fault.code === 'timeout') throw read.fault;
    this.#findings.add({ file, message: read.fault.message });
    return undefined;
  }
}

class PayloadMap extends Map<number, StoredPayload> {
  readonly file: string;

  constructor(index: number) {
    super();
    this.file = payloadsPath(index);
  }
}

import type { StoredPayload } from '../domain/ports/store.ts';
import { commitTo } from './commitment.ts';
import { fetchBundles, outcome, type FetchedBundle, type Outcome, type VerifiableLedger } from './fetch.ts';
import { hashBytes, hashLeaves, sameBytes } from './hash.ts';
import { payloadsPath } from './payloads.ts';
import { maxProblems, type Findings, type LedgerProblem } from './report.ts';
import { readFacts } from './scan.ts';
import { tilePath } from './tiles.ts';
import { partialWidth, tileLevels, tileWidth, TreeEdge } from './tree.ts';

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
    const entries = this.#take(file, fetched.bundle);
    if (entries?.length !== width) {
      if (entries) this.#findings.add({ file, message: `it holds ${entries.length} entries instead of ${width}` });
      this.#lost = true;
      return;
    }
    const payloads = this.#payloadsOf(fetched);
    for (const [at, data] of entries.entries()) this.#entry({ file, entries }, index * tileWidth + at, data, payloads);
    for (const payload of payloads.values())
      this.#findings.add({ file: payloads.file, seq: payload.seq, message: 'it belongs to no entry' });
    await this.#leaves(fetched, { file, entries });
  }

  #entry(bundle: Bundle, seq: number, data: Uint8Array, payloads: PayloadMap): void {
    const entry = readFacts(data);
    const { file } = bundle;
    const wrong = (message: string): void =>
      this.#findings.add({ file, seq, bytes: bytesOf(bundle, seq % tileWidth, 2), message });
    if (typeof entry === 'string') {
      wrong(`entry ${seq} is not a ledger entry: ${entry}`);
      return;
    }
    if (entry.seq !== seq) wrong(`entry ${seq} says that it is number ${entry.seq}`);
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

  async #leaves({ index, width, leafTile }: FetchedBundle, bundle: Bundle): Promise<void> {
    const leaves = hashLeaves(bundle.entries);
    const file = tilePath(0, index, width);
    const claimed = this.#take(file, leafTile);
    let kept = leaves;
    if (claimed !== undefined && claimed.length !== leaves.length)
      this.#findings.add({ file, message: `it has ${claimed.length} bytes` });
    else if (claimed !== undefined && !sameBytes(claimed, leaves)) {
      kept = claimed;
      this.#claimed ??= this.#edge.fork();
      this.#doubtLeaves({ file, index, kept }, leaves, bundle);
    }
    const completed = this.#edge.appendAll(leaves);
    const alternative = this.#claimed?.appendAll(kept) ?? [];
    for (const [at, tile] of completed.entries())
      if (tile.level > 0) await this.#compareTile(tile.level, tile.index, tile.data, alternative[at]?.data);
  }

  #doubtLeaves(
    tile: { readonly file: string; readonly index: number; readonly kept: Uint8Array },
    leaves: Uint8Array,
    bundle: Bundle,
  ): void {
    for (let at = 0; at < bundle.entries.length && this.#doubts.length < maxProblems; at++) {
      const [from, to] = [at * hashBytes, (at + 1) * hashBytes];
      if (sameBytes(tile.kept.subarray(from, to), leaves.subarray(from, to))) continue;
      const seq = tile.index * tileWidth + at;
      const bytes = bytesOf(bundle, at, 0);
      this.#doubts.push({
        seq,
        entry: { file: bundle.file, seq, bytes, message: `entry ${seq} is not the one that was signed` },
        tile: { file: tile.file, seq, bytes: [from, to], message: `the hash of entry ${seq} is wrong` },
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

/** Entries of a bundle, and the file they are in, or would be. */
interface Bundle {
  readonly file: string;
  readonly entries: readonly Uint8Array[];
}

// The bytes of one entry in its bundle, without so many of those before it that hold its length.
function bytesOf({ entries }: Bundle, at: number, skip: 0 | 2): readonly [number, number] {
  let start = 0;
  for (const entry of entries.slice(0, at)) start += 2 + entry.length;
  return [start + skip, start + 2 + (entries[at]?.length ?? 0)];
}

class PayloadMap extends Map<number, StoredPayload> {
  readonly file: string;

  constructor(index: number) {
    super();
    this.file = payloadsPath(index);
  }
}

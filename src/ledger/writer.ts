import type { LedgerDraft, LedgerEntry } from '../domain/ledger.ts';
import type { Random } from '../domain/ports/io.ts';
import type { RecordBatch } from '../domain/ports/ledger.ts';
import type { Expect, LedgerRows, Put, Store } from '../domain/ports/store.ts';
import { canonicalJson } from '../lib/canonical.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import { limits } from '../lib/limits.ts';
import { signCheckpoint } from './checkpoint.ts';
import { commitTo, saltBytes } from './commitment.ts';
import { sealDraft, type SealedDraft } from './entry.ts';
import { hashLeaf } from './hash.ts';
import type { NoteSigner } from './note.ts';
import type { FullTile, TreeEdge } from './tree.ts';

interface SealedPayload {
  readonly commitment: string;
  readonly salt: Uint8Array;
  readonly data: Uint8Array;
}

interface Pending {
  readonly drafts: readonly { readonly sealed: SealedDraft; readonly payload: SealedPayload | undefined }[];
  readonly puts: readonly Put[];
  readonly expects: readonly Expect[];
  resolve(entries: readonly LedgerEntry[]): void;
  reject(reason: unknown): void;
}

interface WriterOptions {
  readonly store: Store;
  readonly random: Random;
  readonly origin: string;
  readonly epoch: number;
  readonly edge: TreeEdge;
  readonly note: string;
  readonly signers: readonly NoteSigner[];
  /** Told of each checkpoint once it is durable. */
  onCheckpoint(note: string): void;
}

/**
 * Appends to the log in groups: while one commit is in flight the rest queue up, and the next commit takes them all (up to
 * a limit). When idle nothing waits and no timer runs, so a lone entry is as fast as the disk.
 */
export class GroupWriter {
  readonly #options: WriterOptions;
  readonly #queue: Pending[] = [];
  #signers: readonly NoteSigner[];
  #edge: TreeEdge;
  #note: string;
  #draining: Promise<void> | undefined;
  #fatal: WatchkeeperError | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#edge = options.edge;
    this.#note = options.note;
    this.#signers = options.signers;
  }

  get size(): number {
    return this.#edge.size;
  }

  /** The newest durable checkpoint. */
  get note(): string {
    return this.#note;
  }

  /** What ended this writer, if anything has. */
  get fatal(): WatchkeeperError | undefined {
    return this.#fatal;
  }

  /** Also signs with this key from the next commit on. */
  addSigner(signer: NoteSigner): void {
    this.#signers = [signer, ...this.#signers];
  }

  record(batch: RecordBatch): Promise<readonly LedgerEntry[]> {
    return new Promise((resolve, reject) => {
      if (this.#fatal) throw this.#fatal;
      if (this.#queue.length >= limits.ledgerQueueBatches)
        throw new WatchkeeperError('rate-limited', `${limits.ledgerQueueBatches} batches already wait for the ledger`);
      if (batch.drafts.length > limits.ledgerBatchEntries)
        throw new WatchkeeperError('too-large', `a batch has at most ${limits.ledgerBatchEntries} entries`);
      this.#queue.push({
        drafts: batch.drafts.map((draft) => this.#seal(draft)),
        puts: batch.puts ?? [],
        expects: batch.expects ?? [],
        resolve,
        reject,
      });
      this.#draining ??= this.#drain();
    });
  }

  /** Resolves when nothing that was handed in before is waiting any more. */
  async flush(): Promise<void> {
    while (this.#draining) await this.#draining;
  }

  #seal(draft: LedgerDraft): Pending['drafts'][number] {
    const payload = draft.payload === undefined ? undefined : this.#sealPayload(draft, canonicalJson(draft.payload));
    return { sealed: sealDraft(draft, this.#options.epoch, payload?.commitment), payload };
  }

  #sealPayload(draft: LedgerDraft, text: string): SealedPayload {
    const data = Buffer.from(text);
    if (data.length > limits.ledgerPayloadBytes)
      throw new WatchkeeperError(
        'too-large',
        `the payload of a ${draft.type} entry has ${data.length} bytes; ${limits.ledgerPayloadBytes} are allowed`,
      );
    const salt = this.#options.random.bytes(saltBytes);
    return { commitment: commitTo(data, salt), salt, data };
  }

  async #drain(): Promise<void> {
    // One turn of the microtask queue lets everything that is handed in together share the first commit.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = takeGroup(this.#queue);
      const fault = await this.#commit(group);
      if (fault === undefined) continue;
      // Somebody's expectation failed. Only that batch may fail, so each gets a transaction of its own.
      if (group.length > 1 && isRefusal(fault)) for (const one of group) await this.#commitAlone(one);
      else await this.#fail(group, fault);
    }
    // In the same turn as the look at the queue: a batch handed in one turn later must start another drain.
    this.#draining = undefined;
  }

  async #commitAlone(one: Pending): Promise<void> {
    const fault = this.#fatal ?? (await this.#commit([one]));
    if (fault !== undefined) await this.#fail([one], fault);
  }

  async #commit(group: readonly Pending[]): Promise<WatchkeeperError | undefined> {
    const { store, epoch } = this.#options;
    try {
      const edge = this.#edge.fork();
      const { rows, entries } = this.#rows(group, edge);
      await store.commit({
        puts: group.flatMap((pending) => pending.puts),
        expects: group.flatMap((pending) => pending.expects),
        epoch,
        ...(rows.entries.length > 0 ? { ledger: rows } : {}),
      });
      if (rows.entries.length > 0) {
        this.#edge = edge;
        this.#note = rows.checkpoint.note;
        this.#options.onCheckpoint(this.#note);
      }
      for (const [at, pending] of group.entries()) pending.resolve(entries[at] ?? []);
      return undefined;
    } catch (thrown) {
      return WatchkeeperError.from(thrown, 'store-failed');
    }
  }

  #rows(
    group: readonly Pending[],
    edge: TreeEdge,
  ): { readonly rows: LedgerRows; readonly entries: readonly (readonly LedgerEntry[])[] } {
    const fromSeq = edge.size;
    const leaves: Uint8Array[] = [];
    const tiles: FullTile[] = [];
    const payloads: (SealedPayload & { seq: number })[] = [];
    const entries = group.map((pending) =>
      pending.drafts.map(({ sealed, payload }) => {
        const seq = edge.size;
        const data = sealed.bytesAt(seq);
        tiles.push(...edge.append(hashLeaf(data)));
        leaves.push(data);
        if (payload) payloads.push({ seq, ...payload });
        return sealed.at(seq);
      }),
    );
    const head = { origin: this.#options.origin, size: edge.size, root: edge.root() };
    const note = leaves.length > 0 ? signCheckpoint(head, this.#signers) : this.#note;
    return { rows: { fromSeq, entries: leaves, tiles, payloads, checkpoint: { size: edge.size, note } }, entries };
  }

  async #fail(group: readonly Pending[], fault: WatchkeeperError): Promise<void> {
    if (!isRefusal(fault) && !fault.retryable) this.#fatal ??= fault;
    else if (fault.code === 'conflict') this.#fatal ??= await this.#forked();
    for (const pending of group) pending.reject(this.#fatal ?? fault);
    if (this.#fatal) for (const pending of this.#queue.splice(0)) pending.reject(this.#fatal);
  }

  // A conflict is normally a failed expectation. If the stored log has grown without us, it is another writer instead.
  async #forked(): Promise<WatchkeeperError | undefined> {
    try {
      const stored = await this.#options.store.ledgerSize();
      if (stored === this.#edge.size) return undefined;
      return new WatchkeeperError('ledger-invalid', `the ledger has ${stored} entries, not ${this.#edge.size}`, {
        fix: 'Stop acting; another writer has appended to this ledger.',
      });
    } catch (thrown) {
      return WatchkeeperError.from(thrown, 'store-failed');
    }
  }
}

function isRefusal(fault: WatchkeeperError): boolean {
  return fault.code === 'conflict' && !fault.retryable;
}

/**
 * As many batches as fit one commit, in order. A batch that expects the version of something an earlier one writes must see
 * that write, so it begins the next group.
 */
function takeGroup(queue: Pending[]): readonly Pending[] {
  const written = new Set<string>();
  let entries = 0;
  let taken = 0;
  for (const pending of queue) {
    entries += pending.drafts.length;
    const clashes = pending.expects.some(({ space, key }) => written.has(`${space} ${key}`));
    if (taken > 0 && (clashes || entries > limits.ledgerBatchEntries)) break;
    for (const { space, key } of pending.puts) written.add(`${space} ${key}`);
    taken++;
  }
  return queue.splice(0, taken);
}

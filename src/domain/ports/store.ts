import type { Json } from '../../lib/json.ts';

/** Where working state lives. Closed, so that a store can index each and docs can say what is kept. */
export type Space =
  | 'meta'
  | 'alert'
  | 'incident'
  | 'diagnosis'
  | 'plan'
  | 'execution'
  | 'approval'
  | 'act'
  | 'change'
  | 'inbox'
  | 'detector'
  | 'delivery';

/** Writes one value, or removes it (`value: undefined`). */
export interface Put {
  readonly space: Space;
  readonly key: string;
  readonly value: Json | undefined;
}

/** Demands that the stored value has this version (0: absent) when the batch commits; otherwise `conflict`, nothing written. */
export interface Expect {
  readonly space: Space;
  readonly key: string;
  readonly version: number;
}

/** Rows of the ledger, as the ledger room computes them: the store keeps bytes and knows nothing of trees. */
export interface LedgerRows {
  /** Must equal the stored size, or the batch is a `conflict`: two writers cannot fork the log. */
  readonly fromSeq: number;
  /** The leaves from `fromSeq` on, each of at most 65,535 bytes. */
  readonly entries: readonly Uint8Array[];
  /** Full tiles that this batch completes: 256 hashes each. */
  readonly tiles: readonly { readonly level: number; readonly index: number; readonly data: Uint8Array }[];
  readonly checkpoint: { readonly size: number; readonly note: string };
  readonly payloads: readonly {
    readonly seq: number;
    readonly commitment: string;
    readonly salt: Uint8Array;
    readonly data: Uint8Array;
  }[];
}

/** All or nothing, and durable (fsynced) when `commit` resolves. */
export interface StoreBatch {
  readonly puts: readonly Put[];
  readonly expects: readonly Expect[];
  readonly ledger?: LedgerRows;
  /** The writer's epoch; a newer stored one means we were deposed: `fenced`, nothing written. */
  readonly epoch: number;
}

/** A value as it stands in a space. */
export interface Stored {
  readonly key: string;
  readonly value: Json;
  /** Counts up from 1 with every write of this key. */
  readonly version: number;
}

/** A leaf of the tree, and its number. */
export interface StoredEntry {
  readonly seq: number;
  readonly data: Uint8Array;
}

/** A payload outside the tree, with the salt that opens its commitment. */
export interface StoredPayload {
  readonly seq: number;
  readonly commitment: string;
  readonly salt: Uint8Array;
  readonly data: Uint8Array;
}

/**
 * Journal, working state and ledger rows in one database. After any failed commit that may be partly durable the
 * store is poisoned: every further call throws `store-failed`, and the process must stop acting.
 */
export interface Store {
  get(space: Space, key: string): Promise<Stored | undefined>;
  /** In key order; `after` continues, `prefix` narrows, `reverse` starts from the end. */
  list(
    space: Space,
    options: { readonly limit: number; readonly prefix?: string; readonly after?: string; readonly reverse?: boolean },
  ): Promise<readonly Stored[]>;
  commit(batch: StoreBatch): Promise<void>;
  /** Takes over: raises the stored epoch by one and returns it. */
  newEpoch(): Promise<number>;
  epoch(): Promise<number>;
  ledgerSize(): Promise<number>;
  ledgerEntries(fromSeq: number, limit: number): Promise<readonly StoredEntry[]>;
  ledgerTile(level: number, index: number): Promise<Uint8Array | undefined>;
  /** The newest checkpoint, or the one at a size. */
  ledgerCheckpoint(size?: number): Promise<{ readonly size: number; readonly note: string } | undefined>;
  ledgerPayload(seq: number): Promise<StoredPayload | undefined>;
  /** The payloads that are there of the `width` entries from `fromSeq` on, in order. */
  ledgerPayloads(fromSeq: number, width: number): Promise<readonly StoredPayload[]>;
  /** Erases payload and salt; the commitment in the tree stays. */
  erasePayload(seq: number): Promise<void>;
  /** Bytes on disk, and what it is (`sqlite 3.53.4`): for metrics and `doctor`. */
  info(): Promise<{ readonly engine: string; readonly bytes: number }>;
  close(): Promise<void>;
}

import type { Json } from '../../lib/json.ts';
import type { Checkpoint, LedgerDraft, LedgerEntry } from '../ledger.ts';
import type { Expect, Put } from './store.ts';

/** State changes and the entries that tell of them: one transaction. */
export interface RecordBatch {
  readonly drafts: readonly LedgerDraft[];
  readonly puts?: readonly Put[];
  readonly expects?: readonly Expect[];
}

/** The only way to write. Batches that arrive while a commit is in flight share the next one (group commit). */
export interface Ledger {
  /** Durable when it resolves; gives the entries as they stand in the tree. A failed `expect` fails only its own batch. */
  record(batch: RecordBatch): Promise<readonly LedgerEntry[]>;
  size(): number;
  checkpoint(): Promise<Checkpoint>;
  entries(fromSeq: number, limit: number): Promise<readonly LedgerEntry[]>;
  payload(seq: number): Promise<Json | undefined>;
  /** Waits for everything handed in so far. */
  flush(): Promise<void>;
}

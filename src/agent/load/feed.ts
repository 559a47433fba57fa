import type { DocumentKind } from '../../domain/document.ts';
import type { Problem } from './problem.ts';

/** Which object a document came from. */
export interface ObjectRef {
  readonly kind: DocumentKind;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
}

/** A custom resource as the loader reads it: like a file. */
export interface FedDocument {
  /** `kubernetes:shop/services/checkout`. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly ref: ObjectRef;
  /** What its namespace may not say. */
  readonly refused?: string;
  /** What it was when it was last right; used in its place while it is not. */
  readonly last?: Uint8Array;
}

/** What came of one custom resource. */
export interface Verdict {
  readonly document: FedDocument;
  /** What is wrong with it as it is now; none: it is right. */
  readonly problems: readonly Problem[];
  /** What stands in its place, when it is wrong. */
  readonly using: 'itself' | 'its last good version' | 'nothing';
}

/** Documents that people write as custom resources, for the loader. */
export interface DocumentFeed {
  /**
   * Every document as it is now. The first call waits until each collection was read whole.
   *
   * @throws WatchkeeperError when that takes too long: what the API server said last. Later it answers from memory.
   */
  read(signal: AbortSignal): Promise<readonly FedDocument[]>;
  /** What the loader made of them; answered in their status. `inForce` when the set was right as a whole. */
  judged(verdicts: readonly Verdict[], inForce: boolean): void;
  /** How many custom resources of each kind are not right, of all kinds that are followed. */
  refused(): ReadonlyMap<DocumentKind, number>;
  /** Why what it holds may be old; absent: it is not. */
  unwell(): string | undefined;
}

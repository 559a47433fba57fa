import type { Json, JsonObject } from '../lib/json.ts';

/** Kinds of ledger entries. Closed; a reader that meets another refuses to call the log understood. */
export type LedgerEntryType =
  | 'daemon-started'
  | 'daemon-stopped'
  | 'config-loaded'
  | 'config-rejected'
  | 'change-observed'
  | 'change-judged'
  | 'alert-firing'
  | 'alert-resolved'
  | 'incident-opened'
  | 'incident-updated'
  | 'incident-resolved'
  | 'diagnosis'
  | 'plan'
  | 'decision'
  | 'approval-requested'
  | 'approval'
  | 'approval-refused'
  | 'step-intent'
  | 'step-started'
  | 'step-outcome'
  | 'step-undone'
  | 'execution-ended'
  | 'verification'
  | 'escalation'
  | 'delivery'
  | 'acknowledged'
  | 'snoozed'
  | 'snooze-ended'
  | 'handed-over'
  | 'request-refused'
  | 'paused'
  | 'resumed'
  | 'agent-health'
  | 'redacted'
  | 'key-rotated';

/** Who an entry speaks of. Only what applies is present. */
export interface LedgerSubject {
  readonly incident?: string;
  readonly plan?: string;
  readonly execution?: string;
  readonly step?: string;
  readonly service?: string;
  readonly runbook?: string;
  readonly policy?: string;
}

/**
 * What is handed in to be recorded. `body` is small and holds no free text from outside; `payload` may hold anything
 * (already scrubbed), stays outside the tree under a salted commitment, and can be erased without breaking a proof.
 */
export interface LedgerDraft {
  readonly type: LedgerEntryType;
  readonly actor: string;
  readonly atMs: number;
  readonly subject: LedgerSubject;
  readonly body: JsonObject;
  readonly payload?: Json;
}

/** An entry as it stands in the tree: canonical JSON of exactly these members is the leaf. */
export interface LedgerEntry {
  readonly v: 1;
  readonly seq: number;
  readonly type: LedgerEntryType;
  readonly atMs: number;
  readonly actor: string;
  readonly epoch: number;
  readonly subject: LedgerSubject;
  readonly body: JsonObject;
  /** Hex HMAC-SHA256 of the payload under a random 32-byte salt, when there is a payload. */
  readonly commitment?: string;
}

/** A C2SP tlog-checkpoint: origin, tree size, root hash; `note` is the signed text as published. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly rootHex: string;
  readonly note: string;
}

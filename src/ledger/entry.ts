import type { LedgerDraft, LedgerEntry, LedgerEntryType, LedgerSubject } from '../domain/ledger.ts';
import { canonicalJson } from '../lib/canonical.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import type { Json, JsonObject } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { isCanonical } from './canonical.ts';

// A record so that the compiler demands every member of the union; a Map so that `__proto__` is not a type.
const typeNames: Readonly<Record<LedgerEntryType, true>> = {
  'daemon-started': true,
  'daemon-stopped': true,
  'config-loaded': true,
  'config-rejected': true,
  'change-observed': true,
  'change-judged': true,
  'alert-firing': true,
  'alert-resolved': true,
  'incident-opened': true,
  'incident-updated': true,
  'incident-resolved': true,
  diagnosis: true,
  plan: true,
  decision: true,
  'approval-requested': true,
  approval: true,
  'approval-refused': true,
  'step-intent': true,
  'step-started': true,
  'step-outcome': true,
  'step-undone': true,
  'execution-ended': true,
  verification: true,
  escalation: true,
  delivery: true,
  acknowledged: true,
  snoozed: true,
  'snooze-ended': true,
  'handed-over': true,
  'request-refused': true,
  paused: true,
  resumed: true,
  'agent-health': true,
  redacted: true,
  'key-rotated': true,
};
const subjectNames: Readonly<Record<keyof LedgerSubject, true>> = {
  incident: true,
  plan: true,
  execution: true,
  step: true,
  service: true,
  runbook: true,
  policy: true,
};
/** Every type an entry can have. */
export const entryTypes: ReadonlySet<string> = new Set(Object.keys(typeNames));
/** Every member its subject can have. */
export const subjectMembers: ReadonlySet<string> = new Set(Object.keys(subjectNames));
const members: ReadonlySet<string> = new Set('v seq type atMs actor epoch subject body commitment'.split(' '));
const hex64 = /^[0-9a-f]{64}$/;
const maxActorChars = 256;
// Digits that a sequence number can grow to: the size of an entry is checked before it has one.
const maxSeqDigits = 16;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** An entry that is complete but for its place in the log. */
export interface SealedDraft {
  at(seq: number): LedgerEntry;
  /** The leaf: canonical JSON of the entry. */
  bytesAt(seq: number): Uint8Array;
}

/**
 * Checks a draft and encodes all of it but the sequence number, so that the writer has nothing left that can fail.
 *
 * @throws `too-large` above `limits.ledgerEntryBytes`; `internal` for a draft that would not verify later.
 */
export function sealDraft(draft: LedgerDraft, epoch: number, commitment: string | undefined): SealedDraft {
  const { type, atMs, actor, subject, body } = draft;
  const at = (seq: number): LedgerEntry => ({
    v: 1,
    seq,
    type,
    atMs,
    actor,
    epoch,
    subject,
    body,
    ...(commitment === undefined ? {} : { commitment }),
  });
  const wrong = entryProblem(at(0));
  if (wrong !== undefined) throw new WatchkeeperError('internal', `cannot record a ${type} entry: ${wrong}`);
  // Keys in canonical order; the test holds this against canonicalJson.
  const sealed = commitment === undefined ? '' : `,"commitment":"${commitment}"`;
  const head = `{"actor":${canonicalJson(actor)},"atMs":${atMs},"body":${canonicalJson(body)}${sealed},"epoch":${epoch},"seq":`;
  const tail = `,"subject":${canonicalJson({ ...subject })},"type":"${type}","v":1}`;
  // No character takes more than three bytes, which spares most entries the counting.
  const most = (head.length + tail.length) * 3 + maxSeqDigits;
  const bytes = most <= limits.ledgerEntryBytes ? most : Buffer.byteLength(head + tail) + maxSeqDigits;
  if (bytes > limits.ledgerEntryBytes)
    throw new WatchkeeperError(
      'too-large',
      `a ${type} entry has ${bytes} bytes; ${limits.ledgerEntryBytes} are allowed`,
      { fix: 'Put what is large into the payload.' },
    );
  return { at, bytesAt: (seq) => Buffer.from(`${head}${seq}${tail}`) };
}

/** Reads a leaf. @returns the entry, or why it is not one. */
export function readEntry(data: Uint8Array): LedgerEntry | string {
  if (data.length > limits.ledgerEntryBytes) return `it has ${data.length} bytes`;
  let value: Json;
  let text: string;
  try {
    text = utf8.decode(data);
    value = JSON.parse(text) as Json;
  } catch {
    return 'it is not JSON';
  }
  if (!isCanonical(text, value)) return 'it is not canonical JSON';
  const wrong = entryProblem(value);
  // entryProblem has just checked every member.
  return wrong ?? (value as unknown as LedgerEntry);
}

/** Why a value is not a ledger entry, in a sentence; `undefined` when it is one. */
export function entryProblem(value: unknown): string | undefined {
  if (!isObject(value)) return 'it is not an object';
  for (const key in value) if (!members.has(key)) return `it has an unknown member ${JSON.stringify(key)}`;
  const { v, seq, type, atMs, actor, epoch, subject, body, commitment } = value;
  if (v !== 1) return 'its version is not 1';
  if (!isCount(seq)) return 'its seq is not a count';
  if (typeof type !== 'string' || !entryTypes.has(type)) return 'its type is unknown';
  if (!Number.isSafeInteger(atMs)) return 'its atMs is not whole milliseconds';
  if (typeof actor !== 'string' || actor === '' || actor.length > maxActorChars) return 'its actor is not named';
  if (!isCount(epoch)) return 'its epoch is not a count';
  if (!isObject(subject)) return 'its subject is not an object';
  for (const key in subject) {
    if (!subjectMembers.has(key)) return `its subject has an unknown member ${JSON.stringify(key)}`;
    if (subject[key] !== undefined && typeof subject[key] !== 'string') return `its subject's ${key} is not a name`;
  }
  if (!isObject(body)) return 'its body is not an object';
  if (commitment !== undefined && !(typeof commitment === 'string' && hex64.test(commitment)))
    return 'its commitment is not 32 bytes in hex';
  return undefined;
}

/** The member of a `redacted` entry that names what was erased. */
export function redactedSeq(entry: LedgerEntry): number | undefined {
  const seq = entry.type === 'redacted' ? entry.body['seq'] : undefined;
  return isCount(seq) ? seq : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import type { Store } from '../domain/ports/store.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import type { Json } from '../lib/json.ts';
import { parseVerifier, type NoteVerifier } from './note.ts';

/** Who this log is: what an exporter or a verifier beside the daemon needs, none of it secret. */
export interface LedgerIdentity {
  readonly origin: string;
  readonly vkeys: readonly string[];
}

const identityKey = 'ledger';

/** The public text forms of keys. */
export function publicKeys(keys: readonly NoteVerifier[]): readonly string[] {
  return keys.map((key) => key.text);
}

/** Keeps the identity in the store; writes only when it has changed. */
export async function storeIdentity(store: Store, identity: LedgerIdentity, epoch: number): Promise<void> {
  const value: Json = { origin: identity.origin, vkeys: identity.vkeys };
  const stored = await store.get('meta', identityKey);
  if (JSON.stringify(stored?.value) === JSON.stringify(value)) return;
  await store.commit({ puts: [{ space: 'meta', key: identityKey, value }], expects: [], epoch });
}

/** Whether a ledger was begun in this store. */
export async function ledgerBegun(store: Store): Promise<boolean> {
  return (await store.get('meta', identityKey)) !== undefined;
}

/** Reads the identity. @throws `not-found` when no ledger was begun in this store. */
export async function readIdentity(store: Store): Promise<LedgerIdentity> {
  const value = (await store.get('meta', identityKey))?.value;
  if (typeof value === 'object' && value !== null && 'origin' in value && 'vkeys' in value) {
    const { origin, vkeys } = value;
    if (typeof origin === 'string' && Array.isArray(vkeys)) return { origin, vkeys: vkeys.map(String) };
  }
  throw new WatchkeeperError('not-found', 'there is no ledger in this store');
}

/** Verifiers of the identity's keys. */
export function identityKeys(identity: LedgerIdentity): readonly NoteVerifier[] {
  return identity.vkeys.map(parseVerifier);
}

import { fromBase64, hashBytes, joined, same, toHex, utf8, type Bytes } from './bytes.ts';
import { sha256 } from './proof.ts';

/** What a verification came to: what was verified, or why it does not hold, in a sentence. */
export type Verified<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly because: string };

/** A public key as C2SP signed-note writes it: `name+hexid+base64(type ‖ key)`. */
export interface VerifierKey {
  readonly name: string;
  /** The first four bytes of SHA-256(name ‖ LF ‖ type ‖ key). */
  readonly keyId: Bytes;
  readonly publicKey: Bytes;
  readonly text: string;
}

/** A signed tree head (C2SP tlog-checkpoint). */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Bytes;
  /** The key whose signature was verified: `name+hexid`. */
  readonly signedBy: string;
}

const ed25519Type = 1;
const maxNoteChars = 256 * 1024;
const maxSignatures = 64;
const maxKeys = 64;

/** Says no, with the sentence why. */
export function no(because: string): { readonly ok: false; readonly because: string } {
  return { ok: false, because };
}

/** Reads a vkey and checks that its id is that of its key. */
export async function readKey(vkey: string): Promise<Verified<VerifierKey>> {
  const [, name, id, body] = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(vkey) ?? [];
  const typed = body === undefined ? undefined : fromBase64(body);
  if (name === undefined || typed?.length !== 1 + hashBytes || typed[0] !== ed25519Type)
    return no('the public key of the ledger is not an Ed25519 key in note form');
  const keyId = (await sha256(joined(utf8(`${name}\n`), typed))).slice(0, 4);
  if (toHex(keyId) !== id) return no('the id of the public key does not fit the key');
  return { ok: true, value: { name, keyId, publicKey: typed.slice(1), text: vkey } };
}

/** Reads the keys of a ledger, one a line: the newest first, older ones after a rotation. */
export async function readKeys(vkeys: string): Promise<Verified<readonly VerifierKey[]>> {
  const keys: VerifierKey[] = [];
  for (const line of vkeys.split('\n').slice(0, maxKeys)) {
    const read = await readKey(line);
    if (!read.ok) return read;
    keys.push(read.value);
  }
  return { ok: true, value: keys };
}

/**
 * Verifies that one of these keys signed the checkpoint, with the browser's own Ed25519. Signatures of other keys are passed
 * over, as C2SP asks: that is how witnesses are added. A wrong signature under a known key is never passed over.
 */
export async function openCheckpoint(note: string, keys: readonly VerifierKey[]): Promise<Verified<Checkpoint>> {
  const split = note.lastIndexOf('\n\n');
  if (note.length > maxNoteChars || split < 0 || !note.endsWith('\n')) return no('the checkpoint is not a signed note');
  const text = note.slice(0, split + 1);
  const [origin = '', size = '', root64 = '', ...rest] = text.split('\n');
  const root = fromBase64(root64);
  const wellFormed = origin !== '' && /^(0|[1-9]\d{0,15})$/.test(size) && Number.isSafeInteger(Number(size));
  // No extension lines: nothing that is signed may go unread.
  if (!wellFormed || root?.length !== hashBytes || rest.length !== 1 || rest[0] !== '')
    return no('the checkpoint is not origin, size and root');
  const signed = await signerOf(note.slice(split + 2, -1).split('\n'), utf8(text), keys);
  return signed.ok ? { ok: true, value: { origin, size: Number(size), root, signedBy: signed.value } } : signed;
}

async function signerOf(
  lines: readonly string[],
  message: Bytes,
  keys: readonly VerifierKey[],
): Promise<Verified<string>> {
  let signer: string | undefined;
  for (const line of lines.slice(0, maxSignatures)) {
    const [, name, body] = /^— ([^+\s]+) ([A-Za-z0-9+/=]+)$/u.exec(line) ?? [];
    const bytes = body === undefined ? undefined : fromBase64(body);
    if (name === undefined || bytes === undefined || bytes.length < 5) return no('a signature line cannot be read');
    const key = keys.find((one) => one.name === name && same(one.keyId, bytes.subarray(0, 4)));
    if (key === undefined) continue;
    if (!(await verifies(key.publicKey, bytes.slice(4), message))) return no(`the signature of ${name} is wrong`);
    signer ??= `${name}+${toHex(key.keyId)}`;
  }
  return signer === undefined ? no('none of the known keys has signed this checkpoint') : { ok: true, value: signer };
}

async function verifies(publicKey: Bytes, signature: Bytes, message: Bytes): Promise<boolean> {
  if (signature.length !== 64) return false;
  const key = await crypto.subtle.importKey('raw', publicKey, { name: 'Ed25519' }, false, ['verify']);
  return crypto.subtle.verify({ name: 'Ed25519' }, key, signature, message);
}

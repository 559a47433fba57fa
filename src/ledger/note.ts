import { createPrivateKey, createPublicKey, hash as digestOnce, sign, verify, type KeyObject } from 'node:crypto';

import { WatchkeeperError } from '../lib/errors.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';

/** Signature types of C2SP signed-note. */
export const ed25519Type = 0x01;
/** The algorithm byte of a C2SP tlog-cosignature (Ed25519, version 1). */
export const cosignatureType = 0x04;

const maxNoteBytes = 256 * 1024;
const maxSignatures = 64;
// The fixed DER prefixes of an Ed25519 key (RFC 8410): what follows is the 32-byte seed or public key.
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** Verifies signatures under a name. `text` is the C2SP vkey: `name+hexid+base64`. */
export interface NoteVerifier {
  readonly name: string;
  readonly keyId: number;
  readonly type: number;
  readonly text: string;
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

/** Signs under a name. The private key stays inside. */
export interface NoteSigner extends NoteVerifier {
  /** The secret text form: `PRIVATE+KEY+name+hexid+base64`. Goes into the key file and nowhere else. */
  secret(): string;
  sign(message: Uint8Array): Uint8Array;
}

/** One line under a note: who claims to have signed, and with what. */
export interface NoteSignature {
  readonly name: string;
  readonly keyId: number;
  readonly bytes: Uint8Array;
}

/** A note taken apart. Nothing in it is to be believed before a signature is verified. */
export interface Note {
  /** The signed text, with its final newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** Makes a signer from an Ed25519 seed of 32 bytes. @throws `usage` for a bad name or seed. */
export function signerFromSeed(name: string, seed: Uint8Array, type: number = ed25519Type): NoteSigner {
  assertName(name);
  if (seed.length !== 32) throw new WatchkeeperError('usage', 'an Ed25519 seed has 32 bytes');
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const verifier = verifierFrom(name, spki.subarray(spkiPrefix.length), type);
  return {
    ...verifier,
    secret: () => `PRIVATE+KEY+${name}+${hexId(verifier.keyId)}+${encodeBase64(Buffer.from([type, ...seed]))}`,
    sign: (message) => sign(null, message, key),
  };
}

/** Parses `PRIVATE+KEY+name+hexid+base64`. @throws `malformed`, without repeating the secret. */
export function parseSigner(secret: string): NoteSigner {
  const [, name, id, body] = /^PRIVATE\+KEY\+([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(secret.trim()) ?? [];
  const bytes = body === undefined ? undefined : decodeBase64(body);
  const type = bytes?.[0];
  if (name === undefined || bytes?.length !== 33 || (type !== ed25519Type && type !== cosignatureType))
    throw new WatchkeeperError('malformed', 'this is not an Ed25519 signing key in note form');
  const signer = signerFromSeed(name, bytes.subarray(1), type);
  if (hexId(signer.keyId) !== id) throw new WatchkeeperError('malformed', 'the key id does not fit the key');
  return signer;
}

/** Parses a vkey, `name+hexid+base64`. @throws `malformed`. */
export function parseVerifier(vkey: string): NoteVerifier {
  const [, name, id, body] = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(vkey) ?? [];
  const bytes = body === undefined ? undefined : decodeBase64(body);
  const type = bytes?.[0];
  if (name === undefined || bytes?.length !== 33 || (type !== ed25519Type && type !== cosignatureType))
    throw new WatchkeeperError('malformed', 'this is not an Ed25519 verifier key in note form');
  const verifier = verifierFrom(name, bytes.subarray(1), type);
  if (hexId(verifier.keyId) !== id) throw new WatchkeeperError('malformed', 'the key id does not fit the key');
  return verifier;
}

/** Takes a signed note apart, strictly. @throws `malformed`, `too-large`. */
export function parseNote(note: string): Note {
  if (Buffer.byteLength(note) > maxNoteBytes) throw new WatchkeeperError('too-large', 'the note is too large');
  // Control characters other than newline would let a note look different on a terminal than it is.
  if (hasControlCharacters(note)) throw new WatchkeeperError('malformed', 'the note contains control characters');
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) throw new WatchkeeperError('malformed', 'the note has no signatures');
  const lines = note.slice(split + 2, -1).split('\n');
  if (lines.length > maxSignatures) throw new WatchkeeperError('too-large', 'the note has too many signatures');
  return { text: note.slice(0, split + 1), signatures: lines.map(parseSignature) };
}

/** Appends signatures of this text to it. The text must end with a newline. */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  const message = Buffer.from(text);
  return `${text}\n${signers.map((signer) => signatureLine(signer, signer.sign(message))).join('')}`;
}

/** One signature line, newline included. */
export function signatureLine(key: NoteVerifier, signature: Uint8Array): string {
  const id = Buffer.alloc(4);
  id.writeUInt32BE(key.keyId);
  return `— ${key.name} ${encodeBase64(Buffer.concat([id, signature]))}\n`;
}

/**
 * Which of the known keys signed. Signatures of unknown keys are ignored: that is how keys are rotated and witnesses
 * added without old readers noticing.
 *
 * @throws `ledger-invalid` when a known key's signature is wrong, or none of the known keys has signed.
 */
export function verifyNote(note: Note, known: readonly NoteVerifier[]): readonly NoteVerifier[] {
  const message = Buffer.from(note.text);
  const signed: NoteVerifier[] = [];
  for (const signature of note.signatures) {
    const key = known.find(({ name, keyId }) => name === signature.name && keyId === signature.keyId);
    if (key === undefined) continue;
    if (!key.verify(message, signature.bytes))
      throw new WatchkeeperError('ledger-invalid', `the signature of ${key.name}+${hexId(key.keyId)} is wrong`);
    signed.push(key);
  }
  if (signed.length === 0) throw new WatchkeeperError('ledger-invalid', 'no trusted key has signed this');
  return signed;
}

/** Eight hex digits. */
export function hexId(keyId: number): string {
  return keyId.toString(16).padStart(8, '0');
}

function verifierFrom(name: string, publicKey: Uint8Array, type: number): NoteVerifier {
  assertName(name);
  const typed = Buffer.from([type, ...publicKey]);
  const keyId = digestOnce('sha256', Buffer.concat([Buffer.from(`${name}\n`), typed]), 'buffer').readUInt32BE(0);
  let key: KeyObject | undefined;
  return {
    name,
    keyId,
    type,
    text: `${name}+${hexId(keyId)}+${encodeBase64(typed)}`,
    verify(message, signature) {
      key ??= publicKeyObject(publicKey);
      return signature.length === 64 && verify(null, message, key, signature);
    },
  };
}

function parseSignature(line: string): NoteSignature {
  const [, name, body] = /^— ([^+\s]+) ([A-Za-z0-9+/=]+)$/u.exec(line) ?? [];
  const bytes = body === undefined ? undefined : decodeBase64(body);
  if (name === undefined || bytes === undefined || bytes.length < 5)
    throw new WatchkeeperError('malformed', 'a signature line of the note cannot be read');
  return { name, keyId: Buffer.from(bytes).readUInt32BE(0), bytes: bytes.subarray(4) };
}

function assertName(name: string): void {
  if (!/^[^+\s]+$/u.test(name) || hasControlCharacters(name) || !name.isWellFormed())
    throw new WatchkeeperError('usage', 'a key name has no spaces, no plus sign and no control characters');
}

function hasControlCharacters(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) < 0x20 && text[at] !== '\n') return true;
  return false;
}

// Making a key object costs several times what a verification does, and the same few keys come again and again.
const keyObjects = new Map<string, KeyObject>();
const maxKeyObjects = 64;

function publicKeyObject(publicKey: Uint8Array): KeyObject {
  const name = encodeBase64(publicKey);
  const known = keyObjects.get(name);
  if (known) return known;
  const key = createPublicKey({ key: Buffer.concat([spkiPrefix, publicKey]), format: 'der', type: 'spki' });
  if (keyObjects.size >= maxKeyObjects) keyObjects.clear();
  keyObjects.set(name, key);
  return key;
}

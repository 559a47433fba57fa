import { WatchkeeperError } from '../lib/errors.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { hashBytes } from './hash.ts';
import { parseNote, signNote, verifyNote, type Note, type NoteSigner, type NoteVerifier } from './note.ts';

/** A tree head (C2SP tlog-checkpoint). */
export interface TreeHead {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

/** Signs a tree head: origin, size and base64 root, one a line, and the signatures. */
export function signCheckpoint(head: TreeHead, signers: readonly NoteSigner[]): string {
  return signNote(`${head.origin}\n${head.size}\n${encodeBase64(head.root)}\n`, signers);
}

/**
 * Reads a checkpoint and verifies that one of the known keys has signed it.
 *
 * @throws `ledger-invalid` when it cannot be read, is of another origin, or is not signed by any of them.
 */
export function openCheckpoint(
  text: string,
  known: readonly NoteVerifier[],
  origin?: string,
): TreeHead & { readonly note: Note } {
  const note = readNote(text);
  verifyNote(note, known);
  const head = parseTreeHead(note.text);
  if (origin !== undefined && head.origin !== origin)
    throw new WatchkeeperError('ledger-invalid', `the checkpoint is of ${head.origin}, not of ${origin}`);
  return { ...head, note };
}

/** Reads the text of a checkpoint, without believing it. @throws `ledger-invalid`. */
export function parseTreeHead(text: string): TreeHead {
  const [origin = '', size = '', root = '', ...rest] = text.split('\n');
  const bytes = decodeBase64(root);
  const number = Number(size);
  // No extension lines: nothing that is signed may go unread.
  const wellFormed = origin !== '' && /^(0|[1-9]\d{0,15})$/.test(size) && Number.isSafeInteger(number);
  if (!wellFormed || bytes?.length !== hashBytes || rest.length !== 1 || rest[0] !== '')
    throw new WatchkeeperError('ledger-invalid', 'the checkpoint is not origin, size and root');
  return { origin, size: number, root: bytes };
}

function readNote(text: string): Note {
  try {
    return parseNote(text);
  } catch (thrown) {
    const why = WatchkeeperError.from(thrown);
    throw new WatchkeeperError('ledger-invalid', `the checkpoint cannot be read: ${why.message}`, { cause: thrown });
  }
}

import { createHmac } from 'node:crypto';

/** Bytes of the salt of a commitment. */
export const saltBytes = 32;

/**
 * Hex HMAC-SHA256 of a payload under its salt. Binds the tree to the payload without showing it: without the random salt,
 * a payload with few possible values could be guessed from its bare hash, also after it was erased.
 */
export function commitTo(payload: Uint8Array, salt: Uint8Array): string {
  return createHmac('sha256', salt).update(payload).digest('hex');
}

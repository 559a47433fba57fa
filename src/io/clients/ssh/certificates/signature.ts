import { createPublicKey, verify } from 'node:crypto';
import type { JsonWebKey, KeyObject } from 'node:crypto';

import { WatchkeeperError } from '../../../../lib/errors.ts';
import { fieldsOf } from './fields.ts';

interface Scheme {
  /** The type of key that signs so. */
  readonly key: string;
  readonly hash: string | null;
}

// No SHA-1: `ssh-rsa` as a scheme is not among them, as it is not in OpenSSH since 8.2.
const schemes: Readonly<Record<string, Scheme>> = {
  'ssh-ed25519': { key: 'ssh-ed25519', hash: null },
  'ecdsa-sha2-nistp256': { key: 'ecdsa-sha2-nistp256', hash: 'sha256' },
  'ecdsa-sha2-nistp384': { key: 'ecdsa-sha2-nistp384', hash: 'sha384' },
  'ecdsa-sha2-nistp521': { key: 'ecdsa-sha2-nistp521', hash: 'sha512' },
  'rsa-sha2-256': { key: 'ssh-rsa', hash: 'sha256' },
  'rsa-sha2-512': { key: 'ssh-rsa', hash: 'sha512' },
};
const curves: Readonly<Record<string, { readonly name: string; readonly bytes: number }>> = {
  nistp256: { name: 'P-256', bytes: 32 },
  nistp384: { name: 'P-384', bytes: 48 },
  nistp521: { name: 'P-521', bytes: 66 },
};
const shortestRsaBits = 2_048;

/** Whether a signature (RFC 4253, 6.6) of the data is one of this public key. False for keys and schemes that are not known. */
export function isSignedBy(publicKey: Uint8Array, data: Uint8Array, signature: Uint8Array): boolean {
  try {
    const fields = fieldsOf(signature);
    const scheme = schemes[fields.text()];
    const value = fields.bytes();
    const type = fieldsOf(publicKey).text();
    if (scheme?.key !== type || !fields.isOver) return false;
    const key = keyObjectOf(publicKey);
    if (!type.startsWith('ecdsa-')) return verify(scheme.hash, data, key, value);
    return verify(scheme.hash, data, { key, dsaEncoding: 'ieee-p1363' }, pointsOf(value, type));
  } catch {
    return false;
  }
}

function keyObjectOf(publicKey: Uint8Array): KeyObject {
  const key = createPublicKey({ key: jwkOf(publicKey), format: 'jwk' });
  const { modulusLength } = key.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined && modulusLength < shortestRsaBits)
    throw new WatchkeeperError('malformed', `an RSA key of ${modulusLength} bits is too short`);
  return key;
}

function jwkOf(publicKey: Uint8Array): JsonWebKey {
  const fields = fieldsOf(publicKey);
  const type = fields.text();
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  if (type === 'ssh-ed25519') return { kty: 'OKP', crv: 'Ed25519', x: text(fields.bytes()) };
  if (type === 'ssh-rsa') return { kty: 'RSA', e: text(unsigned(fields.bytes())), n: text(unsigned(fields.bytes())) };
  const curve = curves[fields.text()];
  const point = fields.bytes();
  if (curve === undefined || point[0] !== 4 || point.length !== 1 + 2 * curve.bytes)
    throw new WatchkeeperError('malformed', 'a public key of a kind that is not known');
  return {
    ...{ kty: 'EC', crv: curve.name },
    ...{ x: text(point.subarray(1, 1 + curve.bytes)), y: text(point.subarray(1 + curve.bytes)) },
  };
}

// The two numbers of an ECDSA signature, each as long as the curve's.
function pointsOf(value: Uint8Array, type: string): Uint8Array {
  const width = curves[type.slice('ecdsa-sha2-'.length)]?.bytes ?? 0;
  const fields = fieldsOf(value);
  const number = (): Buffer => {
    const bytes = unsigned(fields.bytes());
    return Buffer.concat([Buffer.alloc(Math.max(0, width - bytes.length)), bytes]);
  };
  return Buffer.concat([number(), number()]);
}

// An `mpint` has a zero before it where it would look negative.
function unsigned(number: Uint8Array): Uint8Array {
  return number[0] === 0 ? number.subarray(1) : number;
}

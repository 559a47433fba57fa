import { WatchkeeperError } from '../../../../lib/errors.ts';
import { oneLine } from '../../../../lib/text.ts';
import { fingerprintOf, matchesPattern } from '../known-hosts.ts';
import { fieldsOf, stringOf } from './fields.ts';
import { isSignedBy } from './signature.ts';

/** A certificate of OpenSSH (its PROTOCOL.certkeys), as it was shown. Nothing of it is believed yet. */
export interface Certificate {
  /** The public key that it is about, as the host would show it without a certificate. */
  readonly key: Uint8Array;
  readonly isForHosts: boolean;
  readonly principals: readonly string[];
  /** Seconds of the epoch; valid from the first on and before the second. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly criticalOptions: readonly string[];
  /** The public key of who signed it, and whether the signature is really theirs. */
  readonly authority: Uint8Array;
  readonly isSigned: boolean;
}

/** The types of certificates that are understood, the best first, as a server is asked for them. */
export const certificateAlgorithms: readonly string[] = [
  'ssh-ed25519-cert-v01@openssh.com',
  'ecdsa-sha2-nistp256-cert-v01@openssh.com',
  'ecdsa-sha2-nistp384-cert-v01@openssh.com',
  'ecdsa-sha2-nistp521-cert-v01@openssh.com',
  'rsa-sha2-512-cert-v01@openssh.com',
  'rsa-sha2-256-cert-v01@openssh.com',
];

const suffix = '-cert-v01@openssh.com';
// How many fields the public key itself has after the nonce.
const fieldsOfKey: Readonly<Record<string, number>> = {
  'ssh-ed25519': 1,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
  'ssh-rsa': 2,
};
const forHosts = 2;
const maxPrincipals = 256;

/** Reads one. @throws `malformed` for what is no certificate of these types. */
export function parseCertificate(blob: Uint8Array): Certificate {
  const fields = fieldsOf(blob);
  const name = fields.text();
  const type = name.endsWith(suffix) ? name.slice(0, -suffix.length) : '';
  const count = fieldsOfKey[type];
  if (count === undefined)
    throw new WatchkeeperError('malformed', `${oneLine(name, 60)} is no certificate of a known type`);
  fields.bytes(); // a nonce
  const parts = Array.from({ length: count }, () => stringOf(fields.bytes()));
  fields.uint64(); // a serial number
  const isForHosts = fields.uint32() === forHosts;
  fields.bytes(); // the name that the authority has for it
  const principals = textsOf(fields.bytes());
  const [validAfter, validBefore] = [fields.uint64(), fields.uint64()];
  const criticalOptions = textsOf(fields.bytes(), true);
  fields.bytes(); // extensions: hosts have none, and what is not known may be passed over
  fields.bytes(); // reserved
  const authority = fields.bytes();
  const signed = blob.subarray(0, fields.at);
  const signature = fields.bytes();
  const isSigned = fields.isOver && isSignedBy(authority, signed, signature);
  return {
    key: Buffer.concat([stringOf(type), ...parts]),
    ...{ isForHosts, principals, validAfter, validBefore, criticalOptions, authority, isSigned },
  };
}

/** What a certificate is held against. */
export interface CertificateRules {
  /** The host as it is configured: one of the principals must say it. */
  readonly host: string;
  readonly nowMs: number;
  isTrusted(authority: Uint8Array): boolean;
  isRevoked(key: Uint8Array): boolean;
}

/** Why a certificate does not vouch for a host; `undefined` when it does. The words follow "shows a certificate". */
export function whyNotVouched(certificate: Certificate, rules: CertificateRules): string | undefined {
  const { authority, key, principals, validAfter, validBefore } = certificate;
  const now = BigInt(Math.floor(rules.nowMs / 1_000));
  if (!rules.isTrusted(authority)) return `of ${fingerprintOf(authority)}, which is no authority that is known for it`;
  if (!certificate.isSigned) return 'whose signature is not that of its authority';
  if (rules.isRevoked(authority)) return 'whose authority is marked as revoked';
  if (rules.isRevoked(key)) return 'for a key that is marked as revoked';
  if (!certificate.isForHosts) return 'that is for users, not for hosts';
  if (certificate.criticalOptions.length > 0)
    return `with a critical option that is not known (${oneLine(certificate.criticalOptions[0] ?? '', 40)})`;
  const host = rules.host.toLowerCase();
  if (!principals.some((principal) => matchesPattern(principal.toLowerCase(), host)))
    return `for ${principals.length === 0 ? 'no host by name' : oneLine(principals.join(', '), 200)}, and not for ${host}`;
  if (now < validAfter) return 'that is not valid yet';
  if (now >= validBefore) return `that ended ${endOf(validBefore)}`;
  return undefined;
}

function endOf(seconds: bigint): string {
  const date = new Date(Number(seconds) * 1_000);
  return Number.isNaN(date.getTime()) ? 'long ago' : date.toISOString();
}

// A `string` of strings; with `pairs` every other one is the data of the one before it.
function textsOf(packed: Uint8Array, pairs = false): readonly string[] {
  const fields = fieldsOf(packed);
  const all: string[] = [];
  while (!fields.isOver) {
    if (all.length >= maxPrincipals) throw new WatchkeeperError('malformed', 'a certificate with too many names');
    all.push(fields.text());
    if (pairs) fields.bytes();
  }
  return all;
}

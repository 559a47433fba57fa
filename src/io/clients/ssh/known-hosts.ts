import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

import type { Clock, ReadFiles } from '../../../domain/ports/io.ts';

/** One line of a known_hosts file. */
export interface KnownHost {
  readonly marker: 'key' | 'revoked' | 'authority';
  /** Which names the line is about: patterns, or one hashed name. */
  readonly names: string;
  /** `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa` … */
  readonly type: string;
  /** The public key, base64. */
  readonly key: string;
}

/** Reads a known_hosts file. @throws what reading files throws. */
export type ReadKnownHosts = (path: string, signal: AbortSignal) => Promise<readonly KnownHost[]>;

const maxBytes = 8 * 1024 * 1024;
const freshMs = 1_000;

/** Reads known_hosts files at most once a second: a thousand hosts are connected to at once, each of them looked up in it. */
export function knownHostsReader(files: ReadFiles, clock: Clock): ReadKnownHosts {
  const last = new Map<string, { readonly atMs: number; readonly lines: readonly KnownHost[] }>();
  return async (path, signal) => {
    const known = last.get(path);
    if (known !== undefined && clock.monotonicMs() - known.atMs < freshMs) return known.lines;
    const atMs = clock.monotonicMs();
    const lines = parseKnownHosts(new TextDecoder().decode(await files.read(path, maxBytes, signal)));
    last.set(path, { atMs, lines });
    return lines;
  };
}

const markers: Readonly<Record<string, KnownHost['marker']>> = {
  '@revoked': 'revoked',
  '@cert-authority': 'authority',
};
const maxLines = 100_000;

/**
 * Parses OpenSSH's known_hosts (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). Lines that are not understood count for nothing,
 * as they do for OpenSSH.
 */
export function parseKnownHosts(text: string): readonly KnownHost[] {
  return text.split('\n', maxLines).flatMap((line): readonly KnownHost[] => {
    const words = line.trim().split(/[ \t]+/);
    const marker = markers[words[0] ?? ''];
    const [names = '', type = '', key = ''] = marker === undefined ? words : words.slice(1);
    if (names.startsWith('#') || names.startsWith('@') || !/^[A-Za-z0-9+/]+={0,2}$/.test(key)) return [];
    return [{ marker: marker ?? 'key', names, type, key }];
  });
}

/** Whether a line is about a host. Another port than 22 is part of the name: `[db.example]:2222`. */
export function isAbout(known: KnownHost, host: string, port: number): boolean {
  const name = port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
  if (known.names.startsWith('|')) return isHashOf(known.names, name);
  const patterns = known.names.split(',');
  const matches = (pattern: string): boolean => matchesPattern(pattern.toLowerCase(), name);
  return (
    patterns.some((pattern) => !pattern.startsWith('!') && matches(pattern)) &&
    !patterns.some((pattern) => pattern.startsWith('!') && matches(pattern.slice(1)))
  );
}

// `|1|salt|HMAC-SHA1(salt, name)`, both in base64.
function isHashOf(hashed: string, name: string): boolean {
  const [, version, salt = '', expected = ''] = hashed.split('|');
  if (version !== '1') return false;
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  const wanted = Buffer.from(expected, 'base64');
  return actual.length === wanted.length && timingSafeEqual(actual, wanted);
}

/** Whether a name is what a pattern of OpenSSH says: `*` is any number of characters, `?` is one. */
export function matchesPattern(pattern: string, name: string): boolean {
  // Two pointers instead of a regular expression: a pattern of many stars must not take exponential time.
  let at = 0;
  let star = -1;
  let resume = 0;
  let place = 0;
  while (place < name.length) {
    if (pattern[at] === '*') {
      star = at++;
      resume = place;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === name[place])) {
      at++;
      place++;
    } else if (star >= 0) {
      at = star + 1;
      place = ++resume;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}

/** A key's fingerprint as OpenSSH prints it: `SHA256:` and 43 characters. */
export function fingerprintOf(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The name of a public key's type, from its first field (RFC 4253, 6.6); empty for what is not a key. */
export function typeOf(key: Uint8Array): string {
  if (key.length < 4) return '';
  const length = new DataView(key.buffer, key.byteOffset).getUint32(0);
  return length > 64 || key.length < 4 + length ? '' : new TextDecoder().decode(key.subarray(4, 4 + length));
}

import { WatchkeeperError } from '../../../lib/errors.ts';
import { oneLine } from '../../../lib/text.ts';
import type { SshTarget } from '../../../domain/ports/ssh.ts';
import { parseCertificate, whyNotVouched } from './certificates/certificate.ts';
import { fingerprintOf, isAbout, typeOf } from './known-hosts.ts';
import type { KnownHost, ReadKnownHosts } from './known-hosts.ts';

/** What is known of one host's key before it is asked. */
export interface HostKeyJudge {
  /** Types of the keys we know, so that the server is asked for one of these first. */
  readonly types: readonly string[];
  /** No key is known for the host, but who may vouch for one: its certificate is to be asked for first. */
  readonly wantsCertificate: boolean;
  /** The judge who believes the key that this certificate vouches for, and no other; `undefined` is a host without one. */
  vouched(certificate: Uint8Array | undefined, nowMs: number): HostKeyJudge;
  /** Why this key is not to be believed; `undefined` when it is. */
  refuses(key: Uint8Array): WatchkeeperError | undefined;
}

/** Reads what is known of a host. @throws what reading a known_hosts file throws, but for one that is not there. */
export async function hostKeyJudge(
  target: SshTarget,
  read: ReadKnownHosts,
  signal: AbortSignal,
): Promise<HostKeyJudge> {
  const known: KnownHost[] = [];
  for (const path of target.trust.knownHosts) known.push(...(await linesAbout(path, target, read, signal)));
  return judgeOf(target, known);
}

function judgeOf(target: SshTarget, known: readonly KnownHost[]): HostKeyJudge {
  const { fingerprints, authorities = [] } = target.trust;
  const keys = known.filter(({ marker }) => marker === 'key');
  const has = (marker: KnownHost['marker'], key: Uint8Array): boolean => {
    const encoded = Buffer.from(key).toString('base64');
    return known.some((one) => one.marker === marker && one.key === encoded);
  };
  const hasAuthority = authorities.length > 0 || known.some(({ marker }) => marker === 'authority');
  const vouched: HostKeyJudge['vouched'] = (certificate, nowMs) => {
    if (certificate === undefined) throw refusal(target, 'shows no certificate, and no key is known for it', certify);
    const read = parseCertificate(certificate);
    const why = whyNotVouched(read, {
      ...{ host: target.host, nowMs, isRevoked: (key) => has('revoked', key) },
      isTrusted: (key) => has('authority', key) || authorities.includes(fingerprintOf(key)),
    });
    if (why !== undefined) throw refusal(target, `shows a certificate ${why}`, certify);
    const key = Buffer.from(read.key).toString('base64');
    const line: KnownHost = { marker: 'key', names: '', type: typeOf(read.key), key };
    return judgeOf(target, [...known, line]);
  };
  return {
    types: fingerprints === undefined ? [...new Set(keys.map(({ type }) => type))] : [],
    wantsCertificate: fingerprints === undefined && keys.length === 0 && hasAuthority,
    vouched,
    refuses(key) {
      if (has('revoked', key)) return refusesKey(target, key, 'which is marked as revoked', revoked);
      if (fingerprints !== undefined)
        return fingerprints.includes(fingerprintOf(key))
          ? undefined
          : refusesKey(target, key, 'which is none of the configured fingerprints', changed);
      if (has('key', key)) return undefined;
      if (keys.length > 0)
        return refusesKey(target, key, 'which is not the key we know: it changed, or somebody is in between', changed);
      return refusesKey(target, key, 'and no key is known for it', add);
    },
  };
}

async function linesAbout(
  path: string,
  target: SshTarget,
  read: ReadKnownHosts,
  signal: AbortSignal,
): Promise<readonly KnownHost[]> {
  try {
    return (await read(path, signal)).filter((line) => concerns(line, target));
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    if (error.code === 'not-found') return [];
    throw new WatchkeeperError('config-invalid', `known_hosts ${path}: ${error.message}`, { cause: thrown });
  }
}

// An authority vouches for names, whatever the port: `@cert-authority *.example` is about all of them, as it is for OpenSSH.
function concerns(line: KnownHost, { host, port }: SshTarget): boolean {
  return isAbout(line, host, port) || (line.marker !== 'key' && isAbout(line, host, 22));
}

const add = (name: string): string =>
  `Compare the fingerprint with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there), then add its key for ${name} to known_hosts or the fingerprint to the configuration.`;
const changed = (name: string): string =>
  `If the host was reinstalled, replace its key for ${name} (ssh-keygen -R ${name}); if not, find out who answers in its place.`;
const revoked = (name: string): string => `Give ${name} a new host key; the one it shows is no longer to be believed.`;

const certify = (name: string): string =>
  `Look at its certificate (ssh-keygen -Lf /etc/ssh/ssh_host_ed25519_key-cert.pub on ${name}): it must be signed anew, with this name among its principals, by an authority in known_hosts or the configuration.`;

function refusesKey(target: SshTarget, key: Uint8Array, why: string, fix: (name: string) => string): WatchkeeperError {
  return refusal(target, `shows the host key ${oneLine(typeOf(key), 40)} ${fingerprintOf(key)}, ${why}`, fix);
}

function refusal({ host, port }: SshTarget, what: string, fix: (name: string) => string): WatchkeeperError {
  const name = port === 22 ? host : `[${host}]:${port}`;
  return new WatchkeeperError('forbidden', `${name} ${what}`, { fix: fix(name), retryable: false });
}

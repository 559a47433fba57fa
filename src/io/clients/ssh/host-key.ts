import { WatchkeeperError } from '../../../lib/errors.ts';
import { oneLine } from '../../../lib/text.ts';
import type { ReadFiles } from '../../../domain/ports/io.ts';
import type { SshTarget } from '../../../domain/ports/ssh.ts';
import { fingerprintOf, isAbout, parseKnownHosts, typeOf } from './known-hosts.ts';
import type { KnownHost } from './known-hosts.ts';

/** What is known of one host's key before it is asked. */
export interface HostKeyJudge {
  /** Types of the keys we know, so that the server is asked for one of these first. */
  readonly types: readonly string[];
  /** Why this key is not to be believed; `undefined` when it is. */
  refuses(key: Uint8Array): WatchkeeperError | undefined;
}

const maxKnownHostsBytes = 8 * 1024 * 1024;

/** Reads what is known of a host. @throws what reading a known_hosts file throws, but for one that is not there. */
export async function hostKeyJudge(target: SshTarget, files: ReadFiles, signal: AbortSignal): Promise<HostKeyJudge> {
  const known: KnownHost[] = [];
  for (const path of target.trust.knownHosts) known.push(...(await linesAbout(path, target, files, signal)));
  const { fingerprints } = target.trust;
  const keys = known.filter(({ marker }) => marker === 'key');
  return {
    types: fingerprints === undefined ? [...new Set(keys.map(({ type }) => type))] : [],
    refuses(key) {
      const encoded = Buffer.from(key).toString('base64');
      const has = (marker: KnownHost['marker']): boolean =>
        known.some((one) => one.marker === marker && one.key === encoded);
      if (has('revoked')) return refusal(target, key, 'which is marked as revoked', revoked);
      if (fingerprints !== undefined)
        return fingerprints.includes(fingerprintOf(key))
          ? undefined
          : refusal(target, key, 'which is none of the configured fingerprints', changed);
      if (has('key')) return undefined;
      if (keys.length > 0)
        return refusal(target, key, 'which is not the key we know: it changed, or somebody is in between', changed);
      if (known.some(({ marker }) => marker === 'authority'))
        return refusal(target, key, 'and only a certificate authority is known for it, which is not supported', add);
      return refusal(target, key, 'and no key is known for it', add);
    },
  };
}

async function linesAbout(
  path: string,
  target: SshTarget,
  files: ReadFiles,
  signal: AbortSignal,
): Promise<readonly KnownHost[]> {
  try {
    const text = new TextDecoder().decode(await files.read(path, maxKnownHostsBytes, signal));
    return parseKnownHosts(text).filter((line) => isAbout(line, target.host, target.port));
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    if (error.code === 'not-found') return [];
    throw new WatchkeeperError('config-invalid', `known_hosts ${path}: ${error.message}`, { cause: thrown });
  }
}

const add = (name: string): string =>
  `Compare the fingerprint with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there), then add its key for ${name} to known_hosts or the fingerprint to the configuration.`;
const changed = (name: string): string =>
  `If the host was reinstalled, replace its key for ${name} (ssh-keygen -R ${name}); if not, find out who answers in its place.`;
const revoked = (name: string): string => `Give ${name} a new host key; the one it shows is no longer to be believed.`;

function refusal(
  { host, port }: SshTarget,
  key: Uint8Array,
  why: string,
  fix: (name: string) => string,
): WatchkeeperError {
  const name = port === 22 ? host : `[${host}]:${port}`;
  const shown = `${oneLine(typeOf(key), 40)} ${fingerprintOf(key)}`;
  return new WatchkeeperError('forbidden', `${name} shows the host key ${shown}, ${why}`, {
    fix: fix(name),
    retryable: false,
  });
}

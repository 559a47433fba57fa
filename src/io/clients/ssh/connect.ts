import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';

import type { Client, ConnectConfig, ServerHostKeyAlgorithm } from 'ssh2';

import { WatchkeeperError } from '../../../lib/errors.ts';
import type { ErrorCode } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import { oneLine } from '../../../lib/text.ts';
import type { Clock, ReadFiles, Secrets } from '../../../domain/ports/io.ts';
import type { SshLogin, SshTarget } from '../../../domain/ports/ssh.ts';
import { scanCertificate } from './certificates/scan.ts';
import { hostKeyJudge } from './host-key.ts';
import type { HostKeyJudge } from './host-key.ts';
import type { ReadKnownHosts } from './known-hosts.ts';

/** What a connection is made with. */
export interface ConnectIo {
  readonly files: ReadFiles;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly knownHosts: ReadKnownHosts;
}

/** Opens a stream to the target by way of a jump host, instead of a TCP connection of our own. */
export type Through = (signal: AbortSignal) => Promise<Duplex>;

/**
 * Opens one connection whose host key is believed and whose login was accepted. The signal ends it while it is made.
 * @throws `forbidden` for its key, `unauthorized` for our login, `unreachable`, `timeout`, `aborted`, `config-invalid`.
 */
export async function connectSsh(
  target: SshTarget,
  io: ConnectIo,
  through: Through | undefined,
  signal: AbortSignal,
): Promise<Client> {
  const judge = await judgeFor(target, io, through, signal);
  const proof = await proofOf(target.login, io, signal);
  // Loaded only where hosts are configured.
  const { default: ssh2 } = await import('ssh2');
  const stream = await through?.(signal);
  let refusal: WatchkeeperError | undefined;
  const client = new ssh2.Client();
  const config: ConnectConfig = {
    host: target.host,
    port: target.port,
    username: target.login.user,
    ...proof,
    ...(stream === undefined ? {} : { sock: stream }),
    readyTimeout: 0,
    keepaliveInterval: limits.sshKeepaliveMs,
    keepaliveCountMax: 3,
    algorithms: { serverHostKey: preferred(judge.types) },
    hostVerifier: (key: Buffer): boolean => {
      refusal = judge.refuses(key);
      return refusal === undefined;
    },
  };
  return new Promise((resolve, reject) => {
    const settle = (end: () => void): void => {
      signal.removeEventListener('abort', stop);
      end();
    };
    const fail = (error: WatchkeeperError): void =>
      settle(() => {
        client.destroy();
        reject(error);
      });
    const stop = (): void => fail(stopped(target, signal));
    client.on('error', (thrown: Error & { level?: string }) => fail(refusal ?? understood(target, thrown)));
    client.once('close', () =>
      fail(refusal ?? new WatchkeeperError('unreachable', `${nameOf(target)} closed the connection before login`)),
    );
    client.once('ready', () => settle(() => resolve(client)));
    if (signal.aborted) {
      stop();
      return;
    }
    signal.addEventListener('abort', stop, { once: true });
    try {
      client.connect(config);
    } catch (thrown) {
      fail(unusable(target.login, thrown));
    }
  });
}

async function judgeFor(
  target: SshTarget,
  io: ConnectIo,
  through: Through | undefined,
  signal: AbortSignal,
): Promise<HostKeyJudge> {
  const judge = await hostKeyJudge(target, io.knownHosts, signal);
  if (!judge.wantsCertificate) return judge;
  const stream = (await through?.(signal)) ?? connectTcp(target.port, target.host);
  try {
    return judge.vouched(await scanCertificate(stream, signal), io.clock.nowMs());
  } catch (thrown) {
    if (signal.aborted) throw stopped(target, signal);
    const error = WatchkeeperError.from(thrown, 'unreachable');
    if (error.code === 'forbidden') throw error;
    throw new WatchkeeperError(error.code, `${nameOf(target)}: ${error.message}`, { cause: error });
  }
}

/** A host by name, with its port when that is not SSH's own. */
export function nameOf({ host, port }: Pick<SshTarget, 'host' | 'port'>): string {
  return port === 22 ? host : `${host}:${port}`;
}

/** The error of a signal that fired: a deadline of ours or somebody's wish. */
export function stopped(target: SshTarget, signal: AbortSignal): WatchkeeperError {
  const timeout = signal.reason instanceof WatchkeeperError && signal.reason.code === 'timeout';
  return timeout
    ? new WatchkeeperError('timeout', `${nameOf(target)} did not answer in time`, { cause: signal.reason })
    : new WatchkeeperError('aborted', `stopped while waiting for ${nameOf(target)}`, { cause: signal.reason });
}

const maxKeyBytes = 64 * 1024;

async function proofOf(login: SshLogin, io: ConnectIo, signal: AbortSignal): Promise<ConnectConfig> {
  const { keyFile, passphrase, agent } = login;
  if (keyFile === undefined && agent === undefined)
    throw new WatchkeeperError('config-invalid', `there is neither a key file nor an agent for ${login.user}`, {
      fix: 'Set keyFile or agent; passwords are not used.',
    });
  const privateKey = keyFile === undefined ? undefined : await io.files.read(keyFile, maxKeyBytes, signal);
  const phrase = passphrase === undefined ? undefined : await io.secrets.resolve(passphrase, signal);
  return {
    ...(privateKey === undefined ? {} : { privateKey: Buffer.from(privateKey) }),
    ...(phrase === undefined ? {} : { passphrase: phrase }),
    ...(agent === undefined ? {} : { agent }),
  };
}

const algorithmsOf: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

// The server shows one key, of the first type both sides have: asked for the types we know, it shows one we can judge.
function preferred(types: readonly string[]): ServerHostKeyAlgorithm[] {
  const order = [...types, ...Object.keys(algorithmsOf)].flatMap((type) => algorithmsOf[type] ?? []);
  return [...new Set(order)];
}

const codes: Readonly<Record<string, ErrorCode>> = {
  'client-authentication': 'unauthorized',
  agent: 'unauthorized',
  'client-timeout': 'timeout',
};

// What a server says before it is known is untrusted text.
function understood(target: SshTarget, thrown: Error & { readonly level?: string }): WatchkeeperError {
  const code = codes[thrown.level ?? ''] ?? 'unreachable';
  if (code === 'unauthorized')
    return new WatchkeeperError(code, `${nameOf(target)} does not let ${target.login.user} in with this key`, {
      fix: `Add the public key to ~${target.login.user}/.ssh/authorized_keys there, or correct user, keyFile or agent.`,
      cause: thrown,
    });
  return new WatchkeeperError(code, `${nameOf(target)}: ${oneLine(thrown.message, 200)}`, { cause: thrown });
}

function unusable(login: SshLogin, thrown: unknown): WatchkeeperError {
  const message = thrown instanceof Error ? oneLine(thrown.message, 200) : 'unknown fault';
  return new WatchkeeperError('config-invalid', `${login.keyFile ?? 'the key'} cannot be used: ${message}`, {
    fix: 'Give an OpenSSH private key, and its passphrase as a secret when it has one.',
    cause: thrown,
  });
}

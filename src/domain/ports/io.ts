import type { AwsOperators, AwsReaders } from './aws.ts';
import type { AzureOperators, AzureReaders } from './azure.ts';
import type { GcpOperators, GcpReaders } from './gcp.ts';
import type { CloudHosts } from './cloud-hosts.ts';
import type { GitRepositories } from './git.ts';
import type { KubernetesOperators, KubernetesReaders } from './kubernetes.ts';
import type { Secrets } from './secrets.ts';
import type { SshClients, SshOperators } from './ssh.ts';

export type { SecretRef, Secrets } from './secrets.ts';

/** The world, as the rest of the code may touch it. Implementations: src/io (real), test/support (virtual). */

/** Time. The virtual clock of the tests advances only when told, so a night takes milliseconds. */
export interface Clock {
  /** Wall clock, epoch milliseconds. May jump; never use it to measure a span. */
  nowMs(): number;
  /** Monotonic milliseconds from an arbitrary origin. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with `aborted` when the signal fires. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** A signal that fires after `ms` or with its parent; call `cancel` when done so that no timer is left. */
  deadline(ms: number, parent: AbortSignal): { readonly signal: AbortSignal; cancel(): void };
}

/** Randomness: seeded in simulations. */
export interface Random {
  bytes(length: number): Uint8Array;
  /** Uniform in [0,1): jitter. */
  uniform(): number;
  /** A sortable unique id: time in the high bits, then randomness (UUIDv7). */
  id(nowMs: number): string;
}

/** One request, bounded in time and size. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Total time, from the call to the last byte. Default `limits.httpTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Default `limits.httpResponseBytes`; more is `too-large`. */
  readonly maxBytes?: number;
  /**
   * Asked with the very address that is about to be connected to, after the name was resolved, and once more when the
   * connection stands; false is `forbidden` and nothing is sent. Such a request gets a connection of its own.
   */
  readonly admit?: (address: string) => boolean;
  readonly signal: AbortSignal;
}

/** Any status is an answer; only no answer is an error (`unreachable`, `timeout`, `aborted`, `too-large`). No redirects are followed. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** The network, as a reader or an operator may use it. */
export interface Http {
  request(request: HttpRequest): Promise<HttpResponse>;
}

/** What lies at a path. */
export interface FileStat {
  readonly kind: 'file' | 'folder' | 'symlink' | 'other';
  readonly size: number;
  readonly mtimeMs: number;
  readonly inode: number;
  readonly device: number;
  readonly mode: number;
  readonly uid: number;
}

/** How full a file system is. */
export interface DiskUsage {
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** What an unprivileged process may still write. */
  readonly availableBytes: number;
  readonly totalInodes: number;
  readonly freeInodes: number;
}

/** Reading files. Every call is bounded and takes a signal. `not-found` and `forbidden` are told apart. */
export interface ReadFiles {
  /** @throws `too-large` above `maxBytes`. Works for /proc and /sys, whose sizes read 0. */
  read(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array>;
  /** A stretch of a file; shorter at its end. */
  readAt(path: string, offset: number, length: number, signal: AbortSignal): Promise<Uint8Array>;
  /** Names in a folder, sorted, at most `max`. */
  list(path: string, max: number, signal: AbortSignal): Promise<readonly string[]>;
  /** Does not follow a symlink. `undefined` when there is nothing. */
  stat(path: string, signal: AbortSignal): Promise<FileStat | undefined>;
  readlink(path: string, signal: AbortSignal): Promise<string>;
  realpath(path: string, signal: AbortSignal): Promise<string>;
  diskUsage(path: string, signal: AbortSignal): Promise<DiskUsage>;
}

/** Changing files: an operator's object, never handed to a reader. */
export interface WriteFiles extends ReadFiles {
  /** Writes a temporary file beside, fsyncs, renames over, fsyncs the folder. */
  writeAtomic(path: string, data: string | Uint8Array, mode: number, signal: AbortSignal): Promise<void>;
  /** Replaces a symlink atomically (link beside, rename over, fsync the folder). */
  replaceSymlink(path: string, target: string, signal: AbortSignal): Promise<void>;
  /** Removes one file; never a folder. */
  unlink(path: string, signal: AbortSignal): Promise<void>;
  makeFolder(path: string, mode: number, signal: AbortSignal): Promise<void>;
}

/** How a program ended. `code` is null when a signal ended it. */
export interface ExecResult {
  readonly code: number | null;
  readonly signalName: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
}

/** Running programs: argv arrays only, no shell, a clean environment, output capped, killed at the deadline. */
export interface Exec {
  run(
    argv: readonly [string, ...string[]],
    options: {
      readonly timeoutMs: number;
      readonly signal: AbortSignal;
      readonly cwd?: string;
      readonly env?: Readonly<Record<string, string>>;
    },
  ): Promise<ExecResult>;
}

/** Signals to processes, as an operator. */
export interface Processes {
  /** @throws `not-found` when there is no such process, `forbidden` when it is not ours. */
  kill(
    pid: number,
    signalName: 'SIGTERM' | 'SIGKILL' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2' | 'SIGINT' | 'SIGSTOP' | 'SIGCONT',
  ): void;
}

/** A connected byte stream (unix socket or TCP): used for D-Bus and the like. */
export interface ByteStream {
  write(data: Uint8Array): Promise<void>;
  /** Next bytes, or `undefined` at the end. */
  read(signal: AbortSignal): Promise<Uint8Array | undefined>;
  close(): void;
}

/** Connections to sockets of this machine. */
export interface Sockets {
  connectUnix(path: string, signal: AbortSignal): Promise<ByteStream>;
}

/** Structured logging. Messages are constant strings; what varies goes into `fields`. Every sink is behind the scrubber (I13). */
export interface Log {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  child(fields: Readonly<Record<string, unknown>>): Log;
}

/** What a reader gets. There is nothing in it that can change the world. */
export interface ReaderIo {
  readonly clock: Clock;
  readonly random: Random;
  readonly http: Http;
  readonly files: ReadFiles;
  readonly sockets: Sockets;
  readonly kubernetes: KubernetesReaders;
  readonly aws: AwsReaders;
  readonly azure: AzureReaders;
  readonly gcp: GcpReaders;
  readonly cloudHosts: CloudHosts;
  readonly ssh: SshClients;
  readonly secrets: Secrets;
  readonly log: Log;
}

/** What a hand gets. Only src/actions is ever given one. */
export interface OperatorIo {
  readonly clock: Clock;
  readonly random: Random;
  readonly http: Http;
  readonly files: WriteFiles;
  readonly exec: Exec;
  readonly processes: Processes;
  readonly sockets: Sockets;
  readonly kubernetes: KubernetesOperators;
  readonly aws: AwsOperators;
  readonly azure: AzureOperators;
  readonly gcp: GcpOperators;
  readonly git: GitRepositories;
  readonly ssh: SshOperators;
  readonly secrets: Secrets;
  readonly log: Log;
}

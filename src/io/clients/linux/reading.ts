import type { Clock, ReadFiles, Sockets } from '../../../domain/ports/io.ts';
import type { GapReason, Labels } from '../../../domain/telemetry.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { ErrorCode } from '../../../lib/errors.ts';
import type { AnyMetricName } from './metrics/catalogue.ts';
import type { Rates } from './rates.ts';

/** One measured value. `v` is undefined while a counter has been read only once: a rate needs two readings. */
export interface Point {
  readonly metric: AnyMetricName;
  readonly labels: Labels;
  readonly v: number | undefined;
}

/** What a reader could not read. Without `labels` it concerns every series of the metrics. */
export interface Problem {
  readonly metrics: readonly AnyMetricName[];
  readonly labels?: Labels;
  readonly reason: GapReason;
  readonly message: string;
}

/** What one reader found. */
export interface Reading {
  readonly points: readonly Point[];
  readonly problems: readonly Problem[];
}

/** What a reader is given. `at` puts a path of the machine under the configured root. */
export interface ReadContext {
  readonly files: ReadFiles;
  readonly sockets: Sockets;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly rates: Rates;
  readonly monotonicMs: number;
  /** How far the machine's zone is ahead of UTC; absent for this machine, whose zone is ours. */
  readonly zoneMs?: number;
  at(path: string): string;
}

/** How long one reader may take. Files of /proc answer in microseconds; only a sick mount or bus takes longer. */
export const readerDeadlineMs = 2_000;

const procFileBytes = 1024 * 1024;

/** Reads a small text file of /proc or /sys. Invalid UTF-8 becomes replacement characters. */
export async function readText(context: ReadContext, path: string, maxBytes: number = procFileBytes): Promise<string> {
  return new TextDecoder().decode(await context.files.read(context.at(path), maxBytes, context.signal));
}

/** As `readText`, but `undefined` when there is no such file. */
export async function readTextIfAny(context: ReadContext, path: string): Promise<string | undefined> {
  try {
    return await readText(context, path);
  } catch (thrown) {
    if (WatchkeeperError.from(thrown).code === 'not-found') return undefined;
    throw thrown;
  }
}

/** A file that cannot be understood. Caught by the reader's caller and turned into a Gap. */
export function malformed(path: string, what: string): WatchkeeperError {
  return new WatchkeeperError('malformed', `${path}: ${what}`);
}

const gapReasons: Readonly<Partial<Record<ErrorCode, GapReason>>> = {
  'not-found': 'missing',
  unauthorized: 'unauthorized',
  forbidden: 'unauthorized',
  'rate-limited': 'rate-limited',
  unreachable: 'unreachable',
  timeout: 'timeout',
  aborted: 'timeout',
  malformed: 'malformed',
  'too-large': 'too-large',
  unsupported: 'unsupported',
};

/** The reason of a Gap for anything thrown. What we have no word for could not be understood: `malformed`. */
export function gapReason(thrown: unknown): GapReason {
  return gapReasons[WatchkeeperError.from(thrown).code] ?? 'malformed';
}

/** The sentence of a Gap for anything thrown, with the fix when there is one. */
export function gapMessage(thrown: unknown, context: string): string {
  const error = WatchkeeperError.from(thrown);
  return `${context}: ${error.message}${error.fix === undefined ? '' : ` (${error.fix})`}`;
}

/**
 * Runs `work` under a deadline of its own. Rejects with `timeout` when it fires, even if the work ignores its signal
 * (a statfs on a dead NFS server cannot be interrupted).
 */
export async function within<T>(
  clock: Clock,
  ms: number,
  parent: AbortSignal,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = clock.deadline(ms, parent);
  const { signal } = deadline;
  let onAbort: (() => void) | undefined;
  const fired = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      const aborted = parent.aborted;
      reject(
        new WatchkeeperError(
          aborted ? 'aborted' : 'timeout',
          aborted ? `${what} was interrupted` : `${what} took longer than ${ms} ms`,
        ),
      );
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work(signal), fired]);
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    if (error.code === 'aborted' && !parent.aborted)
      throw new WatchkeeperError('timeout', `${what} took longer than ${ms} ms`, { cause: thrown });
    throw thrown;
  } finally {
    deadline.cancel();
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

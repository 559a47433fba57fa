/**
 * Every fault Watchkeeper can raise. The set is closed so that it can be a metric label and so that a caller can
 * handle each one; verdicts ("this plan is denied") are return values, never errors.
 */
export type ErrorCode =
  | 'config-invalid' // something a person wrote is wrong: file, line and column are in the message
  | 'usage' // the command line is wrong
  | 'not-found'
  | 'conflict' // somebody else changed it first
  | 'unauthorized' // no or wrong credentials
  | 'forbidden' // known, but not allowed
  | 'rate-limited'
  | 'unreachable' // no connection, DNS, refused
  | 'timeout' // a deadline passed
  | 'aborted' // the caller's AbortSignal fired
  | 'malformed' // the peer answered something that cannot be read
  | 'too-large' // a limit from lib/limits.ts
  | 'unsupported'
  | 'store-failed' // the durable store refused or lost a write: the process must stop acting
  | 'ledger-invalid' // the ledger does not verify
  | 'fenced' // another leader holds a newer epoch
  | 'internal'; // a bug of ours

interface ErrorOptions {
  /** What the reader should do about it, as an imperative sentence. */
  readonly fix?: string;
  /** Whether the same call may succeed later without anyone changing anything. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

const retryableByNature: ReadonlySet<ErrorCode> = new Set(['rate-limited', 'unreachable', 'timeout']);

/** The one error class. `message` says what is wrong, `fix` what to do, `cause` keeps what was underneath. */
export class WatchkeeperError extends Error {
  readonly code: ErrorCode;
  readonly fix: string | undefined;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'WatchkeeperError';
    this.code = code;
    this.fix = options.fix;
    this.retryable = options.retryable ?? retryableByNature.has(code);
  }

  /** Turns anything caught into a WatchkeeperError: ours pass through, the rest become `code` with the cause kept. */
  static from(thrown: unknown, code: ErrorCode = 'internal', context?: string): WatchkeeperError {
    if (thrown instanceof WatchkeeperError) return thrown;
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    const aborted = thrown instanceof Error && thrown.name === 'AbortError';
    return new WatchkeeperError(aborted ? 'aborted' : code, context ? `${context}: ${text}` : text, { cause: thrown });
  }
}

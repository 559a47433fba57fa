import type { ErrorCode } from '../lib/errors.ts';

/** What a script may rely on; documented in docs/cli.md. */
export const exitCodes = {
  ok: 0,
  /** The command worked and its answer is no: problems, a failed test, a ledger that does not verify, a refusal. */
  no: 1,
  /** The command line or a file is wrong. */
  usage: 2,
  /** The daemon, or something it needs, cannot be reached. */
  unreachable: 3,
  /** No or wrong token, or not allowed. */
  unauthorized: 4,
  notFound: 5,
  /** The durable store or the ledger is damaged: stop and look. */
  damaged: 6,
  /** Another replica leads now, or the store was lost: start it again, it follows. */
  deposed: 7,
  /** A fault of ours. */
  internal: 70,
} as const;

const byCode: Readonly<Record<ErrorCode, number>> = {
  'config-invalid': exitCodes.usage,
  usage: exitCodes.usage,
  malformed: exitCodes.usage,
  'too-large': exitCodes.usage,
  unsupported: exitCodes.usage,
  'not-found': exitCodes.notFound,
  conflict: exitCodes.no,
  unauthorized: exitCodes.unauthorized,
  forbidden: exitCodes.unauthorized,
  'rate-limited': exitCodes.unreachable,
  unreachable: exitCodes.unreachable,
  timeout: exitCodes.unreachable,
  aborted: exitCodes.unreachable,
  'store-failed': exitCodes.damaged,
  'ledger-invalid': exitCodes.damaged,
  fenced: exitCodes.no,
  internal: exitCodes.internal,
};

/** The exit code that says what an error means. */
export function exitCodeOf(code: ErrorCode): number {
  return byCode[code];
}

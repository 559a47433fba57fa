import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { ReadFiles } from '../../domain/ports/io.ts';

/** A process and when it started: a pid alone may have been given to another one since. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks (1/100 s) since boot, field 22 of /proc/PID/stat. */
  readonly startTicks: number;
}

/** Reads pid, state and start time out of /proc/PID/stat (proc(5)); the command in parentheses may itself hold any text. */
export function parseProcStat(text: string): (ProcessIdentity & { readonly state: string }) | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 1 || close < open) return undefined;
  const pid = Number(text.slice(0, open).trim());
  const rest = text
    .slice(close + 1)
    .trim()
    .split(/\s+/);
  const [state] = rest;
  const startTicks = Number(rest[19]);
  if (!Number.isSafeInteger(pid) || state === undefined || !Number.isSafeInteger(startTicks)) return undefined;
  return { pid, state, startTicks };
}

/** The living process with this pid; `undefined` when there is none (a zombie is none). */
export async function readProcess(
  files: ReadFiles,
  pid: number,
  signal: AbortSignal,
): Promise<ProcessIdentity | undefined> {
  try {
    const text = new TextDecoder().decode(await files.read(`/proc/${pid}/stat`, limits.processCommandBytes, signal));
    const found = parseProcStat(text);
    if (found?.pid !== pid || found.state === 'Z' || found.state === 'X') return undefined;
    return { pid, startTicks: found.startTicks };
  } catch (thrown) {
    if (WatchkeeperError.from(thrown).code === 'not-found' || isGone(thrown)) return undefined;
    throw thrown;
  }
}

// A process that ends while its file is read gives ESRCH.
function isGone(thrown: unknown): boolean {
  return thrown instanceof WatchkeeperError && thrown.cause instanceof Error && thrown.cause.message.includes('ESRCH');
}

/** The living process a pid file names. A file that is missing, empty or odd names none. */
export async function processOf(
  files: ReadFiles,
  pidFile: string,
  signal: AbortSignal,
): Promise<ProcessIdentity | undefined> {
  let text: string;
  try {
    text = new TextDecoder().decode(await files.read(pidFile, 64, signal)).trim();
  } catch (thrown) {
    if (WatchkeeperError.from(thrown).code === 'not-found') return undefined;
    throw thrown;
  }
  if (!/^[1-9]\d{0,9}$/.test(text) || Number(text) <= 1) return undefined;
  return readProcess(files, Number(text), signal);
}

/** Milliseconds since boot, from /proc/uptime. */
export async function sinceBootMs(files: ReadFiles, signal: AbortSignal): Promise<number> {
  const text = new TextDecoder().decode(await files.read('/proc/uptime', 128, signal));
  const seconds = Number(text.split(' ')[0]);
  if (!Number.isFinite(seconds)) throw new WatchkeeperError('malformed', '/proc/uptime does not start with a number');
  return seconds * 1_000;
}

/** A process as text: number and start, so that a reused number is another process. */
export function identityText(identity: ProcessIdentity): string {
  return `${identity.pid}@${identity.startTicks}`;
}

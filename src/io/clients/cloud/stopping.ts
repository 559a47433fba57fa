import { WatchkeeperError } from '../../../lib/errors.ts';

/** Whether a signal has fired. Asked anew each time: it fires while one waits. */
export function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** Why a call was stopped: the reason its signal gives, or `aborted` with what the call failed with. */
export function stopped(thrown: unknown, signal: AbortSignal): WatchkeeperError {
  const reason: unknown = signal.reason;
  if (reason instanceof WatchkeeperError) return reason;
  return new WatchkeeperError('aborted', 'stopped', { cause: thrown });
}

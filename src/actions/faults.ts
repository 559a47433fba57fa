import { WatchkeeperError, type ErrorCode } from '../lib/errors.ts';
import type { ActionResult } from '../domain/ports/action.ts';

const refusals: ReadonlySet<ErrorCode> = new Set([
  'conflict',
  'not-found',
  'forbidden',
  'unauthorized',
  'config-invalid',
  'unsupported',
  'rate-limited',
]);

/** Whether a fault of a write is a clear answer that nothing was done. Anything else leaves it open (I5). */
export function isRefusal({ code }: WatchkeeperError): boolean {
  return refusals.has(code);
}

/** What a fault of a write says about it: refused for certain, or nobody can tell. `also`: what is certain here besides. */
export function writeFault(thrown: unknown, also: readonly ErrorCode[] = []): ActionResult {
  const error = WatchkeeperError.from(thrown);
  const message = error.fix === undefined ? error.message : `${error.message} ${error.fix}`;
  return { is: isRefusal(error) || also.includes(error.code) ? 'failed' : 'unknown', message };
}

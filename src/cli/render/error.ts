import type { WatchkeeperError } from '../../lib/errors.ts';
import { clean } from './safe.ts';
import { paint, type Style } from './style.ts';

/** One line what is wrong, one what to do. Problems with their excerpts keep their lines. */
export function renderError(error: WatchkeeperError, style: Style): string {
  const [first = '', ...rest] = error.message.split('\n');
  const lines = [`${paint(style, 'watchkeeper:', 'red')} ${clean(first, 1_000)}`, ...rest];
  if (error.code === 'internal') lines.push(...whereFrom(error));
  if (error.fix !== undefined) lines.push(`${paint(style, 'fix:', 'cyan')} ${clean(error.fix, 1_000)}`);
  return lines.join('\n');
}

/** The same for machines. */
export function errorJson(error: WatchkeeperError): object {
  return {
    error: { code: error.code, message: error.message, ...(error.fix === undefined ? {} : { fix: error.fix }) },
  };
}

// A fault of ours is of use to us only with the place it came from.
function whereFrom(error: WatchkeeperError): readonly string[] {
  const cause = error.cause instanceof Error ? error.cause : error;
  const places = (cause.stack ?? '').split('\n').slice(1, 5);
  return ['This is a fault of Watchkeeper; please report it with these lines:', ...places];
}

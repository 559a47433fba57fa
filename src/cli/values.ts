import { InvalidArgumentError } from 'commander';

import { WatchkeeperError } from '../lib/errors.ts';
import type { Json } from '../lib/json.ts';

/** Reads a whole number from the command line. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('Expected a whole number.');
  return value;
}

/** Collects a repeatable option. */
export function collect(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

/**
 * Reads `name=value` pairs. `true`, `false` and numbers are taken as such, everything else as text.
 *
 * @throws `usage`.
 */
export function pairs(written: readonly string[]): Readonly<Record<string, Json>> {
  return Object.fromEntries(Object.entries(textPairs(written)).map(([name, text]) => [name, valueOf(text)]));
}

/** The same, all of it as text: labels. @throws `usage`. */
export function textPairs(written: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    written.map((text): [string, string] => {
      const at = text.indexOf('=');
      if (at <= 0)
        throw new WatchkeeperError('usage', `${JSON.stringify(text)} is not a pair`, {
          fix: 'Write it as name=value.',
        });
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

function valueOf(text: string): Json {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d{1,15}(\.\d{1,10})?$/.test(text) ? Number(text) : text;
}

/** An argument that commander has already made sure of. */
export function required(args: readonly string[], index: number): string {
  const value = args[index];
  if (value === undefined) throw new WatchkeeperError('usage', 'an argument is missing');
  return value;
}

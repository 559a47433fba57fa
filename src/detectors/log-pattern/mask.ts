import { limits } from '../../lib/limits.ts';
import { cleanText } from '../words.ts';

/** What stands in a template where lines differ. */
export const wildcard = '<*>';

/**
 * A log line as tokens, with what varies masked: anything with a digit (numbers, ids, times, addresses, hashes), quoted
 * text, and the value after `=`. Bounded: the first line only, so many tokens, so many characters.
 */
export function tokensOf(body: string): readonly string[] {
  const line = cleanText(body.split('\n', 1)[0] ?? '', 1_000);
  const words = line.replace(/"[^"]{0,300}"|'[^']{0,300}'/g, wildcard).split(' ');
  return words.slice(0, limits.detectorLogTokens).map(masked);
}

function masked(word: string): string {
  const equals = word.indexOf('=');
  if (equals > 0 && equals < word.length - 1 && !/\d/.test(word.slice(0, equals)))
    return `${word.slice(0, equals + 1)}${wildcard}`;
  if (!/\d/.test(word)) return word.length > 60 ? wildcard : word;
  // The shape around the figures is kept when it is short: `[17]` stays apart from `17ms`, `(3` from `3`.
  const [head] = /^[^\p{L}\p{N}]{0,3}/u.exec(word) ?? [''];
  const [tail] = /[^\p{L}\p{N}]{0,3}$/u.exec(word) ?? [''];
  return head.length + tail.length >= word.length ? wildcard : `${head}${wildcard}${tail}`;
}

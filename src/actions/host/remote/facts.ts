import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json } from '../../../lib/json.ts';
import { oneLine } from '../../../lib/text.ts';

/** What a script said: names with one value or several, all of them untrusted text of one line. */
export interface Facts {
  /** The first value; empty when it was not said. */
  text(name: string): string;
  all(name: string): readonly string[];
  /** All values exactly as they were said: for names of files, which must not be made pretty. */
  raw(name: string): readonly string[];
  /** A whole number from 0; 0 when it was not said, or is none. */
  count(name: string): number;
}

const maxLines = 20_000;
const maxValue = 2_000;

/**
 * Reads what a script printed between `@ begin` and `@ end`. What a login shell prints before is passed over.
 * @throws `malformed` when it is not whole.
 */
export function parseFacts(output: Uint8Array): Facts {
  const lines = new TextDecoder('latin1').decode(output).split('\n');
  const begin = lines.indexOf('@ begin');
  const end = lines.lastIndexOf('@ end');
  if (begin < 0 || end < begin)
    throw new WatchkeeperError('malformed', 'the host answered something that is not whole', {
      fix: "Check that the user's login shell runs commands (ssh HOST sh -c true), and prints nothing of its own after that.",
    });
  const facts = new Map<string, string[]>();
  for (const line of lines.slice(begin + 1, Math.min(end, begin + maxLines))) {
    const [, name, value = ''] = /^([A-Za-z][A-Za-z0-9._-]{0,63})=(.*)$/.exec(line) ?? [];
    if (name === undefined) continue;
    const bytes = Buffer.from(value, 'latin1').toString('utf8');
    const known = facts.get(name) ?? [];
    facts.set(name, known);
    known.push(bytes);
  }
  const text: Facts['text'] = (name) => oneLine(facts.get(name)?.[0] ?? '', maxValue);
  return {
    text,
    all: (name) => (facts.get(name) ?? []).map((value) => oneLine(value, maxValue)),
    raw: (name) => facts.get(name) ?? [],
    count: (name) => (/^\d{1,15}$/.test(text(name)) ? Number(text(name)) : 0),
  };
}

/** A fact of an observation that is text; empty when it is none. */
export function textFact(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

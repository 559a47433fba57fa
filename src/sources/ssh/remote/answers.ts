import { WatchkeeperError } from '../../../lib/errors.ts';

/** What a host says to one question: bytes, or why there are none. */
export type Answer =
  { readonly is: 'bytes'; readonly bytes: Uint8Array } | { readonly is: 'absent' | 'denied' | 'folder' | 'other' };

const words: ReadonlySet<string> = new Set(['absent', 'denied', 'folder', 'other']);

/**
 * Reads what the script printed: `@ begin`, for each question in order `@ NUMBER WORD` and perhaps base64 (or hex, after
 * a line `x`), and `@ end`. What a login shell prints before is passed over. @throws `malformed` for anything else: a host's
 * answer is untrusted, and half an answer is none.
 */
export function parseAnswers(output: Uint8Array, count: number): readonly Answer[] {
  const lines = new TextDecoder('latin1').decode(output).split('\n');
  const begin = lines.indexOf('@ begin');
  const end = lines.indexOf('@ end', begin);
  if (begin < 0) throw malformed('it does not begin');
  if (end < 0) throw malformed('it does not end');
  const answers: Answer[] = [];
  let body: string[] = [];
  let word: string | undefined;
  const finish = (): void => {
    if (word !== undefined) answers.push(answerOf(word, body));
    body = [];
  };
  for (const line of lines.slice(begin + 1, end)) {
    if (!line.startsWith('@ ')) {
      body.push(line);
      continue;
    }
    finish();
    const [, number, said = ''] = line.split(' ');
    if (number !== String(answers.length + 1)) throw malformed('answers are out of order');
    word = said;
  }
  finish();
  if (answers.length !== count) throw malformed(`${answers.length} answers to ${count} questions`);
  return answers;
}

function answerOf(word: string, body: readonly string[]): Answer {
  if (word === 'bytes') return { is: 'bytes', bytes: bytesOf(body) };
  if (!words.has(word)) throw malformed('a word that is none');
  return { is: word as 'absent' | 'denied' | 'folder' | 'other' };
}

function bytesOf(body: readonly string[]): Uint8Array {
  const hex = body[0] === 'x';
  const text = (hex ? body.slice(1) : body).join('').replace(/[ \r]/g, '');
  if (hex ? !/^([0-9a-f]{2})*$/.test(text) : !/^[A-Za-z0-9+/]*={0,2}$/.test(text))
    throw malformed('bytes that are none');
  return new Uint8Array(Buffer.from(text, hex ? 'hex' : 'base64'));
}

function malformed(what: string): WatchkeeperError {
  return new WatchkeeperError('malformed', `the host's answer cannot be read: ${what}`, {
    fix: "Check that the user's login shell runs commands (ssh HOST sh -c true), and prints nothing of its own after that.",
  });
}

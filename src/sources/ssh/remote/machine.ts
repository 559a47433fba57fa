import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import type { Answer } from './answers.ts';
import { wordsOf } from './ask.ts';
import type { Question } from './ask.ts';
import { usualQuestions } from './usual.ts';

/** Sends questions to a host and brings the answers, in order. */
export type Trip = (questions: readonly Question[], signal: AbortSignal) => Promise<readonly Answer[]>;

/**
 * One host, as it answers during one look. Readers ask as if it were at hand; what was asked in the last look is fetched
 * before they ask again, all in one trip, so that after the first looks a sample is one round trip.
 */
export interface RemoteMachine {
  /** Begins a look: nothing that was answered before holds any more. Fetches what the last look asked, and these. */
  begin(also: readonly Question[], signal: AbortSignal): Promise<void>;
  /** The answer of this look. @throws what the trip throws. */
  ask(question: Question, signal: AbortSignal): Promise<Answer>;
  /** An answer that is there already. */
  known(question: Question): Answer | undefined;
}

interface Waiting {
  readonly question: Question;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (thrown: unknown) => void;
}

/** Makes the machine behind a trip. */
export function createRemoteMachine(trip: Trip): RemoteMachine {
  const answers = new Map<string, Answer>();
  const waiting = new Map<string, Waiting>();
  const promised = new Map<string, Promise<Answer>>();
  let asked = new Map(usualQuestions.map((question) => [keyOf(question), question]));
  let travelling = false;

  const bring = async (questions: readonly Question[], signal: AbortSignal): Promise<void> => {
    await Promise.all(
      batches(questions).map(async (batch) => {
        const brought = await trip(batch, signal);
        batch.forEach((question, index) => {
          const answer = brought[index];
          if (answer !== undefined) answers.set(keyOf(question), answer);
        });
      }),
    );
  };
  // One trip at a time: what is asked while one is under way goes together with the next.
  const travel = async (signal: AbortSignal): Promise<void> => {
    if (travelling) return;
    travelling = true;
    try {
      while (waiting.size > 0) {
        const group = [...waiting.entries()];
        waiting.clear();
        try {
          await bring(
            group.map(([, { question }]) => question),
            signal,
          );
          for (const [key, { resolve, reject }] of group) {
            const answer = answers.get(key);
            if (answer === undefined) reject(new Error('a question without an answer'));
            else resolve(answer);
          }
        } catch (thrown) {
          for (const [, { reject }] of group) reject(thrown);
        } finally {
          for (const [key] of group) promised.delete(key);
        }
      }
    } finally {
      travelling = false;
    }
  };

  return {
    async begin(also, signal) {
      answers.clear();
      const again = new Map([...asked, ...also.map((one) => [keyOf(one), one] as const)]);
      asked = new Map();
      await bring([...again.values()], signal);
    },
    ask(question, signal) {
      const key = keyOf(question);
      // What no login shell would take as it is never becomes part of a command (io/clients/ssh/quote.ts).
      if (wordsOf(question).some((word) => /[\p{Cc}\\!]/u.test(word)))
        return Promise.reject(
          new WatchkeeperError('unsupported', 'a name with a control character, \\ or ! cannot be asked for over SSH'),
        );
      // Where a stretch lies changes from look to look; its reader says before each what it will want.
      if (question.is !== 'part' && question.is !== 'journal') asked.set(key, question);
      const answer = answers.get(key);
      if (answer !== undefined) return Promise.resolve(answer);
      const known = promised.get(key);
      if (known !== undefined) return known;
      const made = new Promise<Answer>((resolve, reject) => waiting.set(key, { question, resolve, reject }));
      promised.set(key, made);
      void travel(signal);
      return made;
    },
    known: (question) => answers.get(keyOf(question)),
  };
}

function keyOf(question: Question): string {
  return wordsOf(question).join('\n');
}

// A little room for the quotes and the words around them.
const batchBytes = limits.sshCommandBytes / 2;

function batches(questions: readonly Question[]): readonly (readonly Question[])[] {
  const all: Question[][] = [];
  let size = Infinity;
  for (const question of questions) {
    const bytes = wordsOf(question).reduce((sum, word) => sum + Buffer.byteLength(word) + 8, 0);
    if (size + bytes > batchBytes) {
      all.push([]);
      size = 0;
    }
    all.at(-1)?.push(question);
    size += bytes;
  }
  return all;
}

import { WatchkeeperError } from '../../lib/errors.ts';
import type { Clock } from '../../domain/ports/io.ts';

/** One piece of work for a conversation. */
export interface Errand {
  /** `urgent` goes before the others: somebody is waited for. `later`: when nothing else is left to be done. */
  readonly when: 'urgent' | 'usual' | 'later';
  run(): Promise<void>;
}

/** Does errands one after the other with a pause between them, urgent ones first, what can wait last. */
export interface Lane {
  add(errand: Errand): void;
  /** How much of it cannot wait. */
  waiting(): number;
}

/**
 * Slack takes about one message a second in a conversation and answers more with 429; asking for more only makes the queue
 * longer. A lane keeps to that pace, and the urgent do not wait behind the rest.
 */
export function createLane(clock: Clock, everyMs: number, signal: AbortSignal): Lane {
  const queue: Errand[] = [];
  let working = false;
  const work = async (): Promise<void> => {
    while (queue.length > 0 && !signal.aborted) {
      const first = (when: Errand['when']): number => queue.findIndex((errand) => errand.when === when);
      const at = [first('urgent'), first('usual'), 0].find((index) => index >= 0) ?? 0;
      const [errand] = queue.splice(at, 1);
      await errand?.run();
      await clock.sleep(everyMs, signal).catch(() => undefined);
    }
    working = false;
  };
  return {
    add: (errand) => {
      if (signal.aborted) throw new WatchkeeperError('aborted', 'the channel is closed');
      queue.push(errand);
      if (working) return;
      working = true;
      void work();
    },
    waiting: () => queue.filter(({ when }) => when !== 'later').length,
  };
}

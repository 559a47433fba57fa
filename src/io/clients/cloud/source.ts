import type { CloudUse } from '../../../domain/ports/cloud.ts';
import type { Source } from '../../../domain/ports/source.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import { inPlaces } from './places.ts';

/** What tells a cloud's source from another's. */
export type CloudSourceParts = Omit<Source, 'collect' | 'use' | 'close'> & {
  readonly reader: { use(): CloudUse; close(): void };
  readonly live: Source['collect'];
  readonly past: Source['collect'];
};

/** The source of a cloud around its two ways of reading. Partial answers are answers, but not for a caller that stops us. */
export function cloudSource({ reader, live, past, ...rest }: CloudSourceParts): Source {
  return {
    ...rest,
    collect: async (asked, signal) => {
      const request = { ...asked, signals: inPlaces(asked.signals) };
      if (signal.aborted) throw new WatchkeeperError('aborted', 'stopped before the first call');
      const answer = await (request.mode === 'live' ? live(request, signal) : past(request, signal));
      if (isStopped(signal)) throw new WatchkeeperError('aborted', 'stopped');
      return answer;
    },
    use: () => reader.use(),
    close: () => {
      reader.close();
      return Promise.resolve();
    },
  };
}

// Our own deadline leaves partial answers; a caller that stops us wants none.
function isStopped({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof WatchkeeperError && reason.code === 'timeout');
}

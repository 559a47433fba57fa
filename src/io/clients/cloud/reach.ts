import { WatchkeeperError } from '../../../lib/errors.ts';

/** An account, subscription, project or region that a source reads, and one small question for it. */
export interface Place {
  readonly name: string;
  readonly ask: () => Promise<unknown>;
}

/**
 * Tries every place of a source at once. Throws what the first that fails says, and of how many others; `fix` is what to do where
 * a place answers and the error itself knows nothing better.
 */
export async function reachAll(id: string, places: readonly Place[], fix: string): Promise<void> {
  const tried = await Promise.all(
    places.map(async ({ name, ask }) => {
      try {
        await ask();
        return [];
      } catch (thrown) {
        return [{ name, error: WatchkeeperError.from(thrown) }];
      }
    }),
  );
  const [first, ...more] = tried.flat();
  if (first === undefined) return;
  const { name, error } = first;
  const others = more.length === 0 ? '' : ` (and in ${more.length} more)`;
  const isSilent = error.code === 'unreachable' || error.code === 'timeout';
  const otherwise = isSilent ? `Check the network, a proxy and the endpoint of source ${id}.` : fix;
  throw new WatchkeeperError(error.code, `source ${id}, ${name}${others}: ${error.message}`, {
    fix: error.fix ?? otherwise,
    cause: error,
  });
}

import type { ReaderIo } from '../domain/ports/io.ts';
import type { Source, SourceTraits } from '../domain/ports/source.ts';

/** What a source says of itself before its code is read. */
export interface Later<Config> {
  readonly kind: string;
  readonly traits: SourceTraits;
  readonly intervalMs: (config: Config) => number;
  /** What the source rings for by itself; none unless named. */
  readonly rings?: readonly ('news' | 'newServices')[];
  /** Imports the code and gives what makes the source. */
  readonly load: () => Promise<(id: string, config: Config, io: ReaderIo) => Source>;
}

/**
 * Makes sources whose code is read at their first question: a daemon without a cloud or a fleet pays nothing for being able to
 * read one. What they are told of, their parts and their use are nothing until then.
 */
export function later<Config>(kind: Later<Config>): (id: string, config: Config, io: ReaderIo) => Source {
  return (id, config, io) => {
    let made: Source | undefined;
    let making: Promise<Source> | undefined;
    const source = (): Promise<Source> =>
      (making ??= kind.load().then((create) => {
        made = create(id, config, io);
        return made;
      }));
    const rings = (by: 'news' | 'newServices') => ({
      [by]: async (signal: AbortSignal): Promise<void> => (await source())[by]?.(signal),
    });
    return {
      ...{ id, kind: kind.kind, traits: kind.traits, intervalMs: kind.intervalMs(config) },
      collect: async (request, signal) => (await source()).collect(request, signal),
      discover: async (signal) => (await source()).discover(signal),
      ...(kind.rings?.includes('news') === true && rings('news')),
      ...(kind.rings?.includes('newServices') === true && rings('newServices')),
      parts: () => made?.parts?.(),
      use: () => made?.use?.(),
      check: async (signal) => (await source()).check(signal),
      close: async () => (await making)?.close(),
    };
  };
}

import type { InboundRequest } from '../domain/ports/channel.ts';
import type { ReaderIo } from '../domain/ports/io.ts';
import type { Source, SourceReply, SourceTraits } from '../domain/ports/source.ts';
import type { Service } from '../domain/service.ts';

/** What a source says of itself before its code is read. */
export interface Later<Config> {
  readonly kind: string;
  readonly traits: SourceTraits;
  readonly intervalMs: (config: Config) => number;
  /** What the source rings for by itself, by its configuration; none unless named. What is named it must have. */
  readonly rings?: (config: Config) => readonly ('news' | 'newServices')[];
  /** Whether it may be called back, by its configuration; never unless told. */
  readonly receives?: (config: Config) => boolean;
  /** What of a service is only ever searched for, as `Source.searched` has it; nothing unless told. */
  readonly searched?: (id: string, service: Service) => Service | undefined;
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
    const ringing = kind.rings?.(config) ?? [];
    const rings = (by: 'news' | 'newServices') => ({
      [by]: async (signal: AbortSignal): Promise<void> => (await source())[by]?.(signal),
    });
    return {
      ...{ id, kind: kind.kind, traits: kind.traits, intervalMs: kind.intervalMs(config) },
      collect: async (request, signal) => (await source()).collect(request, signal),
      discover: async (signal) => (await source()).discover(signal),
      ...(ringing.includes('news') && rings('news')),
      ...(ringing.includes('newServices') && rings('newServices')),
      ...(kind.receives?.(config) === true && {
        receive: async (request: InboundRequest, signal: AbortSignal): Promise<SourceReply> => {
          const reply = await (await source()).receive?.(request, signal);
          return reply ?? { status: 404, type: 'text/plain', body: 'nothing is called back here' };
        },
      }),
      searched: (service) => kind.searched?.(id, service),
      parts: () => made?.parts?.(),
      use: () => made?.use?.(),
      check: async (signal) => (await source()).check(signal),
      close: async () => (await making)?.close(),
    };
  };
}

import { WatchkeeperError } from '../lib/errors.ts';
import type { Channel, Ear, HeardReply, InboundReply, InboundRequest } from '../domain/ports/channel.ts';
import type { Clock, Log, Random } from '../domain/ports/io.ts';
import type { Source, SourceReply } from '../domain/ports/source.ts';
import { obey, type CommandDesk } from './hearing-commands.ts';

export { chatOperators } from './hearing-commands.ts';

/** What listening to people needs. */
export interface HearingOptions extends CommandDesk {
  readonly channels: () => ReadonlyMap<string, Channel>;
  /** Those that may be called back among them. */
  readonly sources?: readonly Pick<Source, 'id' | 'receive'>[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const longestPauseMs = 60_000;

/**
 * Listens to every channel that can bring answers, until the signal fires. A channel whose listening breaks is taken up
 * again after a growing, jittered pause: that people cannot answer through it blocks nothing else.
 */
export async function hear(options: HearingOptions, signal: AbortSignal): Promise<void> {
  const listening = [...options.channels().values()].flatMap((channel) =>
    channel.listen === undefined ? [] : [keepListening(options, channel, earOf(options, channel), signal)],
  );
  await Promise.all(listening);
}

async function keepListening(options: HearingOptions, channel: Channel, ear: Ear, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (!isOver(signal)) {
    const sinceMs = options.clock.monotonicMs();
    try {
      await channel.listen?.(ear, signal);
    } catch (thrown) {
      if (!isOver(signal))
        options.log.warn('a channel cannot be listened to', {
          channel: channel.id,
          error: WatchkeeperError.from(thrown),
        });
    }
    failures = options.clock.monotonicMs() - sinceMs > longestPauseMs ? 1 : failures + 1;
    const pauseMs = Math.min(longestPauseMs, 1_000 * 2 ** failures) * (0.5 + options.random.uniform() / 2);
    await options.clock.sleep(pauseMs, signal).catch(() => undefined);
  }
}

// Asked anew each time: it changes while a channel is awaited.
function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** Hands what a peer sent to the channel or source it is for. @throws `not-found` when that takes nothing. */
export async function takeInbound(
  options: HearingOptions,
  id: string,
  request: InboundRequest,
  signal: AbortSignal,
): Promise<InboundReply> {
  const channel = options.channels().get(id);
  if (channel?.receive === undefined) {
    const source = options.sources?.find((one) => one.id === id && one.receive !== undefined);
    if (source?.receive !== undefined) return pushed(options, id, await source.receive(request, signal));
    throw new WatchkeeperError('not-found', 'no channel or source of that name is called back');
  }
  return channel.receive(request, earOf(options, channel), signal);
}

// What a source turned away is in the ledger as what a channel did is; nobody is named in it, for nobody was believed.
async function pushed(
  { agent, log }: HearingOptions,
  id: string,
  { refused, ...reply }: SourceReply,
): Promise<InboundReply> {
  try {
    if (refused !== undefined) await agent.refused('unknown', 'push', `hook:${id}`, refused);
  } catch (thrown) {
    log.warn('a push that was refused could not be written down', { error: WatchkeeperError.from(thrown) });
  }
  return reply;
}

/** What a channel brings its answers and commands to. */
export function earOf(options: HearingOptions, channel: Pick<Channel, 'id'>): Ear {
  const via = `chat:${channel.id}`;
  return {
    answer: async ({ who, about, verdict, comment, shownOn }): Promise<HeardReply> => {
      try {
        const result = await options.agent.answer(about, who, verdict, via, comment, shownOn);
        const waits = options.agent.approvals().some((one) => one.status === 'waiting' && one.planId.startsWith(about));
        return { is: result.is, settled: !waits, message: result.message };
      } catch (thrown) {
        return { is: 'refused', settled: false, message: refusalOf(options.log, thrown) };
      }
    },
    command: async (words, who) => {
      try {
        return await obey(options, words, who, via);
      } catch (thrown) {
        return refusalOf(options.log, thrown);
      }
    },
    runbooks: async (incidentId) => {
      try {
        const view = await options.agent.incident(incidentId);
        return (view?.file?.matches ?? []).flatMap(({ matched, runbook }) => (matched ? [runbook] : []));
      } catch (thrown) {
        refusalOf(options.log, thrown);
        return [];
      }
    },
    refused: async (who, what, because) => {
      try {
        await options.agent.refused(who, what, via, because);
      } catch (thrown) {
        refusalOf(options.log, thrown);
      }
    },
  };
}

function refusalOf(log: Log, thrown: unknown): string {
  const error = WatchkeeperError.from(thrown);
  log.warn('what was said in chat could not be taken', { error });
  return `That could not be done: ${error.message}`;
}

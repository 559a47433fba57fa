import type { Clock } from '../../domain/ports/io.ts';
import type { Collected, CollectRequest } from '../../domain/ports/source.ts';
import { empty, span } from '../../io/clients/linux/collect.ts';
import type { InventoryHost } from '../../io/clients/ssh/inventory/hosts.ts';
import { createTurns } from '../../io/clients/ssh/turns.ts';
import { digest } from '../../lib/canonical.ts';
import type { SshConfig } from './schema.ts';
import type { HostReader } from './told.ts';

/** A look that was begun. */
export interface Look {
  readonly answer: Promise<Collected>;
  isOver: boolean;
}

/** A host, as it is looked at. */
export interface Looked {
  readonly reader: HostReader;
  readonly host: InventoryHost;
  /** The look that is under way, or whose answer nobody has taken yet. */
  under: Look | undefined;
}

/** What looking at the hosts of one source needs. */
export interface LooksParts {
  readonly source: string;
  readonly config: SshConfig;
  readonly clock: Clock;
  /** How many hosts share an interval. */
  readonly hosts: () => number;
  /** Fires when the source is closed: only that ends a look. */
  readonly ending: AbortSignal;
}

/**
 * Looks at one host. Gives what it says to its share of a request, and before that what it said too late for the last look; a
 * gap `timeout` when it takes long, and then its answer is given by a later call. The signal ends the waiting, and no look.
 */
export type LookAt = (one: Looked, request: CollectRequest, signal: AbortSignal) => Promise<readonly Collected[]>;

/** How long one collect waits for a host; one that takes longer is told with the next, and delays no other. */
const patienceMs = 5_000;
/** Looks are this far apart on average, where half of the interval has room for all. */
const spacingMs = 10;
/** Looks under way at once, and after what time one that takes long keeps no other waiting. */
const looksAtOnce = 64;
const turnMs = 1_000;

/** Makes what looks at the hosts of a source. */
export function createLooks({ source, config, clock, hosts, ending }: LooksParts): LookAt {
  const turns = createTurns(clock, looksAtOnce, turnMs);
  const begin = (one: Looked, request: CollectRequest): Look => {
    const answer = one.reader.look(request, ending).finally(() => (look.isOver = true));
    const look: Look = { answer, isOver: false };
    return look;
  };
  // Each at its own time of the interval, always the same, and few at once: where this machine is too busy for all of them,
  // those that were begun are brought to their end in time, instead of all of them being late.
  const itsTurn = async (one: Looked, signal: AbortSignal): Promise<(() => void) | undefined> => {
    const spread = Math.min(spacingMs * (hosts() - 1), config.interval / 2);
    try {
      if (spread > 0) await clock.sleep(spread * phaseOf(one.host.name), signal);
      return await turns.take(signal);
    } catch {
      return undefined;
    }
  };
  return async (one, request, signal) => {
    const back = await itsTurn(one, signal);
    if (back === undefined) return [late(source, one, request, clock.nowMs())];
    // What came too late for the last look is told with this one, and does not stand in for it.
    const earlier = one.under?.isOver === true ? [await one.under.answer] : [];
    const owed = earlier.length > 0 ? undefined : one.under;
    const look = owed ?? begin(one, request);
    one.under = look;
    if (owed === undefined) void look.answer.then(back);
    else back();
    const patience = clock.deadline(Math.min(patienceMs, config.timeout), signal);
    const found = await Promise.race([look.answer, fired(patience.signal)]);
    patience.cancel();
    if (found === undefined) return [...earlier, late(source, one, request, clock.nowMs())];
    one.under = undefined;
    return [...earlier, found];
  };
}

// A share of the time that hosts are spread over: the first 32 bits of a digest of the name.
function phaseOf(name: string): number {
  return Number.parseInt(digest(['ssh', name]).slice(0, 8), 16) / 2 ** 32;
}

function fired(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

function late(source: string, one: Looked, request: CollectRequest, nowMs: number): Collected {
  const message = `${one.host.name} has not answered yet; what it says is told later`;
  const gap = { ...span({ source, nowMs, fromMs: request.fromMs }), reason: 'timeout', message } as const;
  return { ...empty, gaps: request.services.map(({ name }) => ({ ...gap, service: name })) };
}

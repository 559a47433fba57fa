import type { Agent } from '../agent/index.ts';
import type { Principal } from '../domain/authority.ts';
import type { LedgerEntry } from '../domain/ledger.ts';
import type { Clock, Log } from '../domain/ports/io.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import { limits } from '../lib/limits.ts';

/** Who listens, from where on, and for how long at most. */
export interface Listening {
  readonly who: Principal;
  /** The last event that was heard, as the client says: untrusted. */
  readonly lastEventId: string | undefined;
  /** Whether what the client came with still holds; asked again and again. */
  readonly holds: () => boolean;
}

/**
 * News as server-sent events. The ledger is what is told and also what is resumed from: an event's id is the number of its
 * entry, so that a client goes on where it was, after a restart of the daemon too, and nothing is kept here for it.
 */
export interface Feed {
  /** @throws `rate-limited` when too many listen already. */
  listen(listening: Listening): ReadableStream<Uint8Array>;
  /** Ends every stream; nobody is let in any more. */
  close(): void;
  readonly listeners: number;
}

interface Client extends Listening {
  /** The number of the next entry to tell. */
  next: number;
  readonly stream: ReadableStreamDefaultController<Uint8Array>;
  toldMs: number;
}

type Options = { readonly agent: Agent; readonly clock: Clock; readonly log: Log };

const utf8 = new TextEncoder();

/** Makes the feed. It looks at the ledger only while somebody listens. */
export function createFeed(options: Options): Feed {
  const { agent, clock } = options;
  const clients = new Set<Client>();
  const stop = new AbortController();
  let looking = false;
  const end = (client: Client): void => {
    if (!clients.delete(client)) return;
    client.stream.close();
  };
  const look = async (): Promise<void> => {
    looking = true;
    while (clients.size > 0 && !stop.signal.aborted) {
      await clock.sleep(limits.feedLookMs, stop.signal).catch(() => undefined);
      // After a stop nobody is left to be told anything.
      await tellAll(options, clients, end);
    }
    looking = false;
  };
  return {
    get listeners() {
      return clients.size;
    },
    listen: (listening) => {
      const own = [...clients].filter(({ who }) => who.id === listening.who.id).length;
      if (stop.signal.aborted) throw new WatchkeeperError('aborted', 'the daemon is stopping');
      if (clients.size >= limits.feedListeners || own >= limits.feedListenersEach)
        throw new WatchkeeperError('rate-limited', 'too many listen to events already', {
          fix: 'Close a tab, or ask for what you need instead.',
        });
      let client: Client | undefined;
      const stream = new ReadableStream<Uint8Array>(
        {
          start: (controller) => {
            client = { ...listening, stream: controller, toldMs: clock.monotonicMs(), next: agent.ledgerSize() };
            begin(client, listening.lastEventId);
            clients.add(client);
          },
          cancel: () => {
            if (client) clients.delete(client);
          },
        },
        { highWaterMark: limits.feedQueued },
      );
      if (!looking) void look();
      return stream;
    },
    close: () => {
      stop.abort(new WatchkeeperError('aborted', 'the daemon is stopping'));
      for (const client of [...clients]) end(client);
    },
  };
}

// A client that was too long away, or knows more than there is, is told to look at everything anew.
function begin(client: Client, lastEventId: string | undefined): void {
  const size = client.next;
  const last = /^\d{1,15}$/.test(lastEventId ?? '') ? Number(lastEventId) : undefined;
  const missed = last === undefined ? 0 : size - 1 - last;
  const lost = lastEventId !== undefined && (last === undefined || missed < 0 || missed > limits.feedMissed);
  if (last !== undefined && !lost) client.next = last + 1;
  send(client, `retry: ${limits.feedRetryMs}\n${event(lost ? 'reset' : 'hello', client.next - 1, { size })}`);
}

async function tellAll({ agent, clock, log }: Options, clients: Set<Client>, end: (c: Client) => void): Promise<void> {
  const nowMs = clock.monotonicMs();
  // Several clients that are as far are told of one reading.
  const read = new Map<number, Promise<readonly LedgerEntry[]>>();
  for (const client of [...clients]) {
    if (!client.holds() || nowMs - client.toldMs > limits.feedStalledMs) {
      end(client);
      continue;
    }
    // Whoever does not take what is there gets no more until he does: the ledger keeps it.
    if ((client.stream.desiredSize ?? 0) <= 0) continue;
    try {
      if (client.next < agent.ledgerSize()) {
        const entries = read.get(client.next) ?? agent.ledgerNews(client.next, limits.feedAtOnce);
        read.set(client.next, entries);
        for (const entry of await entries) tell(client, entry, nowMs);
      }
    } catch (thrown) {
      log.warn('news could not be read for those who listen', { error: WatchkeeperError.from(thrown) });
    }
    if (clients.has(client) && nowMs - client.toldMs >= limits.feedBeatMs) {
      send(client, ': still here\n\n');
      client.toldMs = nowMs;
    }
  }
}

function tell(client: Client, entry: LedgerEntry, nowMs: number): void {
  const { seq, type, atMs, actor, subject } = entry;
  client.next = seq + 1;
  client.toldMs = nowMs;
  send(client, event(type, seq, { seq, type, atMs, actor, subject }));
}

// JSON has no line break in it, so data is one line whatever is in it.
function event(type: string, id: number, data: object): string {
  return `event: ${type}\n${id < 0 ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}

function send(client: Client, text: string): void {
  try {
    client.stream.enqueue(utf8.encode(text));
  } catch {
    // It was closed while we read for it.
  }
}

import { signal } from '@preact/signals';

import { sseStart, sseTake } from '../lib/sse.ts';
import { ApiError, openStream } from './client.ts';
import { wait } from './clock.ts';

/** How the page hears of news: as it happens, by asking every few seconds, or not at all. */
export const link = signal<'connecting' | 'live' | 'polling' | 'cut'>('connecting');

/** Grows whenever there may be something new. */
export const pulse = signal(0);

const pollMs = 5_000;
const gatherMs = 700;
const silentMs = 60_000;

/**
 * Follows the daemon until the signal fires: its stream of events when it has one, and else by asking again and again. What
 * an event says is not believed to be all: it only tells that it is time to look.
 */
export async function follow(leave: AbortSignal): Promise<void> {
  let lastId: string | undefined;
  const left = (): boolean => leave.aborted;
  for (let tries = 0; !left();) {
    try {
      const stream = await openStream('/api/v1/events', lastId, leave);
      link.value = 'live';
      tries = 0;
      beat();
      lastId = await listen(stream, lastId, leave);
    } catch (thrown) {
      const status = thrown instanceof ApiError ? thrown.status : 0;
      if (status === 401) return;
      link.value = status === 0 ? 'cut' : 'polling';
    }
    if (left()) return;
    tries += 1;
    await wait(tries === 1 ? 500 : pollMs, leave);
    if (!document.hidden) beat();
  }
}

async function listen(response: Response, from: string | undefined, leave: AbortSignal): Promise<string | undefined> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let state = from === undefined ? sseStart : { ...sseStart, lastId: from };
  while (reader !== undefined && !leave.aborted) {
    const quiet = new AbortController();
    const piece = await Promise.race([reader.read(), wait(silentMs, quiet.signal).then(() => undefined)]);
    quiet.abort();
    // A stream that says nothing at all, not even that it is there, may have been cut without a word.
    if (piece === undefined || piece.done) {
      await reader.cancel().catch(() => undefined);
      break;
    }
    const taken = sseTake(state, piece.value);
    ({ state } = taken);
    if (taken.events.length > 0) beatSoon();
  }
  return state.lastId;
}

let gathering = false;

// A storm of events is one look.
function beatSoon(): void {
  if (gathering) return;
  gathering = true;
  setTimeout(() => {
    gathering = false;
    beat();
  }, gatherMs);
}

/** Says that there may be something new: after the page's own acts, and when somebody comes back to it. */
export function beat(): void {
  pulse.value += 1;
}

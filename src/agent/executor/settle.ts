import { WatchkeeperError } from '../../lib/errors.ts';
import type { Json } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import type { Probe } from '../../domain/ports/action.ts';
import { contextFor, type Hand } from './authorise.ts';
import { within, type Performed } from './bounded.ts';
import type { Runtime } from './runtime.ts';

/** Asks the world, read-only, whether a step has happened. Not being able to ask is `unknown`. */
export async function probe(run: Runtime, hand: Hand, before: Json, key: string): Promise<Probe> {
  run.book.assertAlive();
  try {
    return await within(run.deps.clock, limits.probeTimeoutMs, run.book.signal, (signal) =>
      hand.kind.probe(hand.params, before, contextFor(run.deps, hand, signal, limits.probeTimeoutMs), key),
    );
  } catch (thrown) {
    return { is: 'unknown', because: WatchkeeperError.from(thrown).message };
  }
}

/** What is known about a step after its run and, where the run did not say, a probe. */
export type Settled =
  | { readonly is: 'done'; readonly because: string }
  /** `clean`: it left nothing behind. Otherwise something of it may be in effect, and undo includes it. */
  | { readonly is: 'failed'; readonly because: string; readonly clean: boolean }
  | { readonly is: 'unknown'; readonly because: string };

/** Judges how a run ended. Only certainty counts: a run that may be going on still can never be called failed. */
export async function settle(
  run: Runtime,
  hand: Hand,
  before: Json,
  performed: Performed,
  key: string,
): Promise<Settled> {
  const { result, over } = performed;
  if (result.is === 'done') return { is: 'done', because: result.message };
  const look = await probe(run, hand, before, key);
  if (result.is === 'failed') return { is: 'failed', because: result.message, clean: look.is === 'not-done' };
  const because = `${result.message}; looked again: ${look.because}`;
  if (look.is === 'done') return { is: 'done', because };
  if (look.is === 'not-done' && over) return { is: 'failed', because, clean: true };
  return { is: 'unknown', because };
}

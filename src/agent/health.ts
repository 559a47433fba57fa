import { formatDuration } from '../lib/duration.ts';
import type { AgentHealth } from '../domain/authority.ts';
import type { LedgerDraft } from '../domain/ledger.ts';
import type { Clock } from '../domain/ports/io.ts';
import type { Ledger } from '../domain/ports/ledger.ts';
import type { Store } from '../domain/ports/store.ts';
import type { Json } from '../lib/json.ts';
import type { SourceStatus } from './watch-sources.ts';

/** Who stopped the machine's hand, when and why. */
export interface Pause {
  readonly by: string;
  readonly atMs: number;
  readonly reason: string;
}

/** Whether the agent may trust itself (I11), and the kill switch. While either says no, it observes and says so. */
export interface HealthDesk {
  /** Compares the wall clock with the monotonic one; tells how far the wall jumped since last asked, 0 when it did not. */
  checkClock(): number;
  /** Notes whether a storm is under way now; policies keep watching for a while after its end. */
  noteStorm(underway: boolean): void;
  /** When a storm was last under way. */
  lastStormMs(): number | undefined;
  /** Sets or clears a standing reason under a name: `policies`, `ledger`, `store` ... */
  set(name: string, reason: string | undefined): void;
  health(sources: readonly SourceStatus[]): AgentHealth;
  pause(by: string, reason: string): Promise<void>;
  resume(by: string, reason: string): Promise<void>;
  /** Reads the kill switch back from the store: it survives restarts. */
  restore(): Promise<void>;
}

// NTP slews without jumping; a jump of seconds is an operator, a suspended machine or a broken clock.
const jumpMs = 2_000;
// After a jump, windows and rates need time to be true again.
const distrustAfterJumpMs = 60_000;
const staleIntervals = 4;
/** Where the kill switch lies in `meta`. */
export const pauseKey = 'paused';

/** Makes the desk. */
export function createHealthDesk(clock: Clock, ledger: Ledger, store: Store): HealthDesk {
  const standing = new Map<string, string>();
  let paused: Pause | undefined;
  let driftMs = clock.nowMs() - clock.monotonicMs();
  let distrustUntil = -Infinity;
  let jumpText = '';
  let stormMs: number | undefined;

  const write = async (next: Pause | undefined, entry: LedgerDraft): Promise<void> => {
    await ledger.record({
      drafts: [entry],
      puts: [{ space: 'meta', key: pauseKey, value: next as unknown as Json | undefined }],
    });
    paused = next;
  };

  return {
    checkClock: () => {
      const drift = clock.nowMs() - clock.monotonicMs();
      const jump = drift - driftMs;
      driftMs = drift;
      if (Math.abs(jump) < jumpMs) return 0;
      distrustUntil = clock.monotonicMs() + distrustAfterJumpMs;
      jumpText = `the wall clock jumped ${jump > 0 ? 'forward' : 'back'} by ${formatDuration(Math.abs(jump))}`;
      return jump;
    },
    noteStorm: (underway) => {
      if (underway) stormMs = clock.nowMs();
    },
    lastStormMs: () => stormMs,
    set: (name, reason) => {
      if (reason === undefined) standing.delete(name);
      else standing.set(name, reason);
    },
    health: (sources) => {
      const nowMs = clock.nowMs();
      const unwell = [...standing.values()];
      if (clock.monotonicMs() < distrustUntil)
        unwell.push(`${jumpText}; acting waits until windows and rates are true again`);
      unwell.push(...staleReasons(sources, nowMs));
      return { ...(paused ? { paused } : {}), unwell };
    },
    pause: (by, reason) =>
      write(
        { by, atMs: clock.nowMs(), reason },
        { type: 'paused', actor: by, atMs: clock.nowMs(), subject: {}, body: {}, payload: { reason } },
      ),
    resume: (by, reason) =>
      write(undefined, { type: 'resumed', actor: by, atMs: clock.nowMs(), subject: {}, body: {}, payload: { reason } }),
    restore: async () => {
      const stored = await store.get('meta', pauseKey);
      paused = stored?.value as unknown as Pause | undefined;
    },
  };
}

// One dead source of many is a gap for the services it measures; with none alive the agent is blind.
function staleReasons(sources: readonly SourceStatus[], nowMs: number): readonly string[] {
  if (sources.length === 0) return [];
  const stale = sources.filter((source) => isSilent(source, nowMs));
  if (stale.length < sources.length) return [];
  return [
    `no source answers: ${stale.map((source) => `${source.id} (${source.gaps[0]?.message ?? 'silent'})`).join(', ')}`,
  ];
}

/** Whether a source has said nothing for too long, or knows nothing any more of what it is there to know. */
export function isSilent({ lastAnswerMs, startedMs, intervalMs, parts = [] }: SourceStatus, nowMs: number): boolean {
  if (nowMs - (lastAnswerMs ?? startedMs) > staleAfterMs(intervalMs)) return true;
  const vital = parts.filter((part) => part.vital);
  return vital.length > 0 && vital.every(({ stale }) => stale !== undefined);
}

/** What of a source's parts is not known any more: for acting on a service, those that concern it. */
export function staleParts({ id, parts = [] }: SourceStatus, namespaces?: readonly string[]): readonly string[] {
  return parts
    .filter(({ stale, vital }) => stale !== undefined && (namespaces === undefined || vital))
    .filter(({ namespace }) => namespace === undefined || namespaces?.includes(namespace) !== false)
    .map(({ stale = '' }) => `${id}: ${stale}`);
}

/** After how long a source counts as stale. */
export function staleAfterMs(intervalMs: number): number {
  return Math.max(30_000, intervalMs * staleIntervals);
}

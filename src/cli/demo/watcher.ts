import type { LedgerEntry } from '../../domain/ledger.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { IncidentView, PendingApproval, StatusView } from '../../agent/index.ts';
import { findDaemon, type Daemon } from '../daemon.ts';
import type { Shell } from '../shell.ts';
import type { Player } from './cast.ts';

/** A ledger entry as the API gives it. */
export interface Seen {
  readonly entry: LedgerEntry;
  readonly payload: JsonObject;
}

/** Reads along in the daemon's own ledger: what it tells is what it did. */
export interface Watcher {
  readonly daemon: Daemon;
  status(): Promise<StatusView>;
  incident(id: string): Promise<IncidentView>;
  approvals(): Promise<readonly PendingApproval[]>;
  /** All entries so far, oldest first. */
  entries(): readonly Seen[];
  /** Reads on, telling each entry, until one fits; a failed claim when none does in time. */
  until(what: string, withinMs: number, fits: (seen: Seen) => boolean): Promise<Seen>;
  /** Reads on for as long as something is not so yet. */
  when(what: string, withinMs: number, holds: () => Promise<boolean> | boolean): Promise<void>;
}

const pollMs = 250;
const page = 500;

/** Waits until the daemon is ready, and reads along from its first entry. */
export async function watchAlong(
  shell: Shell,
  dataDir: string,
  daemonProcess: Player,
  tell: (seen: Seen) => void,
): Promise<Watcher> {
  const daemon = await ready(shell, dataDir, daemonProcess);
  const seen: Seen[] = [];
  const readOn = async (): Promise<void> => {
    if (daemonProcess.isOver())
      throw new WatchkeeperError('conflict', `the daemon ended: ${await daemonProcess.ended}`);
    const path = `/api/v1/ledger/entries?from=${seen.length}&limit=${page}`;
    const { entries } = await daemon.get<{ readonly entries: readonly { entry: LedgerEntry; payload?: Json }[] }>(path);
    for (const { entry, payload } of entries) {
      const one = { entry, payload: isObject(payload) ? payload : {} };
      seen.push(one);
      tell(one);
    }
  };
  const when: Watcher['when'] = async (what, withinMs, holds) => {
    const dueMs = shell.clock.monotonicMs() + withinMs;
    for (;;) {
      await readOn();
      if (await holds()) return;
      if (shell.clock.monotonicMs() > dueMs)
        throw new WatchkeeperError('timeout', `not within ${withinMs / 1_000} s: ${what}`);
      await shell.clock.sleep(pollMs, shell.signal);
    }
  };
  return {
    daemon,
    status: () => daemon.get<StatusView>('/api/v1/status'),
    incident: (id) => daemon.get<IncidentView>(`/api/v1/incidents/${id}`),
    approvals: async () =>
      (await daemon.get<{ readonly approvals: readonly PendingApproval[] }>('/api/v1/approvals')).approvals,
    entries: () => seen,
    when,
    until: async (what, withinMs, fits) => {
      await when(what, withinMs, () => seen.some(fits));
      const found = seen.find(fits);
      if (found === undefined) throw new WatchkeeperError('internal', what);
      return found;
    },
  };
}

async function ready(shell: Shell, dataDir: string, player: Player): Promise<Daemon> {
  const dueMs = shell.clock.monotonicMs() + 30_000;
  for (;;) {
    if (player.isOver()) throw new WatchkeeperError('conflict', `the daemon did not start: ${await player.ended}`);
    try {
      const daemon = await findDaemon(shell, { dataDir });
      await daemon.get('/api/v1/status');
      return daemon;
    } catch (thrown) {
      if (shell.signal.aborted || shell.clock.monotonicMs() > dueMs) throw thrown;
      await shell.clock.sleep(100, shell.signal);
    }
  }
}

/** Whether a payload has members. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import type { LedgerDraft } from '../domain/ledger.ts';
import type { Clock } from '../domain/ports/io.ts';
import type { Ledger } from '../domain/ports/ledger.ts';
import { limits } from '../lib/limits.ts';
import { oneLine } from '../lib/text.ts';
import type { Json } from '../lib/json.ts';

/**
 * What was refused, for the ledger. Anybody can be refused as often as they like, so it is written one by one within bounds
 * (a minute and source, a minute, an hour) and counted above them: one entry a minute then names each source and how often.
 */
export interface RefusalBook {
  /** Writes it down, or counts it. `from`: where it came from, when that says more than who claims to have sent it. */
  note(draft: LedgerDraft, from?: string): Promise<void>;
  /** Writes what was counted, once its minute is over; with `now`, at once. */
  tick(now?: boolean): Promise<void>;
}

interface Source {
  written: number;
  counted: number;
  last: string;
}

const minuteMs = 60_000;
const hourMs = 3_600_000;
const mostSources = 1_000;
const mostNamed = 20;

/** Makes an empty book. What is counted and not yet written is lost to a crash: at most a minute of it. */
export function createRefusalBook({ clock, ledger }: { readonly clock: Clock; readonly ledger: Ledger }): RefusalBook {
  const sources = new Map<string, Source>();
  let minute = { sinceMs: -Infinity, written: 0, counted: 0 };
  let hour = { sinceMs: -Infinity, written: 0 };
  const tick: RefusalBook['tick'] = async (now = false) => {
    const nowMs = clock.monotonicMs();
    if (!now && nowMs - minute.sinceMs < minuteMs) return;
    const { counted } = minute;
    const named = [...sources].filter(([, one]) => one.counted > 0).sort(([, a], [, b]) => b.counted - a.counted);
    sources.clear();
    minute = { sinceMs: nowMs, written: 0, counted: 0 };
    if (counted > 0) await ledger.record({ drafts: [summaryOf(counted, named, clock.nowMs())] });
  };
  return {
    tick,
    note: async (draft, from) => {
      await tick();
      const nowMs = clock.monotonicMs();
      if (nowMs - hour.sinceMs >= hourMs) hour = { sinceMs: nowMs, written: 0 };
      const name = from === undefined ? draft.actor : `${draft.actor} at ${oneLine(from, 60)}`;
      const source = sourceOf(sources, name);
      const isOne =
        source.written < limits.refusalsPerSource &&
        minute.written < limits.refusalsPerMinute &&
        hour.written < limits.refusalsPerHour;
      if (!isOne) {
        source.counted += 1;
        source.last = reasonOf(draft);
        minute.counted += 1;
        return;
      }
      source.written += 1;
      minute.written += 1;
      hour.written += 1;
      await ledger.record({ drafts: [draft] });
    },
  };
}

// Names are made up as easily as requests: what is one too many is counted under one name.
function sourceOf(sources: Map<string, Source>, name: string): Source {
  const key = sources.has(name) || sources.size < mostSources ? name : 'others';
  const source = sources.get(key) ?? { written: 0, counted: 0, last: '' };
  sources.set(key, source);
  return source;
}

function summaryOf(refused: number, named: readonly (readonly [string, Source])[], atMs: number): LedgerDraft {
  const shown = named.slice(0, mostNamed).map(([who, { counted, last }]) => ({ who, refused: counted, last }));
  return {
    type: 'request-refused',
    actor: 'watchkeeper',
    atMs,
    subject: {},
    body: { request: 'many', refused, sources: named.length },
    payload: { sources: shown },
  };
}

function reasonOf({ payload }: LedgerDraft): string {
  const reason = (payload as { readonly reason?: Json } | undefined)?.reason;
  return typeof reason === 'string' ? oneLine(reason, 200) : '';
}

import { WatchkeeperError } from '../lib/errors.ts';
import { oneLine } from '../lib/text.ts';
import type { Escalation } from '../domain/definitions.ts';
import type { Notice, NoticeKind } from '../domain/ports/channel.ts';
import type { Severity } from '../domain/alert.ts';
import type { Clock, Log } from '../domain/ports/io.ts';
import type { Call } from './ladder-calls.ts';
import type { Save } from './ladder-rung.ts';

/** What quiet hours are kept with. */
export interface QuietOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly escalations: () => ReadonlyMap<string, Escalation>;
  /** How grave the incident of a notice is now. */
  readonly severity?: (notice: Notice) => Severity | undefined;
}

// What is never held, however little it is about: an act that did not help, and the watch's own trouble.
const never: ReadonlySet<NoticeKind> = new Set(['act-failed', 'agent-unwell', 'digest']);
const mostLines = 200;
const lineChars = 160;

/**
 * Until when a call waits for its digest; `undefined` when it does not. Nothing critical ever waits, nor what ends something
 * that people were told of: a live message must not go on saying that it burns.
 */
export function heldUntil(options: QuietOptions, call: Call, told: boolean): number | undefined {
  const { notice, escalation, first } = call;
  if (never.has(notice.kind) || first !== undefined || notice.incident === undefined) return undefined;
  if (told && (notice.kind === 'resolved' || notice.kind === 'approval-void' || notice.kind === 'acted'))
    return undefined;
  const severity = options.severity?.(notice) ?? notice.incident.severity;
  if (severity === 'critical') return undefined;
  const untilMs = options.escalations().get(escalation)?.holds?.(severity, options.clock.nowMs());
  return untilMs !== undefined && untilMs > options.clock.nowMs() ? untilMs : undefined;
}

/** Looks after what is held. */
export interface QuietDesk {
  /** Tells what was held and need not be any more; does nothing while it is still at it. */
  tick(): void;
}

/** What the desk moves. */
export interface QuietParts {
  readonly calls: ReadonlyMap<string, Call>;
  readonly save: Save;
  readonly tell: (notice: Notice, escalation: string) => Promise<void>;
  readonly release: (id: string) => void;
  readonly wasTold: (call: Call) => boolean;
  readonly over: (notice: Notice) => string | undefined;
}

/** Makes the desk. Everything it knows stands in the calls themselves, so a restart forgets nothing. */
export function createQuietDesk(options: QuietOptions, parts: QuietParts): QuietDesk {
  let working = false;
  const work = async (): Promise<void> => {
    const nowMs = options.clock.nowMs();
    const due = new Map<string, Call[]>();
    for (const call of parts.calls.values()) {
      if (call.heldMs === undefined) continue;
      // It became critical, or the settings are others now: it is called as if it had never been held.
      if (call.heldMs > nowMs && !call.done && heldUntil(options, call, parts.wasTold(call)) === undefined)
        await release(parts, call);
      else if (call.heldMs <= nowMs) due.set(call.escalation, [...(due.get(call.escalation) ?? []), call]);
    }
    for (const [escalation, held] of due) await tellHeld(parts, escalation, held, nowMs);
  };
  return {
    tick: () => {
      if (working || ![...parts.calls.values()].some(({ heldMs }) => heldMs !== undefined)) return;
      working = true;
      work()
        .catch((thrown: unknown) => {
          options.log.error('what was held could not be told yet', { error: WatchkeeperError.from(thrown) });
        })
        .finally(() => {
          working = false;
        });
    },
  };
}

async function release({ save, release: go }: QuietParts, call: Call): Promise<void> {
  const { heldMs: _, ...rest } = call;
  await save(rest, []);
  if (!rest.done) go(call.notice.id);
}

// The digest first: were we to die between the two, it is known by its id and not told again.
async function tellHeld(parts: QuietParts, escalation: string, held: readonly Call[], nowMs: number): Promise<void> {
  const [only] = held;
  if (held.length === 1 && only !== undefined && !only.done) return release(parts, only);
  await parts.tell(digestOf(escalation, held, nowMs), escalation);
  for (const call of held) {
    const { heldMs: _, ...rest } = call;
    // What still asks for somebody is called about all the same; the digest has no buttons.
    if (rest.done || (rest.climbs && parts.over(rest.notice) === undefined)) await release(parts, call);
    else await parts.save({ ...rest, done: true, because: 'told in the digest' }, []);
  }
}

/** One notice that names every incident about which something was held, each once, with what was last to be said. */
export function digestOf(escalation: string, held: readonly Call[], nowMs: number): Notice {
  const byIncident = new Map<string, Call[]>();
  for (const call of held) {
    const id = call.notice.incident?.id ?? call.notice.id;
    byIncident.set(id, [...(byIncident.get(id) ?? []), call]);
  }
  const untilMs = Math.max(...held.map(({ heldMs = nowMs }) => heldMs));
  const lines = [...byIncident.values()].map((calls) => {
    const last = calls.reduce((a, b) => (b.notice.atMs >= a.notice.atMs ? b : a));
    const since = new Date(Math.min(...calls.map(({ notice }) => notice.atMs))).toISOString().slice(11, 16);
    const over = last.because === undefined ? '' : ` (over: ${oneLine(last.because, lineChars)})`;
    return `${since} UTC [${last.notice.incident?.severity ?? 'info'}] ${oneLine(last.notice.title, lineChars)}${over}`;
  });
  const shown = lines.slice(0, mostLines);
  return {
    id: `digest/${escalation}/${untilMs}`,
    kind: 'digest',
    atMs: nowMs,
    title: `${held.length} ${held.length === 1 ? 'notice was' : 'notices were'} held during quiet hours`,
    lines:
      shown.length < lines.length
        ? [...shown, `and ${lines.length - shown.length} more: watchkeeper incidents --all`]
        : shown,
  };
}

import type { Service } from '../../../domain/service.ts';
import type { Gap, LogRecord } from '../../../domain/telemetry.ts';
import { routing, toLog } from '../../../io/clients/linux/journal/route.ts';
import type { Logs, Window } from '../../../io/clients/linux/logs/index.ts';
import { gapMessage, gapReason } from '../../../io/clients/linux/reading.ts';
import type { ReadContext } from '../../../io/clients/linux/reading.ts';
import type { Stamp } from '../../../io/clients/linux/signals.ts';
import { limits } from '../../../lib/limits.ts';
import type { Question } from './ask.ts';
import type { RemoteMachine } from './machine.ts';

/** A host's journal as `journalctl -o json` prints it: from where the last look ended. */
export interface RemoteJournal {
  read(services: readonly Service[], host: string, window: Window, stamp: Stamp, context: ReadContext): Promise<Logs>;
  /** What the next look will ask, to be fetched at its beginning. */
  upcoming(fromMs: number): readonly Question[];
}

const journalBytes = 512 * 1024;
const cursorForm = /^[A-Za-z0-9=;]{1,512}$/;

/** Makes the reader of a machine's journal. */
export function remoteJournal(machine: RemoteMachine): RemoteJournal {
  let cursor: string | undefined;
  const question = (from: string): Question => ({ is: 'journal', from, bytes: journalBytes });
  const since = (fromMs: number): string => `s${Math.max(0, Math.floor(fromMs / 1_000))}`;
  const next = (fromMs: number): string => (cursor === undefined ? since(fromMs) : `c${cursor}`);
  return {
    upcoming: (fromMs) => [question(next(fromMs))],
    async read(services, host, window, stamp, context) {
      const route = routing(services, host);
      if (route.interested.length === 0) return { logs: [], gaps: [] };
      const gaps: Gap[] = [];
      const gap = (reason: Gap['reason'], message: string): void => {
        const span = { fromMs: Math.min(stamp.fromMs, stamp.nowMs), untilMs: stamp.nowMs };
        for (const service of route.interested)
          gaps.push({ source: stamp.source, reason, message, ...span, service, signal: 'logs' });
      };
      const live = window.mode === 'live';
      try {
        const answer = await machine.ask(question(live ? next(stamp.fromMs) : since(stamp.fromMs)), context.signal);
        if (answer.is !== 'bytes') {
          if (route.units.length > 0) gap('unsupported', 'there is no journal on this machine');
          return { logs: [], gaps };
        }
        const read = parseJournal(answer.bytes, answer.bytes.length >= journalBytes);
        if (live) cursor = read.cursor ?? cursor;
        if (read.cut) gap('late', 'the journal holds more than is read at once');
        if (read.hidden)
          gap('unauthorized', 'the journal is not shown whole: add the user to the group systemd-journal');
        const wanted = read.entries.filter(({ tMs }) => tMs <= window.untilMs || live);
        const logs: readonly LogRecord[] = wanted.flatMap((entry) => toLog(entry, route, stamp));
        return { logs, gaps };
      } catch (thrown) {
        gap(gapReason(thrown), gapMessage(thrown, 'journal'));
        return { logs: [], gaps };
      }
    },
  };
}

interface Entry {
  readonly tMs: number;
  readonly fields: ReadonlyMap<string, string>;
}

interface JournalText {
  readonly entries: readonly Entry[];
  readonly cursor: string | undefined;
  readonly cut: boolean;
  /** journalctl hinted that there is more for those with more rights. */
  readonly hidden: boolean;
}

/** Reads what journalctl printed. Lines that are no entries count for nothing; a last line that was cut is read next time. */
export function parseJournal(bytes: Uint8Array, cut: boolean): JournalText {
  const lines = new TextDecoder().decode(bytes).split('\n');
  if (cut) lines.pop();
  const entries: Entry[] = [];
  let cursor: string | undefined;
  for (const line of lines) {
    const fields = line.startsWith('{') ? fieldsOf(line) : undefined;
    const tMs = Math.floor(Number(fields?.get('__REALTIME_TIMESTAMP')) / 1_000);
    const at = fields?.get('__CURSOR');
    if (fields === undefined || !Number.isFinite(tMs)) continue;
    if (at !== undefined && cursorForm.test(at)) cursor = at;
    entries.push({ tMs, fields });
  }
  const hidden = lines.some((line) => /^(Hint: You are currently not seeing|No journal files were opened)/.test(line));
  return { entries, cursor, cut, hidden };
}

function fieldsOf(line: string): ReadonlyMap<string, string> | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    return new Map(
      Object.entries(parsed).flatMap(([name, value]: [string, unknown]) => {
        const text = typeof value === 'string' ? value : textOfBytes(value);
        return text === undefined ? [] : [[name, cut(text)] as const];
      }),
    );
  } catch {
    return undefined;
  }
}

function cut(text: string): string {
  if (text.length * 3 <= limits.logLineBytes) return text;
  return new TextDecoder().decode(new TextEncoder().encode(text).subarray(0, limits.logLineBytes / 2));
}

// What is not UTF-8 comes as a list of bytes.
function textOfBytes(value: unknown): string | undefined {
  if (!Array.isArray(value) || !value.every((byte) => Number.isInteger(byte))) return undefined;
  return new TextDecoder().decode(Uint8Array.from(value as number[]));
}

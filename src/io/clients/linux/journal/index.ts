import type { FileStat } from '../../../../domain/ports/io.ts';
import type { Service } from '../../../../domain/service.ts';
import type { Gap, LogRecord } from '../../../../domain/telemetry.ts';
import { WatchkeeperError } from '../../../../lib/errors.ts';
import type { Logs, Window } from '../logs/index.ts';
import { gapMessage, gapReason, readerDeadlineMs, within } from '../reading.ts';
import type { ReadContext } from '../reading.ts';
import type { Stamp } from '../signals.ts';
import { readJournalFile } from './file.ts';
import type { JournalCursor, JournalRecord } from './file.ts';
import { createPages } from './pages.ts';
import { routing, toLog } from './route.ts';

const maxFiles = 500;
/** Entries of one file in one collect. An entry has some thirty fields spread over the file. */
const entriesPerFile = 2_000;
const machineFolder = /^[0-9a-f]{32}(\.[\w-]+)?$/;

/** Where reading of one file stands, by its inode: journald renames a full file, and its inode goes along. */
interface FileState {
  readonly cursor: JournalCursor | undefined;
  /** It is archived and read to its end: it will not change, and is not opened again. */
  readonly done: boolean;
}

/** Reads a machine's journal for its services and, of what is left, errors for the machine itself. */
export type JournalReader = (
  services: readonly Service[],
  host: string,
  window: Window,
  stamp: Stamp,
  context: ReadContext,
) => Promise<Logs>;

/**
 * Reads journald's files for the units of services, and errors of everything else (and kernel warnings) for the
 * machine. The journal is read as files: no daemon is asked and no library is loaded.
 */
export function createJournal(folders: readonly string[]): JournalReader {
  const states = new Map<string, FileState>();

  const readOne = async (file: Found, window: Window, stamp: Stamp, context: ReadContext): Promise<OneRead> => {
    const live = window.mode === 'live';
    const state = live ? states.get(file.key) : undefined;
    if (state?.done === true || (!live && file.stat.mtimeMs < stamp.fromMs - 60_000))
      return { records: [], more: false };
    const range = { sinceMs: stamp.fromMs, untilMs: live ? Infinity : window.untilMs, max: entriesPerFile };
    const read = await readJournalFile(createPages(file.path, context), state?.cursor, range);
    if (live) states.set(file.key, { cursor: read.cursor, done: file.archived && !read.more });
    return { records: read.records, more: read.more };
  };

  return async (services, host, window, stamp, context) => {
    const route = routing(services, host);
    if (route.interested.length === 0) return { logs: [], gaps: [] };
    const logs: LogRecord[] = [];
    const gaps: Gap[] = [];
    const gap = (reason: Gap['reason'], message: string, names = route.interested): void => {
      const span = { fromMs: Math.min(stamp.fromMs, stamp.nowMs), untilMs: stamp.nowMs };
      for (const service of names)
        gaps.push({ source: stamp.source, reason, message, ...span, service, signal: 'logs' });
    };
    try {
      await within(context.clock, readerDeadlineMs, context.signal, 'reading the journal', async (signal) => {
        const inner = { ...context, signal };
        const files = await findFiles(folders, inner);
        if (files.length === 0) gap('unsupported', 'there is no journal on this machine', route.units);
        for (const key of states.keys()) if (!files.some((file) => file.key === key)) states.delete(key);
        for (const file of files) {
          try {
            const { records, more } = await readOne(file, window, stamp, inner);
            for (const record of records) logs.push(...toLog(record, route, stamp));
            if (more) gap('late', `${file.path}: there are more entries than are read at once`);
          } catch (thrown) {
            if (signal.aborted) throw thrown;
            // A file that cannot be understood will not get better; reading it again at each collect costs much.
            if (file.archived) states.set(file.key, { cursor: undefined, done: true });
            gap(gapReason(thrown), gapMessage(withFix(thrown), file.path));
          }
        }
      });
    } catch (thrown) {
      gap(gapReason(thrown), gapMessage(withFix(thrown), 'journal'));
    }
    return { logs: logs.sort((a, b) => a.tMs - b.tMs), gaps };
  };
}

interface OneRead {
  readonly records: readonly JournalRecord[];
  readonly more: boolean;
}

function withFix(thrown: unknown): WatchkeeperError {
  const error = WatchkeeperError.from(thrown);
  if (error.code !== 'forbidden') return error;
  return new WatchkeeperError('forbidden', error.message, {
    fix: "add the daemon's user to the group systemd-journal",
    cause: thrown,
  });
}

interface Found {
  readonly path: string;
  readonly key: string;
  readonly archived: boolean;
  readonly stat: FileStat;
}

async function findFiles(folders: readonly string[], context: ReadContext): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const folder of folders) {
    for (const machine of await listIfAny(context.at(folder), context)) {
      if (!machineFolder.test(machine)) continue;
      for (const name of await listIfAny(`${context.at(folder)}/${machine}`, context)) {
        if (!/\.journal~?$/.test(name)) continue;
        const path = `${context.at(folder)}/${machine}/${name}`;
        const stat = await context.files.stat(path, context.signal);
        const archived = name.includes('@') || name.endsWith('~');
        if (stat?.kind === 'file') found.push({ path, key: `${stat.device}:${stat.inode}`, archived, stat });
      }
    }
  }
  return found;
}

async function listIfAny(folder: string, context: ReadContext): Promise<readonly string[]> {
  try {
    return await context.files.list(folder, maxFiles, context.signal);
  } catch (thrown) {
    if (WatchkeeperError.from(thrown).code === 'not-found') return [];
    throw thrown;
  }
}

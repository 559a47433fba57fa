import type { FileStat } from '../../../../domain/ports/io.ts';
import type { GapReason, LogRecord } from '../../../../domain/telemetry.ts';
import { WatchkeeperError } from '../../../../lib/errors.ts';
import { globMatches } from '../../../../lib/glob.ts';
import { limits } from '../../../../lib/limits.ts';
import { gapMessage, gapReason } from '../reading.ts';
import type { ReadContext } from '../reading.ts';
import { cleanText, cut, parseLine } from '../../log-line.ts';
import { isSameFile, readTail, splitLines, tailBytes, tailFrom } from './tail.ts';
import type { TailState } from './tail.ts';

/** Log records of one service and what could not be read of them. */
export interface LogReading {
  readonly records: readonly LogRecord[];
  readonly problems: readonly { readonly reason: GapReason; readonly message: string }[];
}

/** For whom and since when lines are read. */
export interface LogWanted {
  readonly source: string;
  readonly service: string;
  readonly nowMs: number;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Shared by all readers of one collect; each takes off what it read. */
  readonly budget: { records: number };
}

const filesPerPattern = 64;
const folderEntries = 10_000;
const firstLookBytes = 64 * 1024;
const compressed = /\.(gz|xz|zst|bz2|lz4|zip)$/;

/** The cursors of one service's log files. */
export interface LogFiles {
  /** What was added since the last call; at the first, recent lines that carry their own time. */
  live(patterns: readonly string[], wanted: LogWanted, context: ReadContext): Promise<LogReading>;
}

/** Makes a reader that follows log files across rotation. The first look begins at their ends. */
export function createLogFiles(): LogFiles {
  const tails = new Map<string, TailState>();
  let looked = false;

  const readPath = async (path: string, wanted: LogWanted, context: ReadContext): Promise<LogReading> => {
    const { real, stat } = await statOf(path, context);
    const known = tails.get(path);
    const parts: LogReading[] = [];
    let state = known;
    if (known !== undefined && !isSameFile(known, stat)) {
      parts.push(await finishRotated(real, known, wanted, context));
      state = undefined;
    }
    const firstLook = known === undefined && !looked;
    state ??= tailFrom(stat, firstLook ? Math.max(0, stat.size - firstLookBytes) : 0);
    const read = await readTail(context.files, real, stat, state, wanted.budget.records, context.signal);
    tails.set(path, read.next);
    const records = toRecords(read.lines, path, wanted, firstLook ? 'timed' : 'all');
    parts.push({ records, problems: problemsOf(path, read) });
    return join(parts);
  };

  return {
    async live(patterns, wanted, context) {
      const parts: LogReading[] = [];
      const seen = new Set<string>();
      for (const pattern of patterns) {
        try {
          const found = await expand(pattern, context);
          parts.push({ records: [], problems: found.problems });
          for (const path of found.paths) {
            if (seen.has(path)) continue;
            seen.add(path);
            parts.push(await guarded(path, () => readPath(path, wanted, context)));
          }
        } catch (thrown) {
          parts.push({ records: [], problems: [{ reason: gapReason(thrown), message: gapMessage(thrown, pattern) }] });
        }
      }
      looked = true;
      // A file that is gone keeps its cursor while its folder can hold it under another name: at most as many as that.
      if (tails.size > filesPerPattern * 4) for (const path of tails.keys()) if (!seen.has(path)) tails.delete(path);
      return join(parts);
    },
  };
}

/** The lines of a stretch of the past, from the last megabyte of each file. */
export async function readLogHistory(
  patterns: readonly string[],
  wanted: LogWanted,
  context: ReadContext,
): Promise<LogReading> {
  const parts: LogReading[] = [];
  for (const pattern of patterns) {
    parts.push(
      await guarded(pattern, async () => {
        const found = await expand(pattern, context);
        const inner: LogReading[] = [{ records: [], problems: found.problems }];
        for (const path of found.paths) inner.push(await guarded(path, () => pastOf(path, wanted, context)));
        return join(inner);
      }),
    );
  }
  return join(parts);
}

async function pastOf(path: string, wanted: LogWanted, context: ReadContext): Promise<LogReading> {
  const { real, stat } = await statOf(path, context);
  if (stat.mtimeMs < wanted.fromMs) return { records: [], problems: [] };
  const start = Math.max(0, stat.size - tailBytes);
  const bytes = await context.files.readAt(real, start, stat.size - start, context.signal);
  const { lines, full } = splitLines(bytes, start > 0, wanted.budget.records);
  const all = toRecords(lines, path, { ...wanted, fromMs: 0 }, 'timed');
  const records = all.filter((record) => record.tMs >= wanted.fromMs);
  const complete = !full && (start === 0 || (all[0]?.tMs ?? Infinity) <= wanted.fromMs);
  return {
    records,
    problems: complete
      ? []
      : [{ reason: 'partial', message: `${path}: only its last ${tailBytes} bytes and the newest records are read` }],
  };
}

async function guarded(what: string, work: () => Promise<LogReading>): Promise<LogReading> {
  try {
    return await work();
  } catch (thrown) {
    return { records: [], problems: [{ reason: gapReason(thrown), message: gapMessage(thrown, what) }] };
  }
}

async function statOf(path: string, context: ReadContext): Promise<{ real: string; stat: FileStat }> {
  const real = await context.files.realpath(context.at(path), context.signal);
  const stat = await context.files.stat(real, context.signal);
  if (stat?.kind !== 'file') throw new WatchkeeperError('unsupported', `${path} is not a plain file`);
  return { real, stat };
}

interface Expanded {
  readonly paths: readonly string[];
  readonly problems: LogReading['problems'];
}

async function expand(pattern: string, context: ReadContext): Promise<Expanded> {
  const slash = pattern.lastIndexOf('/');
  const last = pattern.slice(slash + 1);
  if (!/[*?]/.test(last)) return { paths: [pattern], problems: [] };
  const folder = pattern.slice(0, slash) || '/';
  const names = (await context.files.list(context.at(folder), folderEntries, context.signal)).filter(
    (name) => globMatches(last, name) && !compressed.test(name),
  );
  const paths = names.map((name) => `${pattern.slice(0, slash)}/${name}`);
  if (paths.length === 0) return { paths, problems: [{ reason: 'missing', message: `${pattern} matches no file` }] };
  if (paths.length <= filesPerPattern) return { paths, problems: [] };
  const message = `${pattern} matches ${paths.length} files; only ${filesPerPattern} are read`;
  return { paths: paths.slice(-filesPerPattern), problems: [{ reason: 'too-large', message }] };
}

// What was written between the last read and the rotation still stands in the renamed file beside.
async function finishRotated(
  real: string,
  known: TailState,
  wanted: LogWanted,
  context: ReadContext,
): Promise<LogReading> {
  const slash = real.lastIndexOf('/');
  const folder = real.slice(0, slash) || '/';
  const base = real.slice(slash + 1);
  const stem = base.replace(/\.[^.]*$/, '');
  for (const name of await context.files.list(folder, folderEntries, context.signal)) {
    if (name === base || !name.startsWith(stem)) continue;
    const path = `${folder}/${name}`;
    const stat = await context.files.stat(path, context.signal);
    if (stat === undefined || !isSameFile(known, stat)) continue;
    const read = await readTail(context.files, path, stat, known, wanted.budget.records, context.signal);
    return { records: toRecords(read.lines, real, wanted, 'all'), problems: problemsOf(path, read) };
  }
  return {
    records: [],
    problems: [{ reason: 'partial', message: `${real} was rotated away; its last lines may not have been read` }],
  };
}

function problemsOf(path: string, read: { behindBytes: number; lostBytes: number }): LogReading['problems'] {
  const problems: { reason: GapReason; message: string }[] = [];
  if (read.lostBytes > 0)
    problems.push({ reason: 'partial', message: `${path}: ${read.lostBytes} bytes were skipped to catch up` });
  if (read.behindBytes > 0)
    problems.push({ reason: 'late', message: `${path}: ${read.behindBytes} bytes are still to be read` });
  return problems;
}

const continuation = /^(\s+\S|Caused by: |\.\.\. \d+ more)/;

/** Lines to records: indented lines belong to the one before (stack traces). `timed` keeps only lines with a time of their own. */
function toRecords(
  lines: readonly Uint8Array[],
  path: string,
  wanted: LogWanted,
  which: 'all' | 'timed',
): readonly LogRecord[] {
  const records: LogRecord[] = [];
  let keptLast = false;
  for (const bytes of lines) {
    const line = cleanText(bytes);
    const previous = records.at(-1);
    if (continuation.test(line)) {
      if (keptLast && previous !== undefined)
        records[records.length - 1] = { ...previous, body: cut(`${previous.body}\n${line}`, limits.logLineBytes) };
      continue;
    }
    const parsed = parseLine(line, wanted.nowMs);
    const inTime = parsed.tMs !== undefined && parsed.tMs >= wanted.fromMs && parsed.tMs <= wanted.untilMs;
    keptLast = parsed.body.trim() !== '' && (which === 'all' || inTime);
    if (!keptLast) continue;
    records.push({
      tMs: parsed.tMs ?? wanted.nowMs,
      source: wanted.source,
      service: wanted.service,
      severity: parsed.severity,
      body: parsed.body,
      attributes: { ...parsed.attributes, 'log.file.path': path },
    });
  }
  wanted.budget.records -= records.length;
  return records;
}

function join(parts: readonly LogReading[]): LogReading {
  return { records: parts.flatMap((part) => part.records), problems: parts.flatMap((part) => part.problems) };
}

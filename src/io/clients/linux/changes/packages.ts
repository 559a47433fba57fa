import type { Change } from '../../../../domain/change.ts';
import { digest } from '../../../../lib/canonical.ts';
import { isSameFile, readTail, splitLines, tailBytes, tailFrom } from '../logs/tail.ts';
import type { TailState } from '../logs/tail.ts';
import type { ReadContext } from '../reading.ts';
import type { ChangeWanted } from './releases.ts';

/** One package that was installed, upgraded, downgraded or removed. */
export interface PackageChange {
  readonly atMs: number;
  readonly name: string;
  readonly action: string;
  readonly from?: string;
  readonly to?: string;
}

interface History {
  readonly path: string;
  readonly parse: (line: string, zoneMs?: number) => PackageChange | undefined;
}

/** The histories package managers keep, with how each writes a line. Times without a zone are the machine's local ones. */
export const packageHistories: readonly History[] = [
  { path: '/var/log/dpkg.log', parse: parseDpkg },
  { path: '/var/log/dnf.rpm.log', parse: parseDnf },
  { path: '/var/log/pacman.log', parse: parsePacman },
  { path: '/var/log/zypp/history', parse: parseZypper },
];

/** `2025-06-24 14:36:25 upgrade libsystemd0:amd64 252.36-1 252.38-1`; `<none>` stands for no version. */
function parseDpkg(line: string, zoneMs?: number): PackageChange | undefined {
  const match = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (install|upgrade|remove|purge) (\S+) (\S+) (\S+)$/.exec(line);
  if (match === null) return undefined;
  const [, time = '', action = '', name = '', from, to] = match;
  const version = (text: string | undefined) => (text === '<none>' ? undefined : text);
  return made(
    localTime(time, zoneMs),
    name.replace(/:[a-z0-9-]+$/, ''),
    action,
    version(from),
    action === 'purge' ? undefined : version(to),
  );
}

/** `2024-05-01T10:00:00+0200 SUBDEBUG Upgrade: nginx-1:1.20.1-14.el9.x86_64`. The old version is not on the line. */
function parseDnf(line: string): PackageChange | undefined {
  const match =
    /^(\S+) (?:SUBDEBUG|INFO|DDEBUG) (Installed|Upgrade|Downgrade|Erase|Reinstall): (\S+)-([^-\s]+-[^-\s]+)$/.exec(
      line,
    );
  if (match === null) return undefined;
  const [, time = '', action = '', name = '', version] = match;
  const erased = action === 'Erase';
  return made(
    Date.parse(time.replace(/([+-]\d\d)(\d\d)$/, '$1:$2')),
    name,
    action.toLowerCase(),
    erased ? version : undefined,
    erased ? undefined : version,
  );
}

/** `[2024-01-01T10:00:00+0000] [ALPM] upgraded linux (6.6.8-1 -> 6.6.9-1)`. */
function parsePacman(line: string): PackageChange | undefined {
  const match =
    /^\[(\S+)\] \[ALPM\] (installed|upgraded|downgraded|removed|reinstalled) (\S+) \((\S+)(?: -> (\S+))?\)$/.exec(line);
  if (match === null) return undefined;
  const [, time = '', action = '', name = '', first, second] = match;
  const atMs = Date.parse(time.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
  if (second !== undefined) return made(atMs, name, action, first, second);
  return action === 'removed' ? made(atMs, name, action, first, undefined) : made(atMs, name, action, undefined, first);
}

/** `2024-01-01 10:00:00|install|nginx|1.2-3|x86_64|...`. */
function parseZypper(line: string, zoneMs?: number): PackageChange | undefined {
  const [time = '', action = '', name = '', version] = line.split('|');
  if (!/^(install|remove) *$/.test(action) || name === '') return undefined;
  const removed = action.startsWith('remove');
  return made(
    localTime(time, zoneMs),
    name,
    action.trim(),
    removed ? version : undefined,
    removed ? undefined : version,
  );
}

function made(atMs: number, name: string, action: string, from?: string, to?: string): PackageChange | undefined {
  if (!Number.isFinite(atMs)) return undefined;
  return { atMs, name, action, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

function localTime(text: string, zoneMs?: number): number {
  const [year = NaN, month = NaN, day = NaN, hour = NaN, minute = NaN, second = NaN] = (text.match(/\d+/g) ?? []).map(
    Number,
  );
  if (zoneMs !== undefined) return Date.UTC(year, month - 1, day, hour, minute, second) - zoneMs;
  return new Date(year, month - 1, day, hour, minute, second).getTime();
}

/** Where reading of one history stands. */
export type PackageCursor = TailState;

/** Reads what a package manager did since last time; at the first look since `sinceMs`, also from the rotated file. */
export async function readPackages(
  history: History,
  cursor: PackageCursor | undefined,
  wanted: ChangeWanted,
  context: ReadContext,
): Promise<{ readonly cursor: PackageCursor | undefined; readonly changes: readonly Change[] }> {
  const path = context.at(history.path);
  const stat = await context.files.stat(path, context.signal);
  if (stat?.kind !== 'file') return { cursor: undefined, changes: [] };
  const first = cursor === undefined;
  const known = cursor !== undefined && isSameFile(cursor, stat) ? cursor : undefined;
  const start = known ?? tailFrom(stat, first ? Math.max(0, stat.size - tailBytes) : 0);
  const read = await readTail(context.files, path, stat, start, Infinity, context.signal);
  const lines = [...read.lines];
  // What was read there before is recognised by its ids.
  if (known === undefined && start.offset === 0) lines.unshift(...(await rotated(`${path}.1`, wanted, context)));
  const changes = lines.flatMap((bytes) => {
    const change = history.parse(new TextDecoder().decode(bytes).trimEnd(), context.zoneMs);
    return change === undefined || change.atMs < wanted.sinceMs ? [] : [toChange(change, wanted)];
  });
  return { cursor: read.next, changes };
}

async function rotated(path: string, wanted: ChangeWanted, context: ReadContext): Promise<readonly Uint8Array[]> {
  const stat = await context.files.stat(path, context.signal);
  if (stat?.kind !== 'file' || stat.mtimeMs < wanted.sinceMs) return [];
  const start = Math.max(0, stat.size - tailBytes);
  return splitLines(await context.files.readAt(path, start, stat.size - start, context.signal), start > 0, Infinity)
    .lines;
}

function toChange(change: PackageChange, wanted: ChangeWanted): Change {
  const { atMs, name, action, from, to } = change;
  return {
    id: digest(['package', wanted.service, name, action, from ?? '', to ?? '', atMs]),
    kind: 'package',
    service: wanted.service,
    atMs: Math.min(atMs, wanted.nowMs),
    what: `package:${name}`,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    source: wanted.source,
    attributes: { action },
  };
}

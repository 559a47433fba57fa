import type { Change } from '../../../../domain/change.ts';
import type { HostPlace } from '../../../../domain/places.ts';
import { digest } from '../../../../lib/canonical.ts';
import { WatchkeeperError } from '../../../../lib/errors.ts';
import type { ReadContext } from '../reading.ts';

/** For whom a change is read, and how far back the first look goes. */
export interface ChangeWanted {
  readonly source: string;
  readonly service: string;
  readonly nowMs: number;
  readonly sinceMs: number;
}

/** What the symlink pointed to when it was last read, and every version it was seen on. */
export interface ReleaseState {
  readonly version: string;
  readonly linkedMs: number;
  readonly seen: readonly string[];
}

const maxReleases = 1_000;
const maxSeen = 100;

/**
 * Reads which release is current and whether that changed. The version is the folder's name and the time the symlink's
 * own; the id is made of both, so that the same switch has one id however often it is read. At the first look the
 * version before it is taken from the order of the release folders.
 */
export async function readRelease(
  releases: NonNullable<HostPlace['releases']>,
  before: ReleaseState | undefined,
  wanted: ChangeWanted,
  context: ReadContext,
): Promise<{ readonly state: ReleaseState; readonly change?: Change }> {
  const link = await context.files.stat(context.at(releases.current), context.signal);
  if (link === undefined) throw new WatchkeeperError('not-found', `${releases.current}: there is no current release`);
  if (link.kind !== 'symlink')
    throw new WatchkeeperError('unsupported', `${releases.current} is not a symlink to a release folder`);
  const target = await context.files.readlink(context.at(releases.current), context.signal);
  const version = lastPart(target);
  const linkedMs = Math.round(link.mtimeMs);
  const seen = [...(before?.seen ?? []).filter((one) => one !== version), version].slice(-maxSeen);
  const state: ReleaseState = { version, linkedMs, seen };
  if (before?.version === version && before.linkedMs === linkedMs) return { state };
  if (before === undefined && linkedMs < wanted.sinceMs) return { state };
  // The same release linked again deploys nothing.
  if (before?.version === version) return { state };
  const others = await otherReleases(releases, version, linkedMs, context);
  const from = before?.version ?? others.before;
  const rollback =
    before === undefined ? others.laterExists : before.seen.includes(version) || isEarlier(version, before.version);
  const change: Change = {
    id: digest(['release', wanted.service, releases.current, version, linkedMs]),
    kind: rollback ? 'rollback' : 'deploy',
    service: wanted.service,
    atMs: linkedMs >= wanted.sinceMs && linkedMs <= wanted.nowMs ? linkedMs : wanted.nowMs,
    what: lastPart(releases.current),
    ...(from === undefined ? {} : { from }),
    to: version,
    source: wanted.source,
    attributes: { path: releases.current },
  };
  return { state, change };
}

interface Others {
  /** The release that was most likely current before. */
  readonly before: string | undefined;
  /** A later release lay ready when the link was set: going past it is going back. */
  readonly laterExists: boolean;
}

async function otherReleases(
  releases: NonNullable<HostPlace['releases']>,
  version: string,
  linkedMs: number,
  context: ReadContext,
): Promise<Others> {
  const names = (await context.files.list(context.at(releases.root), maxReleases, context.signal)).filter(
    (name) => name !== version && name !== lastPart(releases.current) && !name.startsWith('.'),
  );
  const comparable = names.filter((name) => skeleton(name) === skeleton(version)).sort(byNumbers);
  if (comparable.length > 0) {
    const later = comparable.filter((name) => byNumbers(name, version) > 0);
    const earlier = comparable.filter((name) => byNumbers(name, version) < 0);
    return { before: later.at(-1) ?? earlier.at(-1), laterExists: later.length > 0 };
  }
  // Names that cannot be ordered (commit hashes): the folder made last before the switch was the one before.
  let newest: { name: string; mtimeMs: number } | undefined;
  for (const name of names) {
    const stat = await context.files.stat(context.at(`${releases.root}/${name}`), context.signal);
    if (stat?.kind !== 'folder' || stat.mtimeMs > linkedMs) continue;
    if (newest === undefined || stat.mtimeMs > newest.mtimeMs) newest = { name, mtimeMs: stat.mtimeMs };
  }
  return { before: newest?.name, laterExists: false };
}

/** Whether a release is an earlier one than another, when their names differ in their numbers only. */
export function isEarlier(version: string, than: string): boolean {
  return skeleton(version) === skeleton(than) && byNumbers(version, than) < 0;
}

// v2 and v10, 20260101 and 20260102, 1.2.3 and 1.10.0 differ in their numbers only.
function skeleton(name: string): string {
  return name.replace(/\d+/g, '#');
}

function byNumbers(a: string, b: string): number {
  const left = a.match(/\d+/g) ?? [];
  const right = b.match(/\d+/g) ?? [];
  for (const [index, digits] of left.entries()) {
    const difference = BigInt(digits) - BigInt(right[index] ?? 0);
    if (difference !== 0n) return difference < 0n ? -1 : 1;
  }
  return 0;
}

function lastPart(path: string): string {
  return path.replace(/\/+$/, '').split('/').at(-1) ?? path;
}

import * as z from 'zod';

import { digest } from '../../../lib/canonical.ts';
import { parseDuration } from '../../../lib/duration.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import { globMatches } from '../../../lib/glob.ts';
import type { Json } from '../../../lib/json.ts';
import { limits } from '../../../lib/limits.ts';
import type { ActionContext, ActionResult, HostCommand, Probe } from '../../../domain/ports/action.ts';
import type { Observation } from '../../../domain/remediation.ts';
import { withinBounds, parsePattern, type ChosenFile } from '../reclaim-files.ts';
import { malformedBefore } from '../running.ts';
import type { RemoteHand } from './by-place.ts';
import { textFact, type Facts } from './facts.ts';
import { lookFilesScript, lookReclaimScript, reclaimScript } from './reclaim-scripts.ts';
import { targetThere } from './there.ts';
import type { There } from './there.ts';
import { actThere, hostsThere, lookThere, notAllowed } from './trip.ts';

/** What may be reclaimed: the parameters of `host.disk-reclaim`. */
export interface ReclaimParams {
  readonly paths: readonly string[];
  readonly olderThan: string;
  readonly maxBytes: number;
  readonly maxFiles: number;
  /** What is kept of the journal, as journalctl takes it: `500M`. */
  readonly journal?: string;
  readonly packageCache: boolean;
}

const fileShape = z.strictObject({ path: z.string(), inode: z.number(), size: z.number(), mtimeMs: z.number() });
const beforeShape = z.strictObject({
  host: z.string(),
  files: z.array(fileShape),
  journalBytes: z.number(),
  cacheBytes: z.number(),
});
type Before = z.infer<typeof beforeShape>;

// Paths are arguments of one command line: together they must fit with room to spare.
const maxArgumentBytes = limits.sshCommandBytes / 2;

function vacuum(keep: string): HostCommand {
  return { argv: ['/usr/bin/journalctl', `--vacuum-size=${keep}`] };
}

const cleaners: readonly HostCommand[] = [
  { argv: ['/usr/bin/apt-get', 'clean'] },
  { argv: ['/usr/bin/dnf', 'clean', 'packages'] },
  { argv: ['/sbin/apk', 'cache', 'clean'] },
];

/** `host.disk-reclaim` over SSH: files by the hand's own user, the journal and the packages' cache as root. */
export const reclaimThere: RemoteHand<ReclaimParams> = {
  needs: ({ paths = [], journal, packageCache }) => ({
    commands: [
      ...(typeof journal === 'string' && /^\d+[MG]$/.test(journal) ? [vacuum(journal)] : []),
      ...(packageCache === true ? cleaners : []),
    ],
    writes: (Array.isArray(paths) ? (paths as readonly Json[]) : []).flatMap((path) =>
      typeof path === 'string' && !path.includes('{{') ? [parsePattern(path).folder] : [],
    ),
  }),
  target: (params, there) => targetThere(there, 'files', idOf(params)),
  observe,
  preview: (params, { facts }) => {
    const host = textFact(facts['host']);
    const [count, bytes, journal, cache] = ['files', 'bytes', 'journalBytes', 'cacheBytes'].map((name) =>
      Number(facts[name] ?? 0),
    );
    const parts = [
      ...(count ? [`remove ${count} files (${bytes} bytes) not written for ${params.olderThan}`] : []),
      ...(journal ? [`cut the journal from ${journal} bytes to ${params.journal ?? ''}`] : []),
      ...(cache ? [`empty the packages' cache (${cache} bytes)`] : []),
    ];
    if (parts.length === 0) throw new WatchkeeperError('conflict', `there is nothing to reclaim on ${host}`);
    return {
      describe: `on ${host}: ${parts.join(', ')}`,
      diff: filesOf(facts['chosen'] ?? [])
        .slice(0, 50)
        .map((file) => `${host}${file.path}: ${file.size} bytes → removed`),
    };
  },
  before: (_params, { facts }): Json => ({
    host: textFact(facts['host']),
    files: facts['chosen'] ?? [],
    journalBytes: facts['journalBytes'] ?? 0,
    cacheBytes: facts['cacheBytes'] ?? 0,
  }),
  run: (params, before, _key, there, context) => run(params, parseBefore(before, there), there, context),
  probe: (_params, before, there, context) => probe(parseBefore(before, there), there, context),
};

async function observe(params: ReclaimParams, there: There, context: ActionContext): Promise<Observation> {
  const patterns = params.paths.map(parsePattern);
  const minutes = Math.ceil((parseDuration(params.olderThan) ?? 0) / 60_000);
  const args = [
    String(minutes),
    params.journal ?? '-',
    params.packageCache ? 'yes' : 'no',
    String(limits.reclaimFiles * 10),
    // A bracket is a class of characters for find, and itself for us: what find lets through is matched again here.
    ...patterns.flatMap(({ folder, names }) => [folder, names.replace(/[[\]]/g, '?')]),
  ];
  const [hosts, facts] = await Promise.all([
    hostsThere(there, context),
    lookThere(there, { script: lookReclaimScript, args }, context),
  ]);
  refuse(params, facts, there, context);
  const found = filesIn(facts).filter(({ path }) =>
    patterns.some(({ folder, names }) => isIn(folder, path) && globMatches(names, path.slice(folder.length + 1))),
  );
  const chosen = withinBounds(found, params, maxArgumentBytes);
  const keep = params.journal === undefined ? Number.POSITIVE_INFINITY : bytesOf(params.journal);
  const journal = facts.count('journal') * 1_024;
  const [available = 0, blocks = 0, block = 0] = facts.text('disk').split(' ').map(Number);
  return {
    target: targetThere(there, 'files', idOf(params)),
    atMs: context.io.clock.nowMs(),
    facts: {
      host: there.host,
      files: chosen.length,
      bytes: chosen.reduce((sum, file) => sum + file.size, 0),
      journalBytes: journal > keep ? journal : 0,
      cacheBytes: params.packageCache ? facts.count('cache') * 1_024 : 0,
      availableBytes: available * block || 0,
      totalBytes: blocks * block || 0,
      chosen: chosen.map((file) => ({ ...file })),
    },
    // The folders and the rule are what is approved. The files under the rule change by the minute.
    stateHash: digest([there.host, ...facts.all('folder')]),
    // Nothing that runs is touched.
    blast: {
      touched: 1,
      total: hosts.length,
      healthyAfter: hosts.length,
      healthyNow: hosts.length,
      names: [`host:${there.host}`],
      targets: [there.host],
      dependents: [],
    },
  };
}

function refuse(params: ReclaimParams, facts: Facts, there: There, context: ActionContext): void {
  const { user } = context.io.ssh.operator(there.source);
  for (const line of facts.all('folder')) {
    const at = line.indexOf(' ');
    const [word, path] = [line.slice(0, at), line.slice(at + 1)];
    if (word === 'moved')
      throw new WatchkeeperError('forbidden', `${path} on ${there.host} is reached through a symlink`);
    if (word === 'none') throw new WatchkeeperError('conflict', `${path} on ${there.host} is not a folder`);
    if (word === 'closed')
      throw new WatchkeeperError('forbidden', `${user} may not remove files from ${path} on ${there.host}`, {
        fix: `Let it: setfacl -m u:${user}:rwx ${path}`,
        retryable: false,
      });
  }
  if (params.journal !== undefined && facts.text('may.journal') !== 'yes')
    throw notAllowed(there, context, vacuum(params.journal));
  if (params.packageCache && facts.text('may.cache') !== 'yes')
    throw notAllowed(there, context, cleaners[0] ?? vacuum(''));
}

async function run(params: ReclaimParams, was: Before, there: There, context: ActionContext): Promise<ActionResult> {
  const args = [
    was.journalBytes > 0 ? (params.journal ?? '-') : '-',
    was.cacheBytes > 0 ? 'yes' : 'no',
    ...argumentsOf(was.files),
  ];
  const acted = await actThere(there, { script: reclaimScript, args }, context);
  if (acted.is !== 'ended') return acted;
  const { facts } = acted;
  const [removed, bytes] = [facts.count('removed'), facts.count('bytes')];
  const [journal, cache] = [
    was.journalBytes === 0 ? 0 : Math.max(0, was.journalBytes - facts.count('journal') * 1_024),
    was.cacheBytes === 0 ? 0 : Math.max(0, was.cacheBytes - facts.count('cache') * 1_024),
  ];
  const skipped = was.files.length - removed;
  const message = [
    `on ${there.host}: removed ${removed} files, ${bytes} bytes${skipped > 0 ? `; ${skipped} were gone, changed or in use` : ''}`,
    ...(was.journalBytes > 0 ? [`the journal gave ${journal} bytes`] : []),
    ...(was.cacheBytes > 0 ? [`the packages' cache gave ${cache} bytes`] : []),
  ].join('; ');
  const failed = ['journal.', 'cache.'].filter((part) => !['', 'yes'].includes(facts.text(`${part}did`)));
  if (failed.length > 0)
    return { is: 'failed', message: `${message}; ${failed.map((part) => said(facts, part)).join('; ')}` };
  return { is: 'done', message, data: { removed, bytes: bytes + journal + cache, skipped } };
}

function said(facts: Facts, part: string): string {
  return `${part.slice(0, -1)}: ${facts.text(`${part}did`)} ${facts.text(`${part}said`)}`.trim();
}

async function probe(was: Before, there: There, context: ActionContext): Promise<Probe> {
  const facts = await lookThere(there, { script: lookFilesScript, args: argumentsOf(was.files) }, context);
  const [gone, waiting] = [facts.count('gone'), facts.count('waiting')];
  const journalWaits = was.journalBytes > 0 && facts.count('journal') * 1_024 >= was.journalBytes;
  const cacheWaits = was.cacheBytes > 0 && facts.count('cache') * 1_024 >= was.cacheBytes;
  const because = [
    `${gone} of ${was.files.length} files are gone, ${waiting} are as they were`,
    ...(was.journalBytes > 0 ? [`the journal is ${journalWaits ? 'not smaller' : 'smaller'}`] : []),
    ...(was.cacheBytes > 0 ? [`the packages' cache is ${cacheWaits ? 'not smaller' : 'smaller'}`] : []),
  ].join(', ');
  const parts = [
    ...(was.files.length > 0 ? [waiting > 0] : []),
    ...(was.journalBytes > 0 ? [journalWaits] : []),
    ...(was.cacheBytes > 0 ? [cacheWaits] : []),
  ];
  if (parts.every((waits) => !waits)) return { is: 'done', because };
  return { is: gone === 0 && parts.every(Boolean) ? 'not-done' : 'unknown', because };
}

function filesIn(facts: Facts): readonly ChosenFile[] {
  return facts.raw('file').flatMap((line) => {
    const [, inode, size, seconds, path = ''] = /^(\d{1,20}) (\d{1,15}) (\d{1,12}) (\/.+)$/.exec(line) ?? [];
    // What cannot be said to the host in a command line is not touched.
    if (path === '' || /[\p{Cc}\\!\uFFFD]/u.test(path)) return [];
    return [{ path, inode: Number(inode), size: Number(size), mtimeMs: Number(seconds) * 1_000 }];
  });
}

function argumentsOf(files: readonly ChosenFile[]): readonly string[] {
  return files.flatMap(({ path, inode, size, mtimeMs }) => [`${inode} ${size} ${mtimeMs / 1_000}`, path]);
}

function isIn(folder: string, path: string): boolean {
  return path.startsWith(`${folder}/`) && !path.slice(folder.length + 1).includes('/');
}

function bytesOf(written: string): number {
  return Number(written.slice(0, -1)) * (written.endsWith('G') ? 2 ** 30 : 2 ** 20);
}

function idOf({ paths, journal, packageCache }: ReclaimParams): string {
  return [...paths]
    .sort()
    .concat(journal === undefined ? [] : ['journal'], packageCache ? ['packages'] : [])
    .join(',');
}

function filesOf(chosen: Json): readonly ChosenFile[] {
  const parsed = z.array(fileShape).safeParse(chosen);
  return parsed.success ? parsed.data : [];
}

function parseBefore(before: Json, there: There): Before {
  const parsed = beforeShape.safeParse(before);
  if (!parsed.success || parsed.data.host !== there.host) throw malformedBefore('host.disk-reclaim');
  return parsed.data;
}

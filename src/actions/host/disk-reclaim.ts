import * as z from 'zod';

import { digest } from '../../lib/canonical.ts';
import { parseDuration } from '../../lib/duration.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { Json } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { ActionContext } from '../../domain/ports/action.ts';
import type { Target } from '../../domain/remediation.ts';
import type { Service } from '../../domain/service.ts';
import { defineAction } from '../define-action.ts';
import { byPlace, hostParam, type LocalHand } from './remote/by-place.ts';
import { reclaimThere } from './remote/disk-reclaim.ts';
import {
  chooseFiles,
  identifyFolders,
  isUnchanged,
  openFiles,
  parsePattern,
  presentFolders,
  type ChosenFile,
} from './reclaim-files.ts';
import { malformedBefore } from './running.ts';

const hour = 3_600_000;
const shownFiles = 50;

const params = z
  .strictObject({
    /** Absolute paths, globs (`*`, `?`) in the last part only. Nothing else is ever touched. */
    paths: z
      .array(
        z
          .string()
          .refine((path) => whyNot(path) === undefined, { error: (issue) => whyNot(String(issue.input)) ?? '' }),
      )
      .max(limits.reclaimPatterns)
      .default([]),
    /** Only files not written for this long. At least an hour: younger ones are somebody's work. */
    olderThan: z
      .string()
      .refine((age) => (parseDuration(age) ?? 0) >= hour, 'must be a duration of at least 1h')
      .default('7d'),
    maxBytes: z
      .int()
      .min(1)
      .max(2 ** 50)
      .default(2 ** 30),
    maxFiles: z.int().min(1).max(limits.reclaimFiles).default(limits.reclaimFiles),
    /** Over SSH: cut the journal down to this, in whole M or G. */
    journal: z
      .string()
      .regex(/^[1-9]\d{0,5}[MG]$/, 'must be a size such as 500M or 2G')
      .refine((size) => size.endsWith('G') || Number(size.slice(0, -1)) >= 16, 'must be at least 16M')
      .exactOptional(),
    /** Over SSH: empty the cache of downloaded packages. */
    packageCache: z.boolean().default(false),
    host: hostParam,
  })
  .refine(
    ({ paths, journal, packageCache }) => paths.length > 0 || journal !== undefined || packageCache,
    'needs paths, journal or packageCache',
  );
type Params = z.infer<typeof params>;

const fileShape = z.strictObject({ path: z.string(), inode: z.number(), size: z.number(), mtimeMs: z.number() });
const beforeShape = z.strictObject({ files: z.array(fileShape) });

/** Removes old files from listed folders, within bounds. It cannot be undone, and says so. */
export const diskReclaim = defineAction<Params>({
  kind: 'host.disk-reclaim',
  summary: 'Remove old files from listed folders, oldest first, within bounds',
  // A repeat removes only what is still exactly as it was chosen.
  traits: { reversible: false, idempotent: true, destructive: true, scope: 'host' },
  params: schemaOf(params),
  needs: [
    'write to the listed folders',
    'CAP_SYS_PTRACE to see files that other users’ processes hold open (optional)',
    'over SSH the same on each host; the journal and the packages’ cache by lines of sudoers',
  ],
  ...byPlace<Params>(here(), reclaimThere),
});

function here(): LocalHand<Params> {
  return {
    target: (given, service) => targetOf(given, service),
    observe: async (given, context) => {
      refuseThere(given);
      const { files, clock } = context.io;
      const patterns = given.paths.map(parsePattern);
      const folders = await identifyFolders(files, patterns, context.signal);
      const olderThanMs = clock.nowMs() - (parseDuration(given.olderThan) ?? 0);
      const chosen = await chooseFiles(files, patterns, { ...given, olderThanMs }, context.signal);
      const there = await presentFolders(files, patterns, context.signal);
      const disk = await files.diskUsage(there[0] ?? '/', context.signal);
      const bytes = chosen.reduce((sum, file) => sum + file.size, 0);
      return {
        target: targetOf(given, context.service),
        atMs: clock.nowMs(),
        facts: {
          files: chosen.length,
          bytes,
          availableBytes: disk.availableBytes,
          totalBytes: disk.totalBytes,
          chosen: chosen.map((file) => ({ ...file })),
        },
        // The folders and the rule are what is approved. The files under the rule change by the minute.
        stateHash: digest([...folders]),
        blast: {
          touched: chosen.length,
          total: chosen.length,
          healthyAfter: 0,
          targets: chosen.slice(0, 20).map((file) => file.path),
          dependents: [],
        },
      };
    },
    preview: (given, { facts }) => {
      const [count, bytes] = [facts['files'], facts['bytes']];
      if (typeof count !== 'number' || typeof bytes !== 'number' || count === 0)
        throw new WatchkeeperError('conflict', `nothing in ${given.paths.join(', ')} is older than ${given.olderThan}`);
      return {
        describe: `remove ${count} files (${bytes} bytes) not written for ${given.olderThan} from ${given.paths.join(', ')}`,
        diff: chosenOf({ files: facts['chosen'] ?? [] })
          .slice(0, shownFiles)
          .map((file) => `${file.path}: ${file.size} bytes → removed`),
      };
    },
    before: (_given, { facts }): Json => ({ files: facts['chosen'] ?? [] }),
    run: async (_given, before, _key, context) => {
      const files = chosenOf(before);
      const open = await openFiles(context.io.files, context.signal);
      let bytes = 0;
      let removed = 0;
      for (const file of files) {
        if (context.signal.aborted)
          return { is: 'unknown', message: `stopped after ${removed} of ${files.length} files` };
        if (open.has(file.path) || !(await isUnchanged(context.io.files, file, context.signal))) continue;
        await context.io.files.unlink(file.path, context.signal);
        removed += 1;
        bytes += file.size;
      }
      const skipped = files.length - removed;
      const message = `removed ${removed} files, ${bytes} bytes${skipped > 0 ? `; ${skipped} were gone, changed or in use` : ''}`;
      return { is: 'done', message, data: { removed, bytes, skipped } };
    },
    probe: (_given, before, context) => probe(chosenOf(before), context),
  };
}

// Both need root, which the daemon on this machine does not have.
function refuseThere({ journal, packageCache }: Params): void {
  if (journal === undefined && !packageCache) return;
  throw new WatchkeeperError(
    'unsupported',
    'the journal and the packages’ cache are reclaimed on hosts over SSH only',
    {
      fix: 'Set SystemMaxUse in journald.conf, or name paths.',
    },
  );
}

async function probe(
  files: readonly ChosenFile[],
  context: ActionContext,
): Promise<{ readonly is: 'done' | 'not-done' | 'unknown'; readonly because: string }> {
  const open = await openFiles(context.io.files, context.signal);
  let gone = 0;
  let waiting = 0;
  for (const file of files) {
    if ((await context.io.files.stat(file.path, context.signal)) === undefined) gone += 1;
    else if (!open.has(file.path) && (await isUnchanged(context.io.files, file, context.signal))) waiting += 1;
  }
  const because = `${gone} of ${files.length} files are gone, ${waiting} are as they were`;
  if (waiting === 0) return { is: 'done', because };
  return { is: gone === 0 ? 'not-done' : 'unknown', because };
}

function whyNot(path: string): string | undefined {
  try {
    parsePattern(path);
    return undefined;
  } catch (thrown) {
    return WatchkeeperError.from(thrown).message;
  }
}

function targetOf(given: Params, service: Service): Target {
  return { kind: 'files', id: [...given.paths].sort().join(','), service: service.name, labels: service.labels };
}

function chosenOf(before: Json): readonly ChosenFile[] {
  const parsed = beforeShape.safeParse(before);
  if (!parsed.success) throw malformedBefore('host.disk-reclaim');
  return parsed.data.files;
}

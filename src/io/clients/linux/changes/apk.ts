import type { Change } from '../../../../domain/change.ts';
import { digest } from '../../../../lib/canonical.ts';
import { readText } from '../reading.ts';
import type { ReadContext } from '../reading.ts';
import type { ChangeWanted } from './releases.ts';
import { wasWrittenBefore } from './written.ts';

/** What apk had installed when its database was last read, and which state of the file that was. */
export interface ApkState {
  /** `undefined` when it was written so shortly before that look that the next one has to read it again. */
  readonly stamp: string | undefined;
  readonly versions: ReadonlyMap<string, string>;
}

const database = '/lib/apk/db/installed';
const maxBytes = 4 * 1024 * 1024;

/**
 * Reads what apk installed, upgraded or removed since the last look. apk keeps no history with times, so the difference between
 * two looks at its database is the change, at the time the database was written; the first look is the baseline. The file
 * is read only when it was written since (format: apk-tools, "installed": stanzas with `P:` name and `V:` version).
 */
export async function readApk(
  known: ApkState | undefined,
  wanted: ChangeWanted,
  context: ReadContext,
): Promise<{ readonly state: ApkState | undefined; readonly changes: readonly Change[] }> {
  const stat = await context.files.stat(context.at(database), context.signal);
  if (stat?.kind !== 'file') return { state: known, changes: [] };
  const seen = `${stat.inode} ${stat.size} ${stat.mtimeMs}`;
  if (known?.stamp === seen) return { state: known, changes: [] };
  const versions = versionsIn(await readText(context, database, maxBytes));
  const state = { stamp: wasWrittenBefore(stat, wanted.nowMs) ? seen : undefined, versions };
  if (known === undefined) return { state, changes: [] };
  const names = [...new Set([...known.versions.keys(), ...versions.keys()])].sort();
  const atMs = Math.min(stat.mtimeMs, wanted.nowMs);
  const changes = names.flatMap((name) => changed(name, known.versions.get(name), versions.get(name), atMs, wanted));
  return { state, changes };
}

function versionsIn(text: string): ReadonlyMap<string, string> {
  const versions = new Map<string, string>();
  let name = '';
  for (const line of text.split('\n')) {
    if (line === '') name = '';
    else if (line.startsWith('P:')) name = line.slice(2, 202);
    else if (line.startsWith('V:') && name !== '') versions.set(name, line.slice(2, 202));
  }
  return versions;
}

function changed(
  name: string,
  from: string | undefined,
  to: string | undefined,
  atMs: number,
  { source, service }: ChangeWanted,
): readonly Change[] {
  if (from === to) return [];
  const action = from === undefined ? 'install' : to === undefined ? 'remove' : 'upgrade';
  return [
    {
      id: digest(['package', service, name, action, from ?? '', to ?? '', atMs]),
      ...{ kind: 'package', service, atMs, what: `package:${name}`, source, attributes: { action } },
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    },
  ];
}

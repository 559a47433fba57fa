import { limits } from '../lib/limits.ts';
import { absolute, dataDirOf, type Shell } from './shell.ts';

const defaultFile = 'watchkeeper.yaml';

/**
 * The data folder of the daemon that a client command means: what was given, else the environment's, else the one that
 * watchkeeper.yaml names (the file of WATCHKEEPER_CONFIG, or the one in this folder), else the default.
 *
 * Nothing else in the file is looked at: a daemon goes on with its last good set while somebody has a typo in the file, and
 * must still be found then.
 */
export async function findDataDir(shell: Shell, given: string | undefined): Promise<string> {
  const said = given ?? shell.environment['WATCHKEEPER_DATA_DIR'];
  return dataDirOf(shell, said ?? (await configured(shell)));
}

async function configured(shell: Shell): Promise<string | undefined> {
  const file = absolute(shell, shell.environment['WATCHKEEPER_CONFIG'] ?? defaultFile);
  const text = await shell.files.read(file, limits.resourceFileBytes, shell.signal).catch(() => undefined);
  if (text === undefined) return undefined;
  const { isMap, parseDocument } = await import('yaml');
  const { contents } = parseDocument(new TextDecoder().decode(text), { logLevel: 'silent' });
  const written: unknown = isMap(contents) ? contents.get('dataDir') : undefined;
  if (typeof written !== 'string' || written === '') return undefined;
  return written.startsWith('/') ? written : `${file.slice(0, file.lastIndexOf('/'))}/${written}`;
}

import type { Random, WriteFiles } from '../domain/ports/io.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import { parseSigner, signerFromSeed, type NoteSigner } from './note.ts';

const maxBytes = 4_096;
const seedBytes = 32;

/** Where the ledger's signing key lies. */
export interface KeyOptions {
  readonly files: WriteFiles;
  readonly random: Random;
  /** The key file, in the C2SP `PRIVATE+KEY+…` form, mode 0600. */
  readonly path: string;
  /** The name a new key gets: the ledger's origin. */
  readonly name: string;
  /** Whether a ledger was begun already: then a key that is gone was lost, and a new one would sign for nobody. */
  readonly begun: () => Promise<boolean>;
  readonly signal: AbortSignal;
}

/**
 * Reads the signing key, or makes one on the first start.
 *
 * @throws `forbidden` when others may read the file, `malformed` when it is not a key, `ledger-invalid` when it is gone
 * and a ledger was begun with it. That a key has signed the last checkpoint is for `openLedger` to see.
 */
export async function loadOrCreateKey(options: KeyOptions): Promise<NoteSigner> {
  const { files, path, signal } = options;
  // A mounted Secret is a symlink to a file of root's that our group may read.
  const there = await files.stat(path, signal);
  if (there === undefined) {
    if (!(await options.begun())) return createKey(options);
    throw new WatchkeeperError('ledger-invalid', `${path} is gone, and the ledger here was signed with it`, {
      fix: 'Restore the key from the backup of the data folder. Without it: export the ledger, keep the export, and begin a new data folder.',
    });
  }
  const stat = there.kind === 'symlink' ? await files.stat(await files.realpath(path, signal), signal) : there;
  if (stat === undefined) throw new WatchkeeperError('not-found', `${path} is a link to nothing`);
  const others = stat.uid === 0 ? 0o037 : 0o077;
  // Windows has no such bits; there the folder's access list protects the file.
  if (process.platform !== 'win32' && (stat.mode & others) !== 0)
    throw new WatchkeeperError('forbidden', `${path} can be read by others`, { fix: `Run: chmod 600 ${path}` });
  if (stat.kind !== 'file') throw new WatchkeeperError('forbidden', `${path} is not a plain file`);
  const text = Buffer.from(await files.read(path, maxBytes, signal)).toString('utf8');
  try {
    return parseSigner(text);
  } catch (thrown) {
    const { code, message } = WatchkeeperError.from(thrown);
    throw new WatchkeeperError(code, `${path}: ${message}`, {
      cause: thrown,
      fix: 'Restore the key from the backup of the data folder.',
    });
  }
}

async function createKey(options: KeyOptions): Promise<NoteSigner> {
  const signer = signerFromSeed(options.name, options.random.bytes(seedBytes));
  await options.files.writeAtomic(options.path, `${signer.secret()}\n`, 0o600, options.signal);
  return signer;
}

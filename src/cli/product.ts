import { WatchkeeperError } from '../lib/errors.ts';
import type { Shell } from './shell.ts';

const manifestBytes = 64 * 1024;

/** The version in the product's package.json. */
export async function version(shell: Pick<Shell, 'files' | 'productFolder' | 'signal'>): Promise<string> {
  const file = `${shell.productFolder}/package.json`;
  const bytes = await shell.files.read(file, manifestBytes, new AbortController().signal);
  const manifest = JSON.parse(new TextDecoder().decode(bytes)) as { readonly version?: unknown };
  if (typeof manifest.version === 'string') return manifest.version;
  throw new WatchkeeperError('internal', `${file} names no version`);
}

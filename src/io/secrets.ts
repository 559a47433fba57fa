import { WatchkeeperError } from '../lib/errors.ts';
import type { ReadFiles, Secrets } from '../domain/ports/io.ts';
import type { Environment } from './environment.ts';
import type { Scrubber } from './scrub.ts';

const maxSecretBytes = 64 * 1024;

/** Reads secrets at the moment of use, and teaches the scrubber each value before anyone else sees it. */
export function createSecrets(files: ReadFiles, environment: Environment, scrubber: Scrubber): Secrets {
  return {
    resolve: async (ref, signal) => {
      const value = await read(ref.file, ref.env, files, environment, signal);
      scrubber.learn(value);
      return value;
    },
  };
}

async function read(
  file: string | undefined,
  env: string | undefined,
  files: ReadFiles,
  environment: Environment,
  signal: AbortSignal,
): Promise<string> {
  if (file !== undefined) {
    const text = new TextDecoder().decode(await files.read(file, maxSecretBytes, signal)).trim();
    if (text === '')
      throw new WatchkeeperError('not-found', `the secret file ${file} is empty`, {
        fix: `Write the secret into ${file}.`,
      });
    return text;
  }
  if (env !== undefined) {
    const text = environment[env];
    if (text === undefined || text === '')
      throw new WatchkeeperError('not-found', `the environment has no ${env}`, {
        fix: `Set ${env}, or give the secret as a file.`,
      });
    return text;
  }
  throw new WatchkeeperError('config-invalid', 'a secret needs `file` or `env`');
}

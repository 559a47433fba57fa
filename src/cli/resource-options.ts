import type { Command } from 'commander';

import { absolute, dataDirOf, type Shell } from './shell.ts';

/** Options of commands that read watchkeeper.yaml and the resources. */
export interface ResourceOptions {
  readonly config?: string;
  readonly dataDir?: string;
}

/** Adds `--config` and `--data-dir`. */
export function resourceOptions(command: Command): Command {
  return command
    .option('--config <file>', 'watchkeeper.yaml to use (default: the one in this folder, if any)')
    .option('--data-dir <folder>', 'where journal and ledger are kept');
}

/** Where configuration and resources come from, as the agent's loader takes it. */
export interface ResourcePlace {
  readonly configFile?: string;
  readonly folder: string;
  readonly dataDir: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly shipped: Readonly<Record<'detectors' | 'runbooks' | 'policies', string>>;
}

/** What the command line and the environment say about it. An option beats a variable, and that beats the file. */
export function sourceOfResources(shell: Shell, options: ResourceOptions): ResourcePlace {
  // These two are the CLI's own way to a daemon, not settings of one.
  const { WATCHKEEPER_URL: _url, WATCHKEEPER_TOKEN_FILE: _file, ...environment } = shell.environment;
  const configFile = options.config ?? shell.environment['WATCHKEEPER_CONFIG'];
  const { productFolder } = shell;
  return {
    ...(configFile === undefined ? {} : { configFile: absolute(shell, configFile) }),
    folder: shell.cwd,
    dataDir: dataDirOf(shell, options.dataDir),
    environment: {
      ...environment,
      ...(options.dataDir === undefined ? {} : { WATCHKEEPER_DATA_DIR: absolute(shell, options.dataDir) }),
    },
    shipped: {
      detectors: `${productFolder}/detectors`,
      runbooks: `${productFolder}/runbooks`,
      policies: `${productFolder}/policies`,
    },
  };
}

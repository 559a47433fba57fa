import type { Command } from 'commander';

/** Adds what every command that talks to a running daemon takes. */
export function daemonOptions(command: Command): Command {
  return command
    .option('--url <address>', 'where the daemon answers (default: WATCHKEEPER_URL, else the data folder says)')
    .option('--token-file <file>', 'your token (default: WATCHKEEPER_TOKEN_FILE, else api-token in the data folder)')
    .option(
      '--data-dir <folder>',
      'the data folder of the daemon on this machine (default: that of watchkeeper.yaml here, if any)',
    );
}

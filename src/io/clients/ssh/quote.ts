import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';

// Inside single quotes, sh, bash, zsh and ksh take everything as it is; fish takes a backslash for an escape, and csh a
// `!` for its history. Line ends and other control characters end a command in one shell or another.
const refused = /[\p{Cc}\\!]/u;

/**
 * The one command line that is ever sent: `sh -s --` and each argument between single quotes, so that sh, bash, zsh,
 * ksh, csh and fish all hand over the same words. @throws `config-invalid` for an argument with a control character, a
 * backslash or an exclamation mark, for which the shells have no common spelling, and for too many or too long ones.
 */
export function commandLine(args: readonly string[]): string {
  const line = ['sh -s --', ...args.map(quoted)].join(' ');
  if (Buffer.byteLength(line) > limits.sshCommandBytes)
    throw new WatchkeeperError(
      'config-invalid',
      `the arguments for one host are longer than ${limits.sshCommandBytes} bytes`,
      {
        fix: 'Watch fewer files and units on each host.',
      },
    );
  return line;
}

function quoted(argument: string): string {
  if (refused.test(argument))
    throw new WatchkeeperError(
      'config-invalid',
      `${JSON.stringify(argument)} cannot be an argument of a command over SSH: it has a control character, \\ or !`,
      { fix: 'Name a file or unit without these characters.' },
    );
  // Out of the quotes, the quote itself in double quotes, and back in: the one spelling all shells share.
  return `'${argument.replaceAll("'", `'"'"'`)}'`;
}

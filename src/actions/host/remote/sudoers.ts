/** One command that a hand runs as root on a host: its exact words, or a pattern where a word cannot be known before. */
export interface Privilege {
  readonly argv: readonly [string, ...string[]];
  /** The arguments as a regular expression of sudoers (sudo 1.9.10), where the exact words are not known before. */
  readonly pattern?: string;
}

// Characters that sudoers(5) reads as something else in a command's arguments: list and tag signs, and its wildcards.
const special = /[\\,:=*?[\]!"#]/g;

/** The line of sudoers(5) that allows this one command and nothing else. */
export function sudoersLine(user: string, { argv, pattern }: Privilege): string {
  const [program, ...args] = argv;
  const words = pattern === undefined ? args.map((word) => word.replace(special, '\\$&')) : [pattern];
  return [`${user} ALL=(root) NOPASSWD:`, program, ...words].join(' ');
}

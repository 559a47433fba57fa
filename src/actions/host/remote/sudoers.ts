import type { HostCommand } from '../../../domain/ports/action.ts';

// Characters that sudoers(5) reads as something else in a command's arguments: list and tag signs, and its wildcards.
const special = /[\\,:=*?[\]!"#]/g;

/** The line of sudoers(5) that allows this one command and nothing else. */
export function sudoersLine(user: string, { argv, pattern }: HostCommand): string {
  const [program, ...args] = argv;
  const words = pattern === undefined ? args.map((word) => word.replace(special, '\\$&')) : [pattern];
  return [`${user} ALL=(root) NOPASSWD:`, program, ...words].join(' ');
}

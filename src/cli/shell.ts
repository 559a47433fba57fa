import type { Clock, Http, Random, WriteFiles } from '../domain/ports/io.ts';

/** Where text goes: a terminal, a pipe or a test. */
export interface Sink {
  write(text: string): void;
  readonly isTty: boolean;
  /** Columns of the terminal; absent when there is none. */
  readonly columns?: number;
}

/** The world as the CLI may touch it. `main.ts` makes the real one; tests make their own. */
export interface Shell {
  readonly clock: Clock;
  readonly random: Random;
  readonly http: Http;
  readonly files: WriteFiles;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Where the product's own files are: shipped resources beside `package.json`. */
  readonly productFolder: string;
  readonly user: { readonly isRoot: boolean; readonly home: string; readonly name: string };
  readonly pid: number;
  /** `v24.21.0`. */
  readonly nodeVersion: string;
  readonly out: Sink;
  readonly err: Sink;
  /** Fires at the first SIGINT or SIGTERM; the second one ends the process at once. */
  readonly signal: AbortSignal;
  /** Fires when the reader of `out` went away. What only tells has nothing left to do then; the daemon stands its watch. */
  readonly unheard: AbortSignal;
  /** Hands over what nothing else caught. */
  onFault(handle: (thrown: unknown) => void): void;
  /** Ends the process at once. */
  exit(code: number): void;
}

/** The folder of journal and ledger when nothing else is said (XDG base directories; root: /var/lib). */
export function defaultDataDir(shell: Pick<Shell, 'environment' | 'user'>): string {
  const state = shell.environment['XDG_STATE_HOME'];
  if (state?.startsWith('/') === true) return `${state}/watchkeeper`;
  return shell.user.isRoot ? '/var/lib/watchkeeper' : `${shell.user.home}/.local/state/watchkeeper`;
}

/** The data folder a command works with: what was given, else the environment's, else the default. */
export function dataDirOf(shell: Shell, given: string | undefined): string {
  const chosen = given ?? shell.environment['WATCHKEEPER_DATA_DIR'] ?? defaultDataDir(shell);
  return absolute(shell, chosen);
}

/** A path as the user meant it: relative ones start at the working folder. */
export function absolute(shell: Pick<Shell, 'cwd'>, path: string): string {
  return path.startsWith('/') ? path : `${shell.cwd}/${path}`;
}

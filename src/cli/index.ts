/**
 * The command line: a thin window. Each command is a file in `commands/` that asks (the daemon over HTTP, or the agent's
 * offline tools), then prints what came through a pure renderer in `render/`, or as JSON. Text from outside never
 * reaches a terminal raw. Nothing prompts. Faults end in one line that says what is wrong, one that says what to do, and
 * an exit code from `exit.ts`. What is heavy is imported by the command that needs it, so `status` starts at once.
 */
import { CommanderError, type Command } from 'commander';

import { exitCodes } from './exit.ts';
import { makeProgram } from './program.ts';
import { version } from './product.ts';
import { fail, type Outcome } from './run-command.ts';
import type { Shell } from './shell.ts';

/** Runs one command line and gives its exit code. Never throws. */
export async function runCli(argv: readonly string[], shell: Shell): Promise<number> {
  const outcome: Outcome = { code: exitCodes.ok };
  try {
    const program = makeProgram({ shell, outcome }, await version(shell));
    quiet(program, shell);
    if (argv.length === 0) {
      program.outputHelp();
      return exitCodes.ok;
    }
    await program.parseAsync(argv, { from: 'user' });
    return outcome.code;
  } catch (thrown) {
    // Help and version end as errors of code 0; the rest was told by commander's own message.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    return fail(shell, 'text', thrown);
  }
}

// Commander must neither end the process nor write past our sinks, in any command.
function quiet(command: Command, shell: Shell): void {
  command.exitOverride();
  command.configureOutput({
    writeOut: (text) => shell.out.write(text),
    writeErr: (text) => shell.err.write(text),
    outputError: (text, write) => write(text.replace(/^error: /, 'watchkeeper: ')),
    getOutHelpWidth: () => shell.out.columns ?? 100,
    getErrHelpWidth: () => shell.err.columns ?? 100,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  });
  for (const child of command.commands) quiet(child, shell);
}

import { Command, Option } from 'commander';

import { errorJson, renderError } from './render/error.ts';
import { forTerminal, jsonText } from './render/safe.ts';
import { plainStyle, type Style } from './render/style.ts';
import { exitCodeOf, exitCodes } from './exit.ts';
import type { Shell } from './shell.ts';
import { WatchkeeperError } from '../lib/errors.ts';

/** Options every command takes. */
export interface CommonOptions {
  readonly output: 'text' | 'json';
}

/** What an action works with: the world, how to print, and where to put the answer. */
export interface Session<O> {
  readonly shell: Shell;
  readonly options: O & CommonOptions;
  /** Arguments that are no options, in order; a variadic one takes the rest. */
  readonly args: readonly string[];
  readonly style: Style;
  /** Prints the result once: as JSON, or as text made for people. */
  readonly emit: (value: unknown, text: (style: Style) => string) => void;
}

/** Does a command's work; gives the exit code, 0 when nothing. */
export type Action<O> = (session: Session<O>) => Promise<number | undefined>;

/** Whoever runs a command learns the exit code here. */
export interface Outcome {
  code: number;
}

/** What commands are made with. */
export interface Making {
  readonly shell: Shell;
  readonly outcome: Outcome;
}

/** Makes a command with the options all of them share. */
export function makeCommand(name: string, summary: string): Command {
  return makeGroup(name, summary).addOption(
    new Option('--output <format>', 'how to print').choices(['text', 'json']).default('text'),
  );
}

/** Makes a command that only holds others. */
export function makeGroup(name: string, summary: string): Command {
  return new Command(name)
    .summary(summary)
    .description(summary)
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .showHelpAfterError('(add --help for how it is used)')
    .allowExcessArguments(false);
}

/** Binds a command to its work. Every fault ends here: one line what is wrong, one what to do, and an exit code. */
export function onAction<O>(making: Making, command: Command, action: Action<O>): Command {
  const { shell, outcome } = making;
  return command.action(async () => {
    const options = command.optsWithGlobals<O & CommonOptions>();
    const style = styleFor(shell);
    try {
      const session: Session<O> = {
        shell,
        options,
        args: command.args,
        style,
        emit: (value, text) =>
          shell.out.write(options.output === 'json' ? jsonText(value) : forTerminal(text(style), style)),
      };
      outcome.code = (await action(session)) ?? exitCodes.ok;
    } catch (thrown) {
      outcome.code = fail(shell, options.output, thrown);
    }
  });
}

/** Prints a fault on standard error and gives its exit code. */
export function fail(shell: Shell, output: 'text' | 'json', thrown: unknown): number {
  const error = WatchkeeperError.from(thrown);
  if (output === 'json') shell.err.write(jsonText(errorJson(error)));
  else shell.err.write(forTerminal(renderError(error, styleFor(shell, shell.err)), styleFor(shell, shell.err)));
  return exitCodeOf(error.code);
}

/** How text looks here: colours only on a terminal that wants them (https://no-color.org). */
export function styleFor(shell: Shell, sink: Shell['out'] = shell.out): Style {
  const { environment } = shell;
  const noColour = (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb';
  return {
    ...plainStyle,
    colour: sink.isTty && !noColour,
    rich: sink.isTty && environment['TERM'] !== 'dumb',
    width: Math.max(40, Math.min(sink.columns ?? 100, 160)),
    nowMs: shell.clock.nowMs(),
    timeZone: environment['TZ'] === undefined || environment['TZ'] === '' ? undefined : environment['TZ'],
  };
}

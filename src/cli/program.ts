import { Command } from 'commander';

import { answerCommand } from './commands/answer.ts';
import { incidentsCommand } from './commands/incidents.ts';
import { pauseCommand } from './commands/pause.ts';
import { runCommand } from './commands/run.ts';
import { statusCommand } from './commands/status.ts';
import type { Making } from './run-command.ts';

/** Every command, in the order of the help. A new one is a file in commands/ and one line here. */
const groups: readonly {
  readonly title: string;
  readonly commands: readonly ((making: Making) => Command)[];
}[] = [
  { title: 'The watch:', commands: [runCommand, statusCommand, incidentsCommand] },
  {
    title: 'Your say:',
    commands: [
      (making) => answerCommand(making, 'approve'),
      (making) => answerCommand(making, 'deny'),
      (making) => pauseCommand(making, 'pause'),
      (making) => pauseCommand(making, 'resume'),
    ],
  },
];

/** The whole command line. Commands are light; what they need is imported when they run. */
export function makeProgram(making: Making, version: string): Command {
  const program = new Command('watchkeeper')
    .description('Stands the night watch over running services.')
    .version(version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .showHelpAfterError('(add --help for how it is used)');
  for (const { title, commands } of groups) {
    program.commandsGroup(title);
    for (const make of commands) program.addCommand(make(making));
  }
  return program;
}

import { Command } from 'commander';

import { answerCommand } from './commands/answer.ts';
import { backtestCommand } from './commands/backtest.ts';
import { checkCommand } from './commands/check.ts';
import { demoCommand } from './commands/demo.ts';
import { doctorCommand } from './commands/doctor.ts';
import { explainCommand } from './commands/explain.ts';
import { incidentsCommand } from './commands/incidents.ts';
import { ledgerCommand } from './commands/ledger.ts';
import { newCommand } from './commands/new.ts';
import { pauseCommand } from './commands/pause.ts';
import { permissionsCommand } from './commands/permissions.ts';
import { planCommand } from './commands/plan.ts';
import { policyCommand } from './commands/policy.ts';
import { recordCommand } from './commands/record.ts';
import { replayCommand } from './commands/replay.ts';
import { chooseCommand, handOverCommand, snoozeCommand } from './commands/requests.ts';
import { runCommand } from './commands/run.ts';
import { schemaCommand } from './commands/schema.ts';
import { statusCommand } from './commands/status.ts';
import { testCommand } from './commands/test.ts';
import type { Making } from './run-command.ts';

/** Every command, in the order of the help. A new one is a file in commands/ and one line here. */
const groups: readonly {
  readonly title: string;
  readonly commands: readonly ((making: Making) => Command)[];
}[] = [
  {
    title: 'The watch:',
    commands: [runCommand, statusCommand, incidentsCommand, explainCommand, planCommand, demoCommand],
  },
  {
    title: 'Your say:',
    commands: [
      (making) => answerCommand(making, 'approve'),
      (making) => answerCommand(making, 'deny'),
      snoozeCommand,
      handOverCommand,
      chooseCommand,
      (making) => pauseCommand(making, 'pause'),
      (making) => pauseCommand(making, 'resume'),
    ],
  },
  {
    title: 'What you write:',
    commands: [checkCommand, testCommand, newCommand, schemaCommand, policyCommand, permissionsCommand],
  },
  {
    title: 'What was, and what would have been:',
    commands: [ledgerCommand, replayCommand, recordCommand, backtestCommand],
  },
  { title: 'When something is odd:', commands: [doctorCommand] },
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

import type { Command } from 'commander';

import { makeCommand, onAction, type Making } from '../run-command.ts';
import { absolute } from '../shell.ts';

interface Options {
  readonly keepLedger?: string;
}

/** `demo`: the whole watch on a real shop, in under two minutes. */
export function demoCommand(making: Making): Command {
  const command = makeCommand('demo', 'watch a real shop through three deploys, in under two minutes').option(
    '--keep-ledger <folder>',
    'keep the exported ledger there (a folder that does not exist yet)',
  );
  return onAction<Options>(making, command, async ({ shell, options }) => {
    const { runDemo } = await import('../demo/index.ts');
    return runDemo(shell, options.keepLedger === undefined ? {} : { keepLedger: absolute(shell, options.keepLedger) });
  });
}

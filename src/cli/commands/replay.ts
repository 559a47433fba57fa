import type { Command } from 'commander';

import type { ReplayReport } from '../../agent/index.ts';
import { exitCodes } from '../exit.ts';
import { verdictWord } from '../render/decision.ts';
import { clean } from '../render/safe.ts';
import { paint, type Style } from '../render/style.ts';
import { clockTime, count, shortId, wrap } from '../render/words.ts';
import { resourceOptions, sourceOfResources, type ResourceOptions } from '../resource-options.ts';
import { makeCommand, onAction, type Making } from '../run-command.ts';
import { absolute } from '../shell.ts';

interface Options extends ResourceOptions {
  readonly ledger?: string;
}

/** `replay`: past decisions made again with the resources of now. */
export function replayCommand(making: Making): Command {
  const command = resourceOptions(
    makeCommand('replay', 'make past decisions again with the policies of now, and print those that differ'),
  ).option('--ledger <folder>', 'read an exported ledger instead of the data folder');
  return onAction<Options>(making, command, async ({ shell, options, emit }) => {
    const { openLedgerToLookAt, openResources, replayDecisions } = await import('../../agent/index.ts');
    const place = { ...sourceOfResources(shell, options), signal: shell.signal };
    const { config, resources } = await openResources(place, shell.clock.nowMs());
    const folder = options.ledger === undefined ? config.dataDir : absolute(shell, options.ledger);
    const ledger = await openLedgerToLookAt(folder, shell.signal);
    try {
      const report = await replayDecisions(
        (from, limit) => ledger.entries(from, limit),
        await ledger.size(),
        resources,
      );
      emit(report, (style) => renderReplay(report, style));
      return report.differing.length === 0 && report.notReproduced.length === 0 ? exitCodes.ok : exitCodes.no;
    } finally {
      await ledger.close();
    }
  });
}

function renderReplay(report: ReplayReport, style: Style): string {
  const { differing, notReproduced, replayed, same, withoutInput } = report;
  return [
    ...differing.flatMap((one) => [
      `${paint(style, clockTime(style, one.atMs), 'dim')}  ${clean(one.runbook, 80)} on ${clean(one.service, 80)}: was ${verdictWord(style, one.before.outcome)}, would be ${verdictWord(style, one.after.outcome)}`,
      wrap(style, `then: ${clean(one.before.reason)}`, '      ', '    '),
      wrap(style, `now:  ${clean(one.after.reason)}`, '          ', '    '),
      paint(style, `    ledger entry ${one.seq}, incident ${shortId(one.incident)}`, 'dim'),
    ]),
    ...(notReproduced.length === 0
      ? []
      : [
          paint(
            style,
            `NOT REPRODUCED under the same policies: ledger entries ${notReproduced.join(', ')}`,
            'red',
            'bold',
          ),
        ]),
    `${count(replayed, 'decision')} made again: ${same} the same, ${differing.length} different${withoutInput === 0 ? '' : `; ${withoutInput} more are recorded without their inputs`}`,
  ].join('\n');
}

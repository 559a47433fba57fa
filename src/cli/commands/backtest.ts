import type { Command } from 'commander';

import { WatchkeeperError } from '../../lib/errors.ts';
import { clean } from '../render/safe.ts';
import { count, table } from '../render/words.ts';
import { resourceOptions, sourceOfResources, type ResourceOptions } from '../resource-options.ts';
import { makeCommand, onAction, type Making } from '../run-command.ts';
import { absolute, type Shell } from '../shell.ts';
import { required } from '../values.ts';

interface Options extends ResourceOptions {
  readonly out: string;
}

const recordingFileBytes = 256 * 1024 * 1024;
const mostListed = 20;

/** `backtest`: the detectors in force, played a recording, causally. */
export function backtestCommand(making: Making): Command {
  const command = resourceOptions(
    makeCommand('backtest', 'play a recording to the detectors in force, and write what would have fired'),
  )
    .argument('<recording>', 'the folder: index.json, and signals.csv and changes.json per service')
    .requiredOption('--out <file>', 'where the alerts are written, as JSON');
  return onAction<Options>(making, command, async ({ shell, options, args, emit }) => {
    const { backtest, openResources } = await import('../../agent/index.ts');
    const place = { ...sourceOfResources(shell, options), signal: shell.signal };
    const { resources } = await openResources(place, shell.clock.nowMs());
    const alerts = await backtest({
      definitions: resources.detectors,
      read: reader(shell, absolute(shell, required(args, 0))),
    });
    const out = absolute(shell, options.out);
    await shell.files.writeAtomic(out, `${JSON.stringify(alerts, null, 2)}\n`, 0o644, shell.signal);
    emit({ out, alerts: alerts.length }, (style) =>
      [
        `${count(alerts.length, 'alert')} by ${count(resources.detectors.length, 'detector')}, written to ${clean(out, 500)}`,
        table(
          style,
          alerts
            .slice(0, mostListed)
            .map((one) => [clean(one.service, 60), clean(one.detector, 60), clean(one.signal, 40), clean(one.reason)]),
        ),
      ].join('\n'),
    );
    return undefined;
  });
}

function reader(shell: Shell, folder: string): (path: string) => Promise<string> {
  return async (path) => {
    try {
      const bytes = await shell.files.read(`${folder}/${path}`, recordingFileBytes, shell.signal);
      return new TextDecoder().decode(bytes);
    } catch (thrown) {
      const error = WatchkeeperError.from(thrown);
      if (error.code !== 'not-found') throw error;
      throw new WatchkeeperError('not-found', `${folder}/${path} is missing`, {
        fix: 'A recording has an index.json, and per service a folder with signals.csv and changes.json.',
      });
    }
  };
}

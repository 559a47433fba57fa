import type { Command } from 'commander';

import { findDaemon, type DaemonOptions } from '../daemon.ts';
import { daemonOptions } from '../daemon-options.ts';
import { makeCommand, onAction, type Making } from '../run-command.ts';

interface Options extends DaemonOptions {
  readonly reason?: string;
}

const texts = {
  pause: {
    summary: 'the kill switch: observe and tell, but act on nothing',
    done: 'Paused: nothing is acted on until "watchkeeper resume". It outlives a restart.',
  },
  resume: { summary: 'release the kill switch', done: 'Resumed: policies decide again.' },
} as const;

/**
 * `pause` and `resume`. Both stand in the ledger with their reason; only letting it act again must have one: whoever
 * reaches for the kill switch is in a hurry.
 */
export function pauseCommand(making: Making, way: 'pause' | 'resume'): Command {
  const plain = daemonOptions(makeCommand(way, texts[way].summary));
  const command =
    way === 'pause'
      ? plain.option('--reason <text>', 'why; it is kept in the ledger')
      : plain.requiredOption('--reason <text>', 'why; it is kept in the ledger (required)');
  return onAction<Options>(making, command, async ({ shell, options, emit }) => {
    const daemon = await findDaemon(shell, options);
    const result = await daemon.post<{ readonly paused: boolean }>(`/api/v1/${way}`, {
      reason: options.reason ?? 'no reason was given',
    });
    emit(result, () => texts[way].done);
    return undefined;
  });
}

import type { Command } from 'commander';

import { findDaemon, type DaemonOptions } from '../daemon.ts';
import { daemonOptions } from '../daemon-options.ts';
import { makeCommand, onAction, type Making } from '../run-command.ts';

interface Options extends DaemonOptions {
  readonly reason: string;
}

const texts = {
  pause: {
    summary: 'the kill switch: observe and tell, but act on nothing',
    done: 'Paused: nothing is acted on until "watchkeeper resume". It outlives a restart.',
  },
  resume: { summary: 'release the kill switch', done: 'Resumed: policies decide again.' },
} as const;

/** `pause` and `resume`. Both want a reason, because both stand in the ledger. */
export function pauseCommand(making: Making, way: 'pause' | 'resume'): Command {
  const command = daemonOptions(makeCommand(way, texts[way].summary)).requiredOption(
    '--reason <text>',
    'why; it is kept in the ledger',
  );
  return onAction<Options>(making, command, async ({ shell, options, emit }) => {
    const daemon = await findDaemon(shell, options);
    const result = await daemon.post<{ readonly paused: boolean }>(`/api/v1/${way}`, { reason: options.reason });
    emit(result, () => texts[way].done);
    return undefined;
  });
}

import type { Command } from 'commander';

import type { StatusView } from '../../agent/index.ts';
import { findDaemon, type DaemonOptions } from '../daemon.ts';
import { daemonOptions } from '../daemon-options.ts';
import { renderStatus } from '../render/status.ts';
import { makeCommand, onAction, type Making } from '../run-command.ts';

/** `status`: how things stand, on one screen. */
export function statusCommand(making: Making): Command {
  const command = daemonOptions(makeCommand('status', 'how things stand, most important first'));
  return onAction<DaemonOptions>(making, command, async ({ shell, options, emit }) => {
    const daemon = await findDaemon(shell, options);
    const view = await daemon.get<StatusView>('/api/v1/status');
    emit(view, (style) => renderStatus(view, style));
    return undefined;
  });
}

import type { Command } from 'commander';

import type { IncidentPage } from '../../agent/index.ts';
import { findDaemon, type DaemonOptions } from '../daemon.ts';
import { daemonOptions } from '../daemon-options.ts';
import { renderIncidents } from '../render/status.ts';
import { makeCommand, onAction, type Making } from '../run-command.ts';
import { wholeNumber } from '../values.ts';

interface Options extends DaemonOptions {
  readonly all?: boolean;
  readonly limit: number;
}

/** `incidents`: the open ones, or all of them. */
export function incidentsCommand(making: Making): Command {
  const command = daemonOptions(makeCommand('incidents', 'open incidents, newest first'))
    .option('--all', 'those that are resolved as well')
    .option('--limit <number>', 'the most to list', wholeNumber, 50);
  return onAction<Options>(making, command, async ({ shell, options, emit }) => {
    const daemon = await findDaemon(shell, options);
    const status = options.all === true ? 'all' : 'open';
    const { incidents } = await daemon.get<IncidentPage>(`/api/v1/incidents?status=${status}&limit=${options.limit}`);
    emit({ incidents }, (style) =>
      incidents.length === 0 && status === 'open' ? 'No open incident.' : renderIncidents(incidents, style),
    );
    return undefined;
  });
}

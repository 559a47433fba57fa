import type { Command } from 'commander';

import type { PlanView } from '../../agent/index.ts';
import { findDaemon, type DaemonOptions } from '../daemon.ts';
import { daemonOptions } from '../daemon-options.ts';
import { renderPlanView } from '../render/plan.ts';
import { makeCommand, onAction, type Making } from '../run-command.ts';
import { collect, pairs, required } from '../values.ts';

interface Options extends DaemonOptions {
  readonly service: string;
  readonly param: readonly string[];
}

/** `plan`: what a runbook would do now, on what, allowed by what. Changes nothing. */
export function planCommand(making: Making): Command {
  const command = daemonOptions(makeCommand('plan', 'what a runbook would do now, and whether it may; changes nothing'))
    .argument('<runbook>', 'its name')
    .requiredOption('--service <name>', 'on which service')
    .option('--param <name=value>', 'a parameter of the runbook; may be repeated', collect, []);
  return onAction<Options>(making, command, async ({ shell, options, args, emit }) => {
    const params = pairs(options.param);
    const daemon = await findDaemon(shell, options);
    const view = await daemon.post<PlanView>('/api/v1/plan', {
      runbook: required(args, 0),
      service: options.service,
      params,
    });
    emit(view, (style) => renderPlanView(view, style));
    return undefined;
  });
}

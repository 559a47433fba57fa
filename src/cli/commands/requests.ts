import type { Command } from 'commander';

import type { RequestResult } from '../../agent/index.ts';
import type { JsonObject } from '../../lib/json.ts';
import { findDaemon, type DaemonOptions } from '../daemon.ts';
import { daemonOptions } from '../daemon-options.ts';
import { clean } from '../render/safe.ts';
import { makeCommand, onAction, type Making } from '../run-command.ts';
import { collect, pairs, required } from '../values.ts';

const incidentArgument = [
  '<id>',
  'the incident, or the plan that waits for it: the first characters are enough',
] as const;
const reasonOption = ['--reason <text>', 'why; it is kept in the ledger'] as const;

interface Reasoned extends DaemonOptions {
  readonly reason?: string;
}

/** `snooze`: nobody is called about an incident for a while. */
export function snoozeCommand(making: Making): Command {
  const command = daemonOptions(
    makeCommand('snooze', 'be called no further about an incident for a while; it ends when it gets worse'),
  )
    .argument(...incidentArgument)
    .option('--for <duration>', 'how long, from 1m to 24h', '1h')
    .option(...reasonOption);
  return onAction<Reasoned & { readonly for: string }>(making, command, ({ shell, options, args, emit }) =>
    ask(shell, options, required(args, 0), 'snooze', { for: options.for, ...reasonIn(options) }, emit),
  );
}

/** `hand-over`: somebody else is called about an incident, now. */
export function handOverCommand(making: Making): Command {
  const command = daemonOptions(
    makeCommand('hand-over', 'call whoever comes next about an incident, or an escalation by its name, now'),
  )
    .argument(...incidentArgument)
    .argument('[to]', 'an escalation, or a person or conversation that one names, as it is written there')
    .option(...reasonOption);
  return onAction<Reasoned>(making, command, ({ shell, options, args, emit }) => {
    const to = args[1];
    const body = { ...(to === undefined ? {} : { to }), ...reasonIn(options) };
    return ask(shell, options, required(args, 0), 'hand-over', body, emit);
  });
}

/** `choose`: another runbook, or other parameters, for an open incident. */
export function chooseCommand(making: Making): Command {
  const command = daemonOptions(
    makeCommand('choose', 'propose another runbook or other parameters for an incident; policy decides as ever'),
  )
    .argument(...incidentArgument)
    .argument('<runbook>', 'its name; it must match the incident')
    .option('--param <name=value>', 'a parameter of the runbook; may be repeated', collect, []);
  return onAction<DaemonOptions & { readonly param: readonly string[] }>(
    making,
    command,
    ({ shell, options, args, emit }) => {
      const body = { runbook: required(args, 1), params: pairs(options.param) };
      return ask(shell, options, required(args, 0), 'runbook', body, emit);
    },
  );
}

function reasonIn({ reason }: Reasoned): { readonly reason?: string } {
  return reason === undefined ? {} : { reason };
}

async function ask(
  shell: Parameters<typeof findDaemon>[0],
  options: DaemonOptions,
  id: string,
  what: string,
  body: JsonObject,
  emit: (result: RequestResult, text: () => string) => void,
): Promise<undefined> {
  const daemon = await findDaemon(shell, options);
  const result = await daemon.post<RequestResult>(`/api/v1/incidents/${encodeURIComponent(id)}/${what}`, body);
  emit(result, () => clean(result.message, 1_000));
  return undefined;
}

import type { Command } from 'commander';

import type { AnswerResult } from '../../agent/index.ts';
import { findDaemon, type DaemonOptions } from '../daemon.ts';
import { daemonOptions } from '../daemon-options.ts';
import { clean } from '../render/safe.ts';
import { makeCommand, onAction, type Making } from '../run-command.ts';
import { required } from '../values.ts';

interface Options extends DaemonOptions {
  readonly comment?: string;
}

/** `approve` and `deny`: a person's answer to a plan that waits. It is recorded under the name of the token. */
export function answerCommand(making: Making, verdict: 'approve' | 'deny'): Command {
  const summary = verdict === 'approve' ? 'agree to a plan that waits' : 'refuse a plan that waits';
  const command = daemonOptions(makeCommand(verdict, summary))
    .argument('<id>', 'the plan, or its incident: the first characters are enough')
    .option('--comment <text>', 'why; it is kept in the ledger');
  return onAction<Options>(making, command, async ({ shell, options, args, emit }) => {
    const daemon = await findDaemon(shell, options);
    const result = await daemon.post<AnswerResult>(`/api/v1/approvals/${encodeURIComponent(required(args, 0))}`, {
      verdict,
      ...(options.comment === undefined ? {} : { comment: options.comment }),
    });
    emit(result, () => clean(result.message, 1_000));
    return undefined;
  });
}

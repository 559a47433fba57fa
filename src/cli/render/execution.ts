import type { Execution, StepRun } from '../../domain/remediation.ts';
import type { PendingApproval } from '../../agent/index.ts';
import { clean } from './safe.ts';
import { paint, type Paint, type Style } from './style.ts';
import { clockTime, relative, shortId, table, wrap } from './words.ts';

const colours: Readonly<Record<string, Paint>> = {
  succeeded: 'green',
  passed: 'green',
  granted: 'green',
  failed: 'red',
  unknown: 'red',
  denied: 'red',
  errored: 'red',
  undone: 'yellow',
  inconclusive: 'yellow',
  waiting: 'yellow',
};

function status(style: Style, word: string): string {
  return paint(style, clean(word, 40), colours[word] ?? 'cyan');
}

/** What was carried out, step by step as the journal has it, and whether it helped. */
export function renderExecution(execution: Execution, style: Style): readonly string[] {
  const ended = execution.endedAtMs === undefined ? '' : ` to ${clockTime(style, execution.endedAtMs)}`;
  const { verification } = execution;
  return [
    `  ${status(style, execution.status)}  ${clean(execution.plan.runbook.name, 80)}, ${clockTime(style, execution.startedAtMs)}${ended}`,
    ...(execution.because === undefined ? [] : [wrap(style, clean(execution.because, 600), '    ')]),
    ...execution.steps.flatMap((step) => stepLines(step, style)),
    ...(verification === undefined
      ? []
      : [
          `    did it help: ${status(style, verification.status)}`,
          table(
            style,
            verification.rules.map((rule) => [
              status(style, rule.status),
              clean(rule.expect, 120),
              clean(rule.because),
            ]),
            '      ',
          ),
        ]),
  ];
}

function stepLines(step: StepRun, style: Style): readonly string[] {
  const at = step.intentAtMs === undefined ? '' : `${clockTime(style, step.intentAtMs)} `;
  const attempt = step.attempt > 1 ? `, attempt ${step.attempt}` : '';
  const said = step.message === undefined ? '' : `: ${clean(step.message)}`;
  return [
    wrap(
      style,
      `${at}${clean(step.stepId, 80)}: ${status(style, step.status ?? step.phase)}${attempt}${said}`,
      '      ',
      '    ',
    ),
    ...(step.between === undefined
      ? []
      : [
          wrap(
            style,
            `looked before the next: ${status(style, step.between.status)}, ${step.between.rules.map((rule) => clean(rule.because)).join('; ')}`,
            '        ',
            '      ',
          ),
        ]),
    ...(step.undo === undefined
      ? []
      : [
          wrap(
            style,
            `taken back: ${status(style, step.undo.status)}, ${clean(step.undo.message)}`,
            '        ',
            '      ',
          ),
        ]),
  ];
}

/** Who was asked, who answered, and what came of it. */
export function renderApproval(pending: PendingApproval, style: Style): readonly string[] {
  const { requirement } = pending;
  const waits = pending.status === 'waiting';
  return [
    `  ${status(style, pending.status)}  ${requirement.need} of ${requirement.from.map((one) => clean(one, 80)).join(', ')}; asked ${relative(style, pending.requestedAtMs)}, ${waits ? `expires ${relative(style, pending.expiresAtMs)}` : clean(pending.because ?? '')}`,
    ...pending.approvals.map((approval) => {
      const comment = approval.comment === undefined ? '' : `: ${clean(approval.comment, 500)}`;
      const word = approval.verdict === 'approve' ? 'agreed' : 'said no';
      return wrap(
        style,
        `${clockTime(style, approval.atMs)} ${clean(approval.by.id, 100)} ${word}${comment}`,
        '      ',
        '    ',
      );
    }),
    ...(waits
      ? [`    watchkeeper approve ${shortId(pending.planId)}    watchkeeper deny ${shortId(pending.planId)}`]
      : []),
  ];
}

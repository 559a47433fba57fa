import type { Command } from 'commander';

import type { TestReport } from '../../agent/index.ts';
import { exitCodes } from '../exit.ts';
import { clean } from '../render/safe.ts';
import { paint, type Style } from '../render/style.ts';
import { count, wrap } from '../render/words.ts';
import { resourceOptions, sourceOfResources, type ResourceOptions } from '../resource-options.ts';
import { makeCommand, onAction, type Making } from '../run-command.ts';
import { absolute } from '../shell.ts';

/** `test`: the unit tests that lie beside detectors, runbooks and policies, and what they leave untested. */
export function testCommand(making: Making): Command {
  const command = resourceOptions(
    makeCommand('test', 'run the *.test.yaml of detectors, runbooks and policies, and name what is untested'),
  ).argument('[path...]', 'files or folders (default: everything in force)');
  return onAction<ResourceOptions>(making, command, async ({ shell, options, args, emit }) => {
    const { testResources } = await import('../../agent/index.ts');
    const place = { ...sourceOfResources(shell, options), signal: shell.signal };
    const report = await testResources(
      place,
      args.map((path) => absolute(shell, path).replace(/(.)\/+$/, '$1')),
    );
    emit(report, (style) => renderTests(report, style));
    return report.ok ? exitCodes.ok : exitCodes.no;
  });
}

const mostUnreached = 10;

function renderTests({ cases, lint, coverage, ok }: TestReport, style: Style): string {
  const failed = cases.filter((one) => one.failures.length > 0);
  const { documents, tested, rules, rulesReached, unreached } = coverage;
  return [
    ...failed.flatMap((one) => [
      `${paint(style, 'FAIL', 'red', 'bold')} ${clean(one.file, 300)}: ${clean(one.name, 300)}`,
      ...one.failures.map((failure) => wrap(style, clean(failure, 600), '       ', '     ')),
    ]),
    ...lint.map((problem) => wrap(style, `${paint(style, 'LINT', 'red', 'bold')} ${clean(problem, 600)}`, '     ', '')),
    `${ok ? paint(style, 'ok', 'green') : paint(style, 'not ok', 'red')}: ${count(cases.length - failed.length, 'case')} passed, ${failed.length} failed, ${count(lint.length, 'lint error')}`,
    `coverage: ${tested} of ${count(documents, 'document')} tested, ${rulesReached} of ${count(rules, 'policy rule')} reached`,
    ...(unreached.length === 0
      ? []
      : [
          wrap(
            style,
            `never reached: ${unreached
              .slice(0, mostUnreached)
              .map((rule) => clean(rule, 100))
              .join(', ')}`,
            '  ',
            '  ',
          ),
        ]),
  ].join('\n');
}

import type { Command } from 'commander';

import type { CheckReport, ConnectionReport } from '../../agent/index.ts';
import { exitCodes } from '../exit.ts';
import { clean } from '../render/safe.ts';
import { paint, type Style } from '../render/style.ts';
import { table } from '../render/words.ts';
import { resourceOptions, sourceOfResources, type ResourceOptions } from '../resource-options.ts';
import { makeCommand, onAction, type Making } from '../run-command.ts';

interface Options extends ResourceOptions {
  readonly connect?: boolean;
}

/** `check`: is everything that people wrote right, and with `--connect`, does everything answer. */
export function checkCommand(making: Making): Command {
  const command = resourceOptions(makeCommand('check', 'check watchkeeper.yaml and every resource')).option(
    '--connect',
    'try sources, channels, operators and tokens as well; nobody is told anything',
  );
  return onAction<Options>(making, command, async ({ shell, options, emit }) => {
    const { checkConnections, checkResources, openResources } = await import('../../agent/index.ts');
    const place = { ...sourceOfResources(shell, options), signal: shell.signal };
    const report = await checkResources(place);
    const connections =
      report.ok && options.connect === true
        ? await openResources(place, shell.clock.nowMs()).then(({ config, resources }) =>
            checkConnections(config, resources, shell),
          )
        : [];
    const ok = report.ok && connections.every((one) => one.ok);
    emit({ ok, counts: report.counts, notes: report.notes, ...report.json, connections }, (style) =>
      renderCheck(report, connections, style),
    );
    return ok ? exitCodes.ok : exitCodes.no;
  });
}

function renderCheck(report: CheckReport, connections: readonly ConnectionReport[], style: Style): string {
  const counts = Object.entries(report.counts).map(([kind, many]) => `${many} ${kind}`);
  const bad = connections.filter((one) => !one.ok).length;
  return [
    ...(report.ok ? [`${paint(style, 'ok', 'green')}: ${counts.join(', ') || 'no resources'}`] : [report.rendered]),
    ...report.notes.map((note) => `note: ${clean(note)}`),
    ...(connections.length === 0
      ? []
      : [
          table(
            style,
            connections.map((one) => connectionRow(one, style)),
          ),
        ]),
    ...(bad === 0 ? [] : [`${bad} of ${connections.length} connections fail`]),
  ].join('\n');
}

function connectionRow(one: ConnectionReport, style: Style): readonly string[] {
  const fix = one.fix === undefined ? '' : ` fix: ${clean(one.fix)}`;
  return [
    one.ok ? paint(style, 'ok', 'green') : paint(style, 'fail', 'red'),
    `${one.what} ${clean(one.id, 80)} (${clean(one.kind, 40)})`,
    `${clean(one.message)}${fix}`,
  ];
}

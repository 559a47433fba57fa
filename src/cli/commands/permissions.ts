import type { Command } from 'commander';

import type { PermissionRow } from '../../agent/index.ts';
import { clean } from '../render/safe.ts';
import { paint, type Style } from '../render/style.ts';
import { wrap } from '../render/words.ts';
import { resourceOptions, sourceOfResources, type ResourceOptions } from '../resource-options.ts';
import { makeCommand, onAction, type Making } from '../run-command.ts';

/** `permissions`: what the runbooks in force need to be allowed, and nothing more. */
export function permissionsCommand(making: Making): Command {
  const command = resourceOptions(
    makeCommand('permissions', 'the least that the runbooks in force need to be allowed'),
  );
  return onAction<ResourceOptions>(making, command, async ({ shell, options, emit }) => {
    const { openResources, permissionsOf } = await import('../../agent/index.ts');
    const place = { ...sourceOfResources(shell, options), signal: shell.signal };
    const rows = permissionsOf((await openResources(place, shell.clock.nowMs())).resources);
    emit({ actions: rows }, (style) => renderPermissions(rows, style));
    return undefined;
  });
}

function renderPermissions(rows: readonly PermissionRow[], style: Style): string {
  if (rows.length === 0) return 'No runbook is in force: nothing is needed beyond reading.';
  return rows
    .flatMap((row) => [
      `${paint(style, clean(row.action, 80), 'bold')}  ${paint(style, `for ${row.runbooks.map((name) => clean(name, 80)).join(', ')}`, 'dim')}`,
      ...row.needs.map((need) => wrap(style, clean(need), '    ', '  - ')),
    ])
    .join('\n');
}

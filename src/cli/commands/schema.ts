import type { Command } from 'commander';

import { WatchkeeperError } from '../../lib/errors.ts';
import { nearest } from '../../lib/suggest.ts';
import { clean, jsonText } from '../render/safe.ts';
import { makeCommand, onAction, type Making } from '../run-command.ts';
import { absolute } from '../shell.ts';

interface Options {
  readonly out?: string;
}

/** `schema`: JSON Schemas, so that editors complete and check what people write. */
export function schemaCommand(making: Making): Command {
  const command = makeCommand('schema', 'JSON Schemas for editors: all names, one schema, or all into a folder')
    .argument('[kind]', 'service, detector, runbook, policy, escalation, resource or watchkeeper')
    .option('--out <folder>', 'write the files there');
  return onAction<Options>(making, command, async ({ shell, options, args, emit }) => {
    const { editorSchemas } = await import('../../agent/index.ts');
    const all: Readonly<Record<string, unknown>> = editorSchemas();
    const asked = args[0]?.toLowerCase();
    const names = asked === undefined ? Object.keys(all) : [asked];
    if (asked !== undefined && !Object.hasOwn(all, asked)) throw unknown(asked, Object.keys(all));
    if (options.out !== undefined) {
      const folder = absolute(shell, options.out);
      await shell.files.makeFolder(folder, 0o755, shell.signal);
      for (const name of names)
        await shell.files.writeAtomic(`${folder}/${name}.json`, jsonText(all[name]), 0o644, shell.signal);
      emit({ folder, names }, () => `${names.length} written to ${clean(folder, 500)}: ${names.join(', ')}`);
    } else if (asked === undefined) emit({ names }, () => names.join('\n'));
    else shell.out.write(jsonText(all[asked]));
    return undefined;
  });
}

function unknown(asked: string, names: readonly string[]): WatchkeeperError {
  const near = nearest(asked, names);
  return new WatchkeeperError('usage', `there is no schema ${JSON.stringify(asked)}`, {
    fix: near === undefined ? `Choose one of ${names.join(', ')}.` : `Did you mean ${near}?`,
  });
}

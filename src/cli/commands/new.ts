import type { Command } from 'commander';

import { WatchkeeperError } from '../../lib/errors.ts';
import { exitCodes } from '../exit.ts';
import { clean } from '../render/safe.ts';
import { makeCommand, onAction, type Making } from '../run-command.ts';
import { absolute, type Shell } from '../shell.ts';
import { templates, type NewKind } from '../templates.ts';
import { required } from '../values.ts';

interface Options {
  readonly folder?: string;
}

/** `new`: a document to begin with, and its tests. Nothing that is there is overwritten. */
export function newCommand(making: Making): Command {
  const command = makeCommand(
    'new',
    'begin a detector, runbook, service, policy or escalation: the document, and tests beside it',
  )
    .argument('<kind>', 'detector, runbook, service, policy or escalation')
    .argument('<name>', 'lower-case letters, digits and "-"')
    .option('--folder <folder>', 'where to (default: detectors, runbooks and so on in this folder)');
  return onAction<Options>(making, command, async ({ shell, options, args, emit }) => {
    const kind = kindOf(required(args, 0));
    const name = required(args, 1);
    if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name))
      throw new WatchkeeperError('usage', `${JSON.stringify(name)} cannot be a name`, {
        fix: 'Use lower-case letters, digits and "-", at most 63.',
      });
    const folder = absolute(shell, (options.folder ?? kind === 'policy') ? 'policies' : `${kind}s`);
    const files = templates[kind](name).map(({ suffix, text }) => ({ path: `${folder}/${name}${suffix}`, text }));
    for (const { path } of files) await mustBeNew(shell, path);
    await shell.files.makeFolder(folder, 0o755, shell.signal);
    for (const { path, text } of files) await shell.files.writeAtomic(path, text, 0o644, shell.signal);
    const next = files.length === 1 ? 'watchkeeper check' : `watchkeeper test ${clean(folder, 300)}`;
    emit({ files: files.map(({ path }) => path) }, () =>
      [...files.map(({ path }) => clean(path, 500)), `Next: edit, then "${next}".`].join('\n'),
    );
    return exitCodes.ok;
  });
}

function kindOf(text: string): NewKind {
  if (Object.hasOwn(templates, text)) return text as NewKind;
  throw new WatchkeeperError('usage', `there is nothing to begin called ${JSON.stringify(text)}`, {
    fix: 'Choose one of detector, runbook, service, policy and escalation; code (a source, an action, a channel) is begun with "npm run new".',
  });
}

async function mustBeNew(shell: Shell, path: string): Promise<void> {
  if ((await shell.files.stat(path, shell.signal)) === undefined) return;
  throw new WatchkeeperError('conflict', `${path} is there already`, { fix: 'Choose another name.' });
}

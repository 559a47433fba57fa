import type { Command } from 'commander';

import { exitCodes } from './exit.ts';

const meanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: 'done',
  no: 'it worked, and the answer is no: problems, a failed test, a difference, damage, a refusal',
  usage: 'the command line, a file or an answer is wrong',
  unreachable: 'the daemon, or something it needs, does not answer',
  unauthorized: 'no or wrong token, or not allowed',
  notFound: 'there is no such thing',
  damaged: 'the store or the ledger is damaged: stop and look',
  deposed: 'another replica leads now, or the shared store was lost: start it again, it follows',
  internal: 'a fault of Watchkeeper',
};

/** docs/cli.md, made from the commands themselves, so that it cannot say anything else. */
export function commandReference(program: Command): string {
  return [
    '# The command line',
    '<!-- Written by "npm run generate" from the commands in src/cli. -->',
    'In a clone: `npm run -s watchkeeper -- COMMAND`; installed: `watchkeeper COMMAND`. Every command takes `--output json`; nothing asks anything. Colours and sparklines appear on a terminal only; `NO_COLOR` switches colours off.',
    '## Where the daemon is',
    '`--url`, else `WATCHKEEPER_URL`, else `daemon.json` in the data folder, which `run` writes. The token: `--token-file`, else `WATCHKEEPER_TOKEN_FILE`, else `api-token` in the data folder, which `run` writes when `http.tokens` names none. The data folder: `--data-dir`, else `WATCHKEEPER_DATA_DIR`, else `$XDG_STATE_HOME/watchkeeper`, else `~/.local/state/watchkeeper` (root: `/var/lib/watchkeeper`).',
    '## Exit codes',
    '| code | meaning |\n| --- | --- |',
    Object.entries(exitCodes)
      .map(([name, code]) => `| ${code} | ${meanings[name as keyof typeof exitCodes]} |`)
      .join('\n'),
    ...program.commands.flatMap((command) => section(command, 'watchkeeper')),
  ]
    .join('\n\n')
    .replace('| --- | --- |\n\n', '| --- | --- |\n');
}

function section(command: Command, before: string): readonly string[] {
  const name = `${before} ${command.name()}`;
  if (command.commands.length > 0)
    return [
      `## ${name}`,
      sentence(command.description()),
      ...command.commands.flatMap((child) => section(child, name)),
    ];
  const called = command.registeredArguments.map((argument) => {
    const dots = argument.variadic ? '...' : '';
    return argument.required ? `<${argument.name()}${dots}>` : `[${argument.name()}${dots}]`;
  });
  const rows = [
    ...command.registeredArguments.map((argument) => [argument.name(), argument.description] as const),
    ...command.options.map((option) => [option.flags, option.description] as const),
  ];
  return [
    `## ${name}`,
    sentence(command.description()),
    `\`\`\`\n${[name, ...called].join(' ')}\n\`\`\``,
    rows.map(([flags, text]) => `- \`${flags}\`: ${text}`).join('\n'),
  ];
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

import { expect, it } from 'vitest';

import { makeProgram } from '../../src/cli/program.ts';
import { commandReference } from '../../src/cli/reference.ts';
import type { Shell } from '../../src/cli/shell.ts';

it('names every command with what it takes, and what the exit codes mean', () => {
  const program = makeProgram({ shell: {} as Shell, outcome: { code: 0 } }, '0');
  const text = commandReference(program);
  expect(program.commands.length).toBeGreaterThan(10);
  for (const command of program.commands) expect(text).toMatch(new RegExp(`^#+ .*${command.name()}`, 'm'));
  for (const option of ['--vkey <key>', '--comment <text>']) expect(text).toContain(option);
  expect(text).toMatch(/exit/i);
});

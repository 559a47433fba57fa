import path from 'node:path';

import * as prettier from 'prettier';
import { describe, expect, it } from 'vitest';

import { makeProgram } from '../../src/cli/program.ts';
import { commandReference } from '../../src/cli/reference.ts';
import type { Shell } from '../../src/cli/shell.ts';
import { root, textOf } from '../architecture/tree.ts';

describe('docs/cli.md', () => {
  it('is what the commands say of themselves; if not: node scripts/cli-docs.mjs', async () => {
    const text = commandReference(makeProgram({ shell: {} as Shell, outcome: { code: 0 } }, '0'));
    const options = await prettier.resolveConfig(path.join(root, 'docs/cli.md'));
    expect(textOf('docs/cli.md')).toBe(await prettier.format(text, { ...options, parser: 'markdown' }));
  });
});

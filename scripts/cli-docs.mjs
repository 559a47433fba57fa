// Writes docs/cli.md from what the commands say of themselves. Run it after changing one: node scripts/cli-docs.mjs.
// test/docs/cli.test.ts fails while they differ.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as prettier from 'prettier';

import { makeProgram } from '../src/cli/program.ts';
import { commandReference } from '../src/cli/reference.ts';

const file = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', 'docs', 'cli.md');
const options = await prettier.resolveConfig(file);
writeFileSync(
  file,
  await prettier.format(commandReference(makeProgram({ shell: {}, outcome: { code: 0 } }, '0')), {
    ...options,
    parser: 'markdown',
  }),
);

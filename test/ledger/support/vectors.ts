import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { test } from 'vitest';

const folder = path.resolve(import.meta.dirname, '../../../../shared/vectors');

/** The folder of public test vectors beside the project, or `undefined` where it is not there. */
export const vectors = existsSync(path.join(folder, 'merkle')) ? folder : undefined;

/**
 * A test over the public vectors. Without the folder it is skipped and says why, unless the environment demands it.
 */
export function vectorTest(title: string, body: (folder: string) => void | Promise<void>): void {
  test(title, async (context) => {
    if (vectors !== undefined) {
      await body(vectors);
      return;
    }
    const reason = `the public vectors are not at ${folder}`;
    if (process.env['WATCHKEEPER_REQUIRE_VECTORS'] === '1') throw new Error(reason);
    context.skip(reason);
  });
}

/** Every file below a folder. */
export function filesBelow(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

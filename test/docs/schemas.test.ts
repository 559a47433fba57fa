import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

import { editorSchemas } from '../../src/agent/index.ts';
import { root, textOf } from '../architecture/tree.ts';

describe('what is printed from the source', () => {
  it('is current in schemas/ and docs/; if not: npm run generate', { timeout: 60_000 }, () => {
    const ran = spawnSync(process.execPath, ['scripts/generate.mjs', '--check'], { cwd: root, encoding: 'utf8' });
    expect(ran.stderr).toBe('');
    expect(ran.status).toBe(0);
  });
  it.each(Object.entries(editorSchemas()))('schemas/%s.json is what the parser accepts', (name, schema) => {
    expect(JSON.parse(textOf(`schemas/${name}.json`))).toEqual(schema);
  });
});

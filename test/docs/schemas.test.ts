import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { editorSchemas } from '../../src/agent/index.ts';
import { root, textOf } from '../architecture/tree.ts';

describe('schemas/', () => {
  const schemas = editorSchemas();
  it('holds the schema of everything people write, and nothing else', () => {
    expect(readdirSync(path.join(root, 'schemas')).sort()).toEqual(
      Object.keys(schemas)
        .map((name) => `${name}.json`)
        .sort(),
    );
  });
  it.each(Object.keys(schemas))('%s.json is what the parser accepts today; if not: npm run generate', (name) => {
    expect(JSON.parse(textOf(`schemas/${name}.json`))).toEqual(schemas[name]);
  });
});

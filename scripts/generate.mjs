// Writes schemas/*.json, which editors read, from the parsers in src/. Run it after changing what people may write:
// npm run generate. test/docs/schemas.test.ts fails while they differ.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as prettier from 'prettier';

import { editorSchemas } from '../src/agent/editor-schemas.ts';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const folder = path.join(root, 'schemas');
mkdirSync(folder, { recursive: true });
const options = await prettier.resolveConfig(path.join(folder, 'x.json'));
const schemas = Object.entries(editorSchemas());
for (const old of readdirSync(folder))
  if (!schemas.some(([name]) => old === `${name}.json`)) rmSync(path.join(folder, old));
for (const [name, schema] of schemas) {
  const text = await prettier.format(JSON.stringify(schema), { ...options, parser: 'json' });
  writeFileSync(path.join(folder, `${name}.json`), text);
}

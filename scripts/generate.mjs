// Writes what is printed from the source: schemas/*.json, which editors read, and the tables in docs/. Run it after
// changing what people may write, an adapter's traits or a metric: npm run generate. With --check it writes nothing and
// fails when something differs; a test runs that.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as prettier from 'prettier';

import { editorSchemas } from '../src/agent/editor-schemas.ts';
import { filled, tables } from './tables.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const check = process.argv.includes('--check');
const stale = [];

async function put(file, text) {
  const full = path.join(root, file);
  const formatted = await prettier.format(text, { ...(await prettier.resolveConfig(full)), filepath: full });
  const before = readIfThere(full);
  if (before === formatted) return;
  if (check) stale.push(file);
  else writeFileSync(full, formatted);
}

function readIfThere(full) {
  try {
    return readFileSync(full, 'utf8');
  } catch (thrown) {
    if (thrown.code === 'ENOENT') return undefined;
    throw thrown;
  }
}

mkdirSync(path.join(root, 'schemas'), { recursive: true });
const schemas = Object.entries(editorSchemas());
for (const old of readdirSync(path.join(root, 'schemas'))) {
  if (schemas.some(([name]) => old === `${name}.json`)) continue;
  if (check) stale.push(`schemas/${old}`);
  else rmSync(path.join(root, 'schemas', old));
}
for (const [name, schema] of schemas) await put(`schemas/${name}.json`, JSON.stringify(schema));

const content = await tables();
for (const name of readdirSync(path.join(root, 'docs')).filter((each) => each.endsWith('.md')))
  await put(`docs/${name}`, filled(`docs/${name}`, readFileSync(path.join(root, 'docs', name), 'utf8'), content));

if (stale.length > 0) {
  process.stderr.write(`not what the source says: ${stale.join(', ')}\nrun: npm run generate\n`);
  process.exitCode = 1;
}

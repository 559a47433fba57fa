// Writes what is printed from the source: schemas/*.json, which editors read, docs/openapi.json, docs/cli.md, the custom resources, and
// the tables in docs/. Run it after changing what people may write, a command, an endpoint, an adapter's traits or a metric:
// npm run generate. With --check it writes nothing and
// fails when something differs; a test runs that.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as prettier from 'prettier';

import { stringify } from 'yaml';

import { openApiDocument } from '../src/api/index.ts';
import { customResourceManifests, editorSchemas } from '../src/agent/editor-schemas.ts';
import { makeProgram } from '../src/cli/program.ts';
import { commandReference } from '../src/cli/reference.ts';
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

await put('docs/openapi.json', JSON.stringify(openApiDocument()));

// In YAML 1.1, as kubectl and Helm read it: there a bare `on` is the truth value. One copy, in the chart; kustomize reads the same folder.
const crds = 'deploy/helm/watchkeeper/files/crds';
mkdirSync(path.join(root, crds), { recursive: true });
const manifests = Object.entries(customResourceManifests());
for (const [name, documents] of manifests)
  await put(
    `${crds}/${name}.yaml`,
    [
      '# Printed from the source: npm run generate.\n',
      ...documents.map((one) => stringify(one, { lineWidth: 0, version: '1.1' })),
    ].join('---\n'),
  );
await put(
  `${crds}/kustomization.yaml`,
  stringify({
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: manifests.map(([name]) => `${name}.yaml`),
  }),
);

// Helm reads nothing outside a chart: it gets copies.
for (const [from, to] of [
  ['deploy/prometheus/rules.yaml', 'rules.yaml'],
  ['deploy/grafana/watchkeeper.json', 'dashboard.json'],
])
  await put(`deploy/helm/watchkeeper/files/${to}`, readFileSync(path.join(root, from), 'utf8'));

await put('docs/cli.md', commandReference(makeProgram({ shell: {}, outcome: { code: 0 } }, '0')));
const content = await tables();
for (const name of readdirSync(path.join(root, 'docs')).filter((each) => each.endsWith('.md')))
  await put(`docs/${name}`, filled(`docs/${name}`, readFileSync(path.join(root, 'docs', name), 'utf8'), content));

if (stale.length > 0) {
  process.stderr.write(`not what the source says: ${stale.join(', ')}\nrun: npm run generate\n`);
  process.exitCode = 1;
}

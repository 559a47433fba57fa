// Writes a working skeleton of an adapter, with its contract test and its line in the map:
//   npm run new -- source|channel|detector NAME      NAME like my-thing
//   npm run new -- action PLATFORM.VERB              like host.flag-set
// The skeleton does something small and real, passes its contract, and is there to be rewritten. Refuses to overwrite.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as prettier from 'prettier';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const word = '[a-z][a-z0-9]*(-[a-z0-9]+)*';

/** Each kind: the shape of its name, its files by template, its map, and the two lines it gets there. */
const kinds = {
  source: {
    name: new RegExp(`^${word}$`),
    files: ({ kebab }) => ({
      'index.ts': `src/sources/${kebab}/index.ts`,
      'README.md': `src/sources/${kebab}/README.md`,
      'test.ts': `test/sources/${kebab}/source.test.ts`,
    }),
    map: 'src/sources/index.ts',
    importLine: ({ kebab, camel }) => `import { ${camel}Source } from './${kebab}/index.ts';`,
    mapLine: ({ kebab, camel }) => `  '${kebab}': registered(${camel}Source),`,
    after: /^ {2}'?[\w-]+'?: registered\(\w+\),$/gm,
  },
  channel: {
    name: new RegExp(`^${word}$`),
    files: ({ kebab }) => ({
      'index.ts': `src/chat/${kebab}/index.ts`,
      'README.md': `src/chat/${kebab}/README.md`,
      'test.ts': `test/chat/${kebab}.test.ts`,
    }),
    map: 'src/chat/index.ts',
    importLine: ({ kebab, camel }) => `import { ${camel}Channel } from './${kebab}/index.ts';`,
    mapLine: ({ kebab, camel }) => `    '${kebab}': registered(${camel}Channel),`,
    after: /^ {4}'?[\w-]+'?: registered\(.+\),$/gm,
  },
  action: {
    name: new RegExp(`^${word}\\.${word}$`),
    files: ({ platform, verb }) => ({
      'index.ts': `src/actions/${platform}/${verb}.ts`,
      'test.ts': `test/actions/${platform}-${verb}.test.ts`,
    }),
    map: 'src/actions/index.ts',
    importLine: ({ platform, verb, camel }) => `import { ${camel} } from './${platform}/${verb}.ts';`,
    mapLine: ({ kind, camel }) => `  '${kind}': ${camel},`,
    after: /^ {2}'[\w.-]+': \w+,$/gm,
  },
  detector: {
    name: new RegExp(`^${word}$`),
    files: ({ kebab }) => ({ 'index.ts': `src/detectors/${kebab}.ts`, 'test.ts': `test/detectors/${kebab}.test.ts` }),
    map: 'src/detectors/kinds.ts',
    importLine: ({ kebab, camel }) => `import { ${camel} } from './${kebab}.ts';`,
    mapLine: ({ camel }) => `    erased(${camel}),`,
    after: /^ {4}erased\(\w+\),$/gm,
  },
};

const [kindName = '', name = ''] = process.argv.slice(2);
const kind = Object.hasOwn(kinds, kindName) ? kinds[kindName] : undefined;
if (kind === undefined)
  fail(`there is no kind ${JSON.stringify(kindName)}: use ${Object.keys(kinds).join(', ')}, then a name`);
if (!kind.name.test(name) || name.length > 60)
  fail(
    `${JSON.stringify(name)} is no name for a ${kindName}: ${kindName === 'action' ? 'use PLATFORM.VERB, such as host.flag-set' : 'use small letters, digits and dashes'}`,
  );

const names = namesOf(name);
const files = kind.files(names);
for (const file of Object.values(files)) if (existsSync(path.join(root, file))) fail(`${file} is there already`);

const map = read(kind.map);
const imports = [...map.matchAll(/^import .+ from '\.\/.+';$/gm)].at(-1);
const lines = [...map.matchAll(kind.after)].at(-1);
if (imports === undefined || lines === undefined) fail(`${kind.map} does not look as expected: add the line by hand`);
// The later insertion first, so that the earlier index still holds.
const withLine = insertAfter(map, lines, kind.mapLine(names));
const importFirst = imports.index < lines.index;
if (!importFirst) fail(`${kind.map} has its imports behind its map: add the line by hand`);

for (const [template, file] of Object.entries(files))
  await write(file, filled(read(`scripts/templates/${kindName}/${template}.tmpl`), names));
await write(kind.map, insertAfter(withLine, imports, kind.importLine(names)));
const generated = spawnSync(process.execPath, [path.join(root, 'scripts/generate.mjs')], { stdio: 'inherit' });

process.stdout.write(
  [
    ...Object.values(files).map((file) => `wrote ${file}`),
    `added a line to ${kind.map}`,
    `next: npx vitest run ${files['test.ts']}; then make it yours (CONTRIBUTING.md)`,
    '',
  ].join('\n'),
);
process.exitCode = generated.status ?? 1;

function namesOf(given) {
  const [platform = '', verb = ''] = given.split('.');
  const kebab = given.replace('.', '-');
  const pascal = kebab.replace(/(^|-)(\w)/g, (_all, _dash, letter) => letter.toUpperCase());
  return { kind: given, platform, verb, kebab, pascal, camel: pascal[0].toLowerCase() + pascal.slice(1) };
}

function filled(text, { kind: whole, kebab, camel, pascal }) {
  return text
    .replaceAll('__kind__', whole)
    .replaceAll('__kebab__', kebab)
    .replaceAll('__camel__', camel)
    .replaceAll('__Pascal__', pascal);
}

function insertAfter(text, match, line) {
  const at = match.index + match[0].length;
  return `${text.slice(0, at)}\n${line}${text.slice(at)}`;
}

function read(file) {
  return readFileSync(path.join(root, file), 'utf8');
}

async function write(file, text) {
  const full = path.join(root, file);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, await prettier.format(text, { ...(await prettier.resolveConfig(full)), filepath: full }));
}

function fail(message) {
  process.stderr.write(`new: ${message}\n`);
  process.exit(2);
}

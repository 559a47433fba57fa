import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import type { Json } from '../../src/lib/json.ts';
import type { ResourceDocument } from '../../src/domain/document.ts';
import { parseDetector, parseDetectorTests, runDetectorTests } from '../../src/detectors/index.ts';

const folder = new URL('../../detectors/', import.meta.url);
const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.yaml') && !name.endsWith('.test.yaml'),
);

function load(name: string) {
  const text = readFileSync(new URL(name, folder), 'utf8');
  const raw = parse(text) as Omit<ResourceDocument, 'metadata'> & { metadata: { name: string } };
  const definition = parseDetector({ ...raw, metadata: { name: raw.metadata.name, labels: {} } });
  const beside = readFileSync(new URL(name.replace('.yaml', '.test.yaml'), folder), 'utf8');
  const cases = parseDetectorTests(parse(beside) as Json);
  if (!definition.ok) throw new Error(`${name}: ${JSON.stringify(definition.issues)}`);
  if (!cases.ok) throw new Error(`${name} test: ${JSON.stringify(cases.issues)}`);
  return { text, definition: definition.value, cases: cases.value };
}

describe.each(names)('shipped detector %s', (name) => {
  const { text, definition, cases } = load(name);
  it('is named after its file, points editors at its schema, and is tested both ways', () => {
    expect(definition.name).toBe(path.basename(name, '.yaml'));
    expect(text.split('\n')[0]).toBe(
      `# yaml-language-server: $schema=${'../'.repeat(name.split('/').length)}schemas/detector.json`,
    );
    expect(new Set(cases.map((one) => one.expect.fires))).toEqual(new Set([true, false]));
  });
  it.each(runDetectorTests(definition, cases))('$name', ({ failures }) => {
    expect(failures).toEqual([]);
  });
});

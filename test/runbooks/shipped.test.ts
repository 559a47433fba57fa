import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';

import { actionKinds } from '../../src/actions/index.ts';
import type { ResourceDocument } from '../../src/domain/document.ts';
import type { Json } from '../../src/lib/json.ts';
import { decideWithConsents, lintPolicyTests, parsePolicy, policySet } from '../../src/policy/index.ts';
import { parseRunbook, resourceTestsSchema, runResourceTests } from '../../src/runbooks/index.ts';
import type { RunbookContext, TestPorts } from '../../src/runbooks/index.ts';

const root = join(import.meta.dirname, '../..');
const filesIn = (folder: string): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(folder, name))
    .sort();
const read = (file: string): Json => parseYaml(readFileSync(join(root, file), 'utf8')) as Json;
const files = [...filesIn('runbooks'), ...filesIn('policies'), ...filesIn('examples/policies')];
const resources = files.filter((file) => !file.endsWith('.test.yaml'));

// The real kinds: a shipped runbook that says what an action does not take is caught here.
const context: RunbookContext = { actions: new Map(Object.entries(actionKinds)) };

function document(file: string): ResourceDocument {
  const written = read(file) as unknown as ResourceDocument;
  return { ...written, metadata: { name: written.metadata.name, labels: {} } };
}

const runbooks = resources
  .filter((file) => file.startsWith('runbooks'))
  .map((file) => {
    const parsed = parseRunbook(document(file), context);
    if (!parsed.ok) throw new Error(`${file}: ${JSON.stringify(parsed.issues)}`);
    return parsed.value;
  });
const policies = resources
  .filter((file) => file.includes('policies'))
  .map((file) => {
    const parsed = parsePolicy(document(file));
    if (!parsed.ok) throw new Error(`${file}: ${JSON.stringify(parsed.issues)}`);
    return parsed.value;
  });

const ports: TestPorts = {
  runbooks,
  context,
  services: new Map(),
  decide: (world, answers, names) =>
    decideWithConsents(
      { ...world, policies: policySet(policies.filter((policy) => names?.includes(policy.name) ?? true)) },
      answers,
    ),
};

describe.each(resources)('%s', (file) => {
  const testFile = file.replace(/\.yaml$/, '.test.yaml');

  test('has the line editors look for, and tests beside it', () => {
    expect(readFileSync(join(root, file), 'utf8')).toMatch(
      /^# yaml-language-server: \$schema=(\.\.\/)+schemas\/\w+\.json\n/,
    );
    expect(files).toContain(testFile);
  });

  test('its tests pass, and one of them is a denial', () => {
    const cases = resourceTestsSchema.parse(read(testFile));
    if (!cases.ok) throw new Error(JSON.stringify(cases.issues));
    const failed = runResourceTests(cases.value, ports).filter((result) => result.failures.length > 0);
    expect(failed.map((result) => [result.name, ...result.failures])).toEqual([]);
    expect(cases.value.some((each) => each.expect.decision === 'deny')).toBe(true);
    if (file.includes('policies')) expect(lintPolicyTests(document(file).metadata.name, cases.value)).toEqual([]);
  });
});

test('a case that expects something else fails, and says what came', () => {
  const cases = resourceTestsSchema.parse([
    { given: { action: 'host.service-restart', policies: ['default'] }, expect: { decision: 'allow' } },
    { given: { action: 'host.nothing' }, expect: {} },
    { expect: { runbook: 'roll-back-bad-deploy' } },
  ]);
  if (!cases.ok) throw new Error(JSON.stringify(cases.issues));
  const results = runResourceTests(cases.value, ports);
  expect(results[0]?.failures[0]).toBe('expected decision "allow", and it is "deny"');
  expect(results[1]?.failures[0]).toContain('there is no action host.nothing');
  expect(results[2]?.failures[0]).toBe('expected runbook "roll-back-bad-deploy", and it is "none"');
});

test('a test file with a wrong key is refused', () => {
  expect(resourceTestsSchema.parse([{ given: { servic: 'x' }, expect: {} }])).toMatchObject({
    ok: false,
    issues: [{ suggestion: 'service' }],
  });
});

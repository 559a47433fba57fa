import { parseDetectorTests, runDetectorTests } from '../detectors/index.ts';
import { decideWithConsents, lintPolicyTests, policySet, type Policy } from '../policy/index.ts';
import {
  lintRunbook,
  resourceTestsSchema,
  runResourceTests,
  type ResourceTest,
  type Runbook,
  type TestPorts,
} from '../runbooks/index.ts';
import { actionKinds } from '../actions/index.ts';
import type { Decision } from '../domain/authority.ts';
import type { DetectorDefinition } from '../domain/definitions.ts';
import type { Service } from '../domain/service.ts';
import type { Issue } from '../lib/issues.ts';
import { problemLine, type LoadedDocument, type TestDocument } from './load/index.ts';
import { besideTest, openWithTests, type ResourcePlace, type WithTests } from './offline/resources.ts';

/** One case: what it is called, and what came out otherwise than expected. */
export interface CaseReport {
  readonly file: string;
  readonly name: string;
  /** Sentences; none when it passed. */
  readonly failures: readonly string[];
}

/** What the unit tests of resources came to. */
export interface TestReport {
  readonly ok: boolean;
  readonly cases: readonly CaseReport[];
  /** What is not tested well enough, or cannot be: each is an error. */
  readonly lint: readonly string[];
  readonly coverage: Coverage;
}

/** How much of what is in force the tests speak of. */
export interface Coverage {
  readonly documents: number;
  readonly tested: number;
  /** Rules of policies that said something in at least one case, of those that were looked at. */
  readonly rules: number;
  readonly rulesReached: number;
  readonly unreached: readonly string[];
}

interface Testing {
  readonly files: WithTests;
  readonly ports: TestPorts;
  /** For tests of what is shipped: the same whatever people wrote beside it. */
  readonly shippedPorts: TestPorts;
  readonly isShipped: (file: string) => boolean;
  /** Whether what a test file decides is coverage. */
  readonly counts: (file: string) => boolean;
  readonly decisions: Decision[];
}

/**
 * Runs the tests that lie beside detectors, runbooks and policies: those below `paths`, or with none given all that are
 * in force. Deterministic; nothing is read but files.
 *
 * @throws `config-invalid` when the documents themselves are wrong.
 */
export async function testResources(place: ResourcePlace, paths: readonly string[]): Promise<TestReport> {
  const files = await openWithTests(place, paths);
  const inside = (file: string): boolean =>
    paths.length === 0 || paths.some((path) => file === path || file.startsWith(`${path.replace(/\/+$/, '')}/`));
  const isShipped = (file: string): boolean =>
    Object.values(place.shipped).some((folder) => file.startsWith(`${folder}/`));
  const asShipped = { ...files, documents: files.documents.filter(({ file }) => isShipped(file)) };
  const shippedPorts = portsFor({
    ...asShipped,
    documents: [...asShipped.documents.filter(({ document }) => document.kind !== 'Policy'), ...files.shippedPolicies],
  });
  const asked = files.documents.filter(({ file, document }) => inside(file) && testable.has(document.kind));
  // Tests of what is shipped reach rules of the shipped policies: no coverage of one's own.
  const own = asked.some(({ file }) => !isShipped(file));
  const counts = (file: string): boolean => !own || !isShipped(file);
  const testing: Testing = { files, ports: portsFor(files), shippedPorts, isShipped, counts, decisions: [] };
  const lint: string[] = [];
  const cases: CaseReport[] = [];
  const told = new Map<string, readonly ResourceTest[]>();
  for (const test of files.tests) {
    // A test may be named alone, and a document alone: each brings the other along.
    if (!inside(test.file) && !asked.some(({ file }) => besideTest(test.file).includes(file))) continue;
    cases.push(...runFile(test, testing, lint, told));
  }
  const untested = asked.flatMap((one) => weaknesses(one, files, told));
  lint.push(...untested.map(({ text }) => text));
  const ok = lint.length === 0 && cases.every((one) => one.failures.length === 0);
  return { ok, cases, lint, coverage: coverageOf(asked, untested, testing.decisions) };
}

const testable: ReadonlySet<string> = new Set(['Detector', 'Runbook', 'Policy']);

function portsFor({ documents, examples }: WithTests): TestPorts {
  const of = (kind: string): readonly unknown[] =>
    documents.filter(({ document }) => document.kind === kind).map(({ parsed }) => parsed);
  const policies = of('Policy') as readonly Policy[];
  const others = examples
    .map(({ parsed }) => parsed as Policy)
    .filter(({ name }) => !policies.some((policy) => policy.name === name));
  return {
    runbooks: of('Runbook') as readonly Runbook[],
    context: { actions: new Map(Object.entries(actionKinds)) },
    services: new Map((of('Service') as readonly Service[]).map((service) => [service.name, service])),
    decide: (world, answers, names) =>
      decideWithConsents(
        {
          ...world,
          policies: policySet(
            names === undefined ? policies : [...policies, ...others].filter(({ name }) => names.includes(name)),
          ),
        },
        answers,
      ),
  };
}

function runFile(
  test: TestDocument,
  testing: Testing,
  lint: string[],
  told: Map<string, readonly ResourceTest[]>,
): readonly CaseReport[] {
  const beside = testing.files.documents.filter(({ file }) => besideTest(test.file).includes(file));
  const wrong = (issues: readonly Issue[]): readonly CaseReport[] => {
    lint.push(...issues.map((issue) => problemLine(test.locate(issue))));
    return [];
  };
  const [first, second] = beside;
  const shipped = testing.isShipped(test.file);
  // What somebody replaced is tested by their own tests.
  if (first === undefined && shipped) return [];
  if (first === undefined) return wrong([{ path: [], message: 'there is no document beside these tests' }]);
  if (first.document.kind === 'Detector') {
    if (second)
      return wrong([{ path: [], message: 'keep one Detector a file, so that its tests know which is meant' }]);
    const parsed = parseDetectorTests(test.value);
    if (!parsed.ok) return wrong(parsed.issues);
    lint.push(
      ...bothWays(
        first,
        parsed.value.map(({ expect }) => expect.fires),
      ),
    );
    return runDetectorTests(first.parsed as DetectorDefinition, parsed.value).map(({ name, failures }) => ({
      file: test.file,
      name,
      failures,
    }));
  }
  const parsed = resourceTestsSchema.parse(test.value);
  if (!parsed.ok) return wrong(parsed.issues);
  told.set(test.file, parsed.value);
  return runResourceTests(parsed.value, shipped ? testing.shippedPorts : testing.ports).map(
    ({ name, failures, decision }) => {
      if (decision && testing.counts(test.file)) testing.decisions.push(decision);
      return { file: test.file, name, failures };
    },
  );
}

function bothWays(one: LoadedDocument, fires: readonly boolean[]): readonly string[] {
  const place = `${one.file}:${one.line}: detector ${one.document.metadata.name}`;
  return [
    ...(fires.includes(true) ? [] : [`${place} has no case in which it fires`]),
    ...(fires.includes(false) ? [] : [`${place} has no case in which it stays quiet`]),
  ];
}

interface Weakness {
  readonly file: string;
  readonly text: string;
}

// What its own tests do not show of a document. Detectors with tests are judged when these run.
function weaknesses(
  one: LoadedDocument,
  files: WithTests,
  told: ReadonlyMap<string, readonly ResourceTest[]>,
): readonly Weakness[] {
  const { kind, metadata } = one.document;
  const place = `${one.file}:${one.line}`;
  const test = files.tests.find(({ file }) => besideTest(file).includes(one.file));
  const weak = (text: string): Weakness => ({ file: one.file, text: `${place}: ${text}` });
  if (kind === 'Policy')
    return lintPolicyTests(metadata.name, test && (told.get(test.file) ?? [])).map((text) => weak(text));
  const lint = kind === 'Runbook' ? lintRunbook(one.parsed as Runbook).map(weak) : [];
  if (test === undefined) return [...lint, weak(`${kind.toLowerCase()} ${metadata.name} has no tests`)];
  if (kind === 'Detector') return [];
  const cases = told.get(test.file) ?? [];
  const chosen = cases.some(({ expect }) => expect.runbook === metadata.name || (expect.actions ?? []).length > 0);
  const left = cases.some(
    ({ expect }) => expect.decision === 'deny' || (expect.runbook !== undefined && expect.runbook !== metadata.name),
  );
  return [
    ...lint,
    ...(chosen ? [] : [weak(`runbook ${metadata.name} has no case in which it is chosen`)]),
    ...(left ? [] : [weak(`runbook ${metadata.name} has no case in which nothing is done`)]),
  ];
}

function coverageOf(
  asked: readonly LoadedDocument[],
  untested: readonly Weakness[],
  decisions: readonly Decision[],
): Coverage {
  const rules = new Set<string>();
  const reached = new Set<string>();
  for (const { considered } of decisions)
    for (const { rule, says } of considered) {
      if (!rule.startsWith('policy/')) continue;
      const name = rule.replace(/ \(step .*\)$/, '');
      rules.add(name);
      if (says !== 'not-applicable') reached.add(name);
    }
  const weak = new Set(untested.map(({ file }) => file));
  return {
    documents: asked.length,
    tested: asked.filter(({ file }) => !weak.has(file)).length,
    rules: rules.size,
    rulesReached: reached.size,
    unreached: [...rules].filter((rule) => !reached.has(rule)).sort(),
  };
}

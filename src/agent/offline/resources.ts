import { dirname, join } from 'node:path';

import { WatchkeeperError } from '../../lib/errors.ts';
import { parsers, toResources } from '../assemble.ts';
import {
  loadAll,
  loadConfig,
  problemsJson,
  renderProblems,
  type Config,
  type LoadedDocument,
  type Problem,
  type TestDocument,
} from '../load/index.ts';
import { parseResources, type LoadResult } from '../load/resources.ts';
import { walk } from '../load/walk.ts';
import { loadOptions, type OpenOptions } from '../open.ts';
import type { Resources } from '../resources.ts';
import { lintRunbook, type Runbook } from '../../runbooks/index.ts';
import { readFiles } from '../../io/index.ts';
import type { JsonObject } from '../../lib/json.ts';

/** Where configuration and resources come from: the same for the daemon and for every look at them. */
export type ResourcePlace = Pick<
  OpenOptions,
  'configFile' | 'folder' | 'dataDir' | 'environment' | 'shipped' | 'signal'
>;

/** What `check` found. */
export interface CheckReport {
  readonly ok: boolean;
  /** How many documents of each kind are in force. */
  readonly counts: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
  /** All problems with their lines, ready to be read. */
  readonly rendered: string;
  readonly json: JsonObject;
}

/** Reads and checks watchkeeper.yaml and every resource, as the daemon would at its start. */
export async function checkResources(place: ResourcePlace): Promise<CheckReport> {
  const outcome = await loadAll({ ...loadOptions(place), shippedTests: true });
  if (!outcome.ok) return { ok: false, counts: {}, notes: [], ...told(outcome.problems) };
  const { documents } = outcome.value.resources;
  const counts: Record<string, number> = {};
  for (const { document } of documents) counts[document.kind] = (counts[document.kind] ?? 0) + 1;
  const lint = documents.flatMap((one) =>
    one.document.kind === 'Runbook'
      ? lintRunbook(one.parsed as Runbook).map((text) => `${one.file}:${one.line}: ${text}`)
      : [],
  );
  return { ok: true, counts, notes: [...outcome.notes, ...lint], ...told([]) };
}

/** Everything in force, with its configuration. @throws `config-invalid` with every problem. */
export async function openResources(
  place: ResourcePlace,
  nowMs: number,
): Promise<{ readonly config: Config; readonly resources: Resources }> {
  const outcome = await loadAll(loadOptions(place));
  if (!outcome.ok) throw invalid(outcome.problems);
  const { config, resources } = outcome.value;
  return { config, resources: toResources(resources.documents, config, outcome.digest, nowMs) };
}

/** Documents with the tests beside them. */
export interface WithTests {
  readonly documents: readonly LoadedDocument[];
  readonly tests: readonly TestDocument[];
  /** Example policies that are shipped and not in force: a test may name one. */
  readonly examples: readonly LoadedDocument[];
  /** The policy that is shipped, in force or not: tests of what is shipped are about it, whatever people wrote since. */
  readonly shippedPolicies: readonly LoadedDocument[];
}

/**
 * What is in force together with what lies below `paths`, of which tests may speak too. Names in `paths` replace
 * shipped ones, as they would in force. Names across documents are left to `check`.
 *
 * @throws `config-invalid` with every problem.
 */
export async function openWithTests(place: ResourcePlace, paths: readonly string[]): Promise<WithTests> {
  const shipped = Object.values(place.shipped);
  const loaded = paths.length === 0 ? await inForce(place) : await together(place, paths, shipped);
  if (loaded.problems.length > 0) throw invalid(loaded.problems);
  const examples = await policiesIn(join(dirname(place.shipped.policies), 'examples', 'policies'), place);
  return { ...loaded, examples, shippedPolicies: await policiesIn(place.shipped.policies, place) };
}

async function policiesIn(folder: string, place: ResourcePlace): Promise<readonly LoadedDocument[]> {
  if ((await readFiles.stat(folder, place.signal)) === undefined) return [];
  return parseResources(await walk([folder], readFiles, place.signal), parsers).documents;
}

async function inForce(place: ResourcePlace): Promise<LoadResult> {
  const outcome = await loadAll({ ...loadOptions(place), shippedTests: true, crossCheck: () => [] });
  if (!outcome.ok) throw invalid(outcome.problems);
  return outcome.value.resources;
}

async function together(
  place: ResourcePlace,
  paths: readonly string[],
  shipped: readonly string[],
): Promise<LoadResult> {
  const config = await loadConfig(loadOptions(place).config);
  if (!config.ok) throw invalid(config.problems);
  // A file brings what lies beside it: tests their document, a document its tests.
  const folders = paths.map((path) => (/\.(ya?ml|json)$/i.test(path) ? dirname(path) : path));
  const found = await walk([...shipped, ...config.config.resources, ...folders], readFiles, place.signal);
  return parseResources(found, parsers, () => [], shipped);
}

/** One folder of resources by itself, with nothing shipped beside it. @throws `config-invalid` with every problem. */
export async function openFolder(
  folder: string,
  config: Config,
  nowMs: number,
  signal: AbortSignal,
): Promise<Resources> {
  const loaded = parseResources(await walk([folder], readFiles, signal), parsers);
  if (loaded.problems.length > 0) throw invalid(loaded.problems);
  return toResources(loaded.documents, config, loaded.digest, nowMs);
}

/** Where files that lie beside one another are looked for. */
export function besideTest(testFile: string): readonly string[] {
  const stem = testFile.replace(/\.test\.(ya?ml|json)$/i, '');
  return ['yaml', 'yml', 'json'].map((extension) => `${stem}.${extension}`);
}

function told(problems: readonly Problem[]): Pick<CheckReport, 'rendered' | 'json'> {
  return { rendered: renderProblems(problems), json: problemsJson(problems) };
}

function invalid(problems: readonly Problem[]): WatchkeeperError {
  return new WatchkeeperError('config-invalid', renderProblems(problems), {
    fix: 'Correct the lines above; "watchkeeper check" reads them again.',
  });
}

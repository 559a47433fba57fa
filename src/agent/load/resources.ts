import { sha256Hex } from '../../lib/canonical.ts';
import type { Issue, Parsed } from '../../lib/issues.ts';
import type { Json } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import type { DocumentKind, ResourceDocument } from '../../domain/document.ts';
import type { ReadFiles } from '../../domain/ports/io.ts';
import { parseDocument } from './document.ts';
import type { Locate, Problem } from './problem.ts';
import { decode, fileProblem } from './source-text.ts';
import { walk, type Found, type FoundFile } from './walk.ts';
import { parseYaml } from './yaml.ts';

/** The parse functions of the rooms. Issue paths start at the document's root (`spec`, ...). */
export type Parsers = Readonly<Record<DocumentKind, (document: ResourceDocument) => Parsed<unknown>>>;

/** A document whose envelope and spec are right; `parsed` is what its room made of it. */
export interface LoadedDocument {
  readonly document: ResourceDocument;
  readonly parsed: unknown;
  readonly file: string;
  readonly line: number;
  readonly locate: Locate;
}

/** One document of a `*.test.yaml` file, for the rooms that run such tests. */
export interface TestDocument {
  readonly file: string;
  readonly value: Json;
  readonly locate: Locate;
}

/** Checks across documents: unknown names, circles. Each issue is placed in the file of its document. */
export type CrossCheck = (
  documents: readonly LoadedDocument[],
) => readonly { readonly document: LoadedDocument; readonly issue: Issue }[];

/** Everything the folders hold. It may be used only when there are no problems. */
export interface LoadResult {
  readonly documents: readonly LoadedDocument[];
  readonly tests: readonly TestDocument[];
  readonly problems: readonly Problem[];
  /** What is no error but worth saying: an empty folder. */
  readonly notes: readonly string[];
  /** Folders without a single resource file in them. */
  readonly empty: readonly string[];
  /** Of every byte read, with its path: equal digests mean equal resources. */
  readonly digest: string;
}

/**
 * Loads every resource document below `folders`. All problems of all files are reported at once, each with its place.
 *
 * @throws WatchkeeperError only `aborted`; whatever is wrong with the files is a problem in the result.
 */
export async function loadResources(
  folders: readonly string[],
  parsers: Parsers,
  files: ReadFiles,
  signal: AbortSignal,
  crossCheck: CrossCheck = () => [],
): Promise<LoadResult> {
  return parseResources(await walk(folders, files, signal), parsers, crossCheck);
}

/**
 * The pure part of `loadResources`: from bytes to documents. What lies under `standIns` holds only while nothing of its kind
 * lies elsewhere.
 */
export function parseResources(
  found: Found,
  parsers: Parsers,
  crossCheck: CrossCheck = () => [],
  shipped: readonly string[] = [],
  standIns: readonly string[] = [],
): LoadResult {
  const read: LoadedDocument[] = [];
  const tests: TestDocument[] = [];
  const problems: Problem[] = [...found.problems];
  for (const file of found.files) {
    const source = decode(file.path, file.bytes);
    if (!('text' in source)) {
      problems.push(source);
      continue;
    }
    const yaml = parseYaml(source);
    problems.push(...yaml.problems);
    for (const { value, locate } of yaml.documents) {
      if (/\.test\.(ya?ml|json)$/i.test(file.path)) tests.push({ file: file.path, value, locate });
      else if (read.length < limits.resourceDocuments) readDocument(value, locate, parsers, read, problems);
      else problems.push(fileProblem(file.path, `more than ${limits.resourceDocuments} documents in all`));
    }
  }
  const documents = withoutReplaced(withoutStandIns(read, standIns), shipped);
  problems.push(...duplicateNames(documents));
  if (problems.length === 0)
    for (const { document, issue } of crossCheck(documents)) problems.push(document.locate(issue));
  return {
    documents,
    tests,
    problems: problems.slice(0, limits.resourceProblems),
    notes: found.empty.map((folder) => `${folder} holds no resource files; the built-in defaults apply`),
    empty: found.empty,
    digest: foundDigest(found),
  };
}

function readDocument(
  value: Json,
  locate: Locate,
  parsers: Parsers,
  documents: LoadedDocument[],
  problems: Problem[],
): void {
  const envelope = parseDocument(value);
  const parsed = envelope.ok ? parsers[envelope.value.kind](envelope.value) : envelope;
  if (!parsed.ok) problems.push(...parsed.issues.map(locate));
  if (!envelope.ok || !parsed.ok) return;
  const { file, line } = locate({ path: [], message: '' });
  documents.push({ document: envelope.value, parsed: parsed.value, file, line, locate });
}

// Files are not the only place for a policy: a custom resource is one, too, and so is one among the services. With the
// strictest of several in force, the shipped one would forbid for good what theirs allow.
function withoutStandIns(documents: readonly LoadedDocument[], standIns: readonly string[]): readonly LoadedDocument[] {
  const written = new Set(documents.filter((each) => !isBelow(each, standIns)).map(({ document }) => document.kind));
  return documents.filter((each) => !isBelow(each, standIns) || !written.has(each.document.kind));
}

function isBelow({ file }: LoadedDocument, folders: readonly string[]): boolean {
  return folders.some((folder) => file.startsWith(`${folder}/`));
}

// What people write replaces what is shipped under the same name.
function withoutReplaced(documents: readonly LoadedDocument[], shipped: readonly string[]): readonly LoadedDocument[] {
  const isShipped = (each: LoadedDocument): boolean => isBelow(each, shipped);
  const nameOf = ({ document }: LoadedDocument): string => `${document.kind}/${document.metadata.name}`;
  const written = new Set(documents.filter((each) => !isShipped(each)).map(nameOf));
  return documents.filter((each) => !isShipped(each) || !written.has(nameOf(each)));
}

function duplicateNames(documents: readonly LoadedDocument[]): readonly Problem[] {
  const first = new Map<string, LoadedDocument>();
  const problems: Problem[] = [];
  for (const each of documents) {
    const { kind, metadata } = each.document;
    const key = `${kind}/${metadata.name}`;
    const earlier = first.get(key);
    if (!earlier) first.set(key, each);
    else {
      const message = `there is another ${kind} named "${metadata.name}" at ${earlier.file}:${earlier.line}`;
      problems.push(each.locate({ path: ['metadata', 'name'], message }));
    }
  }
  return problems;
}

/** Names what was found: every path with its bytes, and every file that could not be read. */
export function foundDigest(found: Found): string {
  const files = found.files.map((file: FoundFile) => `${file.path}\0${sha256Hex(file.bytes)}\n`);
  const problems = found.problems.map((problem) => `${problem.file}\0!${problem.message}\n`);
  return sha256Hex([...files, ...problems].join(''));
}

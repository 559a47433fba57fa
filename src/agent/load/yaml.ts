import { isAlias, isMap, isScalar, isSeq, parseAllDocuments, type Document, type Node, type YAMLError } from 'yaml';

import type { Json } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import { locator } from './locate.ts';
import type { Locate, Problem } from './problem.ts';
import { problemAt, type SourceText } from './source-text.ts';

/** One document of a file as JSON, with the way back to its place. */
export interface YamlDocument {
  readonly value: Json;
  readonly source: SourceText;
  readonly locate: Locate;
}

/**
 * Parses YAML 1.2 (core schema, no merge keys, no custom tags) into JSON values: duplicate keys, tabs, anchors that
 * multiply, nesting and sizes beyond the limits are problems. Empty documents are left out.
 */
export function parseYaml(source: SourceText): {
  readonly documents: readonly YamlDocument[];
  readonly problems: readonly Problem[];
} {
  const deep = tooDeep(source.text);
  if (deep !== undefined)
    return { documents: [], problems: [problemAt(source, deep, `nested deeper than ${limits.yamlDepth} levels`)] };
  const documents: YamlDocument[] = [];
  const problems: Problem[] = [];
  try {
    const parsed = parseAllDocuments(source.text, { prettyErrors: false, logLevel: 'silent', uniqueKeys: true });
    for (const document of 'empty' in parsed ? [] : parsed) read(document, source, documents, problems);
  } catch (thrown) {
    // The parser recurses: what slips past the depth check ends here instead of in the daemon.
    const reason = thrown instanceof RangeError ? 'nested too deeply' : 'this cannot be read as YAML';
    problems.push(problemAt(source, 0, reason));
  }
  return { documents, problems };
}

function read(document: Document.Parsed, source: SourceText, documents: YamlDocument[], problems: Problem[]): void {
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    problems.push(...faults.slice(0, 10).map((fault) => yamlProblem(fault, source)));
    return;
  }
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) return;
  const reader: Reader = { document, source, nodes: 0, aliases: 0 };
  try {
    const value = toJson(document.contents, reader, 0);
    documents.push({ value, source, locate: locator(source, document) });
  } catch (thrown) {
    if (!(thrown instanceof YamlRefusal)) throw thrown;
    problems.push(problemAt(source, thrown.offset, thrown.message));
  }
}

interface Reader {
  readonly document: Document;
  readonly source: SourceText;
  nodes: number;
  aliases: number;
}

class YamlRefusal extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

function toJson(node: Node | null | undefined, reader: Reader, depth: number): Json {
  const at = node?.range?.[0] ?? 0;
  if (depth > limits.yamlDepth) throw new YamlRefusal(`nested deeper than ${limits.yamlDepth} levels`, at);
  if (++reader.nodes > limits.yamlNodes) throw new YamlRefusal(`more than ${limits.yamlNodes} values`, at);
  if (node === null || node === undefined) return null;
  if (isAlias(node)) {
    if (++reader.aliases > limits.yamlAliases)
      throw new YamlRefusal(`more than ${limits.yamlAliases} uses of anchors; write the values out`, at);
    return toJson(node.resolve(reader.document), reader, depth + 1);
  }
  if (isScalar(node)) return scalar(node.value, at);
  if (isSeq<Node>(node)) return node.items.map((item) => toJson(item, reader, depth + 1));
  if (!isMap<Node, Node | null>(node)) throw new YamlRefusal('this cannot be read', at);
  // No prototype: a key named __proto__ stays a key, and is refused as unknown like any other.
  const object = Object.create(null) as Record<string, Json>;
  for (const pair of node.items) {
    const key = isScalar(pair.key) ? pair.key.value : undefined;
    if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'boolean')
      throw new YamlRefusal('a key must be text', pair.key.range?.[0] ?? at);
    object[String(key)] = toJson(pair.value, reader, depth + 1);
  }
  return object;
}

function scalar(value: unknown, at: number): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new YamlRefusal('this value has no place in JSON; quote it if it is text', at);
}

const words: Partial<Record<YAMLError['code'], string>> = {
  TAB_AS_INDENT: 'a tab is used for indentation; YAML allows only spaces',
  BAD_INDENT: 'this line is indented differently from its neighbours',
  UNEXPECTED_TOKEN: 'this does not belong here: look at the quotes, colons and indentation around it',
  MISSING_CHAR: 'something is missing here: look at the quotes, brackets, colons and indentation around it',
  MULTILINE_IMPLICIT_KEY: 'a key must be on one line and be followed by ":"',
  TAG_RESOLVE_FAILED: 'tags such as !something are not used here',
  BAD_ALIAS: 'this anchor does not exist',
  RESOURCE_EXHAUSTION: 'nested too deeply',
};

function yamlProblem(fault: YAMLError, source: SourceText): Problem {
  const offset = fault.pos[0];
  if (fault.code === 'DUPLICATE_KEY') {
    const key = /^["']?([^:"'\n]{1,100})/.exec(source.text.slice(offset))?.[1]?.trim() ?? '';
    return problemAt(source, offset, `the key "${key}" is there twice`);
  }
  if (fault.code === 'BAD_INDENT' && fault.message.startsWith('Flow'))
    return problemAt(source, offset, 'a "[" or "{" above is never closed, or what is in it is not indented');
  const message = words[fault.code] ?? fault.message.split('\n')[0] ?? fault.message;
  return problemAt(source, offset, message);
}

// Flow nesting by brackets outside quotes and comments is not tracked exactly: the limit is far above honest files.
function tooDeep(text: string): number | undefined {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === 0x5b || char === 0x7b) {
      if (++depth > limits.yamlBrackets) return i;
    } else if (char === 0x5d || char === 0x7d) depth = Math.max(0, depth - 1);
  }
  const run = /(?:[-?] ){100}/.exec(text);
  return run ? run.index : undefined;
}

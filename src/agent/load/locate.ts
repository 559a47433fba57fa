import { isAlias, isMap, isPair, isScalar, isSeq, type Document, type Node, type Pair } from 'yaml';

import type { Issue } from '../../lib/issues.ts';
import type { Locate, Problem } from './problem.ts';
import { problemAt, type SourceText } from './source-text.ts';

/** Places the issues of one YAML document in its file: at the value, at the key, or inside a text at its offset. */
export function locator(source: SourceText, document: Document): Locate {
  return (issue) => locate(source, document, issue);
}

function locate(source: SourceText, document: Document, issue: Issue): Problem {
  let node: Node | null = document.contents;
  let offset = startOf(node) ?? document.range?.[0] ?? 0;
  let { message } = issue;
  for (const [depth, step] of issue.path.entries()) {
    const found = child(resolved(node, document), step);
    const last = depth === issue.path.length - 1;
    if (!found) {
      // What is not there has no place of its own: the place is where it should be, and the words must name it.
      if (last && message.startsWith('missing')) message = `${step} is ${message}`;
      break;
    }
    const key = found.key === undefined ? undefined : startOf(found.key);
    node = found.value;
    offset = (last && issue.atKey === true ? key : undefined) ?? startOf(node) ?? key ?? offset;
    if (last && issue.offset !== undefined && isScalar(node) && node.range) {
      const written = source.text.slice(node.range[0], node.range[1]);
      offset = node.range[0] + offsetInside(written, String(node.value), issue.offset);
    }
  }
  return problemAt(source, offset, message, issue.suggestion);
}

function resolved(node: Node | null, document: Document): Node | null {
  return isAlias(node) ? (node.resolve(document) ?? null) : node;
}

function child(node: Node | null, step: string | number): { key?: Node; value: Node | null } | undefined {
  if (isSeq<Node>(node)) {
    const item = node.items[Number(step)];
    return item === undefined ? undefined : { value: item };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find(
    (each: Pair) => isPair(each) && isScalar(each.key) && String(each.key.value) === String(step),
  );
  if (!pair) return undefined;
  return { key: pair.key as Node, value: (pair.value ?? null) as Node | null };
}

function startOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0];
}

/**
 * Where character `offset` of a scalar's value stands in what was written. Quotes, escapes, a block's header and the
 * indentation of its lines are in the file but not in the value, so the two are walked side by side.
 */
export function offsetInside(written: string, value: string, offset: number): number {
  let at = 0;
  if (/^[|>]/.test(written)) at = Math.max(0, written.indexOf('\n') + 1);
  else if (/^["']/.test(written)) at = 1;
  for (let i = 0; i < Math.min(offset, value.length); i++) {
    const char = value[i] ?? '';
    if (/\s/.test(char)) {
      if (/\s/.test(written[at] ?? '')) at++;
      continue;
    }
    at = skipTo(written, at, char);
  }
  if (!/\s/.test(value[offset] ?? ' ')) while (/\s/.test(written[at] ?? '')) at++;
  return Math.min(at, Math.max(0, written.length - 1));
}

function skipTo(written: string, from: number, char: string): number {
  const at = written.indexOf(char, from);
  return at < 0 ? from + 1 : at + 1;
}

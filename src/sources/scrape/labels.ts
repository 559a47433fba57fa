import { limits } from '../../lib/limits.ts';
import type { ExpositionFormat } from './scan.ts';

/** The labels of a series, and its name when that stands among them in quotes (`{"http.requests", code="200"}`). */
export interface ReadLabels {
  readonly labels: Readonly<Record<string, string>>;
  readonly quotedName?: string;
}

/**
 * Reads what stands between the braces. Escapes are `\\`, `\"` and `\n`; another one is kept as it is in the text
 * format, as Prometheus does, and is a fault in OpenMetrics.
 *
 * @returns the labels, or what is wrong with them.
 */
export function readLabels(text: string, format: ExpositionFormat): ReadLabels | string {
  const pairs: [string, string][] = [];
  const names = new Set<string>();
  let quotedName: string | undefined;
  let at = 0;
  const blanks = (): void => {
    while (format === 'text' && (text[at] === ' ' || text[at] === '\t')) at++;
  };
  blanks();
  while (at < text.length) {
    const item = readName(text, at);
    if (item === undefined) return `expected a label name at "${text.slice(at, at + 20)}"`;
    at = item.end;
    blanks();
    if (text[at] === '=') {
      at++;
      blanks();
      const value = readQuoted(text, at, format);
      if (value === undefined) return `the value of label ${item.name} is not a quoted string`;
      if (value.text.length > limits.labelValueBytes) return `the value of label ${item.name} is too long`;
      if (names.has(item.name)) return `label ${item.name} stands twice`;
      if (pairs.length >= maxLabels) return `more than ${maxLabels} labels`;
      names.add(item.name);
      pairs.push([item.name, value.text]);
      at = value.end;
    } else if (item.quoted && quotedName === undefined && pairs.length === 0) quotedName = item.name;
    else return `label ${item.name} has no value`;
    blanks();
    if (at < text.length && text[at++] !== ',') return `expected a comma after label ${item.name}`;
    blanks();
  }
  // From pairs, not by assignment: a label called __proto__ is then a label.
  const labels = Object.fromEntries(pairs);
  return quotedName === undefined ? { labels } : { labels, quotedName };
}

const maxLabels = 128;

interface Name {
  readonly name: string;
  readonly end: number;
  readonly quoted: boolean;
}

function readName(text: string, from: number): Name | undefined {
  if (text[from] === '"') {
    const quoted = readQuoted(text, from, 'openmetrics');
    return quoted === undefined || quoted.text === ''
      ? undefined
      : { name: quoted.text, end: quoted.end, quoted: true };
  }
  labelName.lastIndex = from;
  const name = labelName.exec(text)?.[0];
  return name === undefined ? undefined : { name, end: from + name.length, quoted: false };
}

const labelName = /[A-Za-z_][A-Za-z0-9_]*/y;

function readQuoted(
  text: string,
  from: number,
  format: ExpositionFormat,
): { readonly text: string; readonly end: number } | undefined {
  if (text[from] !== '"') return undefined;
  let out = '';
  let plainFrom = from + 1;
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '"') return { text: out + text.slice(plainFrom, at), end: at + 1 };
    if (text[at] !== '\\') continue;
    const escaped = escapes[text[at + 1] ?? ''];
    if (escaped === undefined && format === 'openmetrics') return undefined;
    out += text.slice(plainFrom, at) + (escaped ?? `\\${text[at + 1] ?? ''}`);
    at++;
    plainFrom = at + 1;
  }
  return undefined;
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\', '"': '"', n: '\n' };

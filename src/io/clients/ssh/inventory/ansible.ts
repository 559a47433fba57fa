import { isAlias, isMap, isScalar, parseDocument } from 'yaml';

import { limits } from '../../../../lib/limits.ts';
import { hostIn, maxHosts, rawInventory, resolve } from './hosts.ts';
import type { Inventory, RawInventory } from './hosts.ts';

/**
 * Reads an Ansible inventory file: YAML when its name says so or it begins as YAML does, else INI. The formats are those of
 * Ansible's `ini` and `yaml` inventory plugins, ranges (`web[01:20].example`) included. Nothing in it is run or evaluated:
 * dynamic inventories, templates and vaults are not read.
 */
export function parseAnsible(name: string, text: string): Inventory {
  const yaml = /\.ya?ml$/.test(name) || /^\s*(---|all:)/.test(text);
  return yaml ? parseYaml(text) : parseIni(text);
}

function parseIni(text: string): Inventory {
  const raw = rawInventory();
  let group = 'ungrouped';
  let section = 'hosts';
  for (const [index, whole] of text.split('\n').entries()) {
    const line = whole.replace(/(^|\s)[#;].*$/, '').trim();
    const head = /^\[([^\]:]+)(?::(hosts|children|vars))?\]$/.exec(line);
    if (head !== null) {
      group = head[1] ?? group;
      section = head[2] ?? 'hosts';
    } else if (line !== '') {
      const understood = iniLine(raw, group, section, line);
      if (!understood) raw.problems.push(`line ${index + 1} is not understood`);
    }
  }
  return resolve(raw);
}

function iniLine(raw: RawInventory, group: string, section: string, line: string): boolean {
  if (section === 'children') {
    raw.children.set(group, (raw.children.get(group) ?? new Set()).add(line));
    return true;
  }
  if (section === 'vars') {
    const [, key, value = ''] = /^([A-Za-z_]\w*)\s*=\s*(.*)$/.exec(line) ?? [];
    if (key !== undefined) varsOf(raw, group).set(key, unquoted(value));
    return key !== undefined;
  }
  const [pattern = '', ...words] = line.match(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g) ?? [];
  const vars = words.map((word) => /^([A-Za-z_]\w*)=(.*)$/.exec(word));
  if (vars.includes(null)) return false;
  // `name:port` is an old spelling of ansible_port.
  const [, bare = pattern, port] = /^([^:[\]]+):(\d+)$/.exec(pattern) ?? [];
  for (const name of range(bare)) {
    const host = hostIn(raw, name, group);
    if (port !== undefined) host?.vars.set('ansible_port', port);
    for (const found of vars) if (found !== null) host?.vars.set(found[1] ?? '', unquoted(found[2] ?? ''));
  }
  return true;
}

function varsOf(raw: RawInventory, group: string): Map<string, string> {
  const vars = raw.groupVars.get(group) ?? new Map<string, string>();
  raw.groupVars.set(group, vars);
  return vars;
}

function unquoted(value: string): string {
  return /^(["']).*\1$/.test(value) ? value.slice(1, -1) : value;
}

/** `web[01:03]` is web01, web02, web03; `[a:c]` likewise, and `[1:9:2]` in steps. */
function range(pattern: string): readonly string[] {
  const found = /^(.*?)\[(\w+):(\w+)(?::(\d+))?\](.*)$/.exec(pattern);
  if (found === null) return [pattern];
  const [, before = '', from = '', to = '', step = '1', after = ''] = found;
  const letters = /^[a-z]$/i.test(from) && /^[a-z]$/i.test(to);
  const start = letters ? from.charCodeAt(0) : Number(from);
  const end = letters ? to.charCodeAt(0) : Number(to);
  const names: string[] = [];
  for (let at = start; at <= end && names.length <= maxHosts; at += Math.max(1, Number(step)))
    names.push(`${before}${letters ? String.fromCharCode(at) : String(at).padStart(from.length, '0')}${after}`);
  return names.flatMap((name) => (names.length > maxHosts ? [name] : range(name)));
}

function parseYaml(text: string): Inventory {
  const raw = rawInventory();
  const document = parseDocument(text, { logLevel: 'silent', uniqueKeys: false });
  if (document.errors.length > 0) return { hosts: [], problems: [`not YAML: ${document.errors[0]?.message ?? ''}`] };
  if (isMap(document.contents)) for (const [name, group] of entries(document.contents)) yamlGroup(raw, name, group, 0);
  else if (document.contents !== null) raw.problems.push('the file holds no groups');
  return resolve(raw);
}

function yamlGroup(raw: RawInventory, name: string, group: unknown, depth: number): void {
  if (!isMap(group)) return;
  if (depth > limits.resourceFolderDepth) return void raw.problems.push(`${name}: groups lie too deep`);
  for (const [host, vars] of entries(group.get('hosts', true)))
    for (const one of range(host)) {
      const made = hostIn(raw, one, name);
      for (const [key, value] of entries(vars)) made?.vars.set(key, scalar(value));
    }
  for (const [key, value] of entries(group.get('vars', true))) varsOf(raw, name).set(key, scalar(value));
  for (const [child, below] of entries(group.get('children', true))) {
    raw.children.set(name, (raw.children.get(name) ?? new Set()).add(child));
    yamlGroup(raw, child, below, depth + 1);
  }
}

function entries(node: unknown): readonly (readonly [string, unknown])[] {
  if (!isMap(node)) return [];
  return node.items.map(({ key, value }) => [scalar(key), value] as const);
}

// An alias is not followed: one file of a few lines could name a billion hosts with them.
function scalar(node: unknown): string {
  if (isAlias(node)) return '';
  if (!isScalar(node)) return '';
  const { value } = node;
  return typeof value === 'string'
    ? value
    : typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : '';
}

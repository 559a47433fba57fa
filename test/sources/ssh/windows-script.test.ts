import { beforeAll, describe, expect, it } from 'vitest';
import type { Node } from 'web-tree-sitter';

import { everyLook } from '../../../src/sources/ssh/windows/ask.ts';
import { sections } from '../../../src/sources/ssh/windows/document.ts';
import { readWindowsScript } from '../../../src/sources/ssh/windows/script/index.ts';
import { nodesOf, powershellParser } from '../../support/powershell.ts';

// What only reads, or shapes what was read. Nothing else may be called by a script that promises to change nothing.
const reading = new Set([
  'ConvertFrom-Json',
  'ConvertTo-Json',
  'ForEach-Object',
  'Get-CimInstance',
  'Get-ItemProperty',
  'New-Object',
  'Select-Object',
  'Test-Path',
  'Where-Object',
]);

// Objects that may be made: to read, to pack, to hold.
const made = new Set([
  'IO.FileNotFoundException',
  'IO.MemoryStream',
  'IO.Compression.GZipStream',
  'Collections.Queue',
  'Collections.ArrayList',
  'Diagnostics.Eventing.Reader.EventLogQuery',
  'Diagnostics.Eventing.Reader.EventLogReader',
  'Microsoft.Web.Administration.ServerManager',
  'Security.Cryptography.X509Certificates.X509Store',
  '-ComObject',
]);

// Methods that are called on objects: none of them writes to the host, starts or stops anything.
const methods = new Set([
  'Add',
  'Close',
  'Combine',
  'Connect',
  'ContainsKey',
  'Dequeue',
  'Dispose',
  'Enqueue',
  'Exists',
  'Flush',
  'FormatDescription',
  'GetBaseException',
  'GetBytes',
  'GetFolder',
  'GetFolders',
  'GetLogInformation',
  'GetSubKeyNames',
  'GetTasks',
  'GetUtcOffset',
  'GetType',
  'GetValue',
  'LoadFrom',
  'Open',
  'OpenStandardOutput',
  'OpenSubKey',
  'ReadEvent',
  'StartNew',
  'Substring',
  'ToArray',
  'ToBase64String',
  'ToLowerInvariant',
  'ToUnixTimeMilliseconds',
  'ToUpperInvariant',
  'Write',
]);

describe('the script that reads Windows hosts', () => {
  let root: Node;
  let calls: readonly string[];
  beforeAll(async () => {
    root = (await powershellParser())(readWindowsScript);
    calls = nodesOf(root, 'command_name').map(({ text }) => text);
  });

  it('is PowerShell without an error, by its grammar', () => {
    const faults = nodesOf(root, 'ERROR').map(
      ({ text, startPosition }) => `${startPosition.row}: ${text.slice(0, 80)}`,
    );
    expect(faults).toEqual([]);
    expect(root.hasError).toBe(false);
  });

  it('is seen to be wrong when it is: the grammar finds an open brace, and what is no PowerShell', async () => {
    const parse = await powershellParser();
    expect(parse(readWindowsScript.replace('function Read-Cpu {', 'function Read-Cpu ')).hasError).toBe(true);
    expect(parse('if ($a -eq 1) then { 2 }; )').hasError).toBe(true);
  });

  it('calls commands that only read, its own functions, and one program: w32tm /query', () => {
    const own = new Set(nodesOf(root, 'function_name').map(({ text }) => text));
    expect(calls.filter((name) => !reading.has(name) && !own.has(name))).toEqual([]);
    const started = readWindowsScript.split('\n').filter((line) => /& \((?!\$|\[scriptblock\])/.test(line));
    expect(started).toEqual([expect.stringContaining("'w32tm.exe')) '/query' '/status')")]);
  });

  it('makes objects and calls methods that write nothing to the host', () => {
    const objects = [...readWindowsScript.matchAll(/New-Object (\S+?)(?=[\s()])/g)].map(([, name = '']) => name);
    expect(objects.filter((name) => !made.has(name))).toEqual([]);
    const called = [...readWindowsScript.replace(/New-Object [^\s(]+\(/g, '(').matchAll(/(?:\.|::)([A-Za-z]+)\(/g)].map(
      ([, name = '']) => name,
    );
    expect([...new Set(called)].filter((name) => !methods.has(name))).toEqual([]);
    // The one stream that is written to is its own output.
    expect(readWindowsScript.match(/\$\w+\.Write\(/g)).toEqual(['$zip.Write(', '$standard.Write(']);
  });

  it('keeps to what Windows PowerShell 5.1 knows', () => {
    for (const later of [
      /\?\?/,
      /\?\./,
      /&&/,
      /\|\|/,
      /-AsHashtable/,
      /-Parallel/,
      /\$Is(Linux|Windows)/,
      /ConvertTo-Json.*-EnumsAsStrings/,
    ])
      expect(readWindowsScript).not.toMatch(later);
    expect(nodesOf(root, 'ternary_expression')).toEqual([]);
  });

  it('names no counter, level or state in a language: classes, properties and numbers only', () => {
    expect(readWindowsScript).toMatch(/^[\n -~]*$/);
    for (const localised of ['Get-Counter', 'Get-EventLog', 'LevelDisplayName', 'Win32_Product', 'Get-WmiObject'])
      expect(calls.join(' ') + readWindowsScript.replace(/^#.*$/gm, '')).not.toContain(localised);
  });

  it('has a reader for each section that may be asked for, and each section a shape', () => {
    const known = [...(/\$readers = @\{([^]*?)\n\}/.exec(readWindowsScript)?.[1] ?? '').matchAll(/(\w+) = \{/g)].map(
      ([, name = '']) => name,
    );
    expect(known.sort()).toEqual(Object.keys(sections).sort());
    expect([...everyLook, 'updates'].sort()).toEqual(known.sort());
  });
});

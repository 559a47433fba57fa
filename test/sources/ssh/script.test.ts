import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { parseAnswers } from '../../../src/sources/ssh/remote/answers.ts';
import type { Answer } from '../../../src/sources/ssh/remote/answers.ts';
import { wordsOf } from '../../../src/sources/ssh/remote/ask.ts';
import type { Question } from '../../../src/sources/ssh/remote/ask.ts';
import { readScript } from '../../../src/sources/ssh/remote/script.ts';

const text = (answer: Answer | undefined): string =>
  answer?.is === 'bytes' ? new TextDecoder().decode(answer.bytes) : `(${answer?.is ?? 'nothing'})`;
const present = (argv: readonly string[]): boolean =>
  spawnSync(argv[0] ?? '', [...argv.slice(1), '-c', 'true']).status === 0;

// busybox is run here where it is installed; the end-to-end suite always has it.
const shells = [['sh'], ['dash'], ['bash', '--posix'], ['busybox', 'sh']].filter(present);

describe.each(shells.map((argv) => ({ shell: argv.join(' '), argv })))('the script under $shell', ({ argv }) => {
  let folder: string;
  const ask = (...questions: readonly Question[]): readonly Answer[] => {
    const run = spawnSync(argv[0] ?? '', [...argv.slice(1), '-s', '--', ...questions.flatMap(wordsOf)], {
      input: readScript,
    });
    return parseAnswers(run.stdout, questions.length);
  };
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'wk script '));
    writeFileSync(path.join(folder, 'bytes'), Buffer.from([0, 10, 255, 64, 32, 0x1b, 91]));
    writeFileSync(path.join(folder, "it's $(a) `name`"), '@ end\n@ 1 bytes\nAAAA');
    writeFileSync(path.join(folder, 'long'), 'x'.repeat(5_000) + 'y'.repeat(5_000));
    mkdirSync(path.join(folder, 'empty'));
    symlinkSync('long', path.join(folder, 'link'));
    symlinkSync('nowhere', path.join(folder, 'dangling'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('gives bytes as they are, whatever they look like', () => {
    const hostile = path.join(folder, "it's $(a) `name`");
    const [bytes, forged] = ask(
      { is: 'file', path: path.join(folder, 'bytes'), bytes: 100 },
      { is: 'file', path: hostile, bytes: 100 },
    );
    expect(bytes?.is === 'bytes' && [...bytes.bytes]).toEqual([0, 10, 255, 64, 32, 0x1b, 91]);
    expect(text(forged)).toBe('@ end\n@ 1 bytes\nAAAA');
  });

  it('gives no more than was asked for, and stretches of a file', () => {
    const long = path.join(folder, 'long');
    const [start, part, beyond] = ask(
      { is: 'file', path: long, bytes: 10 },
      { is: 'part', path: long, block: 1, blocks: 1 },
      { is: 'part', path: long, block: 9, blocks: 1 },
    );
    expect(text(start)).toBe('x'.repeat(10));
    expect(text(part)).toBe('x'.repeat(904) + 'y'.repeat(3_192));
    expect(text(beyond)).toBe('');
  });

  it('tells what is not there, and what is something else, from what can be read', () => {
    const at = (name: string): string => path.join(folder, name);
    const told = ask(
      { is: 'file', path: at('none'), bytes: 1 },
      { is: 'file', path: at('empty'), bytes: 1 },
      { is: 'list', path: at('none'), max: 5 },
      { is: 'list', path: at('long'), max: 5 },
      { is: 'stat', path: at('none') },
      { is: 'link', path: at('long'), whole: false },
    );
    expect(told.map((answer) => answer.is)).toEqual(['absent', 'folder', 'absent', 'other', 'absent', 'denied']);
  });

  it('lists, looks at and follows', () => {
    const at = (name: string): string => path.join(folder, name);
    const [names, stat, word, whole, dangling, space] = ask(
      { is: 'list', path: folder, max: 100 },
      { is: 'stat', path: at('long') },
      { is: 'link', path: at('link'), whole: false },
      { is: 'link', path: at('link'), whole: true },
      { is: 'stat', path: at('dangling') },
      { is: 'space', path: '/' },
    );
    expect(text(names).split('\n')).toEqual(expect.arrayContaining(['bytes', 'dangling', 'long']));
    expect(text(stat)).toMatch(/^81[0-9a-f]{2} 10000 \d+ \d+ \d+ \d+\n$/);
    expect([text(word), text(whole)]).toEqual(['long\n', `${at('long')}\n`]);
    expect(text(dangling)).toMatch(/^a1ff /);
    expect(text(space)).toMatch(/^\d+( \d+){5}\n$/);
  });

  it('answers every question, even one it does not know', () => {
    const run = spawnSync(argv[0] ?? '', [...argv.slice(1), '-s', '--', 'reboot', 'now', '-', 'zone', '-', '-'], {
      input: readScript,
    });
    expect(run.stdout.toString()).toMatch(/^@ begin\n@ 1 unknown\n@ 2 bytes\n/);
  });

  it('does nothing when its end is cut off', () => {
    for (const share of [0.3, 0.7, 0.99]) {
      const half = readScript.slice(0, Math.floor(readScript.length * share));
      const run = spawnSync(argv[0] ?? '', [...argv.slice(1), '-s', '--', 'zone', '-', '-'], { input: half });
      expect(run.stdout.toString()).toBe('');
    }
  });
});

describe('the script', () => {
  it.skipIf(spawnSync('shellcheck', ['--version']).status !== 0)('passes shellcheck', () => {
    const run = spawnSync('shellcheck', ['-s', 'sh', '-'], { input: readScript });
    expect(run.stdout.toString()).toBe('');
  });
});

describe('answers of a host', () => {
  const parse = (output: string, count = 1): readonly Answer[] => parseAnswers(new TextEncoder().encode(output), count);

  it('are read after what a login shell prints, in base64 or hex', () => {
    expect(text(parse('Welcome!\n@ begin\n@ 1 bytes\naGVs\nbG8=\n@ end\n')[0])).toBe('hello');
    expect(text(parse('@ begin\n@ 1 bytes\nx\n 68 65\n 6c 6c 6f\n@ end\n')[0])).toBe('hello');
  });

  it.each([
    ['nothing', ''],
    ['half an answer', '@ begin\n@ 1 bytes\naGVs\n'],
    ['another number of answers', '@ begin\n@ end\n'],
    ['answers out of order', '@ begin\n@ 2 bytes\naGVs\n@ end\n'],
    ['bytes that are none', '@ begin\n@ 1 bytes\n\u001b[2J\n@ end\n'],
    ['a word that is none', '@ begin\n@ 1 gladly\n@ end\n'],
  ])('are refused when they are %s', (_what, output) => {
    expect(() => parse(output)).toThrow(/cannot be read/);
  });
});

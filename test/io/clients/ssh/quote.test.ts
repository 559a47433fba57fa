import { execFileSync } from 'node:child_process';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { commandLine } from '../../../../src/io/clients/ssh/quote.ts';
import { limits } from '../../../../src/lib/limits.ts';

const script = 'main() { for one in "$@"; do printf "%s\\n" "$one"; done; }\nmain "$@"\n';
const heard = (args: readonly string[]): readonly string[] =>
  execFileSync('sh', ['-c', commandLine(args)], { input: script, encoding: 'utf8' })
    .split('\n')
    .slice(0, -1);

describe('arguments over SSH', () => {
  it('arrive as they were, whatever a shell would make of them', () => {
    const hostile = [
      '$(reboot)',
      '`id`',
      "it's",
      '"; rm -rf /',
      '*',
      '~root',
      '-n',
      '',
      'a  b',
      '#',
      '%s',
      '$HOME',
      'ü→',
      '&&',
      '|',
    ];
    expect(heard(hostile)).toEqual(hostile);
  });

  it('arrive as they were, whatever they are', () => {
    const word = fc
      .string({ unit: 'grapheme', maxLength: 40 })
      .filter((text) => !/[\p{Cc}\\!]/u.test(text) && text.isWellFormed());
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (args) => {
        expect(heard(args)).toEqual(args);
      }),
      { numRuns: 25 },
    );
  });

  it('are refused where shells have no common spelling for them', () => {
    for (const one of ['a\nb', 'a\0b', 'a\\b', 'hey!', '\u001b[2J', '\u009b'])
      expect(() => commandLine([one])).toThrow(/cannot be an argument/);
  });

  it('are refused when they are too long', () => {
    expect(() => commandLine(['x'.repeat(limits.sshCommandBytes)])).toThrow(/longer than/);
  });
});

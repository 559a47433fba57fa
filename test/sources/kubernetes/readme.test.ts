import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { metricNames, metricOf } from '../../../src/sources/kubernetes/signals/catalogue.ts';

test('the page lists every signal with what it is', () => {
  const page = readFileSync(new URL('../../../src/sources/kubernetes/README.md', import.meta.url), 'utf8');
  const lines = page.split('\n').map((line) => line.replace(/ +/g, ' '));
  for (const name of metricNames)
    expect(
      lines.some((line) => line.startsWith(`| \`${name}\` |`) && line.includes(metricOf(name).about)),
      name,
    ).toBe(true);
});

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, test } from 'vitest';

import { actedByLeave, alwaysNamed, neverSilent, replayed } from '../support/world/laws.ts';
import { parseWorld } from '../support/world/world-file.ts';
import { runWorld, transcriptOf } from '../support/world/world.ts';

const here = import.meta.dirname;
const names = readdirSync(here)
  .filter((name) => existsSync(path.join(here, name, 'world.yaml')))
  .sort();

describe('a night, simulated', () => {
  for (const name of names)
    test(name, async () => {
      const file = parseWorld(readFileSync(path.join(here, name, 'world.yaml'), 'utf8'));
      const world = await runWorld(file);
      const transcript = transcriptOf(world);
      const golden = path.join(here, name, 'expected.txt');
      if (process.env['UPDATE'] === '1') writeFileSync(golden, transcript);
      expect(transcript).toBe(readFileSync(golden, 'utf8'));
      expect(world.host.effects).toHaveLength(file.effects);
      const { breaches } = replayed(world);
      expect([...breaches, ...actedByLeave(world), ...alwaysNamed(world), ...neverSilent(world)]).toEqual([]);
    });

  test('in at least half of them nothing may be done', () => {
    const still = names.filter((name) =>
      /^effects: 0$/m.test(readFileSync(path.join(here, name, 'world.yaml'), 'utf8')),
    );
    expect(still.length * 2).toBeGreaterThanOrEqual(names.length);
  });
});

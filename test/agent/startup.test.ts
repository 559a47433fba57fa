import { readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, test } from 'vitest';

import { parseWorld } from '../support/world/world-file.ts';
import { runWorld } from '../support/world/world.ts';

const scenario = path.join(import.meta.dirname, '../scenarios/44-crash-after-the-link/world.yaml');

describe('starting after an act was cut off', () => {
  test('waits for no host that does not answer: the watch is ready, reads, and begins nothing on the target', async () => {
    const file = parseWorld(readFileSync(scenario, 'utf8'));
    const dies = file.events.findIndex((event) => event.start === true);
    expect(dies).toBeGreaterThan(0);
    const startsMs = file.events[dies]?.at ?? 0;
    // It ends two seconds after the second start: the probe of what was cut off is still waiting by then.
    const world = await runWorld(
      { ...file, lasts: startsMs + 2_000 },
      {
        bend: (parts) => ({
          ...parts,
          actions: Object.fromEntries(
            Object.entries(parts.actions).map(([name, kind]) => [
              name,
              parts.epoch === 1 ? kind : { ...kind, probe: () => new Promise<never>(() => undefined) },
            ]),
          ),
        }),
      },
    );
    const { daemon } = world;
    await daemon?.started;
    expect(world.clock.monotonicMs()).toBe(startsMs + 2_000);
    expect(daemon?.agent.readiness()).toEqual({ ready: true, reasons: [], stale: [] });
    expect(daemon?.agent.status().sources[0]?.lastAnswerMs).toBeGreaterThan(0);
    const running = daemon?.agent.status().running ?? [];
    expect(running).toHaveLength(1);
    expect(running[0]?.epoch).toBe(2);
    const intents = world.recorded.filter(({ draft }) => draft.type === 'step-intent');
    expect(intents).toHaveLength(1);
  });
});

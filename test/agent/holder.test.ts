import { readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, test } from 'vitest';

import { createHolder } from '../../src/agent/holder.ts';
import { noResources } from '../../src/agent/resources.ts';
import type { Source } from '../../src/domain/ports/source.ts';
import type { Service } from '../../src/domain/service.ts';
import { parseWorld } from '../support/world/world-file.ts';
import { runWorld, type World } from '../support/world/world.ts';

const named = (name: string): Service => ({
  name,
  labels: {},
  owner: { team: 't', escalate: 'oncall' },
  dependsOn: [],
  runsOn: [],
  telemetry: {},
  slos: [],
  // What makes it clash with a written one of the same name.
  origin: 'declared',
});

test('a set that does not go together with what was discovered changes nothing: neither resources nor catalog', () => {
  const holder = createHolder();
  holder.discovered([named('cart')]);
  const before = holder.catalog();
  expect(() => holder.prepare({ ...noResources, digest: 'new', services: [named('cart')] })).toThrow(
    'what is declared and what sources discover do not go together: there are two services named cart',
  );
  expect(holder.resources()).toBe(noResources);
  expect(holder.catalog()).toBe(before);
  holder.prepare({ ...noResources, digest: 'new', services: [named('shop')] })();
  expect(holder.resources().digest).toBe('new');
  expect(() => holder.discovered([named('shop')])).toThrow('two services named shop');
  expect([...holder.byName().keys()]).toEqual(['cart', 'shop']);
});

const scenario = path.join(import.meta.dirname, '../scenarios/02-healthy-deploy-warms-up/world.yaml');
const cart = readFileSync(path.join(import.meta.dirname, '../scenarios/base/cart.yaml'), 'utf8');

/** A night in which one more source discovers a service called cart between these times. */
async function night(events: readonly object[], fromMs: number, untilMs: number, lasts: number): Promise<World> {
  const file = parseWorld(readFileSync(scenario, 'utf8'));
  return runWorld(
    { ...file, lasts, events: events as typeof file.events },
    {
      bend: (parts, { clock }) => {
        const scout = {
          ...parts.sources[0],
          id: 'scout',
          traits: { metrics: false, logs: false, traces: false, changes: false, discovery: true },
          collect: () => Promise.resolve({ series: [], logs: [], changes: [], resources: [], findings: [], gaps: [] }),
          discover: () => {
            const now = clock.monotonicMs();
            return Promise.resolve(now >= fromMs && now < untilMs ? [named('cart')] : []);
          },
        } as unknown as Source;
        return { ...parts, sources: [...parts.sources, scout] };
      },
    },
  );
}

const minute = 60_000;
const told = (world: World, type: string): readonly string[] =>
  world.recorded.filter(({ draft }) => draft.type === type).map(({ draft }) => JSON.stringify(draft.payload ?? ''));

describe('what sources discover', () => {
  test('and what is written may clash: the old catalog stays, nothing is acted on, and everybody can see it', async () => {
    const file = parseWorld(readFileSync(scenario, 'utf8'));
    expect(file.use).toContain('checkout');
    // checkout-on-cart and cart are written; the scout says there is another cart from the second minute on.
    const world = await night([{ at: minute, files: { cart } }], 2 * minute, Infinity, 4 * minute);
    const status = world.daemon?.agent.status();
    expect(status?.resources.ok).toBe(false);
    expect(status?.resources.problems.join()).toContain('there are two services named cart');
    expect(status?.unwell.join()).toContain('do not go together');
    expect(status?.services.map(({ name }) => name)).toContain('cart');
    expect(await world.daemon?.agent.metrics()).toContain('watchkeeper_discovery_last_successful 0');
    expect(told(world, 'config-rejected')).toHaveLength(1);
    expect(world.logLines.join('')).toContain('what sources discover was refused');
  });

  test('stands in the way of new files until it is gone, and then they are taken by themselves', async () => {
    const blocked = await night([{ at: minute, files: { cart } }], 0, Infinity, 3 * minute);
    expect(blocked.daemon?.agent.status().resources.problems.join()).toContain('two services named cart');
    expect(told(blocked, 'config-rejected')).toHaveLength(1);
    const freed = await night([{ at: minute, files: { cart } }], 0, 3 * minute, 5 * minute);
    expect(freed.daemon?.agent.status().resources).toMatchObject({ ok: true, problems: [] });
    expect(freed.daemon?.composed.watch.resources().services.map(({ name }) => name)).toContain('cart');
    expect(told(freed, 'config-rejected')).toHaveLength(1);
  });
});

import { describe, expect, test } from 'vitest';

import { diagnose } from '../../src/diagnosis/index.ts';
import type { DiagnoseInput } from '../../src/diagnosis/index.ts';
import type { ResourceState } from '../../src/domain/telemetry.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { alertOn, change, inputOf, minute, now, onset, series, type World } from './world.ts';

const rollout = change('checkout', 1, {
  attributes: { hash: 'h2', diff: 'app.image: shop/checkout:v1 -> shop/checkout:v2' },
});

function workload(revisions: readonly JsonObject[], more: JsonObject = {}): ResourceState {
  return {
    ...{ kind: 'Deployment', id: 'shop/checkout', service: 'checkout', atMs: now - minute },
    attributes: { revisions, ...more },
  };
}

function pods(hash: string, count: number, troubled: number, reasons: readonly string[] = []): JsonObject {
  return { hash, current: hash === 'h2', pods: count, ready: count - troubled, troubled, reasons };
}

function worldWith(resources: readonly ResourceState[], world: Partial<World> = {}): DiagnoseInput {
  const made = inputOf({
    ...{ graph: { checkout: [] }, signal: 'crash_looping' },
    series: [series('checkout/crash_looping', 0, 3)],
    ...world,
  });
  return { ...made, snapshot: { ...made.snapshot, resources } };
}

describe('pods as evidence', () => {
  test('new pods that crash beside old ones that do not: the rollout did it, surely enough to go back', () => {
    const found = diagnose(
      worldWith([workload([pods('h1', 3, 0), pods('h2', 1, 1, ['crash-loop'])])], { changes: [rollout] }),
    );
    expect(found).toMatchObject({ verdict: 'conclusive', cause: 'change', changeId: rollout.id });
    expect(found.confidence).toBeGreaterThanOrEqual(0.7);
    expect(found.hypotheses[0]?.diff).toBe('app.image: shop/checkout:v1 -> shop/checkout:v2');
    expect(found.hypotheses[0]?.for[0]?.text).toBe(
      '1 of 1 pods that it brought are in trouble (crash-loop), and none of 3 earlier ones',
    );
  });

  test('old pods that crash just as well: not the rollout', () => {
    const found = diagnose(
      worldWith([workload([pods('h1', 3, 3, ['crash-loop']), pods('h2', 1, 1, ['crash-loop'])])], {
        changes: [rollout],
      }),
    );
    expect(found.changeId).toBeUndefined();
  });

  test('a state that is too old says nothing', () => {
    const old = { ...workload([pods('h1', 3, 0), pods('h2', 1, 1, ['crash-loop'])]), atMs: now - 10 * minute };
    const found = diagnose(worldWith([old], { changes: [rollout] }));
    expect(JSON.stringify(found)).not.toContain('that it brought');
  });

  test('containers killed for lack of memory, and nothing was changed: memory', () => {
    const why = 'container app of pod checkout-1 was killed for lack of memory, limit 128 MiB';
    const state = workload([pods('h1', 3, 2, ['crash-loop'])], { oomKilled: [why] });
    const memory = series('checkout/memory_of_limit', 0.5, 0.99);
    const found = diagnose(
      worldWith([state], { series: [series('checkout/oom_kills', 0, 1), memory], signal: 'oom_kills' }),
    );
    expect(found).toMatchObject({ verdict: 'conclusive', cause: 'resource' });
    expect(found.hypotheses[0]?.title).toBe('checkout: it ran out of memory');
  });

  test('what the watch did itself a moment ago is not what is blamed when it was not enough', () => {
    const why = 'container app of pod checkout-1 was killed for lack of memory, limit 2048 MiB';
    const state = workload([pods('h2', 3, 3, ['crash-loop'])], { oomKilled: [why] });
    const causeWith = (actor: string): string =>
      diagnose(
        worldWith([state], {
          series: [series('checkout/oom_kills', 0, 1)],
          signal: 'oom_kills',
          changes: [{ ...rollout, actor }],
        }),
      ).cause;
    expect(causeWith('ci')).toBe('change');
    expect(causeWith('watchkeeper')).not.toBe('change');
  });

  test('a node in trouble explains the pods on it, and is not even thought of for others', () => {
    const ill = (name: string, node: string): ResourceState => ({
      ...{ kind: 'Pod', id: `shop/${name}`, service: 'checkout', atMs: now - minute },
      attributes: { trouble: 'probes', node },
    });
    const state = workload([pods('h1', 4, 2, ['probes'])], { nodes: ['n1', 'n2'] });
    const made = worldWith([state, ill('a', 'n1'), ill('b', 'n1')], {
      hosts: ['node-n1', 'node-n3'],
      alerts: [alertOn('node-n1', 'node_pressure'), alertOn('node-n3', 'node_pressure')],
      series: [series('checkout/probes_failing', 0, 2), series('node-n1/node_memory', 0.5, 0.99, onset - minute)],
      changes: [change('checkout', 50)],
      signal: 'probes_failing',
    });
    const services = made.catalog.services.map((service) =>
      service.name.startsWith('node-')
        ? { ...service, labels: { kind: 'host', node: service.name.slice(5) } }
        : service,
    );
    const found = diagnose({ ...made, catalog: { ...made.catalog, services } });
    expect(found).toMatchObject({ cause: 'host', service: 'node-n1' });
    expect(found.hypotheses.map(({ service }) => service)).not.toContain('node-n3');
  });
});

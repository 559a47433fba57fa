import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { budgetOf, buildCatalog } from '../../src/catalog/index.ts';
import type { Catalog } from '../../src/catalog/index.ts';
import type { Service } from '../../src/domain/service.ts';

const service = (name: string, dependsOn: readonly string[] = [], more: Partial<Service> = {}): Service => ({
  name,
  labels: {},
  owner: { team: 'shop', escalate: 'default' },
  dependsOn,
  runsOn: [],
  telemetry: {},
  slos: [],
  origin: 'declared',
  ...more,
});

const catalogOf = (...services: readonly Service[]): Catalog => {
  const built = buildCatalog(services);
  if (!built.ok) throw new Error(built.issues.map((issue) => issue.message).join());
  return built.value;
};

const faults = (...services: readonly Service[]) => {
  const built = buildCatalog(services);
  return built.ok ? [] : built.issues;
};

describe('buildCatalog', () => {
  const shop = catalogOf(
    service('web', ['cart', 'search']),
    service('cart', ['db']),
    service('search', ['db']),
    service('db'),
  );

  test('answers who needs whom, near and far, with distances', () => {
    expect(shop.dependenciesOf('web')).toEqual(['cart', 'search']);
    expect(shop.dependentsOf('db')).toEqual(['cart', 'search']);
    expect(shop.neighbours('cart')).toEqual(['db', 'web']);
    expect(shop.allDependenciesOf('web')).toEqual([
      { name: 'cart', hops: 1 },
      { name: 'search', hops: 1 },
      { name: 'db', hops: 2 },
    ]);
    expect(shop.allDependenciesOf('web', 1).map((found) => found.name)).toEqual(['cart', 'search']);
    expect(shop.allDependentsOf('db').at(-1)).toEqual({ name: 'web', hops: 2 });
    expect(shop.dependenciesOf('nobody')).toEqual([]);
  });

  test('selects by label and name', () => {
    const catalog = catalogOf(
      service('a', [], { labels: { tier: 'critical' } }),
      service('b', [], { labels: { tier: 'low' } }),
    );
    expect(catalog.selected({ tier: ['critical'] }).map((found) => found.name)).toEqual(['a']);
    expect(catalog.selected({ name: 'b*' }).map((found) => found.name)).toEqual(['b']);
  });

  test('names the whole circle when services depend on each other', () => {
    const issues = faults(service('a', ['b']), service('b', ['c']), service('c', ['a']), service('d', ['a']));
    expect(issues).toHaveLength(1);
    expect(issues[0]).toEqual({
      path: ['a', 'spec', 'dependsOn', 0],
      message: 'services depend on each other in a circle: a -> b -> c -> a',
    });
  });

  test('refuses an unknown dependency and suggests the nearest service', () => {
    expect(faults(service('web', ['chekout']), service('checkout'))).toMatchObject([
      { path: ['web', 'spec', 'dependsOn', 0], suggestion: 'checkout' },
    ]);
  });

  test('refuses two declarations of one service', () => {
    expect(faults(service('a'), service('a'))[0]?.message).toContain('two services named a');
  });

  test('merges the declared over the discovered, member by member', () => {
    const seen = service('a', ['b'], {
      origin: 'discovered',
      labels: { env: 'prod', tier: 'low' },
      telemetry: { errors: { source: 'k8s', unit: 'ratio', nature: 'ratio', query: {} } },
    });
    const merged = catalogOf(seen, service('a', [], { labels: { tier: 'critical' } }), service('b')).get('a');
    expect(merged).toMatchObject({ origin: 'declared', labels: { env: 'prod', tier: 'critical' }, dependsOn: ['b'] });
    expect(merged?.telemetry['errors']?.source).toBe('k8s');
  });

  test('leaves out a discovered dependency that is not watched or would close a circle, and says so', () => {
    const catalog = catalogOf(service('a', ['b']), service('b', ['a', 'stripe'], { origin: 'discovered' }));
    expect(catalog.dependenciesOf('b')).toEqual([]);
    expect(catalog.ignored).toEqual([
      { service: 'b', dependency: 'a', because: 'it would close a circle' },
      { service: 'b', dependency: 'stripe', because: 'it is not watched' },
    ]);
  });

  test('any graph is either refused or free of circles, whatever the order it is read in', () => {
    const graph = fc.array(fc.tuple(fc.nat(7), fc.nat(7), fc.boolean()), { maxLength: 20 });
    fc.assert(
      fc.property(graph, fc.nat(), (edges, turn) => {
        const services = Array.from({ length: 8 }, (_, at) =>
          service(
            `s${at}`,
            [...new Set(edges.filter(([from, to]) => from === at && to !== at).map(([, to]) => `s${to}`))],
            {
              origin: edges[at]?.[2] === true ? 'discovered' : 'declared',
            },
          ),
        );
        const built = buildCatalog(services);
        const by = turn % 8;
        const again = buildCatalog([...services.slice(by), ...services.slice(0, by)]);
        expect(again.ok).toBe(built.ok);
        if (!built.ok || !again.ok) return;
        expect(again.value.services).toEqual(built.value.services);
        for (const { name } of built.value.services)
          expect(built.value.allDependenciesOf(name).map((found) => found.name)).not.toContain(name);
      }),
    );
  });
});

describe('budgetOf', () => {
  const slo = { name: 'availability', objective: 0.99, windowMs: 100 * 60_000, errors: 'errors' };
  const minutes = (count: number, ratio: (at: number) => number, fromMs = 0) =>
    Array.from({ length: count }, (_, at) => ({ tMs: fromMs + (at + 1) * 60_000, v: ratio(at) }));

  test('gives what is left and how fast it burns', () => {
    const budget = budgetOf(
      slo,
      minutes(100, (at) => (at >= 90 ? 0.05 : 0)),
      100 * 60_000,
      { burnWindowMs: 600_000 },
    );
    expect(budget.remaining).toBeCloseTo(0.5);
    expect(budget.burn).toBeCloseTo(5);
    expect(budget.coverage).toBeCloseTo(1);
  });

  test('is negative when overspent', () => {
    expect(
      budgetOf(
        slo,
        minutes(100, () => 0.02),
        100 * 60_000,
      ).remaining,
    ).toBeCloseTo(-1);
  });

  test('does not know what was not seen: no samples, or too few', () => {
    expect(budgetOf(slo, [], 100 * 60_000)).toMatchObject({ remaining: undefined, burn: undefined, coverage: 0 });
    const late = budgetOf(
      slo,
      minutes(20, () => 0, 80 * 60_000),
      100 * 60_000,
      { burnWindowMs: 600_000 },
    );
    expect(late.remaining).toBeUndefined();
    expect(late.burn).toBe(0);
    expect(late.because).toContain('has been seen');
  });

  test('an hour without samples is a hole, not an hour of health', () => {
    const holed = minutes(100, () => 0.05).filter((sample) => sample.tMs < 20 * 60_000 || sample.tMs > 80 * 60_000);
    const budget = budgetOf(slo, holed, 100 * 60_000, { minCoverage: 0.3 });
    expect(budget.coverage).toBeLessThan(0.5);
    expect(budget.remaining).toBeCloseTo(-4);
  });
});

import { describe, expect, test } from 'vitest';

import { alertOn, change, diagnoseWorld, logs, minute, now, onset, series } from './world.ts';
import type { World } from './world.ts';

const graph = { checkout: ['db', 'cart'], cart: ['db'] };
const well = [series('db/latency', 0.01), series('cart/errors', 0.004), series('checkout/traffic', 100)];
const broken = series('checkout/errors', 0.004, 0.3);
const panic = logs('checkout', 'panic: nil pointer in PriceCalculator.discount at cart line 42');

describe('the deploy is the cause', () => {
  const worlds: Readonly<Record<string, World>> = {
    'errors and a new kind of panic right after it, all else well': {
      ...{ graph, changes: [change('checkout', 1)], series: [broken, ...well], logs: panic },
    },
    'the detector holds it against it, without any logs': {
      ...{ graph, changes: [change('checkout', 1)], series: [broken, ...well], changeId: 'checkout@1' },
    },
    'new instances are bad where old ones are not': {
      graph,
      changes: [change('checkout', 3)],
      series: [
        broken,
        series('checkout/errors', 0.004, 0.3, onset, { version: 'v2' }),
        series('checkout/errors', 0.004, 0.004, onset, { version: 'v1' }),
      ],
    },
    'its text names what the new errors name': {
      graph,
      changes: [
        change('checkout', 6, {
          attributes: { message: 'rework discount tiers', diff: '+ const tier = PriceCalculator.discount(cart)' },
        }),
        change('checkout', 2, {
          id: 'other',
          attributes: { message: 'docs: explain the footer', files: 'docs/footer.md' },
        }),
      ],
      series: [broken, ...well],
      logs: panic,
    },
    'a limit moved with it, and filled up some minutes later': {
      graph,
      changes: [change('checkout', 8)],
      series: [broken, series('checkout/pool_max', 50, 10, onset - 8 * minute + 1, {}, 0), ...well],
      logs: logs('checkout', 'pool exhausted: timed out acquiring connection'),
    },
    'it was a deploy of a dependency, which went bad first': {
      graph,
      changes: [change('db', 2)],
      series: [
        broken,
        series('db/errors', 0.001, 0.4, onset - minute),
        series('cart/errors', 0.004, 0.2),
        series('checkout/traffic', 100),
      ],
      logs: [
        ...logs('db', 'FATAL: syntax error in migration 0042', 12, onset - minute),
        ...logs('checkout', 'call to db failed'),
      ],
    },
    'it was a config change': {
      graph,
      changes: [
        change('checkout', 1, {
          kind: 'config',
          what: '/etc/checkout/app.yaml',
          attributes: { message: 'discount rules path' },
        }),
      ],
      series: [broken, ...well],
      logs: logs('checkout', 'cannot load discount rules: file not found'),
    },
  };
  test.each(Object.entries(worlds))('%s', (_, world) => {
    const diagnosis = diagnoseWorld(world);
    expect(diagnosis).toMatchObject({ verdict: 'conclusive', cause: 'change', changeId: world.changes?.[0]?.id });
    expect(diagnosis.confidence).toBeGreaterThanOrEqual(0.7);
  });
});

describe('the deploy is not the cause, however recent', () => {
  const deploy = change('checkout', 2);
  const worlds: Readonly<Record<string, World & { readonly cause: string; readonly service: string }>> = {
    'a dependency is down, and the errors name it': {
      ...{ graph, changes: [deploy], cause: 'dependency', service: 'db' },
      series: [broken, series('db/errors', 0.001, 0.6, onset - minute), series('cart/errors', 0.004, 0.004)],
      logs: logs('checkout', 'could not connect to db: connection refused'),
      alerts: [alertOn('db', 'errors')],
    },
    'traffic surged': {
      ...{ graph, changes: [], cause: 'traffic', service: 'checkout', signal: 'latency' },
      series: [
        series('checkout/latency', 0.1, 1.2),
        series('checkout/traffic', 100, 600, onset - minute),
        series('checkout/cpu', 0.4, 0.93),
        series('db/latency', 0.01),
      ],
    },
    'the disk of the machine is full': {
      ...{ graph, hosts: ['machine'], changes: [deploy], cause: 'resource', service: 'checkout' },
      series: [broken, series('checkout/disk', 0.8, 1, onset - minute, {}, 0), series('db/latency', 0.01)],
      logs: logs('checkout', 'write /var/lib/checkout/spool: no space left on device'),
    },
    'the machine is overloaded, and unrelated services with it': {
      graph: { ...graph, mail: [] },
      ...{ hosts: ['machine'], changes: [], cause: 'host', service: 'machine', signal: 'latency' },
      series: [
        series('checkout/latency', 0.1, 1),
        series('machine/cpu', 0.3, 0.99, onset - minute, {}, 0.001),
        series('mail/latency', 0.1, 0.9),
        series('db/latency', 0.01),
      ],
      alerts: [alertOn('machine', 'cpu')],
    },
    'a provider outside is down': {
      ...{ graph, changes: [deploy], cause: 'external', service: 'checkout' },
      series: [broken, ...well],
      logs: logs('checkout', 'POST https://api.payments-provider.com/v1/charges returned 503'),
      alerts: [{ ...alertOn('provider', 'status'), kind: 'external' }],
    },
    'a certificate has expired': {
      ...{ graph, changes: [deploy], cause: 'external', service: 'checkout' },
      series: [broken, ...well],
      logs: logs('checkout', 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid'),
    },
    'names do not resolve': {
      ...{ graph, changes: [deploy], cause: 'external', service: 'checkout' },
      series: [broken, ...well],
      logs: logs('checkout', 'getaddrinfo ENOTFOUND ledger.example.com'),
    },
  };
  test.each(Object.entries(worlds))('%s', (_, { cause, service, ...world }) => {
    const diagnosis = diagnoseWorld(world);
    expect(diagnosis.hypotheses[0]).toMatchObject({ cause, service });
    expect(diagnosis.changeId).toBeUndefined();
  });

  test('it was made after the trouble began: ruled out, with the sentence', () => {
    const { hypotheses, changeId } = diagnoseWorld({
      graph,
      changes: [change('checkout', -3)],
      series: [broken, ...well],
      logs: panic,
    });
    expect(changeId).toBeUndefined();
    expect(hypotheses.find((one) => one.cause === 'change')).toMatchObject({
      confidence: 0,
      ruledOut: expect.stringMatching(/3m after the trouble began|before it$/),
    });
  });

  test('it was of a service that the root has nothing to do with', () => {
    const { hypotheses } = diagnoseWorld({
      graph: { ...graph, mail: [] },
      changes: [change('mail', 1)],
      series: [broken, ...well],
      logs: panic,
    });
    expect(hypotheses.find((one) => one.cause === 'change')?.ruledOut).toContain(
      'neither depends on mail nor is called by it',
    );
  });

  test('it only coincides: no mechanism, and no detector holds it against it', () => {
    const noop = change('checkout', 1, { attributes: { message: 'docs: fix a typo', files: 'README.md' } });
    const diagnosis = diagnoseWorld({ graph, changes: [noop], series: [broken, ...well], logs: [] });
    expect(diagnosis.hypotheses.find((one) => one.changeId === noop.id)?.confidence ?? 0).toBeLessThan(0.7);
  });

  test('old and new instances are equally bad', () => {
    const both = ['v1', 'v2'].map((version) => series('checkout/errors', 0.004, 0.3, onset, { version }));
    const { hypotheses } = diagnoseWorld({
      graph,
      changes: [change('checkout', 2)],
      series: [broken, ...both, ...well],
    });
    expect(
      hypotheses
        .find((one) => one.cause === 'change')
        ?.against.map((one) => one.text)
        .join(),
    ).toContain('where it was applied');
    expect(hypotheses.find((one) => one.cause === 'change')?.confidence).toBeLessThan(0.5);
  });

  test('another service of the same hour was deployed with a mechanism', () => {
    const diagnosis = diagnoseWorld({
      graph,
      changes: [change('checkout', 1), change('db', 3)],
      series: [broken, series('db/errors', 0.001, 0.5, onset - 2 * minute), series('cart/errors', 0.004, 0.2)],
      logs: [
        ...logs('db', 'relation "orders" does not exist', 12, onset - 2 * minute),
        ...logs('checkout', 'db answered with an error'),
      ],
    });
    expect(diagnosis.hypotheses[0]).toMatchObject({ cause: 'change', changeId: 'db@3' });
  });

  test('errors of the new kind came before it', () => {
    const { hypotheses } = diagnoseWorld({
      graph,
      changes: [change('checkout', -0.5)],
      series: [broken, ...well],
      logs: panic,
    });
    expect(hypotheses.find((one) => one.cause === 'change')?.ruledOut).toContain('before it');
  });
});

describe('not knowing', () => {
  test('nothing was read: inconclusive, with what would decide', () => {
    const diagnosis = diagnoseWorld({ graph });
    expect(diagnosis).toMatchObject({ verdict: 'inconclusive', cause: 'unknown', service: 'checkout' });
    expect(diagnosis.needed).toContain("samples of checkout's own signals");
  });

  test('recency alone, with no data at all, never reaches 0.7', () => {
    const { hypotheses } = diagnoseWorld({ graph, changes: [change('checkout', 1)] });
    expect(hypotheses[0]?.confidence).toBeLessThan(0.7);
  });

  test('a deploy that is merely recent leaves the verdict open, however well all else is', () => {
    const diagnosis = diagnoseWorld({ graph, changes: [change('checkout', 1)], series: [broken, ...well] });
    expect(diagnosis).toMatchObject({ verdict: 'inconclusive', cause: 'unknown' });
    expect(diagnosis.hypotheses[0]).toMatchObject({ changeId: 'checkout@1' });
  });

  test('gaps lower confidence and are named', () => {
    const world: World = { graph, changes: [change('checkout', 1)], series: [broken, ...well], logs: panic };
    const gaps = ['prom', 'loki', 'k8s'].map((source) => ({
      ...{
        source,
        reason: 'timeout' as const,
        message: 'no answer in 3s',
        fromMs: onset - 60 * minute,
        untilMs: now,
        service: 'checkout',
      },
    }));
    const full = diagnoseWorld(world);
    const holed = diagnoseWorld({ ...world, gaps });
    expect(holed.confidence).toBeLessThan(full.confidence - 0.1);
    expect(holed.gaps.map((gap) => gap.source).sort()).toEqual(['k8s', 'loki', 'prom']);
  });

  test('gaps of services that are not involved do not count', () => {
    const world: World = {
      graph: { ...graph, mail: [] },
      changes: [change('checkout', 1)],
      series: [broken, ...well],
      logs: panic,
    };
    const gap = {
      source: 'prom',
      reason: 'timeout' as const,
      message: 'x',
      fromMs: onset,
      untilMs: now,
      service: 'mail',
    };
    expect(diagnoseWorld({ ...world, gaps: [gap] })).toEqual(diagnoseWorld(world));
  });

  test('two changes at one moment with nothing to tell them apart are not told apart', () => {
    const pair = [change('checkout', 1, { id: 'a' }), change('checkout', 1, { id: 'b' })];
    const diagnosis = diagnoseWorld({ graph, changes: pair, series: [broken, ...well], logs: panic });
    expect(diagnosis.verdict).toBe('inconclusive');
    expect(diagnosis.needed).toContain('tells');
  });

  test('a signal that flaps gives no onset to hang a change on', () => {
    const flapping = {
      ...broken,
      samples: broken.samples.map((sample, at) => ({ ...sample, v: at % 6 < 3 ? 0.3 : 0.004 })),
    };
    const diagnosis = diagnoseWorld({ graph, changes: [change('checkout', 40)], series: [flapping, ...well] });
    expect(diagnosis.hypotheses.find((one) => one.cause === 'change')?.confidence ?? 0).toBeLessThan(0.7);
  });
});

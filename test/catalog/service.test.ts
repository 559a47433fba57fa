import { describe, expect, test } from 'vitest';

import { inferNature, parseBackstage, parseService, serviceSchema } from '../../src/catalog/index.ts';
import type { ResourceDocument } from '../../src/domain/document.ts';
import type { Json } from '../../src/lib/json.ts';

const doc = (spec: Json, name = 'checkout'): ResourceDocument => ({
  apiVersion: 'watchkeeper.dev/v1alpha1',
  kind: 'Service',
  metadata: { name, labels: { tier: 'critical', team: 'payments' } },
  spec,
});

const faults = (spec: Json) => {
  const parsed = parseService(doc(spec));
  return parsed.ok ? [] : parsed.issues;
};

describe('parseService', () => {
  test('reads owner, dependencies, places, telemetry and objectives', () => {
    const parsed = parseService(
      doc({
        owner: { team: 'payments', escalate: 'payments-oncall' },
        dependsOn: ['payments-db', 'cart'],
        runsOn: [
          {
            host: {
              unit: 'checkout.service',
              process: { pidFile: '/run/checkout.pid' },
              releases: { root: '/srv/checkout/releases', current: '/srv/checkout/current' },
              health: 'http://127.0.0.1:8080/healthz',
              logs: ['/var/log/checkout/*.log'],
              config: ['/etc/checkout'],
            },
          },
          { kubernetes: { namespace: 'shop', deployment: 'checkout' } },
        ],
        telemetry: {
          errors: { source: 'prom', query: 'sum(rate(x[1m]))', unit: 'ratio' },
          latency: { source: 'aws', metric: { namespace: 'AWS/ApplicationELB' }, unit: 's' },
        },
        slos: [{ name: 'availability', objective: '99.9%', window: '30d', errors: 'errors' }],
      }),
    );
    expect(parsed.ok && parsed.value).toMatchObject({
      owner: { team: 'payments', escalate: 'payments-oncall' },
      dependsOn: ['payments-db', 'cart'],
      runsOn: [
        { on: 'host', host: { unit: 'checkout.service', releases: { current: '/srv/checkout/current' } } },
        {
          on: 'kubernetes',
          kubernetes: {
            cluster: 'kubernetes',
            namespace: 'shop',
            workload: { kind: 'Deployment', name: 'checkout' },
          },
        },
      ],
      telemetry: {
        errors: { source: 'prom', unit: 'ratio', nature: 'ratio', query: { query: 'sum(rate(x[1m]))' } },
        latency: { nature: 'latency', query: { metric: { namespace: 'AWS/ApplicationELB' } } },
      },
      slos: [{ name: 'availability', objective: 0.999, windowMs: 2_592_000_000, errors: 'errors' }],
      origin: 'declared',
    });
  });

  test('needs nothing but a name: the team comes from the label', () => {
    const parsed = parseService(doc({}));
    expect(parsed.ok && parsed.value.owner).toEqual({ team: 'payments', escalate: 'default' });
  });

  test('names an unknown key with its path from the root and the nearest known one', () => {
    expect(faults({ dependsOm: [] })).toMatchObject([
      { path: ['spec', 'dependsOm'], suggestion: 'dependsOn', atKey: true },
    ]);
    expect(faults({ runsOn: [{ host: { unti: 'x' } }] })[0]).toMatchObject({
      path: ['spec', 'runsOn', 0, 'host', 'unti'],
    });
  });

  test('refuses a place with two platforms, with none, or with a misspelt one', () => {
    expect(faults({ runsOn: [{}] })[0]?.message).toContain('exactly one platform');
    expect(faults({ runsOn: [{ host: {}, kubernetes: { namespace: 'shop', job: 'x' } }] })[0]?.message).toContain(
      'exactly one platform',
    );
    expect(faults({ runsOn: [{ hots: { unit: 'x.service' } }] })[0]?.message).toContain('did you mean host?');
    expect(faults({ runsOn: [{ kubernets: { namespace: 'shop' } }] })[0]?.message).toContain(
      'did you mean kubernetes?',
    );
  });

  test('refuses a place in a cluster with no workload or two', () => {
    const named = (kubernetes: object) => faults({ runsOn: [{ kubernetes: { namespace: 'shop', ...kubernetes } }] });
    expect(named({})[0]?.message).toContain('exactly one workload');
    expect(named({ deployment: 'a', job: 'b' })[0]?.message).toContain('exactly one workload');
    expect(named({ deployment: 'Not_A_Name' })[0]?.message).toContain('as Kubernetes takes it');
  });

  test.each([
    [{ runsOn: [{ host: { unit: '--now' } }] }, 'systemd unit'],
    [{ runsOn: [{ host: { logs: ['var/log/x'] } }] }, 'absolute path'],
    [{ runsOn: [{ host: { health: 'file:///etc/passwd' } }] }, 'http or https'],
    [{ slos: [{ name: 'a', objective: '100%', window: '30d', errors: 'e' }] }, 'between 0 and 1'],
    [{ slos: [{ name: 'a', objective: 0.9, window: 'a month', errors: 'e' }] }, 'must be a duration'],
    [{ dependsOn: ['checkout'] }, 'cannot depend on itself'],
    [{ dependsOn: ['a', 'a'] }, 'named twice'],
  ])('refuses %j, saying %s', (spec, message) => {
    expect(
      faults(spec)
        .map((issue) => issue.message)
        .join(),
    ).toContain(message);
  });

  test('refuses an objective over a signal that is not measured, and suggests one that is', () => {
    const telemetry = { errors: { source: 'prom', unit: 'ratio' } };
    expect(faults({ telemetry, slos: [{ name: 'a', objective: '99%', window: '7d', errors: 'erors' }] })).toMatchObject(
      [{ path: ['spec', 'slos', 0, 'errors'], suggestion: 'errors' }],
    );
  });

  test('prints a JSON Schema for editors', () => {
    expect(serviceSchema.jsonSchema()).toMatchObject({ type: 'object', additionalProperties: false });
  });
});

test.each([
  ['errors', 'ratio', 'ratio'],
  ['errors', '1', 'ratio'],
  ['latency', 's', 'latency'],
  ['p99', 'ms', 'latency'],
  ['traffic', '1/s', 'rate'],
  ['disk', 'ratio', 'gauge'],
  ['cpu', '%', 'gauge'],
  ['memory', 'By', 'gauge'],
  ['up', '1', 'state'],
  ['queue_age', 's', 'gauge'],
])('the signal %s in %s is taken for a %s', (signal, unit, nature) => {
  expect(inferNature(signal, unit)).toBe(nature);
});

describe('parseBackstage', () => {
  const entity = {
    apiVersion: 'backstage.io/v1alpha1',
    kind: 'Component',
    metadata: {
      name: 'cart',
      labels: { tier: 'important' },
      annotations: { 'watchkeeper.dev/escalate': 'shop' },
      tags: ['x'],
    },
    spec: {
      type: 'service',
      lifecycle: 'production',
      owner: 'group:default/shop',
      dependsOn: ['component:default/stock', 'resource:cart-db'],
    },
  };

  test('makes a discovered service of a component', () => {
    expect(parseBackstage(entity)).toEqual({
      ok: true,
      value: {
        name: 'cart',
        labels: { type: 'service', lifecycle: 'production', tier: 'important' },
        owner: { team: 'shop', escalate: 'shop' },
        dependsOn: ['cart-db', 'stock'],
        runsOn: [],
        telemetry: {},
        slos: [],
        origin: 'discovered',
      },
    });
  });

  test('passes over other kinds, and refuses what is not Backstage', () => {
    expect(parseBackstage({ ...entity, kind: 'API' })).toEqual({ ok: true, value: undefined });
    expect(parseBackstage({ ...entity, apiVersion: 'v1' }).ok).toBe(false);
  });
});

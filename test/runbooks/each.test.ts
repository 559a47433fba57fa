import { describe, expect, test } from 'vitest';

import { assemblePlan, checkConditions, lintRunbook, ofInstance, resolveSteps } from '../../src/runbooks/index.ts';
import type { Observation } from '../../src/domain/remediation.ts';
import type { Series } from '../../src/domain/telemetry.ts';
import type { Json } from '../../src/lib/json.ts';
import * as z from 'zod';
import { schemaOf } from '../../src/lib/schema.ts';
import { actions, change, facts, issuesOf, NOW, parse, rollBack } from './world.ts';

const onHosts = {
  actions: new Map([
    ...actions,
    [
      'test.restart',
      { ...actions.get('host.service-restart')!, params: schemaOf(z.strictObject({ host: z.string() })) },
    ],
  ]),
};
const step = {
  id: 'restart',
  each: '{{ change.instances }}',
  do: 'test.restart',
  with: { host: '{{ each }}' },
} as const;
const looked = { ...step, between: [{ expect: 'errors < baseline', within: '5m', for: '1m' }] };
const written = (one: Json, more: object = {}): Json => ({ ...rollBack, require: [], steps: [one], ...more });
const hosts = (...instances: readonly string[]) => facts({ change: change({ instances }) });

function resolved(spec: Json, of = hosts('web-2', 'web-1')) {
  const parsed = parse(spec, onHosts);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return resolveSteps(parsed.value, of, onHosts);
}

const problems = (spec: Json, of = hosts('web-1')): string => {
  const made = resolved(spec, of);
  return made.ok ? '' : made.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n');
};

describe('a step that is done for each', () => {
  test('is a step for each item, in order, with a name, parameters and looks of its own', () => {
    const made = resolved(written(looked));
    expect(made.ok && made.value.steps).toMatchObject([
      { id: 'restart[web-2]', params: { host: 'web-2' }, each: { step: 'restart', item: 'web-2' } },
      { id: 'restart[web-1]', params: { host: 'web-1' }, each: { step: 'restart', item: 'web-1' } },
    ]);
    expect(made.ok && made.value.steps[0]?.between).toEqual([
      { expect: 'errors < baseline', withinMs: 300_000, forMs: 60_000 },
    ]);
  });

  test('is planned for each item once', () => {
    const made = resolved(written(looked), hosts('web-1', 'web-1'));
    expect(made.ok && made.value.steps).toHaveLength(1);
  });

  test('asks what the whole runbook requires once, and what the step requires each time', () => {
    const spec = written({ ...looked, require: ["each != 'web-9'"] }, { require: ['!change.irreversible'] });
    const made = resolved(spec);
    expect(made.ok && made.value.steps.map((one) => one.require)).toEqual([
      ['!change.irreversible', "each != 'web-9'"],
      ["each != 'web-9'"],
    ]);
  });

  test('may be done for names that are written down', () => {
    const made = resolved(written({ ...looked, each: ['canary', 'web-1', 'canary'] }));
    expect(made.ok && made.value.steps.map((one) => one.id)).toEqual(['restart[canary]', 'restart[web-1]']);
  });

  test('knows its item in its conditions', () => {
    const observation = {
      target: { kind: 'unit', id: 'web-1/shop.service', service: 'shop', labels: {} },
      ...{ atMs: NOW, facts: { running: true }, stateHash: 's' },
      blast: { touched: 1, total: 1, healthyAfter: 0, targets: [], dependents: [] },
    } satisfies Observation;
    const [outcome] = checkConditions(
      { id: 'restart[web-1]', require: ["each == 'web-1'"], abortIf: [], each: { step: 'restart', item: 'web-1' } },
      { ...hosts('web-1'), observation, signals: {} },
    );
    expect(outcome?.outcome).toBe('true');
  });

  test.each([
    ['of nothing', hosts(), 'spec.steps.0.each: {{ change.instances }} is empty, so there is nothing to do it for'],
    ['where nothing is known', facts(), 'spec.steps.0.each: {{ change.instances }}: '],
    ['of an option', hosts('-oProxyCommand=x'), 'which is not the name of a host'],
    ['of a command', hosts('web-1; reboot'), 'which is not the name of a host'],
    ['of a template', hosts('{{ x }}'), 'which is not the name of a host'],
    ['of an empty name', hosts(''), 'which is not the name of a host'],
    [
      'of more than a plan holds',
      hosts(...Array.from({ length: 51 }, (_, at) => `w${at}`)),
      'has 51 items, and a plan has at most 50',
    ],
  ])('makes no plan %s', (_of, of, why) => {
    expect(problems(written(looked), of)).toContain(why);
  });

  test('makes no plan of more steps than a plan holds together', () => {
    const spec = { ...rollBack, require: [], steps: [looked, { ...looked, id: 'again' }] };
    expect(problems(spec, hosts(...Array.from({ length: 30 }, (_, at) => `w${at}`)))).toContain('come to 60');
  });

  test.each([
    [{ ...step, each: 'web-1' }, 'must be a list, or one expression that gives one'],
    [{ ...step, each: '{{ change.to }}' }, 'the expression must be a list'],
    [{ ...step, each: '{{ change.instnces }}' }, 'change has no field "instnces" (instances?)'],
    [{ ...step, each: ['-x'] }, 'is not the name of a host or instance'],
    [{ ...step, each: '{{ each }}' }, 'unknown name "each"'],
    [{ id: 'restart', do: 'test.restart', with: { host: '{{ each }}' } }, 'unknown name "each"'],
    [{ ...looked, between: [{ expect: 'errors < 1' }] }, 'spec.steps.0.between.0: needs either within'],
    [{ ...looked, between: [{ expect: '1 < 2', at: '1m' }] }, 'names no signal'],
    [{ ...looked, between: [] }, 'spec.steps.0.between'],
  ] as const)('%#: what cannot be meant is refused when it is read', (one, why) => {
    expect(issuesOf(written(one as unknown as Json), onHosts).join('\n')).toContain(why);
  });

  test('is worth a word where nobody looks between', () => {
    const lint = (one: Json): readonly string[] => {
      const parsed = parse(written(one), onHosts);
      return parsed.ok ? lintRunbook(parsed.value) : ['not parsed'];
    };
    expect(lint(step)).toEqual([expect.stringContaining('step restart is done for each, and nobody looks between')]);
    expect(lint(looked)).toEqual([]);
  });

  test('is in the plan whole: what is done for one host more is another plan', () => {
    const idOf = (...names: readonly string[]): string => {
      const made = resolved(written(looked), hosts(...names));
      if (!made.ok) throw new Error('not resolved');
      const target = { kind: 'unit', id: 'x', service: 'shop', labels: {} };
      const blast = { touched: 1, total: 3, healthyAfter: 2, targets: [], dependents: [] };
      const observation = { target, atMs: NOW, facts: {}, stateHash: 's', blast };
      const plan = assemblePlan({
        resolved: made.value,
        looked: Object.fromEntries(
          made.value.steps.map(({ id }) => [id, { target, observation, preview: { describe: '', diff: [] } }]),
        ),
        ...{ incidentId: 'i', service: 'shop', diagnosisId: 'd', because: '', proposedBy: 'x', asOfMs: NOW },
      });
      return plan.ok ? plan.value.id : '';
    };
    expect(new Set([idOf('web-1'), idOf('web-1', 'web-2'), idOf('web-2', 'web-1')]).size).toBe(3);
  });
});

describe('the signals of one host', () => {
  const series = (signal: string, labels: Series['labels']): Series => ({
    ...{ key: `${signal}${JSON.stringify(labels)}`, source: 's', service: 'shop', signal, labels },
    ...{ unit: '1', nature: 'gauge', samples: [] },
  });
  const all = [
    series('errors', { host: 'web-1' }),
    series('errors', { host: 'web-2' }),
    series('errors', {}),
    series('latency', { instance: 'web-1:9100' }),
    series('traffic', {}),
  ];
  test('are those that tell of it, and of signals that tell of no host the whole', () => {
    expect(ofInstance(all, 'web-1').map((one) => one.key)).toEqual([
      'errors{"host":"web-1"}',
      'latency{"instance":"web-1:9100"}',
      'traffic{}',
    ]);
    expect(ofInstance(all, 'web-3').map((one) => one.signal)).toEqual(['traffic']);
  });
});

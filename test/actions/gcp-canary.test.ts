import { afterAll, beforeAll, expect, it } from 'vitest';

import type { GcpPlace } from '../../src/domain/places.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { lookAtGroups } from '../../src/sources/gcp/look/groups.ts';
import { actionContract } from '../contract/action.ts';
import { fakeGcp } from '../sources/gcp/fake-gcp.ts';
import { kindOf, startOperator, type OperatorWorld } from '../support/gcp/operator.ts';
import { gcpWorld } from '../support/gcp/world.ts';

const world = gcpWorld();
let hands: OperatorWorld;

beforeAll(async () => {
  hands = await startOperator(world);
});

afterAll(async () => {
  await hands.close();
  expect(hands.server.violations).toEqual([]);
});

const rollback = kindOf('gcp.mig-rollback');
const place: GcpPlace = {
  ...{ source: 'gcp', location: 'europe-west1', resource: { is: 'instance-group', name: 'web' } },
};
const templates = 'https://www.googleapis.com/compute/v1/projects/shop-prod/global/instanceTemplates/';

interface Canary {
  group: JsonObject;
  readonly patched: JsonObject[];
}

/** Ten instances, of which the second template has some; as Compute Engine it says what each share comes to. */
function canary(wanted: JsonObject = { percent: 20 }, more: JsonObject = {}): Canary {
  const at: Canary = {
    group: {
      ...{ name: 'web', targetSize: 10, currentActions: { none: 10 }, status: { isStable: true }, fingerprint: 'f' },
      updatePolicy: { type: 'PROACTIVE', maxUnavailable: { fixed: 1, calculated: 1 } },
      versions: [
        { instanceTemplate: `${templates}web-1`, targetSize: { calculated: 8 } },
        { instanceTemplate: `${templates}web-2`, targetSize: { ...wanted, calculated: 2 } },
      ],
      ...more,
    },
    patched: [],
  };
  world.others.set('compute regionInstanceGroupManagers.get', () => at.group);
  world.others.set('compute regionInstanceGroupManagers.patch', ({ message }) => {
    const given = message['instanceGroupManagerResource'] as { readonly versions: readonly JsonObject[] };
    at.patched.push({ versions: [...given.versions] });
    at.group = { ...at.group, versions: given.versions.map(withCount) };
    return { name: 'op', status: 'RUNNING' };
  });
  return at;
}

function withCount(one: JsonObject, _index: number, { length }: readonly JsonObject[]): JsonObject {
  const wanted = one['targetSize'] as JsonObject | undefined;
  const calculated = length === 1 ? 10 : wanted === undefined ? 8 : 2;
  return { ...one, targetSize: { ...wanted, calculated } };
}

const blamed = { toTemplate: 'web-1', from: 'web-1@80%+web-2@20%' };

for (const wanted of [{ percent: 20 }, { fixed: 2 }])
  actionContract(`gcp.mig-rollback of a canary of ${JSON.stringify(wanted)}`, {
    kind: rollback,
    set: () => {
      const at = canary(wanted);
      const seen = (): Promise<unknown> => Promise.resolve(structuredClone(at.group));
      return Promise.resolve({
        ...{ params: blamed, world: seen, restorable: seen, remove: () => Promise.resolve() },
        context: (signal?: AbortSignal, timeoutMs?: number) => hands.context(place, signal, timeoutMs),
        effects: () => Promise.resolve(at.patched.length),
      });
    },
    probeTells: true,
    refused: {
      'nobody is blamed': { toTemplate: 'web-1' },
      'the template is blamed that all others are of': { toTemplate: 'web-1', from: 'web-1' },
      'the way is to the canary itself': { toTemplate: 'web-2', from: 'web-2' },
      'the way is to a third template': { toTemplate: 'web-0', from: 'web-2' },
    },
  });

it('takes a canary that is blamed by its template back to the template of the others, and touches its instances alone', async () => {
  const at = canary();
  const params = { toTemplate: 'web-1', from: 'web-2' };
  const seen = await rollback.observe(params, hands.context(place));
  expect(seen.blast).toMatchObject({ touched: 2, total: 10, healthyNow: 10, healthyAfter: 9 });
  expect(rollback.preview(params, seen).diff).toEqual([
    'gcp/europe-west1/instance-group/web template: web-1+web-2=20% → web-1',
  ]);
  await rollback.run(params, rollback.before(params, seen), 'k', hands.context(place));
  expect(at.patched).toEqual([{ versions: [{ instanceTemplate: `${templates}web-1` }] }]);
});

it('leaves two templates alone of which none is the rest of the other', async () => {
  const versions = ['web-1', 'web-2'].map((name) => ({
    ...{ instanceTemplate: `${templates}${name}`, targetSize: { fixed: 5, calculated: 5 } },
  }));
  canary({}, { versions });
  const params = { toTemplate: 'web-1', from: 'web-2' };
  const seen = await rollback.observe(params, hands.context(place));
  expect(() => rollback.preview(params, seen)).toThrow(/2 versions at once/);
});

it('knows a canary by the very words that changes have for it', async () => {
  const { group } = canary();
  const watched = { service: 'web', project: 'shop-prod', place };
  const { states } = await lookAtGroups(
    [watched],
    fakeGcp(() => group),
    new AbortController().signal,
  );
  expect(states.get(watched)?.template).toBe(blamed.from);
  const seen = await rollback.observe(blamed, hands.context(place));
  expect(seen.facts['template']).toBe(blamed.from);
});

import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { IncidentView } from '../../src/agent/index.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { until } from './peers/peers.ts';
import { operate, type Operated } from './support/operator.ts';
import { deployment } from './support/workloads.ts';

const stuckNode = 'node-3';

/** A node in trouble is drained by the whole daemon, and the disruption budgets of what runs there have the last word. */
describe('the daemon as it drains a node', () => {
  let shop: Operated;
  beforeAll(async () => {
    const prepare: Parameters<typeof operate>[1] = async (cluster) => {
      await cluster.apply([
        ...Array.from({ length: 12 }, (_, index) => deployment(`calm-${index}`, 'shop/calm:v1', { replicas: 1 })),
        deployment('guarded', 'shop/guarded:v1'),
        pinned(deployment('stuck', 'shop/stuck:v1', { replicas: 1 }), stuckNode),
        budget('guarded', 3),
        budget('stuck', 1),
      ]);
      for (const name of ['guarded', 'stuck'])
        await cluster.kubectl(['-n', 'shop', 'rollout', 'status', `deployment/${name}`, '--timeout=60s']);
    };
    const runbooks = { 'drain-ill-node': drain({}, '10m'), 'drain-stuck-node': drain({ node: stuckNode }, '20s') };
    shop = await operate(policy, prepare, { nodes: 4, runbooks });
  }, 300_000);
  afterAll(() => (shop as Operated | undefined)?.stop());

  const podsOf = async (app: string): Promise<readonly Pod[]> =>
    (await shop.cluster.read<{ readonly items: readonly Pod[] }>('-n', 'shop', 'pods', '-l', `app=${app}`)).items;
  const isCordoned = async (node: string): Promise<boolean> =>
    (await shop.cluster.read<Node>('node', node)).spec.unschedulable === true;
  const pressure = (node: string, status: 'True' | 'False'): Promise<string> => {
    const condition = {
      type: 'MemoryPressure',
      status,
      reason: 'Played',
      lastTransitionTime: new Date().toISOString(),
    };
    const patch = JSON.stringify({ status: { conditions: [condition] } });
    return shop.cluster.kubectl(['patch', 'node', node, '--subresource=status', '--type=strategic', '-p', patch]);
  };
  const allowed = (name: string, many: number): Promise<void> =>
    until(
      `the budget of ${name} allows ${many}`,
      async () => (await shop.cluster.read<Budget>('-n', 'shop', `pdb/${name}`)).status.disruptionsAllowed === many,
      60_000,
    );
  // How the API server answered each time that this pod was to be evicted.
  const answers = (pod: string): readonly (number | undefined)[] =>
    shop
      .asked('hand')
      .filter(({ objectRef }) => objectRef?.subresource === 'eviction' && objectRef.name === pod)
      .map(({ responseStatus }) => responseStatus?.code);

  test(
    'it is held by a budget that allows nothing, goes on when there is one again, and is verified',
    { timeout: 300_000 },
    async () => {
      await allowed('guarded', 0);
      const pod = (await podsOf('guarded')).find(({ spec }) => spec.nodeName !== stuckNode);
      const { name, uid } = pod?.metadata ?? { name: '', uid: '' };
      const node = pod?.spec.nodeName ?? '';
      await pressure(node, 'True');
      const isHeld = (): boolean => answers(name).filter((code) => code === 429).length >= 3;
      const held = await shop.becomes(`node-${node}`, 'it is held', isHeld, 120_000);
      expect(held.executions.map(({ plan, status }) => [plan.runbook.name, status])).toEqual([
        ['drain-ill-node', 'running'],
      ]);
      expect(await isCordoned(node)).toBe(true);
      expect((await podsOf('guarded')).map(({ metadata }) => metadata.uid)).toContain(uid);
      expect(answers(name)).not.toContain(201);

      const watch = watchHealth(() => shop.cluster.read<Budget>('-n', 'shop', 'pdb/guarded'));
      await shop.cluster.apply(budget('guarded', 2));
      await until('its pods have gone', async () => (await podsOn(shop, node)).length === 0, 120_000);
      await pressure(node, 'False');
      const over = await shop.becomes(`node-${node}`, 'it is over', isOver, 180_000);
      expect(await watch.end()).toBeGreaterThanOrEqual(2);
      expect(over.executions.map(({ status, verification }) => [status, verification?.status])).toEqual([
        ['succeeded', 'passed'],
      ]);
      expect(answers(name).at(-1)).toBe(201);
      expect((await podsOf('guarded')).filter(({ metadata }) => metadata.uid === uid)).toEqual([]);
      // It stays cordoned until somebody lets pods come again.
      expect(await isCordoned(node)).toBe(true);
      expect(over.executions[0]?.plan.steps[0]?.diff).toContain(`Pod shop/${name}: evicted`);
      expect(JSON.parse(await shop.cli('ledger', 'verify', '--output', 'json'))).toMatchObject({ ok: true });
    },
  );

  test(
    'where the budget never allows it, the pod stays, the node takes pods again, and people are told why',
    { timeout: 300_000 },
    async () => {
      const [pod] = await podsOf('stuck');
      await pressure(stuckNode, 'True');
      const view = await shop.becomes(
        `node-${stuckNode}`,
        'people are told',
        ({ executions, file }) =>
          executions.some(({ endedAtMs }) => endedAtMs !== undefined) && file?.noticed.length !== 0,
        180_000,
      );
      expect(view.executions.map(({ plan, status }) => [plan.runbook.name, status])).toEqual([
        ['drain-stuck-node', 'undone'],
      ]);
      expect(view.executions[0]?.steps[0]?.message).toMatch(/disruption budget/);
      const notice = /An act did not help.*node-node-3.*disruption budget/s;
      await until('the notice says so', () => notice.test(shop.daemon.said()));
      expect((await podsOf('stuck')).map(({ metadata }) => metadata.uid)).toEqual([pod?.metadata.uid]);
      expect(new Set(answers(pod?.metadata.name ?? ''))).toEqual(new Set([429]));
      expect(await isCordoned(stuckNode)).toBe(false);
    },
  );
});

const policy: JsonObject = {
  allow: [
    {
      actions: ['kubernetes.node-drain'],
      autonomy: 'act',
      bounds: { pods: '50%', parallel: 1, perHour: 20, perDay: 50 },
    },
  ],
};

function drain(labels: JsonObject, timeout: string): JsonObject {
  return {
    summary: 'Empty a node that runs short of memory, as disruption budgets allow',
    services: labels,
    priority: 10,
    when: "!has(service.workload) && incident.signals.exists(signal, signal == 'node_pressure')",
    steps: [{ id: 'drain', do: 'kubernetes.node-drain', with: { keepNodes: 1 }, timeout }],
    verify: [{ expect: 'node_pressure == 0', within: '5m', for: '2s' }],
    onFail: ['undo', 'escalate'],
    attempts: { per: 'target', max: 1, in: '6h' },
  };
}

function budget(app: string, minAvailable: number): JsonObject {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: app, namespace: 'shop' },
    spec: { minAvailable, selector: { matchLabels: { app } } },
  };
}

function pinned(workload: JsonObject, node: string): JsonObject {
  const { spec, ...rest } = workload as JsonObject & { readonly spec: JsonObject & { readonly template: JsonObject } };
  const inside = spec.template['spec'] as JsonObject;
  const nodeSelector = { 'kubernetes.io/hostname': node };
  return { ...rest, spec: { ...spec, template: { ...spec.template, spec: { ...inside, nodeSelector } } } };
}

async function podsOn({ cluster }: Operated, node: string): Promise<readonly Pod[]> {
  const of = ['pods', '-A', '--field-selector', `spec.nodeName=${node}`] as const;
  return (await cluster.read<{ readonly items: readonly Pod[] }>(...of)).items;
}

/** Looks again and again; ends with the fewest that were healthy at once. */
function watchHealth(read: () => Promise<Budget>): { end(): Promise<number> } {
  const stop = new AbortController();
  const looking = (async () => {
    let least = Number.POSITIVE_INFINITY;
    while (!stop.signal.aborted) {
      least = Math.min(least, (await read()).status.currentHealthy);
      await pause(250);
    }
    return least;
  })();
  return {
    end: () => {
      stop.abort();
      return looking;
    },
  };
}

function isOver({ incident, executions }: IncidentView): boolean {
  return incident.status === 'resolved' && executions.every((one) => one.endedAtMs !== undefined);
}

interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: { readonly nodeName?: string };
}

interface Node {
  readonly spec: { readonly unschedulable?: boolean };
}

interface Budget {
  readonly status: { readonly disruptionsAllowed: number; readonly currentHealthy: number };
}

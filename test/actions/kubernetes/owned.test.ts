import { describe, expect, test } from 'vitest';

import { actionKinds } from '../../../src/actions/index.ts';
import type { ActionContext, ActionKind } from '../../../src/domain/ports/action.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { kubeStage, serviceOn, type KubeStage } from './stage.ts';

const undo = actionKinds['kubernetes.rollout-undo'] as ActionKind;
const suspend = actionKinds['kubernetes.flux-suspend'] as ActionKind;
const cordon = actionKinds['kubernetes.node-cordon'] as ActionKind;

function fluxOwned(): KubeStage {
  const at = kubeStage();
  at.cluster.patch(
    'Deployment',
    { namespace: 'shop', name: 'web' },
    {
      metadata: {
        labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' },
      },
    },
  );
  at.put({
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { namespace: 'flux-system', name: 'apps' },
    spec: {},
  });
  return at;
}

async function planned(kind: ActionKind, context: ActionContext, given: JsonObject = {}) {
  const parsed = kind.params.parse(given);
  if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
  const observed = await kind.observe(parsed.value, context);
  const preview = kind.preview(parsed.value, observed);
  const before = kind.before(parsed.value, observed);
  return { preview, observed, run: () => kind.run(parsed.value, before, 'k', context) };
}

describe('a workload of Flux', () => {
  test('is not put back while Flux would revert it', async () => {
    const at = fluxOwned();
    await expect(planned(undo, at.context())).rejects.toThrow(/Flux Kustomization flux-system\/apps would revert this/);
  });

  test('is put back behind a step that suspends Flux', async () => {
    const at = fluxOwned();
    const second = await planned(undo, at.context(), { afterSuspend: true });
    expect(second.preview.diff.join()).toContain('shop:v3 → shop:v2');
    expect(await (await planned(suspend, at.context())).run()).toMatchObject({ is: 'done' });
    expect(await second.run()).toMatchObject({ is: 'done' });
    expect(JSON.stringify(at.template())).toContain('shop:v2');
  });

  test('is left alone when Flux acts by then after all', async () => {
    const at = fluxOwned();
    const second = await planned(undo, at.context(), { afterSuspend: true });
    expect(await second.run()).toMatchObject({
      is: 'failed',
      message: expect.stringContaining('would revert this') as string,
    });
    expect(at.hands.effects).toEqual([]);
  });

  test('that a controller of its own makes cannot be held by suspending anything', async () => {
    const at = kubeStage();
    at.cluster.patch(
      'Deployment',
      { namespace: 'shop', name: 'web' },
      {
        metadata: {
          ownerReferences: [{ apiVersion: 'kafka.strimzi.io/v1', kind: 'Kafka', name: 'events', controller: true }],
        },
      },
    );
    await expect(planned(undo, at.context(), { afterSuspend: true })).rejects.toThrow(/would revert this/);
  });
});

describe('a node that is a service of its own', () => {
  const nodeService = (more: JsonObject = {}) => ({
    ...serviceOn(),
    ...{ name: 'node-n1', labels: { kind: 'host', node: 'n1', cluster: 'kubernetes' } },
    ...more,
  });
  const short = {
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'DiskPressure', status: 'True' },
    ],
  };

  test('is the one that is cordoned, and it says why', async () => {
    const at = kubeStage();
    at.cluster.patch('Node', { name: 'n1' }, { status: short });
    const { preview, observed, run } = await planned(cordon, { ...at.context(), service: nodeService() });
    expect(preview.describe).toBe('keep new pods off node n1 (n1 is under DiskPressure)');
    expect(observed.target).toMatchObject({ kind: 'Node', id: 'kubernetes/n1' });
    expect(await run()).toMatchObject({ is: 'done' });
    expect(at.cluster.find('Node', { name: 'n1' })?.['spec']).toMatchObject({ unschedulable: true });
  });

  test('does not have another node cordoned', async () => {
    const at = kubeStage();
    const context = { ...at.context(), service: nodeService() };
    await expect(planned(cordon, context, { node: 'n2' })).rejects.toThrow('node-n1 is node n1, not n2');
  });

  test('cannot be declared: labels that people write make no node', async () => {
    const at = kubeStage();
    const context = { ...at.context(), service: nodeService({ origin: 'declared' }) };
    await expect(planned(cordon, context)).rejects.toThrow(WatchkeeperError);
  });
});

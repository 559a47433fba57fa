import { describe, expect, test } from 'vitest';

import { WatchkeeperError } from '../../../src/lib/errors.ts';
import { refusal } from '../../support/virtual-kubernetes.ts';
import { crashed, never, nodeObject, openShop } from './shop.ts';

const pod = 'checkout-h1-0';

describe('what is wrong, and why', () => {
  test('a healthy workload is measured, and nothing is wrong with it', async () => {
    const shop = openShop();
    shop.deploy('v1');
    const { series, gaps } = await shop.collect();
    expect(gaps).toEqual([]);
    const values = Object.fromEntries(
      series.filter(({ service }) => service === 'checkout.shop').map(({ signal, samples }) => [signal, samples[0]?.v]),
    );
    expect(values).toEqual({
      ...{ availability: 1, replicas_desired: 3, rollout_stuck: 0, restarts: 0, crash_looping: 0, oom_kills: 0 },
      ...{
        image_pull_failing: 0,
        start_failing: 0,
        probes_failing: 0,
        pods_unschedulable: 0,
        pods_pending: 0,
        evictions: 0,
      },
    });
  });

  test('a crash loop says which container, how often, its exit code and its last words', async () => {
    const shop = openShop();
    shop.deploy('v1');
    await shop.collect();
    shop.cluster.log({ namespace: 'shop', name: pod }, 'app', '2026-01-01T00:00:01.5Z fatal: no DATABASE_URL\n', true);
    shop.container(pod, crashed(4, shop.clock.nowMs(), 3));
    await shop.clock.advance(100);
    const { v, note } = await shop.read('crash_looping');
    expect(v).toBe(1);
    expect(note).toBe(
      'container app of pod checkout-h1-0 was restarted 4 times: it ended with Error, exit code 3; it last wrote: fatal: no DATABASE_URL',
    );
    expect((await shop.read('restarts')).v).toBe(4);
  });

  test('a container that crashed thrice counts as crashing until it has run for two minutes', async () => {
    const shop = openShop();
    shop.deploy('v1');
    await shop.collect();
    const running = { state: { running: { startedAt: new Date(shop.clock.nowMs()).toISOString() } }, ready: true };
    shop.container(pod, { ...crashed(3, shop.clock.nowMs()), ...running });
    expect((await shop.read('crash_looping')).v).toBe(1);
    await shop.clock.advance(120_000);
    expect((await shop.read('crash_looping')).v).toBe(0);
  });

  test('an OOM kill is told once, with the limit that was reached', async () => {
    const shop = openShop();
    shop.deploy('v1', { memory: '128Mi' });
    await shop.collect();
    shop.container(pod, crashed(1, shop.clock.nowMs(), 137, 'OOMKilled'));
    const told = await shop.read('oom_kills');
    expect(told).toEqual({
      v: 1,
      note: 'container app of pod checkout-h1-0 was killed for lack of memory, limit 128 MiB',
    });
    expect((await shop.read('oom_kills')).v).toBe(0);
  });

  test.each([
    ['image_pull_failing', 'ImagePullBackOff', 'gets no image (ImagePullBackOff)'],
    ['start_failing', 'CreateContainerConfigError', 'cannot be started (CreateContainerConfigError)'],
  ])('%s: %s', async (signal, reason, words) => {
    const shop = openShop();
    shop.deploy('v1');
    await shop.collect();
    shop.container(pod, { state: { waiting: { reason, message: 'because of it' } } });
    const { v, note } = await shop.read(signal);
    expect(v).toBe(1);
    expect(note).toContain(`${words}: because of it`);
  });

  test('a pod that runs and does not become ready has failing probes, with what the kubelet said of them', async () => {
    const shop = openShop();
    shop.deploy('v1');
    await shop.collect();
    const startedAt = new Date(shop.clock.nowMs()).toISOString();
    shop.container(pod, { state: { running: { startedAt } } });
    expect((await shop.read('probes_failing')).v).toBe(0);
    await shop.clock.advance(60_000);
    const uid = shop.cluster.find('Pod', { namespace: 'shop', name: pod })?.metadata.uid ?? '';
    shop.cluster.put({
      ...{ apiVersion: 'v1', kind: 'Event', metadata: { name: 'e1', namespace: 'shop' }, type: 'Warning' },
      ...{ reason: 'Unhealthy', message: 'Readiness probe failed: HTTP probe failed with statuscode: 503' },
      ...{ involvedObject: { kind: 'Pod', name: pod, uid }, lastTimestamp: new Date(shop.clock.nowMs()).toISOString() },
    });
    const { v, note } = await shop.read('probes_failing');
    expect(v).toBe(1);
    expect(note).toContain('statuscode: 503');
  });

  test('a pod that fits nowhere says why, in the scheduler’s words', async () => {
    const shop = openShop();
    shop.deploy('v1');
    await shop.collect();
    shop.cluster.patch(
      'Pod',
      { namespace: 'shop', name: pod },
      {
        status: {
          ...{ phase: 'Pending', containerStatuses: [] },
          conditions: [
            {
              type: 'PodScheduled',
              status: 'False',
              reason: 'Unschedulable',
              message: '0/3 nodes: Insufficient memory',
            },
          ],
        },
      },
    );
    const { v, note } = await shop.read('pods_unschedulable');
    expect([v, note]).toEqual([1, `pod ${pod} fits nowhere: 0/3 nodes: Insufficient memory`]);
  });

  test('a rollout past its deadline is stuck, with the controller’s words and the first trouble', async () => {
    const shop = openShop();
    shop.deploy('v1');
    await shop.collect();
    const progressing = {
      type: 'Progressing',
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: 'timed out',
    };
    shop.cluster.patch(
      'Deployment',
      { namespace: 'shop', name: 'checkout' },
      {
        status: { availableReplicas: 1, conditions: [progressing] },
      },
    );
    shop.container(pod, { state: { waiting: { reason: 'ErrImagePull' } } });
    expect(await shop.read('rollout_stuck')).toMatchObject({
      v: 1,
      note: expect.stringMatching(/^timed out; container app .* gets no image/),
    });
    expect(await shop.read('availability')).toEqual({ v: 1 / 3, note: '1 of 3 replicas are available' });
  });

  test('a node that is not ready or under pressure is a service of its own', async () => {
    const shop = openShop();
    shop.deploy('v1');
    await shop.collect();
    shop.cluster.put(
      nodeObject('node-1', [
        { type: 'Ready', status: 'Unknown', message: 'Kubelet stopped posting node status.' },
        { type: 'MemoryPressure', status: 'True' },
      ]),
    );
    expect(await shop.read('node_ready', 'node-node-1')).toEqual({
      v: 0,
      note: 'node node-1: Kubelet stopped posting node status.',
    });
    expect((await shop.read('node_pressure', 'node-node-1')).note).toBe('node node-1 is under MemoryPressure');
  });

  test('an evicted pod, a full autoscaler and a failed Job are told', async () => {
    const shop = openShop();
    shop.deploy('v1');
    shop.cluster.put({
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'checkout', namespace: 'shop' },
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'checkout' }, minReplicas: 2, maxReplicas: 3 },
      status: {
        ...{ currentReplicas: 3, desiredReplicas: 3 },
        conditions: [{ type: 'ScalingLimited', status: 'True', reason: 'TooManyReplicas' }],
      },
    });
    shop.cluster.put({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'migrate', namespace: 'shop' },
      spec: {},
      status: {
        conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: 'too often' }],
      },
    });
    await shop.collect();
    shop.cluster.patch(
      'Pod',
      { namespace: 'shop', name: pod },
      {
        status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' },
      },
    );
    expect(await shop.read('evictions')).toMatchObject({
      v: 1,
      note: expect.stringMatching(/low on resource: memory/),
    });
    expect(await shop.read('autoscaler_saturated')).toMatchObject({
      v: 1,
      note: expect.stringMatching(/maximum of 3 replicas/),
    });
    expect(await shop.read('jobs_failing', 'migrate.shop')).toMatchObject({
      v: 1,
      note: 'Job migrate failed: BackoffLimitExceeded: too often',
    });
  });

  test('usage comes from metrics.k8s.io, once for each time it was measured', async () => {
    const shop = openShop({ usage: true });
    shop.deploy('v1', { memory: '100Mi' });
    const timestamp = new Date(shop.clock.nowMs()).toISOString();
    const usage = (memory: string) => ({ name: 'app', usage: { cpu: '250m', memory } });
    shop.cluster.serve('/apis/metrics.k8s.io/v1beta1/pods', {
      items: [
        { metadata: { namespace: 'shop', name: pod }, timestamp, containers: [usage('50Mi')] },
        { metadata: { namespace: 'shop', name: 'checkout-h1-1' }, timestamp, containers: [usage('90Mi')] },
      ],
    });
    shop.cluster.serve('/apis/metrics.k8s.io/v1beta1/nodes', {
      items: [{ metadata: { name: 'node-1' }, timestamp, usage: { cpu: '2', memory: '4Gi' } }],
    });
    await shop.services();
    await shop.clock.advance(10);
    const { series } = await shop.collect();
    const value = (signal: string) => series.find((one) => one.signal === signal)?.samples[0]?.v;
    expect([value('cpu'), value('memory'), value('memory_of_limit')]).toEqual([0.25, 70 * 2 ** 20, 0.9]);
    expect([value('node_cpu'), value('node_memory')]).toEqual([0.5, 0.5]);
    await shop.clock.advance(5_000);
    expect((await shop.collect()).series.filter(({ signal }) => signal === 'memory')).toEqual([]);
  });
});

describe('what is not known', () => {
  test('a forbidden kind is one gap for people and one for each signal that needs it; the rest goes on', async () => {
    const shop = openShop();
    shop.deploy('v1');
    shop.cluster.fault = (call) => (call.resource === 'pods' && call.verb === 'watch' ? refusal(call) : undefined);
    const services = await shop.services();
    await shop.clock.advance(20_000);
    const { series, gaps } = await shop.collect({ services });
    const own = series.filter(({ service }) => service === 'checkout.shop').map(({ signal }) => signal);
    expect(own.sort()).toEqual(['availability', 'replicas_desired', 'rollout_stuck']);
    const told = gaps.find(({ signal }) => signal === 'pods');
    expect(told).toMatchObject({ reason: 'unauthorized' });
    expect(told?.message).toContain('cannot watch resource "pods"');
    expect(gaps.some(({ service, signal }) => service === 'checkout.shop' && signal === 'crash_looping')).toBe(true);
  });

  test('a server that is gone is no health: after a grace nothing is told any more, and gaps say why', async () => {
    const shop = openShop();
    shop.deploy('v1');
    await shop.collect();
    const services = await shop.services();
    const gone = new WatchkeeperError('unreachable', 'connection refused');
    shop.cluster.fault = () => gone;
    shop.cluster.endWatches(gone);
    await shop.clock.advance(5_000);
    expect((await shop.collect({ services })).series.length).toBeGreaterThan(0);
    await shop.clock.advance(20_000);
    const { series, gaps } = await shop.collect({ services });
    expect(series).toEqual([]);
    expect(gaps.find(({ service, signal }) => service === 'checkout.shop' && signal === 'availability')).toMatchObject({
      reason: 'unreachable',
    });
  });

  test('a workload that was deleted is missing, not well', async () => {
    const shop = openShop();
    shop.deploy('v1');
    await shop.collect();
    const services = await shop.services();
    shop.cluster.remove('Deployment', { namespace: 'shop', name: 'checkout' });
    await shop.clock.advance(5_000);
    const { gaps } = await shop.collect({ services });
    expect(gaps).toContainEqual(
      expect.objectContaining({ reason: 'missing', message: 'Deployment shop/checkout is not in the cluster' }),
    );
  });

  test('what the cluster does not offer and need not (cert-manager) is no gap', async () => {
    const shop = openShop();
    shop.deploy('v1');
    shop.cluster.fault = ({ resource }) =>
      resource === 'certificates' ? new WatchkeeperError('not-found', '404') : undefined;
    expect((await shop.collect()).gaps).toEqual([]);
  });
});

test('news: a change in the cluster wakes the reader at once, and only what is new is given', async () => {
  const shop = openShop();
  shop.deploy('v1');
  await shop.collect();
  const services = await shop.services();
  await shop.clock.advance(3_900);
  await shop.collect({ services });
  let woken = false;
  void shop.source.news?.(never).then(() => (woken = true));
  await shop.clock.advance(10);
  expect(woken).toBe(false);
  shop.container(pod, { state: { waiting: { reason: 'ErrImagePull' } } });
  await shop.clock.advance(10);
  expect(woken).toBe(true);
  const { series } = await shop.collect({ services });
  expect(series.map(({ signal, samples }) => [signal, samples[0]?.v])).toEqual([['image_pull_failing', 1]]);
});

import { beforeEach, describe, expect, test } from 'vitest';

import { WatchkeeperError } from '../../../src/lib/errors.ts';
import { limits } from '../../../src/lib/limits.ts';
import { createInformer, type Informer } from '../../../src/sources/kubernetes/informer/informer.ts';
import { createTable, type Table } from '../../../src/sources/kubernetes/informer/table.ts';
import { watchedKinds } from '../../../src/sources/kubernetes/kinds.ts';
import type { PodRecord } from '../../../src/sources/kubernetes/records/pod.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { virtualClock, type VirtualClock } from '../../support/virtual-clock.ts';
import { refusal, virtualCluster, type VirtualCluster } from '../../support/virtual-kubernetes.ts';
import { openShop, podObject } from './shop.ts';

let clock: VirtualClock;
let cluster: VirtualCluster;
let table: Table<PodRecord>;
let informer: Informer;
let seen: string[];
let stop: AbortController;

beforeEach(() => {
  clock = virtualClock();
  cluster = virtualCluster(clock);
  seen = [];
  stop = new AbortController();
  table = createTable<PodRecord>(10_000, (before, after) => {
    seen.push(`${before === undefined ? '+' : after === undefined ? '-' : '~'}${(after ?? before)?.name ?? ''}`);
  });
  informer = createInformer({
    ...{ kind: watchedKinds.pods, table, reader: cluster.reader(), clock, random: seededRandom(1) },
    onNews: () => undefined,
  });
});

async function started(): Promise<Promise<void>> {
  const running = informer.run(stop.signal);
  await clock.advance(10);
  return running;
}

function pod(index: number) {
  return podObject('web', 'h1', index, 'set');
}

describe('an informer', () => {
  test('lists by page, then follows what happens', async () => {
    for (let index = 0; index < 1_200; index++) cluster.put(pod(index));
    void started();
    await clock.advance(100);
    expect(table.size).toBe(1_200);
    expect(cluster.calls.filter(({ verb }) => verb === 'list')).toHaveLength(3);
    cluster.put(pod(1_200));
    cluster.remove('Pod', { namespace: 'shop', name: 'web-h1-0' });
    await clock.advance(10);
    expect(seen.slice(-2)).toEqual(['+web-h1-1200', '-web-h1-0']);
    stop.abort();
  });

  test('goes on from its last version when the server ends the watch, and lists nothing again', async () => {
    cluster.put(pod(0));
    void started();
    await clock.advance(10);
    for (let round = 1; round <= 5; round++) {
      cluster.endWatches();
      cluster.put(pod(round));
      await clock.advance(10);
    }
    expect(table.size).toBe(6);
    expect(informer.status()).toMatchObject({ state: 'fresh', lists: 1, watches: 6 });
    stop.abort();
  });

  test('lists anew when its version expired, and tells what came and went meanwhile', async () => {
    cluster.put(pod(0));
    cluster.put(pod(1));
    void started();
    await clock.advance(10);
    cluster.endWatches(new WatchkeeperError('unreachable', 'connection reset'));
    await clock.advance(0);
    cluster.remove('Pod', { namespace: 'shop', name: 'web-h1-0' });
    cluster.put(pod(2));
    cluster.compact();
    await clock.advance(5_000);
    expect([...table.all()].map(({ name }) => name).sort()).toEqual(['web-h1-1', 'web-h1-2']);
    expect(seen).toContain('-web-h1-0');
    expect(informer.status().lists).toBe(2);
    stop.abort();
  });

  test('survives a server that is down, asking at growing and capped distances', async () => {
    cluster.put(pod(0));
    void started();
    await clock.advance(10);
    const before = cluster.calls.length;
    cluster.fault = () => new WatchkeeperError('unreachable', 'connection refused');
    cluster.endWatches(new WatchkeeperError('unreachable', 'connection reset'));
    await clock.advance(120_000);
    const asked = cluster.calls.length - before;
    expect(asked).toBeGreaterThan(8);
    expect(asked).toBeLessThan(60);
    expect(informer.status()).toMatchObject({ state: 'failing', fault: { code: 'unreachable' } });
    expect(table.size).toBe(1);
    cluster.fault = () => undefined;
    cluster.put(pod(1));
    await clock.advance(1.5 * limits.kubernetesBackoffMs);
    expect(informer.status().state).toBe('fresh');
    expect(table.size).toBe(2);
    stop.abort();
  });

  test('waits as long as the server asks', async () => {
    cluster.fault = ({ verb }) =>
      verb === 'watch'
        ? new WatchkeeperError('rate-limited', '429', { cause: { status: 429, retryAfterMs: 40_000 } })
        : undefined;
    void started();
    await clock.advance(35_000);
    expect(cluster.calls.filter(({ verb }) => verb === 'watch')).toHaveLength(1);
    stop.abort();
  });

  test('a missing verb is named for as long as it is missing, and found again within two minutes', async () => {
    cluster.fault = (call) => (call.verb === 'watch' ? refusal(call) : undefined);
    void started();
    for (let round = 0; round < 20; round++) {
      await clock.advance(10_000);
      expect(informer.status()).toMatchObject({ state: 'failing', fault: { code: 'forbidden' } });
    }
    expect(informer.status().fault?.message).toContain('cannot watch resource "pods"');
    expect(cluster.calls.length).toBeLessThan(20);
    cluster.fault = () => undefined;
    cluster.put(pod(0));
    await clock.advance(100_000);
    expect(informer.status().state).toBe('fresh');
    expect(table.size).toBe(1);
    stop.abort();
  });

  test('an API server that refuses everybody while it starts is followed again within seconds', async () => {
    void started();
    await clock.advance(1_000);
    cluster.fault = refusal;
    cluster.endWatches(new WatchkeeperError('unreachable', 'connection reset'));
    await clock.advance(3_000);
    expect(informer.status()).toMatchObject({ state: 'failing', fault: { code: 'forbidden' } });
    cluster.fault = () => undefined;
    cluster.put(pod(0));
    await clock.advance(6_000);
    expect(informer.status().state).toBe('fresh');
    expect(table.size).toBe(1);
    stop.abort();
  });

  test('a watch without a word, not even a bookmark, is dead: it is begun anew', async () => {
    void started();
    await clock.advance(limits.kubernetesIdleMs + 5_000);
    expect(informer.status().watches).toBe(2);
    stop.abort();
  });

  test('everything is listed anew once in a while, whatever the watch said', async () => {
    void started();
    for (let minutes = 0; minutes < 31; minutes++) {
      cluster.bookmark();
      await clock.advance(60_000);
    }
    expect(informer.status().lists).toBe(2);
    expect(informer.status().state).toBe('fresh');
    stop.abort();
  });

  test('ends when told to, wherever it is', async () => {
    cluster.fault = () => 'hang';
    const running = informer.run(stop.signal);
    await clock.advance(10);
    stop.abort();
    await clock.advance(10);
    await running;
  });
});

describe('a table', () => {
  test('keeps no more than its limit, and counts the rest until they go', () => {
    const small = createTable<PodRecord>(2, () => undefined);
    const record = (index: number) => watchedKinds.pods.project(pod(index));
    small.replace([0, 1, 2, 3].map(record));
    expect([small.size, small.refused]).toEqual([2, 2]);
    small.replace([0, 1].map(record));
    expect([small.size, small.refused]).toEqual([2, 0]);
  });

  test('an object of the same name and another uid is another object', () => {
    const told: string[] = [];
    const one = createTable<PodRecord>(10, (before, after) => told.push(`${before?.uid ?? ''}>${after?.uid ?? ''}`));
    const record = watchedKinds.pods.project(pod(0));
    one.put({ ...record, uid: 'a' });
    one.put({ ...record, uid: 'b' });
    expect(told).toEqual(['>a', 'a>', '>b']);
  });

  test('each part says when it is not known any more, and not before it ever was', async () => {
    const shop = openShop();
    shop.deploy('v1');
    shop.cluster.fault = ({ resource }) =>
      resource === 'events' ? new WatchkeeperError('forbidden', 'no events') : undefined;
    await shop.collect();
    const stale = () => shop.source.parts?.()?.filter((part) => part.stale !== undefined) ?? [];
    expect(stale()).toEqual([]);
    shop.cluster.fault = ({ resource }) =>
      resource === 'pods' ? new WatchkeeperError('unreachable', 'gone') : undefined;
    shop.cluster.endWatches(new WatchkeeperError('unreachable', 'gone'));
    await shop.clock.advance(10_000);
    expect(stale()).toEqual([]);
    await shop.clock.advance(20_000);
    expect(stale()).toEqual([
      expect.objectContaining({ name: 'pods', vital: true, stale: 'pods cannot be read: gone' }),
    ]);
    shop.cluster.fault = () => undefined;
    await shop.clock.advance(30_000);
    expect(stale()).toEqual([]);
  });
});

import { expect, test } from 'vitest';

import { kubernetesLease } from '../../../src/agent/leadership/index.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import type { KubernetesObject, KubernetesOperator } from '../../../src/domain/ports/kubernetes.ts';
import type { LeaseRecord } from '../../../src/domain/ports/leadership.ts';

const { signal } = new AbortController();
const record: LeaseRecord = {
  holder: 'a_1',
  leaseMs: 1_500,
  acquiredAtMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  renewedAtMs: Date.UTC(2026, 0, 2, 3, 4, 6),
  transitions: 3,
};

/** The part of an API server that keeps one object and its resourceVersion. */
function server(): { readonly operator: KubernetesOperator; object: KubernetesObject | undefined } {
  const state: { object: KubernetesObject | undefined } = { object: undefined };
  const store = (body: JsonObject): KubernetesObject => {
    const before = Number(state.object?.metadata.resourceVersion ?? 100);
    const metadata = { ...(body['metadata'] as JsonObject), name: 'watchkeeper', resourceVersion: String(before + 7) };
    state.object = { ...body, metadata };
    return state.object;
  };
  const conflict = (): Promise<never> => Promise.reject(new WatchkeeperError('conflict', 'it has changed'));
  const operator = {
    get: () => Promise.resolve(state.object),
    // As an API server has it: what is made is named in its body, and the place is the collection.
    create: (_resource: unknown, ref: { readonly name?: string }, body: JsonObject) =>
      ref.name !== undefined
        ? Promise.reject(new WatchkeeperError('unsupported', '405'))
        : state.object === undefined
          ? Promise.resolve(store(body))
          : conflict(),
    replace: (_resource: unknown, _ref: unknown, body: KubernetesObject) =>
      body.metadata.resourceVersion === state.object?.metadata.resourceVersion
        ? Promise.resolve(store(body))
        : conflict(),
  } as unknown as KubernetesOperator;
  return Object.assign(state, { operator });
}

test('a Lease is made, read back as it was written, and written over by whoever saw it last', async () => {
  const { operator } = server();
  const box = kubernetesLease(operator, 'watch', 'watchkeeper');
  expect(await box.read(signal)).toBeUndefined();
  const first = await box.write(record, undefined, signal);
  // The API keeps whole seconds: what is shorter counts as the next longer one.
  expect(await box.read(signal)).toEqual({ record: { ...record, leaseMs: 2_000 }, revision: first });
  const second = await box.write({ ...record, holder: '' }, first, signal);
  expect(second).not.toBe(first);
  expect((await box.read(signal))?.record.holder).toBe('');
});

test.each([
  ['made by another meanwhile', undefined],
  ['written by another meanwhile', '1'],
])('a Lease that was %s is a conflict, and stays as it is', async (_what, over) => {
  const state = server();
  const box = kubernetesLease(state.operator, 'watch', 'watchkeeper');
  await box.write({ ...record, holder: 'b_2' }, undefined, signal);
  await expect(box.write(record, over, signal)).rejects.toMatchObject({ code: 'conflict' });
  expect((await box.read(signal))?.record.holder).toBe('b_2');
});

test('it is written as others read it, and what they put on it stays', async () => {
  const state = server();
  const box = kubernetesLease(state.operator, 'watch', 'watchkeeper');
  const revision = await box.write(record, undefined, signal);
  expect(state.object).toMatchObject({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    spec: {
      holderIdentity: 'a_1',
      leaseDurationSeconds: 2,
      acquireTime: '2026-01-02T03:04:05.678000Z',
      leaseTransitions: 3,
    },
  });
  const before = state.object!;
  state.object = { ...before, metadata: { ...before.metadata, labels: { team: 'sre' }, resourceVersion: '900' } };
  await expect(box.write(record, revision, signal)).rejects.toMatchObject({ code: 'conflict' });
  await box.read(signal);
  await box.write(record, '900', signal);
  expect(state.object.metadata.labels).toEqual({ team: 'sre' });
});

test('a Lease of garbage is held by nobody', async () => {
  const state = server();
  state.object = {
    metadata: { name: 'watchkeeper', resourceVersion: '5' },
    spec: { holderIdentity: 7, leaseDurationSeconds: 'x', renewTime: 'never' },
  };
  const seen = await kubernetesLease(state.operator, 'watch', 'watchkeeper').read(signal);
  expect(seen).toEqual({
    record: { holder: '', leaseMs: 0, acquiredAtMs: 0, renewedAtMs: 0, transitions: 0 },
    revision: '5',
  });
});

import { WatchkeeperError } from '../../lib/errors.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { KubernetesObject, KubernetesOperator, KubernetesResource } from '../../domain/ports/kubernetes.ts';
import type { LeaseBox, LeaseRecord, SeenLease } from '../../domain/ports/leadership.ts';

const leases: KubernetesResource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};

/**
 * The lease as a Kubernetes `Lease`: compare-and-swap is the API server's own, by resourceVersion. Needs `get`, `create`
 * and `update` on that one object.
 */
export function kubernetesLease(operator: KubernetesOperator, namespace: string, name: string): LeaseBox {
  const ref = { namespace, name };
  // Labels and annotations that others put on it stay.
  let last: KubernetesObject | undefined;
  return {
    read: async (signal) => {
      last = await operator.get(leases, ref, signal);
      return last && toLease(last);
    },
    write: async (record, over, signal) => {
      if (over === undefined) {
        const body = { ...skeleton, metadata: { ...ref }, spec: toSpec(record) };
        const made = await operator.create(leases, { namespace }, body, {}, signal);
        return revisionOf(made);
      }
      const metadata = { ...ref, ...kept(last), resourceVersion: over };
      const body = { ...skeleton, metadata, spec: toSpec(record) };
      last = await operator.replace(leases, ref, body, {}, signal);
      return revisionOf(last);
    },
    close: () => Promise.resolve(),
  };
}

const skeleton = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' } as const;

function kept(object: KubernetesObject | undefined): JsonObject {
  const { labels, annotations } = object?.metadata ?? {};
  return { ...(labels && { labels }), ...(annotations && { annotations }) };
}

// The API keeps whole seconds and times; what is shorter than a second counts as one for whoever else looks at it.
function toSpec(record: LeaseRecord): JsonObject {
  const micro = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');
  return {
    holderIdentity: record.holder,
    leaseDurationSeconds: Math.max(1, Math.ceil(record.leaseMs / 1_000)),
    acquireTime: micro(record.acquiredAtMs),
    renewTime: micro(record.renewedAtMs),
    leaseTransitions: record.transitions,
  };
}

function toLease(object: KubernetesObject): SeenLease {
  const spec = (object['spec'] ?? {}) as JsonObject;
  const { holderIdentity: holder, leaseDurationSeconds: seconds, leaseTransitions: transitions } = spec;
  const time = (value: unknown): number => (typeof value === 'string' ? Date.parse(value) || 0 : 0);
  return {
    record: {
      holder: typeof holder === 'string' ? holder : '',
      leaseMs: typeof seconds === 'number' ? seconds * 1_000 : 0,
      acquiredAtMs: time(spec['acquireTime']),
      renewedAtMs: time(spec['renewTime']),
      transitions: typeof transitions === 'number' ? transitions : 0,
    },
    revision: revisionOf(object),
  };
}

function revisionOf(object: JsonObject): string {
  const { resourceVersion } = (object['metadata'] ?? {}) as JsonObject;
  if (typeof resourceVersion === 'string' && resourceVersion !== '') return resourceVersion;
  throw new WatchkeeperError('malformed', 'the API server gave a Lease without a resourceVersion');
}

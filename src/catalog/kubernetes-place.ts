import * as z from 'zod';

import type { KubernetesPlace, Place, WorkloadKind } from '../domain/places.ts';

/** A name as Kubernetes takes it (RFC 1123 subdomain). */
const objectName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'must be a name as Kubernetes takes it: lower-case letters, digits, "-"');

const kinds = {
  deployment: 'Deployment',
  statefulSet: 'StatefulSet',
  daemonSet: 'DaemonSet',
  cronJob: 'CronJob',
  job: 'Job',
} as const satisfies Record<string, WorkloadKind>;

/** `{namespace: shop, deployment: checkout}`: one workload of a cluster; `cluster` is the source's id. */
export const kubernetesPlace = z
  .strictObject({
    cluster: z.string().max(63).default('kubernetes').describe('The id of the kubernetes source that sees it.'),
    namespace: objectName,
    deployment: objectName.exactOptional(),
    statefulSet: objectName.exactOptional(),
    daemonSet: objectName.exactOptional(),
    cronJob: objectName.exactOptional(),
    job: objectName.exactOptional(),
  })
  .refine((written) => workloads(written).length === 1, {
    message: `must name exactly one workload: ${Object.keys(kinds).join(', ')}`,
  })
  .describe('A workload in a Kubernetes cluster');

/** The place that a checked `kubernetes:` block means. */
export function placeInCluster(written: z.output<typeof kubernetesPlace>): Place {
  const [workload] = workloads(written);
  // The schema has made sure that there is exactly one.
  if (workload === undefined) throw new Error('a kubernetes place without a workload');
  const { cluster, namespace } = written;
  return { on: 'kubernetes', kubernetes: { cluster, namespace, workload } };
}

function workloads(
  written: Readonly<Partial<Record<keyof typeof kinds, string>>>,
): readonly KubernetesPlace['workload'][] {
  return (Object.keys(kinds) as readonly (keyof typeof kinds)[]).flatMap((key) => {
    const name = written[key];
    return name === undefined ? [] : [{ kind: kinds[key], name }];
  });
}

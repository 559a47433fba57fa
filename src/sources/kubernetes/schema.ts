import * as z from 'zod';

import type { KubernetesConnection } from '../../domain/ports/kubernetes.ts';
import type { Schema } from '../../domain/ports/schema.ts';
import { kubernetesConnection } from '../../io/clients/kubernetes/config.ts';
import { parseDuration } from '../../lib/duration.ts';
import type { JsonObject } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import { zName } from '../../lib/zod-parts.ts';
import { metricNames, type MetricName } from './signals/catalogue.ts';

/** The `kubernetes` source's block in watchkeeper.yaml. In a pod, none of it need be written. */
export interface KubernetesConfig {
  readonly connection: Omit<KubernetesConnection, 'cluster'>;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly services: 'labelled' | 'all';
  readonly intervalMs: number;
  readonly nodes: boolean;
  readonly events: boolean;
  readonly configMaps: boolean;
  readonly secrets: boolean;
  readonly certificates: boolean;
  readonly gitops: boolean;
  readonly helm: boolean;
  readonly usage: boolean;
  readonly volumes: boolean;
  readonly logs: boolean;
  readonly maxObjects: number;
}

const interval = z
  .string()
  .refine((text) => (parseDuration(text) ?? 0) >= 1_000, 'must be a duration of at least 1s, such as 5s or 1m');

const config = z
  .strictObject({
    ...kubernetesConnection,
    namespaces: z.array(zName).max(200).default([]).describe('Only these; default: the whole cluster.'),
    services: z
      .enum(['labelled', 'all'])
      .default('labelled')
      .describe('Which workloads are services: those with watchkeeper.dev/watch (or in a namespace with it), or all.'),
    interval: interval.default('5s').describe('How often everything is sampled; what changes is told at once.'),
    nodes: z.boolean().exactOptional().describe('Watch nodes. Default: true when the whole cluster is watched.'),
    events: z.boolean().default(true).describe('Watch warning events.'),
    configMaps: z.boolean().default(true).describe('Tell of edited ConfigMaps; only hashes are kept.'),
    secrets: z.boolean().default(false).describe('Tell of edited Secrets and ending certificates; needs to read them.'),
    certificates: z.boolean().default(true).describe("Watch cert-manager's Certificates, where there are any."),
    gitops: z
      .boolean()
      .default(true)
      .describe('Watch Argo CD Applications and what Flux applies, where there are any.'),
    helm: z.boolean().default(false).describe('Tell of Helm releases by revision; needs to list Secrets.'),
    usage: z.boolean().default(true).describe('Read metrics.k8s.io.'),
    volumes: z.boolean().default(false).describe('Ask kubelets how full volumes are; needs nodes/proxy.'),
    logs: z.boolean().default(true).describe('Read the last lines of containers that failed.'),
    maxObjects: z.int().min(100).max(200_000).default(limits.kubernetesObjects).describe('Of each kind, at most.'),
  })
  .transform(({ kubeconfig, context, token, serviceAccount, interval: every, nodes, ...rest }): KubernetesConfig => ({
    ...rest,
    connection: {
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(context === undefined ? {} : { context }),
      ...(token === undefined ? {} : { token }),
      ...(serviceAccount === undefined ? {} : { serviceAccount }),
    },
    intervalMs: parseDuration(every) ?? 5_000,
    nodes: nodes ?? rest.namespaces.length === 0,
  }));

/** The source's block in watchkeeper.yaml. */
export const kubernetesConfig: Schema<KubernetesConfig> = schemaOf(config);

/** A `telemetry` binding of a Service read by this source. */
export interface KubernetesQuery {
  readonly metric: MetricName;
}

const query = schemaOf<KubernetesQuery>(z.strictObject({ metric: z.enum(metricNames) }));

/** Checks a telemetry binding that names a kubernetes source. */
export const kubernetesQuery: Schema<JsonObject> = {
  parse(input) {
    const parsed = query.parse(input);
    return parsed.ok ? { ok: true, value: { ...parsed.value } } : parsed;
  },
  jsonSchema: () => query.jsonSchema(),
};

/** Reads a binding's query; `undefined` when the catalog let something through that is not one. */
export function parseKubernetesQuery(input: JsonObject): KubernetesQuery | undefined {
  const parsed = query.parse(input);
  return parsed.ok ? parsed.value : undefined;
}

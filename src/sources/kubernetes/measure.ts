import type { SignalQuery } from '../../domain/ports/source.ts';
import { seriesKey, type Gap, type Labels, type Series } from '../../domain/telemetry.ts';
import { workloadKinds, type KindName } from './kinds.ts';
import { delivererKind, isDeliverer } from './deliveries.ts';
import type { Blindness } from './gaps.ts';
import { reasonFor } from './gaps.ts';
import { parseKubernetesQuery } from './schema.ts';
import { metricOf, type MetricDefinition, type MetricName } from './signals/catalogue.ts';
import { measureNode } from './signals/node.ts';
import { measureUse } from './signals/used.ts';
import { measureWorkload, type FactSources, type Point, type WorkloadFacts } from './signals/workload.ts';
import type { ClusterState } from './state.ts';
import type { WorkloadRecord } from './records/workload.ts';
import type { WatchedService } from './watched.ts';

/** What was last given of each series: what is new is told by it. */
export type Given = Map<string, { readonly v: number; readonly tMs: number; readonly serial: number }>;

/** One look at the cluster. */
export interface Look {
  readonly source: string;
  readonly nowMs: number;
  /** Everything is sampled; otherwise only what differs from what was last given. */
  readonly whole: boolean;
  readonly state: ClusterState;
  readonly facts: FactSources;
  readonly blind: readonly Blindness[];
  readonly given: Given;
}

/** Answers one signal of one service; `facts` are those of its workloads. */
export function answerSignal(
  asked: SignalQuery,
  watched: WatchedService,
  facts: readonly WorkloadFacts[],
  look: Look,
): readonly Series[] {
  const name = parseKubernetesQuery(asked.binding.query)?.metric;
  if (name === undefined) return [];
  const points = pointsOf(name, watched, facts, look, asked);
  return points.flatMap((point) => seriesOf(point, asked, look));
}

function pointsOf(
  name: MetricName,
  watched: WatchedService,
  facts: readonly WorkloadFacts[],
  look: Look,
  asked: SignalQuery,
): readonly Point[] {
  const definition = metricOf(name);
  const { view } = look.state.watch;
  if (definition.of === 'node') {
    const node = watched.node === undefined ? undefined : view.table('nodes').get('', watched.node);
    return node === undefined || isBlind(definition, look.blind, [], '')
      ? []
      : measureNode(name, node, look.state.beside);
  }
  const several = facts.length > 1;
  return facts.flatMap((one): readonly Point[] => {
    const { workload } = one;
    if (isBlind(definition, look.blind, needsOf(definition, workload), workload.namespace)) return [];
    const labels: Labels = several ? { workload: workload.name } : {};
    const since = look.given.get(seriesKey(asked.service, asked.signal, labels))?.serial ?? 0;
    const found =
      definition.beside === undefined && name !== 'certificate_expiry'
        ? measureWorkload(name, one, look.facts, since)
        : measureUse(name, one, look.state.beside, view);
    return several ? found.map((point) => ({ ...point, labels: { ...labels, ...point.labels } })) : found;
  });
}

function seriesOf(point: Point, { service, signal, binding }: SignalQuery, look: Look): readonly Series[] {
  const { labels = {}, v, note } = point;
  const tMs = point.tMs ?? look.nowMs;
  const key = seriesKey(service, signal, labels);
  const last = look.given.get(key);
  if (!Number.isFinite(v) || (last !== undefined && (tMs <= last.tMs || (!look.whole && v === last.v)))) return [];
  look.given.set(key, { v, tMs, serial: look.state.mishaps.serial() });
  const { unit, nature } = binding;
  const meta = { key, source: look.source, service, signal, labels, unit, nature };
  return [{ ...meta, samples: [{ tMs, v }], ...(note === undefined ? {} : { note }) }];
}

/** The kinds that a metric of this kind of workload is read from. */
function needsOf({ needs }: MetricDefinition, { kind, delivered }: WorkloadRecord): readonly KindName[] {
  const own = workloadKinds[kind];
  const from = delivered === undefined ? undefined : delivererKind(delivered.owner);
  const through = kind === 'CronJob' && needs.includes('pods') ? (['jobs'] as const) : [];
  // Only a Deployment has ReplicaSets between itself and its pods.
  const others = needs.filter((need) => need !== 'replicasets' || kind === 'Deployment');
  return [own, ...through, ...others.filter((need) => need === from || !isDeliverer(need))];
}

function isBlind(
  definition: MetricDefinition,
  blind: readonly Blindness[],
  needs: readonly KindName[],
  namespace: string,
): Blindness | undefined {
  const wanted = needs.length > 0 ? needs : definition.needs;
  return blind.find(
    (one) =>
      // What is too much is watched as far as it goes.
      one.reason !== 'too-large' &&
      wanted.includes(one.kind) &&
      // What delivers a workload need not lie beside it.
      (one.namespace === undefined || one.namespace === namespace || isDeliverer(one.kind)),
  );
}

/** Why a signal cannot be read now, if so: a kind it needs is not known, or nobody measures it. */
export function gapFor(asked: SignalQuery, watched: WatchedService, look: Look): Gap | undefined {
  const gap = (reason: Gap['reason'], message: string, sinceMs = look.nowMs): Gap => ({
    ...{ source: look.source, reason, message, service: asked.service, signal: asked.signal },
    ...{ fromMs: Math.min(sinceMs, look.nowMs), untilMs: look.nowMs },
  });
  const name = parseKubernetesQuery(asked.binding.query)?.metric;
  if (name === undefined) return gap('unsupported', 'the binding is not a query of the kubernetes source');
  const definition = metricOf(name);
  if (definition.of === 'node' ? watched.node === undefined : watched.node !== undefined || watched.isCluster)
    return gap('unsupported', `${name} is measured of a ${definition.of}, and ${asked.service} is none`);
  const wanted =
    watched.node === undefined
      ? watched.workloads.map((one) => ({ needs: needsOf(definition, one), namespace: one.namespace }))
      : [{ needs: [], namespace: '' }];
  for (const { needs, namespace } of wanted) {
    const found = isBlind(definition, look.blind, needs, namespace);
    if (found !== undefined) return gap(found.reason, found.message, found.sinceMs);
  }
  const fault = definition.beside === undefined ? undefined : look.state.beside.fault(definition.beside);
  if (fault !== undefined) return gap(reasonFor(fault.code), `${name} cannot be read: ${fault.message}`);
  return undefined;
}

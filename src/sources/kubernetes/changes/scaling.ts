import { digest } from '../../../lib/canonical.ts';
import type { AutoscalerRecord } from '../records/others.ts';
import type { WorkloadRecord } from '../records/workload.ts';
import type { ClusterView } from '../cluster.ts';
import { whatOf, type ChangeReader } from './reader.ts';

/** Another number of replicas wanted. The cluster keeps no history of it: what happened while nobody watched is not told. */
export const scaling: ChangeReader = (workload, memory, { cluster, view, nowMs }) => {
  if (workload.kind !== 'Deployment' && workload.kind !== 'StatefulSet') return [];
  const known = memory.get('replicas');
  const now = String(workload.desired);
  memory.set('replicas', now);
  if (known === undefined || known === now) return [];
  const scaler = autoscalerOf(workload, view);
  const by = scaler === undefined ? workload.scaleEdit?.by : `horizontal-pod-autoscaler ${scaler.name}`;
  return [
    {
      id: digest(['scale', cluster, workload.uid, workload.generation]),
      kind: 'scale',
      atMs: Math.min(workload.scaleEdit?.atMs ?? nowMs, nowMs),
      what: whatOf(workload),
      from: known,
      to: now,
      ...(by === undefined ? {} : { actor: by }),
      attributes: { namespace: workload.namespace, replicas: `${known} -> ${now}` },
    },
  ];
};

/** Other bounds of the autoscaler. */
export const autoscaling: ChangeReader = (workload, memory, { cluster, view, nowMs }) => {
  const scaler = autoscalerOf(workload, view);
  const now = scaler === undefined ? '' : `${scaler.min}..${scaler.max}`;
  const known = memory.get('autoscaler');
  memory.set('autoscaler', now);
  if (known === undefined || known === now) return [];
  const edit = scaler?.edit;
  return [
    {
      id: digest(['autoscaler', cluster, workload.uid, scaler?.uid ?? '', scaler?.generation ?? 0]),
      kind: 'scale',
      atMs: Math.min(edit?.atMs ?? nowMs, nowMs),
      what: 'autoscaler',
      ...(known === '' ? {} : { from: known }),
      ...(now === '' ? {} : { to: now }),
      ...(edit === undefined ? {} : { actor: edit.by }),
      attributes: { namespace: workload.namespace, bounds: `${known || '(none)'} -> ${now || '(none)'}` },
    },
  ];
};

function autoscalerOf(workload: WorkloadRecord, view: ClusterView): AutoscalerRecord | undefined {
  const target = `${workload.kind}/${workload.name}`;
  for (const scaler of view.table('horizontalpodautoscalers').all())
    if (scaler.namespace === workload.namespace && scaler.target === target) return scaler;
  return undefined;
}

import { X509Certificate } from 'node:crypto';

import { canonicalJson } from '../../../lib/canonical.ts';
import type { KubernetesObject } from '../../../domain/ports/kubernetes.ts';
import type { Labels } from '../../../domain/telemetry.ts';
import { newestEdit, type Edit } from './edits.ts';
import {
  at,
  chosen,
  condition,
  hashOf,
  list,
  number,
  object,
  quantity,
  recordOf,
  text,
  timeMs,
  type ObjectRecord,
} from './parts.ts';

/** A machine of the cluster. */
export interface NodeRecord extends ObjectRecord {
  readonly ready: boolean;
  /** Why it is not ready, in the kubelet's or the controller's words. */
  readonly why?: string;
  /** `MemoryPressure`, `DiskPressure`, `PIDPressure` as far as they hold. */
  readonly pressure: readonly string[];
  readonly cordoned: boolean;
  readonly kubelet: string;
  readonly cores?: number;
  readonly memory?: number;
}

/** The projection of a Node. */
export function nodeOf(from: KubernetesObject): NodeRecord {
  const status = object(from['status']);
  const ready = condition(status, 'Ready');
  const pressure = list(status['conditions'])
    .map(object)
    .filter((one) => one['status'] === 'True' && typeof one['type'] === 'string' && one['type'].endsWith('Pressure'))
    .map((one) => text(one['type']) ?? '');
  const why = ready?.['status'] === 'True' ? undefined : (text(ready?.['message'], 300) ?? 'it does not report');
  const [cores, memory] = [quantity(at(status, 'allocatable', 'cpu')), quantity(at(status, 'allocatable', 'memory'))];
  return {
    ...recordOf(from),
    ready: ready?.['status'] === 'True',
    pressure,
    cordoned: at(from, 'spec', 'unschedulable') === true,
    kubelet: text(at(status, 'nodeInfo', 'kubeletVersion')) ?? '',
    ...(why === undefined ? {} : { why }),
    ...(cores === undefined ? {} : { cores }),
    ...(memory === undefined ? {} : { memory }),
  };
}

/** An autoscaler and the workload it scales. */
export interface AutoscalerRecord extends ObjectRecord {
  readonly target: string;
  readonly min: number;
  readonly max: number;
  readonly current: number;
  readonly desired: number;
  /** It would go higher if it might. */
  readonly limited: boolean;
  readonly generation: number;
  readonly edit?: Edit;
}

/** The projection of a HorizontalPodAutoscaler. */
export function autoscalerOf(from: KubernetesObject): AutoscalerRecord {
  const spec = object(from['spec']);
  const status = object(from['status']);
  const scaling = condition(status, 'ScalingLimited');
  const edit = newestEdit(from, ['spec']);
  return {
    ...recordOf(from),
    target: `${text(at(spec, 'scaleTargetRef', 'kind')) ?? ''}/${text(at(spec, 'scaleTargetRef', 'name')) ?? ''}`,
    min: number(spec['minReplicas'], 1),
    max: number(spec['maxReplicas'], 0),
    current: number(status['currentReplicas'], 0),
    desired: number(status['desiredReplicas'], 0),
    limited: scaling?.['status'] === 'True' && scaling['reason'] === 'TooManyReplicas',
    generation: from.metadata.generation ?? 0,
    ...(edit === undefined ? {} : { edit }),
  };
}

/** A claim of storage. */
export interface ClaimRecord extends ObjectRecord {
  readonly phase: string;
  readonly capacity?: number;
  readonly storageClass?: string;
}

/** The projection of a PersistentVolumeClaim. */
export function claimOf(from: KubernetesObject): ClaimRecord {
  const capacity = quantity(at(from, 'status', 'capacity', 'storage'));
  const storageClass = text(at(from, 'spec', 'storageClassName'));
  return {
    ...recordOf(from),
    phase: text(at(from, 'status', 'phase')) ?? 'Unknown',
    ...(capacity === undefined ? {} : { capacity }),
    ...(storageClass === undefined ? {} : { storageClass }),
  };
}

/** What a PodDisruptionBudget still allows. */
export interface BudgetRecord extends ObjectRecord {
  readonly allowed: number;
  readonly healthy: number;
  readonly needed: number;
  readonly selector: Labels;
}

/** The projection of a PodDisruptionBudget. */
export function budgetOf(from: KubernetesObject): BudgetRecord {
  const status = object(from['status']);
  return {
    ...recordOf(from),
    allowed: number(status['disruptionsAllowed'], 0),
    healthy: number(status['currentHealthy'], 0),
    needed: number(status['desiredHealthy'], 0),
    selector: chosen(at(from, 'spec', 'selector', 'matchLabels'), () => true),
  };
}

/** Something that a controller or the kubelet complained of. */
export interface EventRecord extends ObjectRecord {
  readonly about: { readonly kind: string; readonly name: string; readonly uid: string };
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly lastMs: number;
}

/** The projection of a warning Event. */
export function eventOf(from: KubernetesObject): EventRecord {
  const about = object(from['involvedObject']);
  const series = object(from['series']);
  const own = recordOf(from);
  return {
    ...own,
    about: { kind: text(about['kind']) ?? '', name: text(about['name']) ?? '', uid: text(about['uid']) ?? '' },
    reason: text(from['reason'], 64) ?? '',
    message: text(from['message'], 400) ?? '',
    count: number(series['count'] ?? from['count'], 1),
    lastMs:
      timeMs(series['lastObservedTime']) ?? timeMs(from['lastTimestamp']) ?? timeMs(from['eventTime']) ?? own.createdMs,
  };
}

/** A ConfigMap or a Secret: hashes of what is in it, never the content. */
export interface ConfigRecord extends ObjectRecord {
  /** Each key with the hash of its value. */
  readonly keys: Readonly<Record<string, string>>;
  readonly hash: string;
  readonly edit?: Edit;
  /** When the certificate in a Secret of type kubernetes.io/tls ends. */
  readonly endsMs?: number;
}

const mostKeys = 200;

/** The projection of a ConfigMap or Secret. */
export function configOf(from: KubernetesObject): ConfigRecord {
  const pairs = ['data', 'binaryData'].flatMap((part) => Object.entries(object(from[part])));
  const keys = Object.fromEntries(
    pairs.slice(0, mostKeys).map(([key, value]) => [key.slice(0, 128), hashOf(typeof value === 'string' ? value : '')]),
  );
  const edit = newestEdit(from, ['data']);
  const endsMs = from['type'] === 'kubernetes.io/tls' ? endOf(text(at(from, 'data', 'tls.crt'), 65_536)) : undefined;
  return {
    ...recordOf(from),
    keys,
    hash: hashOf(canonicalJson(Object.fromEntries(pairs))),
    ...(edit === undefined ? {} : { edit }),
    ...(endsMs === undefined ? {} : { endsMs }),
  };
}

// The certificate itself is public; the key beside it is not looked at.
function endOf(base64: string | undefined): number | undefined {
  if (base64 === undefined) return undefined;
  try {
    return timeMs(new Date(new X509Certificate(Buffer.from(base64, 'base64')).validTo).toISOString());
  } catch {
    return undefined;
  }
}

/** A cert-manager Certificate. */
export interface CertificateRecord extends ObjectRecord {
  readonly secret: string;
  readonly endsMs?: number;
  /** Why it is not renewed, if so. */
  readonly why?: string;
}

/** The projection of a cert-manager Certificate. */
export function certificateOf(from: KubernetesObject): CertificateRecord {
  const ready = condition(from['status'], 'Ready');
  const endsMs = timeMs(at(from, 'status', 'notAfter'));
  const why = ready?.['status'] === 'True' ? undefined : text(ready?.['message'], 300);
  return {
    ...recordOf(from),
    secret: text(at(from, 'spec', 'secretName')) ?? '',
    ...(endsMs === undefined ? {} : { endsMs }),
    ...(why === undefined ? {} : { why }),
  };
}

/** A namespace: what it says of everything in it. */
export interface NamespaceRecord extends ObjectRecord {
  readonly labels: Labels;
  readonly annotations: Labels;
}

/** The projection of a Namespace. */
export function namespaceOf(from: KubernetesObject): NamespaceRecord {
  const ours = (name: string): boolean => name.startsWith('watchkeeper.dev/') || name.startsWith('backstage.io/');
  return {
    ...recordOf(from),
    labels: chosen(from.metadata.labels, () => true),
    annotations: chosen(from.metadata.annotations, ours),
  };
}

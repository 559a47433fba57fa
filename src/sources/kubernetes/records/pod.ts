import type { Json, JsonObject } from '../../../lib/json.ts';
import type { KubernetesObject } from '../../../domain/ports/kubernetes.ts';
import { at, condition, list, number, object, quantity, recordOf, text, timeMs, type ObjectRecord } from './parts.ts';

/** How a container ended. */
export interface Ending {
  readonly reason: string;
  readonly exitCode: number;
  readonly atMs: number;
}

/** One container of a pod. */
export interface ContainerRecord {
  readonly name: string;
  readonly init: boolean;
  readonly state: 'running' | 'waiting' | 'ended';
  /** Why it waits: `CrashLoopBackOff`, `ImagePullBackOff`. */
  readonly reason?: string;
  readonly message?: string;
  readonly ready: boolean;
  readonly restarts: number;
  readonly startedMs?: number;
  /** How it last ended: now, or before its last restart. */
  readonly ending?: Ending;
  readonly memoryLimit?: number;
}

/** A pod, as far as it is watched. */
export interface PodRecord extends ObjectRecord {
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
  readonly node?: string;
  /** `Evicted`, and its like. */
  readonly reason?: string;
  readonly message?: string;
  /** Which revision of its workload it runs: the label that the controller put on it. */
  readonly hash: string;
  readonly ready: boolean;
  /** Why the scheduler finds no node for it. */
  readonly unschedulable?: string;
  readonly containers: readonly ContainerRecord[];
  /** PersistentVolumeClaims that it mounts. */
  readonly claims: readonly string[];
}

const phases: ReadonlySet<string> = new Set(['Pending', 'Running', 'Succeeded', 'Failed']);

/** The projection of a pod. */
export function podOf(from: KubernetesObject): PodRecord {
  const spec = object(from['spec']);
  const status = object(from['status']);
  const labels = from.metadata.labels ?? {};
  const scheduled = condition(status, 'PodScheduled');
  const waits = scheduled?.['status'] === 'False' && scheduled['reason'] === 'Unschedulable';
  const disrupted = condition(status, 'DisruptionTarget');
  const [node, reason] = [text(spec['nodeName']), text(status['reason'])];
  const message = text(status['message'], 300) ?? text(disrupted?.['message'], 300);
  const claims = list(spec['volumes']).flatMap(
    (volume) => text(at(volume, 'persistentVolumeClaim', 'claimName')) ?? [],
  );
  const phase = text(status['phase']) ?? 'Unknown';
  return {
    ...recordOf(from),
    phase: (phases.has(phase) ? phase : 'Unknown') as PodRecord['phase'],
    hash: labels['pod-template-hash'] ?? labels['controller-revision-hash'] ?? '',
    ready: condition(status, 'Ready')?.['status'] === 'True',
    containers: containersOf(spec, status),
    claims,
    ...(node === undefined ? {} : { node }),
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    ...(waits ? { unschedulable: text(scheduled['message'], 300) ?? 'no node fits' } : {}),
  };
}

function containersOf(spec: JsonObject, status: JsonObject): readonly ContainerRecord[] {
  const limits = new Map(
    [...list(spec['containers']), ...list(spec['initContainers'])].map((one) => [
      at(one, 'name'),
      quantity(at(one, 'resources', 'limits', 'memory')),
    ]),
  );
  const read = (statuses: Json | undefined, init: boolean): readonly ContainerRecord[] =>
    list(statuses).map((one) => containerOf(object(one), init, limits.get(at(one, 'name'))));
  return [...read(status['initContainerStatuses'], true), ...read(status['containerStatuses'], false)];
}

function containerOf(status: JsonObject, init: boolean, memoryLimit: number | undefined): ContainerRecord {
  const waiting = at(status, 'state', 'waiting');
  const ended = at(status, 'state', 'terminated');
  const startedMs = timeMs(at(status, 'state', 'running', 'startedAt'));
  const ending = endingOf(ended) ?? endingOf(at(status, 'lastState', 'terminated'));
  const [reason, message] = [text(at(waiting, 'reason')), text(at(waiting, 'message'), 300)];
  return {
    name: text(status['name'], 63) ?? 'container',
    init,
    state: waiting !== undefined ? 'waiting' : ended !== undefined ? 'ended' : 'running',
    ready: status['ready'] === true,
    restarts: number(status['restartCount'], 0),
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    ...(startedMs === undefined ? {} : { startedMs }),
    ...(ending === undefined ? {} : { ending }),
    ...(memoryLimit === undefined ? {} : { memoryLimit }),
  };
}

function endingOf(from: Json | undefined): Ending | undefined {
  if (from === undefined) return undefined;
  return {
    reason: text(at(from, 'reason')) ?? 'ended',
    exitCode: number(at(from, 'exitCode'), 0),
    atMs: timeMs(at(from, 'finishedAt')) ?? 0,
  };
}

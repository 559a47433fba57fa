import { formatDuration } from '../../lib/duration.ts';
import { limits } from '../../lib/limits.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { KubernetesObject } from '../../domain/ports/kubernetes.ts';
import { at, condition, isRecord, records, text, timeMs } from './read.ts';
import type { Seen } from './seen.ts';

/** Who the API server knows us as in `managedFields`. */
const ours = 'watchkeeper';

/** The controller that owns an object, which would put back what anybody else changes: `Kafka/events`. */
export function ownerOf(object: KubernetesObject): string | undefined {
  const owner = records(at(object, 'metadata', 'ownerReferences')).find((one) => one['controller'] === true);
  return owner === undefined ? undefined : `${text(owner['kind'])}/${text(owner['name'])}`;
}

/** A write to what an object is meant to be. */
export interface Write {
  readonly by: string;
  readonly atMs: number;
}

/** The latest write of a part of an object (`f:spec`, `f:data`) by anybody but us, as far as the server recorded it. */
export function latestWrite(object: KubernetesObject, parts: readonly string[]): Write | undefined {
  return writes(object, parts).filter(({ by }) => by !== ours)[0];
}

/** Whether we were the last to write that part. */
export function lastWrittenByUs(object: KubernetesObject, parts: readonly string[]): boolean {
  return writes(object, parts)[0]?.by === ours;
}

// Newest first; of two in the same second ours counts as the earlier one, so that a doubt holds us.
function writes(object: KubernetesObject, parts: readonly string[]): readonly Write[] {
  return records(at(object, 'metadata', 'managedFields'))
    .filter((one) => one['subresource'] !== 'status' && touches(one, parts))
    .flatMap((one): Write[] => {
      const atMs = timeMs(one['time']);
      return atMs === undefined ? [] : [{ by: text(one['manager']) || 'somebody', atMs }];
    })
    .sort((a, b) => b.atMs - a.atMs || Number(a.by === ours) - Number(b.by === ours));
}

function touches(entry: JsonObject, parts: readonly string[]): boolean {
  const fields = entry['fieldsV1'];
  return isRecord(fields) && parts.some((part) => Object.hasOwn(fields, part));
}

/** Who wrote to it just now: `kubectl changed it 40s ago`. */
export function recentWriter(
  object: KubernetesObject,
  parts: readonly string[],
  nowMs: number,
  notBy: readonly string[] = [],
): string | undefined {
  const write = latestWrite(object, parts);
  if (write === undefined || notBy.includes(write.by)) return undefined;
  const ageMs = nowMs - write.atMs;
  if (ageMs >= limits.kubernetesRecentWriteMs) return undefined;
  return `${write.by} changed it ${formatDuration(Math.max(0, ageMs))} ago`;
}

/** The rollout that an act is to take back or to stop: it is no reason to hold. */
export interface Blamed {
  /** Writes up to then belong to it. */
  readonly startedMs: number;
}

/** A write and what its controller makes of it are recorded to the second, one after the other. */
const sameRolloutMs = 5_000;

/**
 * Who else is at work on a workload right now, if anybody: it is being deleted, somebody wrote to it, its autoscaler
 * scaled it, a rollout that is not ours is under way, or one of its pods is being evicted.
 */
export function whoElse(seen: Seen, nowMs: number, blamed?: Blamed): string | undefined {
  const { object, rollout, hpa, pods } = seen;
  if (object.metadata.deletionTimestamp !== undefined)
    return `it is being deleted since ${object.metadata.deletionTimestamp}`;
  const startedMs = blamed === undefined ? -Infinity : blamed.startedMs + sameRolloutMs;
  const write = latestWrite(object, ['f:spec']);
  const writer = write === undefined || write.atMs <= startedMs ? undefined : recentWriter(object, ['f:spec'], nowMs);
  if (writer !== undefined) return writer;
  const scaledMs = timeMs(at(hpa, 'status', 'lastScaleTime'));
  if (hpa !== undefined && scaledMs !== undefined && nowMs - scaledMs < limits.kubernetesScaledMs)
    return `the autoscaler ${hpa.metadata.name} scaled it ${formatDuration(Math.max(0, nowMs - scaledMs))} ago`;
  if (rollout.underWay && blamed === undefined && !lastWrittenByUs(object, ['f:spec']))
    return `a rollout by ${latestWrite(object, ['f:spec'])?.by ?? 'somebody'} is under way: ${rollout.updated} of ${rollout.replicas} pods are new`;
  const evicted = pods.find((pod) => condition(pod, 'DisruptionTarget')?.['status'] === 'True');
  if (evicted === undefined) return undefined;
  return `pod ${evicted.metadata.name} is being evicted (${text(condition(evicted, 'DisruptionTarget')?.['reason'])})`;
}

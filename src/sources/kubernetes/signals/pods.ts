import type { ContainerRecord, PodRecord } from '../records/pod.ts';

/** What is wrong with a pod, if anything: one word for each, and why in the cluster's own words. */
export interface PodTrouble {
  readonly is: 'crash-loop' | 'image-pull' | 'start' | 'probes' | 'unschedulable' | 'pending';
  readonly container?: string;
  /** `CrashLoopBackOff`, `ErrImagePull`, `Unschedulable`. */
  readonly reason: string;
  /** A sentence about this pod. */
  readonly why: string;
}

const imageReasons: ReadonlySet<string> = new Set([
  'ImagePullBackOff',
  'ErrImagePull',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
]);
const startReasons: ReadonlySet<string> = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'PreStartHookError',
  'PostStartHookError',
]);

/** How long a pod may be young before it is said to hang. */
const patienceMs = 60_000;
/** After the third restart a container counts as crashing until it has run this long. */
const provenMs = 120_000;
const manyRestarts = 3;

/** What is wrong with a pod now. Pods that are going or have ended are nobody's trouble. */
export function troubleOf(
  pod: PodRecord,
  nowMs: number,
  probeSaid: (uid: string) => string | undefined,
): PodTrouble | undefined {
  if (pod.deleting || pod.phase === 'Succeeded' || pod.phase === 'Failed') return undefined;
  if (pod.unschedulable !== undefined)
    return { is: 'unschedulable', reason: 'Unschedulable', why: `pod ${pod.name} fits nowhere: ${pod.unschedulable}` };
  for (const container of pod.containers) {
    const found = waitingTrouble(pod, container, nowMs);
    if (found !== undefined) return found;
  }
  if (pod.phase === 'Pending')
    return nowMs - pod.createdMs < patienceMs
      ? undefined
      : { is: 'pending', reason: 'Pending', why: pendingWords(pod, probeSaid) };
  return probeTrouble(pod, nowMs, probeSaid);
}

function waitingTrouble(pod: PodRecord, container: ContainerRecord, nowMs: number): PodTrouble | undefined {
  const { name, reason = '', message, ending } = container;
  const of = `container ${name} of pod ${pod.name}`;
  const said = message === undefined ? '' : `: ${message}`;
  if (imageReasons.has(reason))
    return { is: 'image-pull', container: name, reason, why: `${of} gets no image (${reason})${said}` };
  if (startReasons.has(reason))
    return { is: 'start', container: name, reason, why: `${of} cannot be started (${reason})${said}` };
  const proven = container.state !== 'running' || nowMs - (container.startedMs ?? nowMs) >= provenMs;
  const again =
    container.restarts >= manyRestarts &&
    ending !== undefined &&
    ending.exitCode !== 0 &&
    nowMs - ending.atMs < 600_000;
  if (reason !== 'CrashLoopBackOff' && (!again || (container.state === 'running' && proven))) return undefined;
  const how = ending === undefined ? '' : `: it ended with ${ending.reason}, exit code ${ending.exitCode}`;
  const times = container.restarts === 1 ? 'once' : `${container.restarts} times`;
  return { is: 'crash-loop', container: name, reason: 'CrashLoopBackOff', why: `${of} was restarted ${times}${how}` };
}

function probeTrouble(
  pod: PodRecord,
  nowMs: number,
  probeSaid: (uid: string) => string | undefined,
): PodTrouble | undefined {
  const unready = pod.containers.find(
    (one) => !one.init && one.state === 'running' && !one.ready && nowMs - (one.startedMs ?? nowMs) >= patienceMs,
  );
  if (unready === undefined) return undefined;
  const said = probeSaid(pod.uid);
  const why = `container ${unready.name} of pod ${pod.name} runs and is not ready${said === undefined ? '' : `: ${said}`}`;
  return { is: 'probes', container: unready.name, reason: 'Unready', why };
}

function pendingWords(pod: PodRecord, probeSaid: (uid: string) => string | undefined): string {
  const waiting = pod.containers.find((one) => one.reason !== undefined);
  const said = probeSaid(pod.uid) ?? waiting?.message ?? waiting?.reason ?? 'the kubelet has not said why';
  return `pod ${pod.name} has not started: ${said}`;
}

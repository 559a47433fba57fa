import type { Json } from '../../../../src/lib/json.ts';

/**
 * How kwok plays pods. What a pod plays is said by its image, `shop/checkout:v2-plays-crash-loop`, or by the annotation
 * `play.watchkeeper.dev/as` on the pod, which wins:
 *
 * - `ready`, the default: running and ready at once; a Job's pod succeeds after a moment.
 * - `crash-loop`: exits with 1, again and again, every two seconds.
 * - `oom`: the same, killed for its memory. The annotation `play.watchkeeper.dev/needs-mi: "256"` plays it for as long as
 *   the memory limit of the first container is below that.
 * - The annotation `play.watchkeeper.dev/grows-to-mi: "256"`: ready, and after two seconds killed for its memory in the same
 *   way, again and again.
 * - `image-pull`: ImagePullBackOff.
 * - `not-ready`: runs, and its readiness probe fails.
 * - `fails`: a Job's pod that fails.
 * - `nothing`: nobody touches its status; a test writes it.
 */
export type Play = 'ready' | 'crash-loop' | 'oom' | 'image-pull' | 'not-ready' | 'fails' | 'nothing';

const limit = [
  '(.spec.containers[0].resources.limits.memory // "1024Gi"',
  '| if endswith("Gi") then (rtrimstr("Gi") | tonumber * 1024)',
  'elif endswith("Mi") then (rtrimstr("Mi") | tonumber)',
  'elif endswith("Ki") then (rtrimstr("Ki") | tonumber / 1024)',
  'else (tonumber / 1048576) end)',
].join(' ');
const annotated = (name: string): string => `(.metadata.annotations["play.watchkeeper.dev/${name}"] // "0" | tonumber)`;
const needs = annotated('needs-mi');
const outgrows = `${annotated('grows-to-mi')} > ${limit}`;
const byImage =
  '(.spec.containers[0].image | if test("-plays-[a-z-]+$") then capture("-plays-(?<play>[a-z-]+)$").play else "ready" end)';
const plays = `if ${needs} > ${limit} then "oom" else (.metadata.annotations["play.watchkeeper.dev/as"] // ${byImage}) end`;

const is = (key: string, ...values: readonly string[]): Json => ({ key, operator: 'In', values });
const alive = { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' };
const pending = [alive, is('.status.phase', 'Pending'), is('.spec.nodeName | length > 0', 'true')];
const running = [alive, is('.status.phase', 'Running')];
const ofJob = is('.metadata.ownerReferences // [] | any(.kind == "Job")', 'true');
const notOfJob = is('.metadata.ownerReferences // [] | any(.kind == "Job")', 'false');
/** Not played yet: what has container statuses has been. */
const fresh = is('.status.containerStatuses // [] | length', '0');

interface Stage {
  readonly name: string;
  readonly of?: string;
  readonly when: readonly Json[];
  readonly afterMs?: number;
  readonly next: Readonly<Record<string, Json>>;
}

const condition = (type: string, status: string, reason = ''): string =>
  `- {type: ${type}, status: "${status}", lastTransitionTime: {{ Now | Quote }}${reason === '' ? '' : `, reason: ${reason}`}}`;

/** A pod's status, in kwok's templates: `state` is one container's state; `.` in it is the container. */
function status(phase: string, ready: boolean, state: string, restarts = '0'): string {
  const readiness = ready ? ['True'] : ['False', 'ContainersNotReady'];
  return [
    '{{ $pod := . }}',
    'conditions:',
    condition('PodScheduled', 'True'),
    condition('Initialized', 'True'),
    condition('ContainersReady', ...(readiness as [string])),
    condition('Ready', ...(readiness as [string])),
    'containerStatuses:',
    '{{ range .spec.containers }}',
    '- name: {{ .name | Quote }}',
    '  image: {{ .image | Quote }}',
    '  imageID: {{ printf "sha256:%s" (sha256sum .image) | Quote }}',
    '  containerID: {{ printf "kwok://%s-%s" $pod.metadata.uid .name | Quote }}',
    `  ready: ${ready}`,
    `  started: ${phase === 'Running'}`,
    `  restartCount: ${restarts}`,
    ...state.split('\n').map((line) => `  ${line}`),
    '{{ end }}',
    `phase: ${phase}`,
    ...(phase === 'Pending'
      ? []
      : [
          'startTime: {{ or .status.startTime Now | Quote }}',
          // An address is given once; another would be a second one.
          '{{ if not .status.podIP }}',
          '{{ $ips := PodIPsWith .spec.nodeName (or .spec.hostNetwork false) (or .metadata.uid "") (or .metadata.name "") (or .metadata.namespace "") }}',
          'podIP: {{ index $ips 0 | Quote }}',
          'podIPs: [{ip: {{ index $ips 0 | Quote }}}]',
          '{{ end }}',
        ]),
  ].join('\n');
}

const ended = (code: number, reason: string): string =>
  `terminated: {exitCode: ${code}, reason: ${reason}, startedAt: {{ Now | Quote }}, finishedAt: {{ Now | Quote }}}`;
const waiting = (reason: string, message: string): string => `waiting: {reason: ${reason}, message: "${message}"}`;
const crashed = (code: number, reason: string): string =>
  `state: {${waiting('CrashLoopBackOff', 'back-off 10s restarting failed container')}}\nlastState: {${ended(code, reason)}}`;
const again = '{{ add (index $pod.status.containerStatuses 0).restartCount 1 }}';
const backOff = { type: 'Warning', reason: 'BackOff', message: 'Back-off restarting failed container' };

function crashing(play: Play, code: number, reason: string): readonly Stage[] {
  const state = crashed(code, reason);
  return [
    {
      name: play,
      when: [...pending, fresh, is(plays, play)],
      next: { statusTemplate: status('Running', false, state, '1'), event: backOff },
    },
    {
      name: `${play}-again`,
      when: [...running, is(plays, play)],
      afterMs: 2_000,
      next: { statusTemplate: status('Running', false, state, again), event: backOff },
    },
  ];
}

const nowRunning = 'state: {running: {startedAt: {{ Now | Quote }}}}';

const podStages: readonly Stage[] = [
  {
    name: 'ready',
    when: [...pending, fresh, is(plays, 'ready', 'fails')],
    next: { statusTemplate: status('Running', true, nowRunning) },
  },
  {
    name: 'completes',
    when: [...running, ofJob, is(plays, 'ready')],
    afterMs: 500,
    next: { statusTemplate: status('Succeeded', false, `state: {${ended(0, 'Completed')}}`) },
  },
  {
    name: 'fails',
    when: [...running, is(plays, 'fails')],
    afterMs: 500,
    next: { statusTemplate: status('Failed', false, `state: {${ended(1, 'Error')}}`) },
  },
  ...crashing('crash-loop', 1, 'Error'),
  ...crashing('oom', 137, 'OOMKilled'),
  {
    name: 'outgrows',
    when: [...running, is(outgrows, 'true')],
    afterMs: 2_000,
    next: { statusTemplate: status('Running', false, crashed(137, 'OOMKilled'), again), event: backOff },
  },
  {
    name: 'image-pull',
    when: [...pending, fresh, is(plays, 'image-pull')],
    next: {
      statusTemplate: status('Pending', false, `state: {${waiting('ImagePullBackOff', 'Back-off pulling image')}}`),
      event: { type: 'Warning', reason: 'Failed', message: 'Failed to pull image: not found' },
    },
  },
  {
    name: 'not-ready',
    when: [...pending, fresh, notOfJob, is(plays, 'not-ready')],
    next: {
      statusTemplate: status('Running', false, nowRunning),
      event: {
        type: 'Warning',
        reason: 'Unhealthy',
        message: 'Readiness probe failed: HTTP probe failed with statuscode: 503',
      },
    },
  },
  {
    name: 'deleted',
    when: [{ key: '.metadata.deletionTimestamp', operator: 'Exists' }],
    next: { delete: true },
  },
];

const healthy = ['MemoryPressure', 'DiskPressure', 'PIDPressure']
  .map((type) => condition(type, 'False'))
  .concat(condition('Ready', 'True', 'KubeletReady'));

const nodeStages: readonly Stage[] = [
  {
    name: 'node-ready',
    of: 'Node',
    // Whoever writes a node's condition himself keeps it: only a node without one is made ready.
    when: [is('.status.conditions // [] | map(select(.type == "Ready")) | length', '0')],
    next: {
      statusTemplate: [
        'conditions:',
        ...healthy,
        'addresses:',
        '- {type: InternalIP, address: {{ NodeIP | Quote }}}',
        '- {type: Hostname, address: {{ .metadata.name | Quote }}}',
        'daemonEndpoints: {kubeletEndpoint: {Port: {{ NodePort }}}}',
        'phase: Running',
      ].join('\n'),
    },
  },
];

/** Stages of pods and nodes, and where containers' logs come from, as kwok's configuration file. */
export function kwokConfig(currentLog: string, previousLog: string): string {
  const stages = [...podStages, ...nodeStages].map(({ name, of = 'Pod', when, afterMs, next }) => ({
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: {
      resourceRef: { apiGroup: 'v1', kind: of },
      selector: { matchExpressions: when },
      ...(afterMs === undefined ? {} : { delay: { durationMilliseconds: afterMs } }),
      next,
    },
  }));
  const logs = {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'ClusterLogs',
    metadata: { name: 'logs' },
    spec: { logs: [{ logsFile: currentLog, previousLogsFile: previousLog }] },
  };
  return [...stages, logs].map((document) => JSON.stringify(document)).join('\n---\n');
}

import type { SeriesNature } from '../../../../domain/telemetry.ts';

/** Which reader gives a metric. One reader reads one or two files and gives all of its metrics together. */
export type Group =
  | 'cpu'
  | 'memory'
  | 'pressure'
  | 'mounts'
  | 'disks'
  | 'network'
  | 'load'
  | 'files'
  | 'kernel'
  | 'time'
  | 'certificates'
  | 'units'
  | 'unit'
  | 'process'
  | 'windows';

/** What a metric is, in which unit, and by which labels one may choose among its series. */
export interface Metric {
  readonly summary: string;
  readonly unit: string;
  readonly nature: SeriesNature;
  readonly group: Group;
  /** Keys of a binding's query that narrow it, and labels of its series (`window` only chooses). */
  readonly by: readonly Filter[];
}

/** By what a metric's series can be told apart. */
export type Filter = 'mount' | 'device' | 'interface' | 'path' | 'kind' | 'window' | 'pool' | 'site';

const ratio = { unit: 'ratio', nature: 'ratio' } as const;
const gauge = (unit: string) => ({ unit, nature: 'gauge' }) as const;
const rate = (unit: string) => ({ unit, nature: 'rate' }) as const;
const state = { unit: '1', nature: 'state' } as const;

/** Every metric of this machine and of the services on it. README.md is checked against this list by a test. */
export const metrics = {
  cpu: { summary: 'share of CPU time not idle and not waiting for I/O', ...ratio, group: 'cpu', by: [] },
  cpu_iowait: { summary: 'share of CPU time idle while I/O is outstanding', ...ratio, group: 'cpu', by: [] },
  cpu_steal: { summary: 'share of CPU time taken by the hypervisor', ...ratio, group: 'cpu', by: [] },
  processes_blocked: { summary: 'processes blocked on I/O', ...gauge('1'), group: 'cpu', by: [] },
  memory: { summary: 'used memory: 1 - MemAvailable / MemTotal', ...ratio, group: 'memory', by: [] },
  swap: { summary: 'used swap: 1 - SwapFree / SwapTotal', ...ratio, group: 'memory', by: [] },
  pressure_cpu: {
    summary: 'share of time tasks waited for a CPU',
    ...ratio,
    group: 'pressure',
    by: ['kind', 'window'],
  },
  pressure_memory: {
    summary: 'share of time tasks waited for memory',
    ...ratio,
    group: 'pressure',
    by: ['kind', 'window'],
  },
  pressure_io: { summary: 'share of time tasks waited for I/O', ...ratio, group: 'pressure', by: ['kind', 'window'] },
  disk: {
    summary: 'used space of a mount, as an unprivileged writer sees it',
    ...ratio,
    group: 'mounts',
    by: ['mount'],
  },
  disk_available: { summary: 'space an unprivileged writer has left', ...gauge('By'), group: 'mounts', by: ['mount'] },
  inodes: { summary: 'used inodes of a mount', ...ratio, group: 'mounts', by: ['mount'] },
  disk_read: { summary: 'bytes read from a device', ...rate('By/s'), group: 'disks', by: ['device'] },
  disk_write: { summary: 'bytes written to a device', ...rate('By/s'), group: 'disks', by: ['device'] },
  disk_busy: { summary: 'share of time a device had I/O in flight', ...ratio, group: 'disks', by: ['device'] },
  disk_await: {
    summary: 'mean time of one I/O, queueing included',
    unit: 's',
    nature: 'latency',
    group: 'disks',
    by: ['device'],
  },
  network_receive: { summary: 'bytes received', ...rate('By/s'), group: 'network', by: ['interface'] },
  network_transmit: { summary: 'bytes sent', ...rate('By/s'), group: 'network', by: ['interface'] },
  network_errors: { summary: 'receive and transmit errors', ...rate('1/s'), group: 'network', by: ['interface'] },
  network_drops: { summary: 'packets dropped, both ways', ...rate('1/s'), group: 'network', by: ['interface'] },
  load: { summary: 'one-minute load average per CPU', ...gauge('1'), group: 'load', by: [] },
  fds: { summary: 'open file handles of the kernel against fs.file-max', ...ratio, group: 'files', by: [] },
  oom_kills: { summary: 'processes killed for lack of memory', ...rate('1/s'), group: 'kernel', by: [] },
  time_sync: { summary: '1 when the clock is known to be synchronised', ...state, group: 'time', by: [] },
  certificate_expiry: {
    summary: 'time until the first certificate of a listed file ends',
    ...gauge('s'),
    group: 'certificates',
    by: ['path'],
  },
  units_failed: { summary: 'systemd units in state failed', ...gauge('1'), group: 'units', by: [] },
  unit_up: { summary: "1 when the service's unit is active", ...state, group: 'unit', by: [] },
  unit_restarts: { summary: 'automatic restarts of the unit (NRestarts)', ...rate('1/s'), group: 'unit', by: [] },
  unit_cpu: { summary: "CPUs used by the unit's control group", ...rate('1'), group: 'unit', by: [] },
  unit_memory: { summary: "memory of the unit's control group", ...gauge('By'), group: 'unit', by: [] },
  unit_memory_used: { summary: 'memory of the unit against its limit', ...ratio, group: 'unit', by: [] },
  unit_tasks: { summary: 'tasks (processes and threads) of the unit', ...gauge('1'), group: 'unit', by: [] },
  unit_oom_kills: { summary: 'processes of the unit killed for lack of memory', ...rate('1/s'), group: 'unit', by: [] },
  unit_throttled: { summary: 'share of time the unit was held back by its CPU limit', ...ratio, group: 'unit', by: [] },
  process_up: { summary: "1 when the service's process runs", ...state, group: 'process', by: [] },
  process_restarts: { summary: 'times another process took its place', ...rate('1/s'), group: 'process', by: [] },
  process_cpu: { summary: 'CPUs used by the process', ...rate('1'), group: 'process', by: [] },
  process_memory: { summary: 'resident memory of the process', ...gauge('By'), group: 'process', by: [] },
  process_fds: { summary: 'open files of the process against its soft limit', ...ratio, group: 'process', by: [] },
  process_threads: { summary: 'threads of the process', ...gauge('1'), group: 'process', by: [] },
} as const satisfies Record<string, Metric>;

/** The metrics a binding may name. */
export type MetricName = keyof typeof metrics;

/** All of them, for schemas and suggestions. */
export const metricNames = Object.keys(metrics) as [MetricName, ...MetricName[]];

/** What only Windows hosts have. All else that they tell has the names above, where it means the same. */
export const windowsMetrics = {
  cpu_queue: { summary: 'threads that wait for a processor, per processor', ...gauge('1'), group: 'windows', by: [] },
  memory_commit: {
    summary: 'committed memory against the commit limit (memory and page files)',
    ...ratio,
    group: 'windows',
    by: [],
  },
  reboot_pending: {
    summary: '1 when servicing, an update or a new name waits for a reboot',
    ...state,
    group: 'windows',
    by: [],
  },
  tasks_failed: {
    summary: "scheduled tasks, but for Windows' own, whose last run ended with a fault",
    ...gauge('1'),
    group: 'windows',
    by: [],
  },
  app_pool_up: { summary: '1 when an application pool of IIS is started', ...state, group: 'windows', by: ['pool'] },
  site_up: { summary: '1 when a site of IIS is started', ...state, group: 'windows', by: ['site'] },
} as const satisfies Record<string, Metric>;

/** The metrics a binding of a Windows host may name beside the others. */
export type WindowsMetricName = keyof typeof windowsMetrics;

/** A metric of any machine. */
export type AnyMetricName = MetricName | WindowsMetricName;

/** Those of Windows alone. */
export const windowsMetricNames = Object.keys(windowsMetrics) as [WindowsMetricName, ...WindowsMetricName[]];

const all: Readonly<Record<AnyMetricName, Metric>> = { ...metrics, ...windowsMetrics };

/** The metric by name, with its literal type widened. */
export function metricOf(name: AnyMetricName): Metric {
  return all[name];
}

import type { Point, Problem, Reading } from '../../../io/clients/linux/reading.ts';
import { gapMessage, gapReason } from '../../../io/clients/linux/reading.ts';
import type { Rates } from '../../../io/clients/linux/rates.ts';
import type { AnyMetricName } from '../../../io/clients/linux/metrics/catalogue.ts';
import type { Labels } from '../../../domain/telemetry.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Section, SectionName, WindowsDocument } from './document.ts';

/** Which metrics a section gives. */
const metricsBySection: Readonly<Partial<Record<SectionName, readonly AnyMetricName[]>>> = {
  cpu: ['cpu', 'cpu_queue'],
  memory: ['memory', 'memory_commit', 'swap'],
  disks: ['disk_read', 'disk_write', 'disk_busy', 'disk_await'],
  network: ['network_receive', 'network_transmit', 'network_errors', 'network_drops'],
  volumes: ['disk', 'disk_available'],
  services: ['units_failed'],
  iis: ['app_pool_up', 'site_up'],
  tasks: ['tasks_failed'],
  certificates: ['certificate_expiry'],
  pending: ['reboot_pending'],
  time: ['time_sync'],
};

/** All metrics of the machine from one answer. A section that could not be read is a problem of its metrics alone. */
export function readMachine(document: WindowsDocument, rates: Rates, excludeMounts: readonly string[]): Reading {
  const points: Point[] = [];
  const problems: Problem[] = [];
  const read = <N extends SectionName>(name: N, give: (data: Section<N>) => readonly Point[]): void => {
    try {
      points.push(...give(document.section(name)));
    } catch (thrown) {
      const metrics = metricsBySection[name] ?? [];
      problems.push({ metrics, reason: gapReason(thrown), message: gapMessage(thrown, 'Windows') });
    }
  };
  read('cpu', (data) => cpu(data, rates));
  read('memory', (data) => memory(data, document.section('system').memoryBytes));
  read('disks', (data) => data.disks.flatMap((disk) => oneDisk(disk, rates)));
  read('network', (data) => data.interfaces.flatMap((one) => oneInterface(one, rates)));
  read('volumes', (data) => volumes(data, excludeMounts));
  read('services', ({ services }) => [point('units_failed', services.filter(hasFailed).length)]);
  read('iis', iis);
  read('tasks', ({ tasks }) => [point('tasks_failed', tasks.filter(taskFailed).length)]);
  read('certificates', (data) => certificates(data, document.nowMs));
  read('pending', ({ servicing, update, renamed }) => [
    point('reboot_pending', servicing || update || renamed ? 1 : 0),
  ]);
  read('time', (data) => [point('time_sync', timeSync(data))]);
  return { points, problems };
}

const point = (metric: AnyMetricName, v: number | undefined, labels: Labels = {}): Point => ({ metric, labels, v });

/** Milliseconds of the host's own steady clock (QueryPerformanceCounter). */
export function steadyMs({ ticks, frequency }: { readonly ticks: number; readonly frequency: number }): number {
  return (ticks / frequency) * 1_000;
}

// Idle time grows by 10,000,000 a second on a processor that does nothing (PERF_100NSEC_TIMER_INV).
function cpu(data: Section<'cpu'>, rates: Rates): readonly Point[] {
  const atMs = steadyMs(data);
  const idle = data.processors.map(([name, ticks]) => rates.perSecond(`cpu/${name}`, ticks, atMs));
  const known = idle.filter((one) => one !== undefined);
  const mean = known.length === 0 ? undefined : known.reduce((sum, one) => sum + one, 0) / known.length / 1e7;
  return [
    point('cpu', mean === undefined ? undefined : clamp(1 - mean)),
    point('cpu_queue', data.queue / Math.max(1, data.processors.length)),
  ];
}

function memory(data: Section<'memory'>, total: number): readonly Point[] {
  const size = data.pageFiles.reduce((sum, { megabytes }) => sum + megabytes, 0);
  const used = data.pageFiles.reduce((sum, one) => sum + one.used, 0);
  return [
    point('memory', clamp(1 - data.available / total)),
    point('memory_commit', data.committed / data.limit),
    ...(size > 0 ? [point('swap', clamp(used / size))] : []),
  ];
}

type Disk = Section<'disks'>['disks'][number];

function oneDisk(disk: Disk, rates: Rates): readonly Point[] {
  const atMs = steadyMs(disk);
  const labels = { device: disk.name };
  const key = `disk/${disk.name}`;
  const grown = (name: string, value: number): number | undefined => rates.increase(`${key}/${name}`, value);
  const idle = grown('idle', disk.idle);
  const base = grown('base', disk.idleBase);
  const busy = wrapping(rates, `${key}/busy`, disk.busy);
  const transfers = wrapping(rates, `${key}/transfers`, disk.transfers);
  return [
    point('disk_read', rates.perSecond(`${key}/read`, disk.read, atMs), labels),
    point('disk_write', rates.perSecond(`${key}/written`, disk.written, atMs), labels),
    point(
      'disk_busy',
      idle === undefined || base === undefined || base <= 0 ? undefined : clamp(1 - idle / base),
      labels,
    ),
    // Without a transfer there is no time of one.
    ...(transfers === 0 || busy === undefined || transfers === undefined
      ? transfers === undefined
        ? [point('disk_await', undefined, labels)]
        : []
      : [point('disk_await', busy / disk.frequency / transfers, labels)]),
  ];
}

// AvgDisksecPerTransfer and its base have 32 bits and go round: from 4,294,967,295 to 0.
const round = 2 ** 32;
function wrapping(rates: Rates, key: string, value: number): number | undefined {
  const before = rates.last(key);
  const grown = rates.increase(key, value);
  if (grown === undefined || before === undefined) return undefined;
  return value >= before ? value - before : value - before + round;
}

type Interface = Section<'network'>['interfaces'][number];

function oneInterface(one: Interface, rates: Rates): readonly Point[] {
  const atMs = steadyMs(one);
  const labels = { interface: one.name };
  const rate = (metric: AnyMetricName, value: number): Point =>
    point(metric, rates.perSecond(`net/${one.name}/${metric}`, value, atMs), labels);
  return [
    rate('network_receive', one.received),
    rate('network_transmit', one.sent),
    rate('network_errors', one.errors),
    rate('network_drops', one.drops),
  ];
}

function volumes(data: Section<'volumes'>, exclude: readonly string[]): readonly Point[] {
  return data.volumes.flatMap(({ path, capacity, free }) => {
    // Volumes without a name in the file system (the boot partition, recovery) fill up by nobody's doing.
    const mount = mountOf(path);
    if (mount === undefined || !(Number(capacity) > 0) || typeof free !== 'number') return [];
    const excluded = exclude.some((one) =>
      `${mount}\\`.toLowerCase().startsWith(`${mountOf(one) ?? one}\\`.toLowerCase()),
    );
    if (excluded) return [];
    return [point('disk', clamp(1 - free / Number(capacity)), { mount }), point('disk_available', free, { mount })];
  });
}

/** `C:\` is `C:`, `D:\mnt\data\` is `D:\mnt\data`; `undefined` for a volume that nothing leads to. */
export function mountOf(path: string): string | undefined {
  return /^[A-Za-z]:/.test(path) ? path.replace(/\\+$/, '') : undefined;
}

type WindowsService = Section<'services'>['services'][number];

/**
 * Whether a service ended with a fault: it is stopped, may be started, and its exit code is neither 0 nor 1077, which Windows
 * gives to one that was not started since the boot (ERROR_SERVICE_NEVER_STARTED).
 */
export function hasFailed({ state, start, exit }: WindowsService): boolean {
  // A code that is not told says nothing.
  return state === 'Stopped' && start !== 'Disabled' && (exit ?? 0) !== 0 && exit !== 1_077;
}

function iis({ pools, sites }: Section<'iis'>): readonly Point[] {
  // What is not started by itself was stopped by somebody on purpose.
  return [
    ...pools
      .filter((one) => one.autoStart)
      .map(({ name, state }) => point('app_pool_up', state === 1 ? 1 : 0, { pool: name })),
    ...sites
      .filter((one) => one.autoStart)
      .map(({ name, state }) => point('site_up', state === 1 ? 1 : 0, { site: name })),
  ];
}

/**
 * Whether a task's last run ended with a fault. Results are HRESULTs of 32 bits; 0 is well, and 0x000413xx are the scheduler's
 * own words for ready, running, disabled, not yet run and the like (SCHED_S_*).
 */
export function taskFailed({ enabled, result }: { readonly enabled: boolean; readonly result: number }): boolean {
  const code = result >>> 0;
  return enabled && code !== 0 && code >>> 8 !== 0x413;
}

function certificates({ certificates: all }: Section<'certificates'>, nowMs: number): readonly Point[] {
  return all.map(({ store, thumbprint, endsAtMs }) =>
    point('certificate_expiry', (endsAtMs - nowMs) / 1_000, { path: `/LocalMachine/${store}/${thumbprint}` }),
  );
}

const notStarted = 0x80070426;

/**
 * 1 when Windows' clock follows one outside: leap indicator not 3, a stratum from 1 to 15, and a reference that is neither
 * none nor the machine's own clock ("LOCL"). A service that does not run keeps no time. @throws when it did not say.
 */
function timeSync({ state, code, leap, stratum, reference }: Section<'time'>): number {
  if (state !== 'Running' || code >>> 0 === notStarted) return 0;
  if (code !== 0 || leap === null || leap === undefined || stratum === null || stratum === undefined)
    throw timeUnknown(code);
  const own = reference === '00000000' || reference === '4C4F434C';
  return leap !== 3 && stratum >= 1 && stratum <= 15 && !own ? 1 : 0;
}

function timeUnknown(code: number): WatchkeeperError {
  const hex = (code >>> 0).toString(16).padStart(8, '0');
  return code >>> 0 === 0x80070005
    ? new WatchkeeperError('forbidden', 'w32tm does not tell this user', {
        fix: 'See docs/hosts.md: it answers administrators.',
      })
    : new WatchkeeperError('malformed', `w32tm ended with 0x${hex}`);
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}

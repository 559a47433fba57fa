import type { Service } from '../../../domain/service.ts';
import type { ResourceState } from '../../../domain/telemetry.ts';
import type { AnyMetricName } from '../../../io/clients/linux/metrics/catalogue.ts';
import { merge, metricsOf } from '../../../io/clients/linux/metrics/index.ts';
import type { Rates } from '../../../io/clients/linux/rates.ts';
import { gapMessage, gapReason } from '../../../io/clients/linux/reading.ts';
import type { Point, Problem, Reading } from '../../../io/clients/linux/reading.ts';
import { parseRecovery, recoveryInWords } from '../../../io/clients/windows/recovery.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import { hasFailed, steadyMs } from './counters.ts';
import type { Section, WindowsDocument } from './document.ts';

/** Which process a service was when it was last seen, and how often another took its place. */
export interface ServiceMemory {
  identity: string | undefined;
  restarts: number;
}

/** What was read of one service. */
export interface ServiceRead {
  readonly reading: Reading;
  readonly resources: readonly ResourceState[];
}

type Found = Section<'services'>['services'][number];
type Process = Section<'services'>['processes'][number];

/** The Windows service that a service of ours is, and its process. Never throws: what is not there is a problem. */
export function readService(
  service: Service,
  document: WindowsDocument,
  memory: ServiceMemory,
  rates: Rates,
  nowMs: number,
): ServiceRead {
  const unit = unitOf(service);
  try {
    if (unit === undefined) throw new WatchkeeperError('unsupported', 'the service names no Windows service (unit)');
    const data = document.section('services');
    const found = data.services.find(({ name }) => name.toLowerCase() === unit.toLowerCase());
    if (found === undefined) throw new WatchkeeperError('not-found', `there is no Windows service ${unit}`);
    const process = data.processes.find(({ pid }) => pid === found.pid && pid > 0);
    const reading = figures(service.name, found, process, memory, rates, steadyMs(data));
    return { reading, resources: factsOf(service.name, found, process, memory, nowMs) };
  } catch (thrown) {
    const problem = { metrics: both, reason: gapReason(thrown), message: gapMessage(thrown, unit ?? service.name) };
    return { reading: { points: [], problems: [problem] }, resources: [] };
  }
}

/** The Windows service that a place on this host names. */
export function unitOf(service: Service): string | undefined {
  return service.runsOn.flatMap((place) =>
    place.on === 'host' && place.host.unit !== undefined ? [place.host.unit] : [],
  )[0];
}

const both: readonly AnyMetricName[] = [...metricsOf('unit'), ...metricsOf('process')];
const never: readonly AnyMetricName[] = ['unit_memory_used', 'unit_oom_kills', 'unit_throttled', 'process_fds'];

function figures(
  name: string,
  found: Found,
  process: Process | undefined,
  memory: ServiceMemory,
  rates: Rates,
  atMs: number,
): Reading {
  const up = isUp(found);
  if (process !== undefined) {
    const identity = identityOf(process);
    if (memory.identity !== undefined && memory.identity !== identity) memory.restarts++;
    memory.identity = identity;
  }
  const points: Point[] = [point('unit_up', up ? 1 : 0), point('process_up', up ? 1 : 0)];
  const restarts = rates.perSecond(`unit/${name}/restarts`, memory.restarts, atMs);
  points.push(point('unit_restarts', restarts), point('process_restarts', restarts));
  const problems: Problem[] = [
    { metrics: never, reason: 'unsupported', message: 'Windows keeps no such figure of a service' },
  ];
  if (process === undefined) {
    const message = up ? `the process of ${found.name} is not told` : `${found.name} is ${found.state}`;
    problems.push({ metrics: ofProcess, reason: 'missing', message });
    return { points, problems };
  }
  // Counted per process: a successor begins at nothing.
  const cpu = rates.perSecond(`process/${name}/${memory.identity ?? ''}`, (process.kernel + process.user) / 1e7, atMs);
  points.push(
    point('unit_cpu', cpu),
    point('process_cpu', cpu),
    point('unit_memory', process.memory),
    point('process_memory', process.memory),
    point('unit_tasks', process.threads),
    point('process_threads', process.threads),
  );
  return merge([{ points, problems }]);
}

const point = (metric: AnyMetricName, v: number | undefined): Point => ({ metric, labels: {}, v });
const ofProcess: readonly AnyMetricName[] = [
  'unit_cpu',
  'process_cpu',
  'unit_memory',
  'process_memory',
  'unit_tasks',
  'process_threads',
];

// Starting and stopping take a while, and are neither: a service that starts is not down yet, one that is paused answers nobody.
function isUp({ state }: Found): boolean {
  return state === 'Running' || state === 'Start Pending' || state === 'Continue Pending';
}

/** A process is one by its number and its start: numbers are given again. */
export function identityOf({ pid, startedAtMs }: Pick<Process, 'pid' | 'startedAtMs'>): string {
  return `${pid}@${startedAtMs ?? 0}`;
}

function factsOf(
  service: string,
  found: Found,
  process: Process | undefined,
  memory: ServiceMemory,
  nowMs: number,
): readonly ResourceState[] {
  const recovery = parseRecovery(found.recovery);
  const attributes = {
    unit: found.name,
    active: found.state,
    start: found.start,
    exitCode: found.exit ?? null,
    recovery: recoveryInWords(recovery),
    ...(process === undefined ? {} : { pid: process.pid, handles: process.handles, restarts: memory.restarts }),
    ...(process === undefined ? {} : { startedAtMs: process.startedAtMs }),
  };
  return [{ kind: 'unit', id: found.name, service, atMs: nowMs, attributes }];
}

const namedUnits = 20;

/** The services of the machine that ended with a fault, the first of them by name. */
export function failedUnits(document: WindowsDocument, host: string, nowMs: number): readonly ResourceState[] {
  try {
    const failed = document.section('services').services.filter(hasFailed);
    return failed.slice(0, namedUnits).map((one) => ({
      kind: 'unit',
      id: one.name,
      service: host,
      atMs: nowMs,
      attributes: { unit: one.name, active: 'failed', exitCode: one.exit ?? null },
    }));
  } catch {
    return [];
  }
}

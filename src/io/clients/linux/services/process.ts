import { WatchkeeperError } from '../../../../lib/errors.ts';
import { point } from '../metrics/kernel.ts';
import { metricsOf } from '../metrics/index.ts';
import { malformed, readText, readTextIfAny } from '../reading.ts';
import type { Point, Problem, ReadContext, Reading } from '../reading.ts';

/** One process at one moment. */
export interface ProcessState {
  readonly pid: number;
  /** R running, S sleeping, D waiting for I/O, Z dead but not collected ... */
  readonly state: string;
  readonly threads: number;
  readonly cpuTicks: number;
  /** Start, in ticks since boot: with the pid it names the process for good. */
  readonly startTicks: number;
  readonly residentBytes: number;
}

/** Linux counts CPU time for user space in hundredths of a second on every architecture. */
const ticksPerSecond = 100;
const maxOpenFiles = 1_000_000;

/** Parses /proc/PID/stat and /proc/PID/status. The name may hold blanks and brackets, so it is cut at the last one. */
export function parseProcess(pid: number, stat: string, status: string): ProcessState {
  const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const at = (field: number): number => Number(rest[field - 3]); // fields are numbered as in proc(5)
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  const process: ProcessState = {
    pid,
    state: rest[0] ?? '',
    threads: at(20),
    cpuTicks: at(14) + at(15),
    startTicks: at(22),
    residentBytes: Number(resident ?? 0) * 1_024,
  };
  if (!stat.includes(')') || !Number.isFinite(process.startTicks + process.cpuTicks + process.threads))
    throw malformed(`/proc/${pid}/stat`, 'not a process');
  return process;
}

/** Reads a process; `undefined` when it is gone or waits only to be collected. */
export async function readProcess(pid: number, context: ReadContext): Promise<ProcessState | undefined> {
  const [stat, status] = await Promise.all([
    readTextIfAny(context, `/proc/${pid}/stat`),
    readTextIfAny(context, `/proc/${pid}/status`),
  ]);
  if (stat === undefined || status === undefined) return undefined;
  const process = parseProcess(pid, stat, status);
  return process.state === 'Z' || process.state === 'X' ? undefined : process;
}

/** What is remembered of a service's process between readings. */
export interface ProcessMemory {
  identity: string | undefined;
  restarts: number;
  known: boolean;
}

/** What was read of a service's process: metrics, and the process itself where it runs. */
export interface ProcessReading {
  readonly reading: Reading;
  readonly process: ProcessState | undefined;
  readonly openFiles: number | undefined;
}

/**
 * Measures the process a service consists of. One that does not run is `process_up` 0, as a fact; a pid file that was
 * never there is a gap, for then nobody knows whether the service should run here.
 */
export async function measureProcess(
  key: string,
  pid: number | undefined,
  memory: ProcessMemory,
  context: ReadContext,
): Promise<ProcessReading> {
  const process = pid === undefined || pid <= 0 ? undefined : await readProcess(pid, context);
  const identity = process === undefined ? undefined : `${process.pid}/${process.startTicks}`;
  if (identity !== undefined && memory.identity !== undefined && identity !== memory.identity) memory.restarts++;
  memory.identity = identity ?? memory.identity;
  memory.known = true;
  const perSecond = (what: string, value: number): number | undefined =>
    context.rates.perSecond(`process/${key}/${what}`, value, context.monotonicMs);
  const points: Point[] = [
    point('process_up', process === undefined ? 0 : 1),
    point('process_restarts', perSecond('restarts', memory.restarts)),
  ];
  if (process === undefined) {
    const gone = metricsOf('process').filter((name) => name !== 'process_up' && name !== 'process_restarts');
    const problems: Problem[] = [{ metrics: gone, reason: 'missing', message: 'the process does not run' }];
    return { reading: { points, problems }, process, openFiles: undefined };
  }
  const cpu = perSecond(`cpu/${identity ?? ''}`, process.cpuTicks);
  points.push(
    point('process_cpu', cpu === undefined ? undefined : cpu / ticksPerSecond),
    point('process_memory', process.residentBytes),
    point('process_threads', process.threads),
  );
  const files = await openFiles(process.pid, context);
  return {
    reading: { points: [...points, ...files.points], problems: files.problems },
    process,
    openFiles: files.count,
  };
}

// Only the same user and root may look at another process' descriptors.
async function openFiles(pid: number, context: ReadContext): Promise<Reading & { readonly count?: number }> {
  try {
    const names = await context.files.list(context.at(`/proc/${pid}/fd`), maxOpenFiles, context.signal);
    const limits = await readText(context, `/proc/${pid}/limits`);
    const soft = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0);
    const points = soft > 0 ? [point('process_fds', names.length / soft)] : [];
    return { points, problems: [], count: names.length };
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    const reason = error.code === 'forbidden' ? 'unauthorized' : 'missing';
    const message = `open files of process ${pid}: ${error.message}`;
    return { points: [], problems: [{ metrics: ['process_fds'], reason, message }] };
  }
}

/** Reads a pid file. @throws `malformed` when it holds no pid, `not-found` when there is none. */
export async function readPidFile(path: string, context: ReadContext): Promise<number> {
  const text = (await readText(context, path, 4_096)).trim();
  if (!/^\d{1,9}$/.test(text)) throw malformed(path, 'holds no process id');
  return Number(text);
}

import { count, parseFlat } from '../metrics/parse.ts';
import { readTextIfAny } from '../reading.ts';
import type { Point, Problem, ReadContext, Reading } from '../reading.ts';
import { point } from '../metrics/kernel.ts';
import type { MetricName } from '../metrics/catalogue.ts';

/** Figures of one control group, the same for both versions. Absent: the controller is not enabled for it. */
export interface GroupFigures {
  readonly cpuNs?: number;
  readonly throttledNs?: number;
  /** Memory that cannot simply be dropped: usage less inactive file cache, as Kubernetes' working set. */
  readonly memoryBytes?: number;
  readonly memoryMaxBytes?: number;
  readonly oomKills?: number;
  readonly tasks?: number;
}

const root = '/sys/fs/cgroup';
/** v1 writes "no limit" as a number near 2^63, rounded to pages. */
const unlimited = 2 ** 60;

/** Reads a control group by its path (`/system.slice/shop.service`), in the unified (v2) or the legacy (v1) layout. */
export async function readControlGroup(path: string, context: ReadContext): Promise<GroupFigures> {
  const unified = await context.files.stat(context.at(`${root}/cgroup.controllers`), context.signal);
  return unified === undefined ? readV1(path, context) : readV2(path, context);
}

async function readV2(path: string, context: ReadContext): Promise<GroupFigures> {
  const [cpu, current, max, stat, events, pids] = await Promise.all(
    ['cpu.stat', 'memory.current', 'memory.max', 'memory.stat', 'memory.events', 'pids.current'].map((name) =>
      readTextIfAny(context, `${root}${path}/${name}`),
    ),
  );
  const times = parseFlat(cpu ?? '');
  return figures({
    cpuNs: scaled(times.get('usage_usec'), 1_000),
    throttledNs: scaled(times.get('throttled_usec'), 1_000),
    memoryBytes: workingSet(current, parseFlat(stat ?? '').get('inactive_file')),
    memoryMaxBytes: limit(max),
    oomKills: parseFlat(events ?? '').get('oom_kill'),
    tasks: whole(pids),
  });
}

async function readV1(path: string, context: ReadContext): Promise<GroupFigures> {
  const [usage, throttling, memory, max, stat, oom, pids] = await Promise.all(
    [
      `cpuacct${path}/cpuacct.usage`,
      `cpu${path}/cpu.stat`,
      `memory${path}/memory.usage_in_bytes`,
      `memory${path}/memory.limit_in_bytes`,
      `memory${path}/memory.stat`,
      `memory${path}/memory.oom_control`,
      `pids${path}/pids.current`,
    ].map((name) => readTextIfAny(context, `${root}/${name}`)),
  );
  return figures({
    cpuNs: whole(usage),
    throttledNs: parseFlat(throttling ?? '').get('throttled_time'),
    memoryBytes: workingSet(memory, parseFlat(stat ?? '').get('total_inactive_file')),
    memoryMaxBytes: limit(max),
    oomKills: parseFlat(oom ?? '').get('oom_kill'),
    tasks: whole(pids),
  });
}

type Loose = { readonly [Key in keyof GroupFigures]-?: number | undefined };

function figures(loose: Loose): GroupFigures {
  return Object.fromEntries(Object.entries(loose).filter(([, value]) => value !== undefined));
}

function whole(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+\s*$/.test(text) ? count(text) : undefined;
}

function limit(text: string | undefined): number | undefined {
  const value = whole(text);
  return value !== undefined && value < unlimited ? value : undefined;
}

function scaled(value: number | undefined, by: number): number | undefined {
  return value === undefined ? undefined : value * by;
}

function workingSet(usage: string | undefined, inactiveFile: number | undefined): number | undefined {
  const used = whole(usage);
  return used === undefined ? undefined : Math.max(0, used - (inactiveFile ?? 0));
}

/** Turns a control group's figures into metrics. `key` names its counters. */
export function groupReading(key: string, group: GroupFigures, context: ReadContext): Reading {
  const points: Point[] = [];
  const absent: MetricName[] = [];
  const perSecond = (what: string, value: number): number | undefined =>
    context.rates.perSecond(`unit/${key}/${what}`, value, context.monotonicMs);
  const add = (metric: MetricName, value: number | undefined, made: (value: number) => number | undefined): void => {
    if (value === undefined) absent.push(metric);
    else points.push(point(metric, made(value)));
  };
  const perNs = (rate: number | undefined, most: number): number | undefined =>
    rate === undefined ? undefined : Math.min(most, rate / 1e9);
  add('unit_cpu', group.cpuNs, (ns) => perNs(perSecond('cpu', ns), Infinity));
  add('unit_throttled', group.throttledNs, (ns) => perNs(perSecond('throttled', ns), 1));
  add('unit_memory', group.memoryBytes, (bytes) => bytes);
  add('unit_tasks', group.tasks, (tasks) => tasks);
  add('unit_oom_kills', group.oomKills, (kills) => perSecond('oom', kills));
  const problems: Problem[] = [];
  const { memoryBytes, memoryMaxBytes } = group;
  if (memoryBytes !== undefined && memoryMaxBytes !== undefined && memoryMaxBytes > 0)
    points.push(point('unit_memory_used', memoryBytes / memoryMaxBytes));
  else problems.push({ metrics: ['unit_memory_used'], reason: 'unsupported', message: 'the unit has no memory limit' });
  if (absent.length > 0)
    problems.push({ metrics: absent, reason: 'unsupported', message: 'the control group has no such controller' });
  return { points, problems };
}

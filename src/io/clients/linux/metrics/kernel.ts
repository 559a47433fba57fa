import type { Labels } from '../../../../domain/telemetry.ts';
import { malformed, readText, readTextIfAny } from '../reading.ts';
import type { Point, ReadContext, Reading } from '../reading.ts';
import type { MetricName } from './catalogue.ts';
import {
  count,
  fields,
  parseDiskstats,
  parseFlat,
  parseMeminfo,
  parseNetDev,
  parsePressure,
  parseStat,
} from './parse.ts';

/** A metric's value with no labels, or with these. */
export function point(metric: MetricName, v: number | undefined, labels: Labels = {}): Point {
  return { metric, labels, v };
}

const only = (points: readonly Point[]): Reading => ({ points, problems: [] });

/** CPU shares since the last reading, from /proc/stat. iowait may shrink by a tick; a share is never negative. */
export async function readCpu(context: ReadContext): Promise<Reading> {
  const now = parseStat(await readText(context, '/proc/stat'));
  const grown = (name: 'user' | 'nice' | 'system' | 'idle' | 'iowait' | 'irq' | 'softirq' | 'steal') =>
    context.rates.increase(`cpu/${name}`, now[name]);
  const idle = grown('idle');
  const iowait = grown('iowait');
  const steal = grown('steal');
  const busy = [grown('user'), grown('nice'), grown('system'), grown('irq'), grown('softirq')];
  const blocked = point('processes_blocked', now.blocked);
  if (idle === undefined || iowait === undefined || steal === undefined)
    return only([point('cpu', undefined), point('cpu_iowait', undefined), point('cpu_steal', undefined), blocked]);
  const working = busy.reduce<number>((sum, value) => sum + (value ?? 0), 0) + steal;
  const total = working + idle + iowait;
  const share = (ticks: number): number | undefined => (total > 0 ? ticks / total : undefined);
  return only([
    point('cpu', share(working)),
    point('cpu_iowait', share(iowait)),
    point('cpu_steal', share(steal)),
    blocked,
  ]);
}

/** Memory and swap from /proc/meminfo. Kernels before 3.14 have no MemAvailable; free + buffers + cached stands in. */
export async function readMemory(context: ReadContext): Promise<Reading> {
  const info = parseMeminfo(await readText(context, '/proc/meminfo'));
  const total = info.get('MemTotal') ?? 0;
  if (total <= 0) throw malformed('/proc/meminfo', 'no MemTotal');
  const available =
    info.get('MemAvailable') ?? (info.get('MemFree') ?? 0) + (info.get('Buffers') ?? 0) + (info.get('Cached') ?? 0);
  const swap = info.get('SwapTotal') ?? 0;
  const points = [point('memory', 1 - Math.min(available, total) / total)];
  if (swap > 0) return only([...points, point('swap', 1 - Math.min(info.get('SwapFree') ?? 0, swap) / swap)]);
  return {
    points,
    problems: [{ metrics: ['swap'], reason: 'unsupported', message: 'this machine has no swap space' }],
  };
}

/** Pressure stall information. A kernel without it is `unsupported`: never mistaken for no pressure. */
export async function readPressure(context: ReadContext): Promise<Reading> {
  const parts = await Promise.all(
    (['cpu', 'memory', 'io'] as const).map(async (resource): Promise<Reading> => {
      const metric: MetricName = `pressure_${resource}`;
      const text = await readTextIfAny(context, `/proc/pressure/${resource}`);
      if (text === undefined)
        return {
          points: [],
          problems: [
            { metrics: [metric], reason: 'unsupported', message: 'this kernel offers no pressure (PSI) figures' },
          ],
        };
      return only(
        parsePressure(`/proc/pressure/${resource}`, text)
          .filter(({ kind }) => kind === 'some' || resource !== 'cpu') // for CPU, "full" means nothing machine-wide
          .flatMap(({ kind, avg10, avg60, avg300 }) => [
            point(metric, avg10, { kind, window: 'avg10' }),
            point(metric, avg60, { kind, window: 'avg60' }),
            point(metric, avg300, { kind, window: 'avg300' }),
          ]),
      );
    }),
  );
  return { points: parts.flatMap((part) => part.points), problems: parts.flatMap((part) => part.problems) };
}

/** Throughput, saturation and latency of whole disks, from /proc/diskstats. */
export async function readDisks(context: ReadContext): Promise<Reading> {
  const disks = parseDiskstats(await readText(context, '/proc/diskstats'));
  return only(
    disks.flatMap((disk) => {
      const labels = { device: disk.device };
      const perSecond = (what: string, value: number): number | undefined =>
        context.rates.perSecond(`disk/${disk.device}/${what}`, value, context.monotonicMs);
      const operations = context.rates.increase(`disk/${disk.device}/operations`, disk.reads + disk.writes);
      const waitedMs = context.rates.increase(`disk/${disk.device}/waited`, disk.readMs + disk.writeMs);
      const busy = perSecond('busy', disk.busyMs);
      const wait = operations === undefined || waitedMs === undefined ? undefined : waitedMs / Math.max(1, operations);
      return [
        point('disk_read', perSecond('read', disk.readBytes), labels),
        point('disk_write', perSecond('written', disk.writtenBytes), labels),
        point('disk_busy', busy === undefined ? undefined : Math.min(1, busy / 1_000), labels),
        point('disk_await', wait === undefined ? undefined : wait / 1_000, labels),
      ];
    }),
  );
}

/** Traffic, errors and drops of each interface, from /proc/net/dev (of init's namespace when the root is elsewhere). */
export async function readNetwork(context: ReadContext): Promise<Reading> {
  const path = context.at('/proc') === '/proc' ? '/proc/net/dev' : '/proc/1/net/dev';
  return only(
    parseNetDev(await readText(context, path)).flatMap((one) => {
      const labels = { interface: one.name };
      const perSecond = (what: string, value: number): number | undefined =>
        context.rates.perSecond(`net/${one.name}/${what}`, value, context.monotonicMs);
      return [
        point('network_receive', perSecond('received', one.receivedBytes), labels),
        point('network_transmit', perSecond('sent', one.sentBytes), labels),
        point('network_errors', perSecond('errors', one.errors), labels),
        point('network_drops', perSecond('drops', one.drops), labels),
      ];
    }),
  );
}

/** One-minute load average divided by the number of CPUs. */
export async function readLoad(context: ReadContext): Promise<Reading> {
  const [load, stat] = await Promise.all([readText(context, '/proc/loadavg'), readText(context, '/proc/stat')]);
  const [one] = fields(load);
  if (one === undefined || !/^\d+(\.\d+)?$/.test(one)) throw malformed('/proc/loadavg', 'no load average');
  return only([point('load', count(one) / parseStat(stat).cpus)]);
}

/** File handles in use against the kernel's maximum. */
export async function readFileHandles(context: ReadContext): Promise<Reading> {
  const [allocated, , maximum] = fields(await readText(context, '/proc/sys/fs/file-nr')).map(count);
  if (allocated === undefined || maximum === undefined || maximum <= 0)
    throw malformed('/proc/sys/fs/file-nr', 'not three numbers');
  return only([point('fds', allocated / maximum)]);
}

/** Kills by the out-of-memory killer, from /proc/vmstat (Linux 4.13 and later). */
export async function readOomKills(context: ReadContext): Promise<Reading> {
  const kills = parseFlat(await readText(context, '/proc/vmstat')).get('oom_kill');
  if (kills === undefined)
    return {
      points: [],
      problems: [{ metrics: ['oom_kills'], reason: 'unsupported', message: 'this kernel does not count OOM kills' }],
    };
  return only([point('oom_kills', context.rates.perSecond('kernel/oom_kill', kills, context.monotonicMs))]);
}

/** Whether systemd-timesyncd has synchronised the clock. Other time daemons leave no such mark: `unsupported`. */
export async function readTimeSync(context: ReadContext): Promise<Reading> {
  const folder = await context.files.stat(context.at('/run/systemd/timesync'), context.signal);
  if (folder === undefined)
    return {
      points: [],
      problems: [{ metrics: ['time_sync'], reason: 'unsupported', message: 'systemd-timesyncd does not run here' }],
    };
  const mark = await context.files.stat(context.at('/run/systemd/timesync/synchronized'), context.signal);
  return only([point('time_sync', mark === undefined ? 0 : 1)]);
}

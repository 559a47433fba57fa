import { malformed } from '../reading.ts';

/** The aggregate line of /proc/stat in clock ticks, and what stands below it. */
export interface CpuTimes {
  readonly user: number;
  readonly nice: number;
  readonly system: number;
  readonly idle: number;
  readonly iowait: number;
  readonly irq: number;
  readonly softirq: number;
  readonly steal: number;
  readonly cpus: number;
  readonly blocked: number;
  /** Boot time, epoch seconds. */
  readonly bootS: number;
}

/** Parses /proc/stat. Guest time is part of user time and not counted again. */
export function parseStat(text: string): CpuTimes {
  const lines = text.split('\n');
  const total = fields(lines.find((line) => line.startsWith('cpu ')));
  if (total.length < 5) throw malformed('/proc/stat', 'no line starts with "cpu "');
  const [, user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = total.map(count);
  const single = (name: string): number => count(fields(lines.find((line) => line.startsWith(`${name} `)))[1]);
  return {
    user,
    nice,
    system,
    idle,
    iowait,
    irq,
    softirq,
    steal,
    cpus: Math.max(1, lines.filter((line) => /^cpu\d+ /.test(line)).length),
    blocked: single('procs_blocked'),
    bootS: single('btime'),
  };
}

/** Parses /proc/meminfo into bytes by name. */
export function parseMeminfo(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const [, name, amount, unit] of text.matchAll(/^([A-Za-z_()0-9]+):\s+(\d+)( kB)?$/gm))
    values.set(name ?? '', Number(amount) * (unit === undefined ? 1 : 1_024));
  return values;
}

/** One line of /proc/pressure/*: shares of time in [0,1] by window. */
export interface Pressure {
  readonly kind: string;
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
}

/** Parses a PSI file of the machine or of a control group. */
export function parsePressure(path: string, text: string): readonly Pressure[] {
  const found = [...text.matchAll(/^(some|full) avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+) total=\d+$/gm)];
  if (found.length === 0) throw malformed(path, 'no line of the form "some avg10=…"');
  return found.map(([, kind = '', avg10, avg60, avg300]) => ({
    kind,
    avg10: Number(avg10) / 100,
    avg60: Number(avg60) / 100,
    avg300: Number(avg300) / 100,
  }));
}

/** One device of /proc/diskstats, in the kernel's units turned to bytes and milliseconds. */
export interface DiskCounters {
  readonly device: string;
  readonly reads: number;
  readonly readBytes: number;
  readonly readMs: number;
  readonly writes: number;
  readonly writtenBytes: number;
  readonly writeMs: number;
  readonly busyMs: number;
}

const sectorBytes = 512; // the kernel counts in these whatever the device's own sector is
const notADisk = /^(ram|loop|zram|sr|fd|nbd)\d+$/;
const partition = /^((sd|vd|hd|xvd)[a-z]+\d+|(nvme\d+n\d+|mmcblk\d+|md\d+)p\d+)$/;

/** Parses /proc/diskstats. Whole disks only, and only those that were ever used. */
export function parseDiskstats(text: string): readonly DiskCounters[] {
  const disks: DiskCounters[] = [];
  for (const line of text.split('\n')) {
    const parts = fields(line);
    const device = parts[2];
    if (device === undefined || parts.length < 14 || notADisk.test(device) || partition.test(device)) continue;
    const [reads = 0, , readSectors = 0, readMs = 0, writes = 0, , writtenSectors = 0, writeMs = 0, , busyMs = 0] =
      parts.slice(3).map(count);
    if (reads + writes === 0) continue;
    disks.push({
      device,
      reads,
      readBytes: readSectors * sectorBytes,
      readMs,
      writes,
      writtenBytes: writtenSectors * sectorBytes,
      writeMs,
      busyMs,
    });
  }
  return disks;
}

/** One interface of /proc/net/dev. */
export interface NetworkCounters {
  readonly name: string;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly errors: number;
  readonly drops: number;
}

// Interfaces that come and go with containers would make a new series each time; their traffic shows on the real ones.
const ephemeral = /^(lo|veth|cali|lxc|cilium|tap|vnet|ifb|dummy)/;

/** Parses /proc/net/dev, without loopback and without the ends of container networks. */
export function parseNetDev(text: string): readonly NetworkCounters[] {
  if (!text.includes('|')) throw malformed('/proc/net/dev', 'no header');
  const interfaces: NetworkCounters[] = [];
  for (const line of text.split('\n').slice(2)) {
    const colon = line.lastIndexOf(':');
    const name = line.slice(0, colon).trim();
    const values = fields(line.slice(colon + 1)).map(count);
    if (colon < 0 || name === '' || ephemeral.test(name) || values.length < 12) continue;
    interfaces.push({
      name,
      receivedBytes: values[0] ?? 0,
      sentBytes: values[8] ?? 0,
      errors: (values[2] ?? 0) + (values[10] ?? 0),
      drops: (values[3] ?? 0) + (values[11] ?? 0),
    });
  }
  return interfaces;
}

/** Parses files of `name value` lines: /proc/vmstat, cpu.stat, memory.events. */
export function parseFlat(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const [, name, value] of text.matchAll(/^([\w.]+) (\d+)$/gm)) values.set(name ?? '', Number(value));
  return values;
}

/** Splits on white space; nothing for nothing. */
export function fields(line: string | undefined): readonly string[] {
  const trimmed = line?.trim() ?? '';
  return trimmed === '' ? [] : trimmed.split(/\s+/);
}

/** A non-negative number, or 0 for anything else: a counter is never negative and never NaN. */
export function count(text: string | undefined): number {
  const value = Number(text);
  return Number.isFinite(value) && value > 0 ? value : 0;
}

import { gapMessage, gapReason, readerDeadlineMs, within } from '../reading.ts';
import type { Point, Problem, ReadContext, Reading } from '../reading.ts';
import { metricNames, metrics } from './catalogue.ts';
import type { Group, MetricName } from './catalogue.ts';
import { createCertificateReader } from './certificates.ts';
import {
  readCpu,
  readDisks,
  readFileHandles,
  readLoad,
  readMemory,
  readNetwork,
  readOomKills,
  readPressure,
  readTimeSync,
} from './kernel.ts';
import { createMountReader } from './mounts.ts';

/** Groups about the whole machine; the others are about one service each. */
export type MachineGroup = Exclude<Group, 'units' | 'unit' | 'process' | 'windows'>;

/** Reads one group of metrics. */
export type Reader = (context: ReadContext) => Promise<Reading>;

/** A reader for each group of machine metrics. They share nothing but the counters in the context. */
export function createMachineReaders(
  excludeMounts: readonly string[],
  certificates: readonly string[],
): Readonly<Record<MachineGroup, Reader>> {
  return {
    cpu: readCpu,
    memory: readMemory,
    pressure: readPressure,
    mounts: createMountReader(excludeMounts),
    disks: readDisks,
    network: readNetwork,
    load: readLoad,
    files: readFileHandles,
    kernel: readOomKills,
    time: readTimeSync,
    certificates: createCertificateReader(certificates),
  };
}

/** Runs one reader under its deadline; whatever goes wrong becomes a problem of all the group's metrics. */
export async function readGroup(group: Group, reader: Reader, context: ReadContext): Promise<Reading> {
  try {
    return await within(context.clock, readerDeadlineMs, context.signal, `reading ${group}`, (signal) =>
      reader({ ...context, signal }),
    );
  } catch (thrown) {
    return {
      points: [],
      problems: [{ metrics: metricsOf(group), reason: gapReason(thrown), message: gapMessage(thrown, group) }],
    };
  }
}

/** The metrics a group gives. */
export function metricsOf(group: Group): readonly MetricName[] {
  return metricNames.filter((name) => metrics[name].group === group);
}

/** One reading of several. */
export function merge(readings: readonly Reading[]): Reading {
  const points: Point[] = [];
  const problems: Problem[] = [];
  for (const reading of readings) {
    points.push(...reading.points);
    problems.push(...reading.problems);
  }
  return { points, problems };
}

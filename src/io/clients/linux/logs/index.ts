import type { Service } from '../../../../domain/service.ts';
import type { Gap, LogRecord } from '../../../../domain/telemetry.ts';
import { limits } from '../../../../lib/limits.ts';
import { gapMessage, gapReason, readerDeadlineMs, within } from '../reading.ts';
import type { ReadContext } from '../reading.ts';
import type { Stamp } from '../signals.ts';
import { createLogFiles, readLogHistory } from './files.ts';
import type { LogFiles, LogReading, LogWanted } from './files.ts';

/** Records of all services, and gaps for what could not be read. */
export interface Logs {
  readonly logs: readonly LogRecord[];
  readonly gaps: readonly Gap[];
}

/** When lines are wanted from. */
export interface Window {
  readonly untilMs: number;
  readonly mode: 'live' | 'history';
}

/** Reads the log files of services, with a cursor a service that goes when the service goes. */
export function createFileLogs(): (
  services: readonly Service[],
  window: Window,
  stamp: Stamp,
  context: ReadContext,
) => Promise<Logs> {
  const cursors = new Map<string, LogFiles>();
  return async (services, window, stamp, context) => {
    const budget = { records: limits.logRecordsPerCollect };
    const logs: LogRecord[] = [];
    const gaps: Gap[] = [];
    const present = new Set(services.map((service) => service.name));
    for (const name of cursors.keys()) if (!present.has(name)) cursors.delete(name);
    for (const service of services) {
      const patterns = service.runsOn.flatMap((place) => (place.on === 'host' ? (place.host.logs ?? []) : []));
      if (patterns.length === 0) continue;
      const wanted: LogWanted = {
        source: stamp.source,
        service: service.name,
        nowMs: stamp.nowMs,
        fromMs: stamp.fromMs,
        untilMs: window.untilMs,
        budget,
      };
      const cursor = cursors.get(service.name) ?? createLogFiles();
      cursors.set(service.name, cursor);
      const read = await bounded(context, service.name, (inner) =>
        window.mode === 'live' ? cursor.live(patterns, wanted, inner) : readLogHistory(patterns, wanted, inner),
      );
      logs.push(...read.records);
      gaps.push(...read.problems.map((problem) => gapOf(problem, service.name, stamp)));
    }
    return { logs, gaps };
  };
}

async function bounded(
  context: ReadContext,
  service: string,
  work: (context: ReadContext) => Promise<LogReading>,
): Promise<LogReading> {
  try {
    return await within(context.clock, readerDeadlineMs, context.signal, `reading logs of ${service}`, (signal) =>
      work({ ...context, signal }),
    );
  } catch (thrown) {
    return { records: [], problems: [{ reason: gapReason(thrown), message: gapMessage(thrown, 'logs') }] };
  }
}

function gapOf(problem: LogReading['problems'][number], service: string, stamp: Stamp): Gap {
  return {
    source: stamp.source,
    ...problem,
    fromMs: Math.min(stamp.fromMs, stamp.nowMs),
    untilMs: stamp.nowMs,
    service,
    signal: 'logs',
  };
}

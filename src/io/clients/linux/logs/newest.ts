import type { Gap, LogRecord } from '../../../../domain/telemetry.ts';
import { limits } from '../../../../lib/limits.ts';
import type { Stamp } from '../signals.ts';
import type { Logs } from './index.ts';

/**
 * The newest records that one collect may give, in order of time when there are too many. Each service that loses older
 * ones is told so by a gap, with their number and the stretch they are from: fewer lines must not look like a quieter service.
 */
export function newestOnly(records: readonly LogRecord[], stamp: Stamp): Logs {
  const max = limits.logRecordsPerCollect;
  if (records.length <= max) return { logs: records, gaps: [] };
  const sorted = records.toSorted((a, b) => a.tMs - b.tMs);
  const dropped = Map.groupBy(sorted.slice(0, -max), (record) => record.service);
  return {
    logs: sorted.slice(-max),
    gaps: [...dropped].map(([service, left]): Gap => {
      const [oldest, newest] = [left[0]?.tMs ?? stamp.fromMs, left.at(-1)?.tMs ?? stamp.nowMs];
      const message = `${left.length} log records were left out: one read gives the newest ${max}`;
      const span = { fromMs: oldest, untilMs: Math.max(oldest, newest) };
      return { source: stamp.source, reason: 'too-large', message, ...span, service, signal: 'logs' };
    }),
  };
}

import type { Change } from '../../../../domain/change.ts';
import type { Gap } from '../../../../domain/telemetry.ts';
import { gapMessage, gapReason, readerDeadlineMs, within } from '../reading.ts';
import type { ReadContext } from '../reading.ts';
import type { Stamp } from '../signals.ts';
import type { ChangeWanted } from './releases.ts';

const lookBackMs = 24 * 3_600_000;

/** One look for changes: what was found and what could not be read so far. */
export interface Look {
  readonly wanted: Omit<ChangeWanted, 'service'>;
  readonly context: ReadContext;
  readonly found: Change[];
  readonly gaps: Gap[];
  /** Runs one part under its own deadline; a fault becomes a gap of that service and the other parts go on. */
  readonly part: (service: string, work: () => Promise<void>) => Promise<void>;
  readonly gap: (service: string | undefined, reason: Gap['reason'], message: string) => void;
}

/** Begins a look that goes back 24 hours. */
export function newLook(stamp: Stamp, context: ReadContext): Look {
  const gaps: Gap[] = [];
  const gap: Look['gap'] = (service, reason, message) => {
    const span = { fromMs: Math.min(stamp.fromMs, stamp.nowMs), untilMs: stamp.nowMs };
    gaps.push({
      source: stamp.source,
      reason,
      message,
      ...span,
      signal: 'changes',
      ...(service === undefined ? {} : { service }),
    });
  };
  return {
    wanted: { source: stamp.source, nowMs: stamp.nowMs, sinceMs: stamp.nowMs - lookBackMs },
    context,
    found: [],
    gaps,
    gap,
    part: async (service, work) => {
      try {
        await within(context.clock, readerDeadlineMs, context.signal, `changes of ${service}`, work);
      } catch (thrown) {
        gap(service, gapReason(thrown), gapMessage(thrown, `changes of ${service}`));
      }
    },
  };
}

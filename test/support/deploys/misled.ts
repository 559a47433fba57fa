import type { Recording } from '../../../src/detectors/index.ts';
import type { Change } from '../../../src/domain/change.ts';

/** The same changes at other times: a third of the recording later, round its end. */
export function misled(recording: Recording): readonly Change[] {
  const spanMs = recording.untilMs - recording.fromMs;
  return recording.changes
    .map((one) => ({
      ...one,
      atMs: recording.fromMs + ((one.atMs - recording.fromMs + Math.round(spanMs / 3) + 71 * 60_000) % spanMs),
    }))
    .sort((a, b) => a.atMs - b.atMs);
}

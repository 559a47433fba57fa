/**
 * # Backtest: what would have been called
 *
 * A recording is a folder with signals and changes per service; it holds no verdict. `play` hands it to the daemon's own
 * `observe`, step by step, so that a backtest is the live path with another source and another clock, and its
 * results are the live ones. `outcomeOf` keeps what came of it; `scoreSeries` shows a detector one bare series, row by row.
 */
import type { DetectorDefinition } from '../../domain/definitions.ts';
import { outcomeOf, type BacktestOutcome } from './outcome.ts';
import { readRecording, type ReadRecordingFile } from './read.ts';

export type { BacktestAlert, BacktestOutcome, Picture } from './outcome.ts';
export { outcomeOf } from './outcome.ts';
export { play } from './play.ts';
export { readRecording, type ReadRecordingFile } from './read.ts';
export { pickScorer, scoreSeries } from './scores.ts';
export type { Recorded } from './recording.ts';

/** What a backtest replays, and against which detectors. */
export interface BacktestOptions {
  readonly definitions: readonly DetectorDefinition[];
  readonly read: ReadRecordingFile;
}

/** Reads a recording and plays it to the given detectors. @throws WatchkeeperError `malformed` naming file and line. */
export async function backtest(options: BacktestOptions): Promise<BacktestOutcome> {
  return outcomeOf(await readRecording(options.read), options.definitions);
}

import type { Selector } from '../../lib/selector.ts';
import type { DetectorRule } from '../../domain/ports/detector.ts';
import { isAhead } from '../ahead.ts';
import type { Listening } from '../forgetting.ts';
import { lateness } from '../silence.ts';
import type { Seen } from './engine.ts';
import { column, field, floats, rowsPerChunk } from './layout.ts';
import type { Chunk } from './rows.ts';
import type { Manner, Shown } from './sample.ts';
import type { State } from './state.ts';
import type { TrafficBook } from './traffic.ts';

/** What a person may choose. */
export interface AnomalySettings {
  /** Milliseconds of watching one series per false alarm. */
  readonly falseAlarmEveryMs: number;
  readonly worse: 'up' | 'down' | 'both' | undefined;
  readonly where: Selector | undefined;
  readonly maxSeries: number;
}

/** What the parts of the bank share. */
export interface Env {
  readonly rule: DetectorRule;
  readonly settings: AnomalySettings;
  readonly state: State;
  readonly manners: Map<string, Manner>;
  readonly shown: Shown;
  readonly seen: Seen;
  /** Series that are strange, or about which somebody may still wait to hear that they are well. */
  readonly attention: Set<number>;
  readonly traffic: TrafficBook;
  readonly listening: Listening;
}

/** Where a series' row lies. @throws RangeError when there is none. */
export function rowOf(state: State, index: number): { readonly chunk: Chunk; readonly slot: number } {
  const chunk = state.rows.chunks[Math.floor(index / rowsPerChunk)];
  if (chunk === undefined) throw new RangeError(`there is no series ${index}`);
  return { chunk, slot: index % rowsPerChunk };
}

/** The clock was set back to `asOfMs`: a series that heard of later times hears what comes now all the same. */
export function setBack(state: State, index: number, asOfMs: number): void {
  const { chunk, slot } = rowOf(state, index);
  const where = column.lastMs * rowsPerChunk + slot;
  const family = state.directory.family(index);
  if (family !== undefined && family.arrivedMs > asOfMs) family.arrivedMs = asOfMs - 1;
  if (!isAhead(chunk.doubles[where] ?? 0, asOfMs)) return;
  const intervalMs = chunk.floats[slot * floats + field.intervalMs] ?? 0;
  chunk.doubles[where] = asOfMs - lateness(family?.lateMs ?? 0) - intervalMs;
  chunk.dirty = true;
}

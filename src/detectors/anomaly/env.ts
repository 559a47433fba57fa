import type { Selector } from '../../lib/selector.ts';
import type { DetectorRule } from '../../domain/ports/detector.ts';
import type { Series } from '../../domain/telemetry.ts';
import type { Seen } from './engine.ts';
import { rowsPerChunk } from './layout.ts';
import type { Chunk } from './rows.ts';
import type { Manner, Shown } from './sample.ts';
import type { State } from './state.ts';

/** What a person may choose. */
export interface AnomalySettings {
  /** Milliseconds of watching one series per false alarm. */
  readonly falseAlarmEveryMs: number;
  readonly worse: 'up' | 'down' | 'both' | undefined;
  readonly where: Selector | undefined;
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
  /** The traffic of this step by service, once somebody asked for it. */
  traffic: ReadonlyMap<string, readonly Series[]> | undefined;
}

/** Where a series' row lies. @throws RangeError when there is none. */
export function rowOf(state: State, index: number): { readonly chunk: Chunk; readonly slot: number } {
  const chunk = state.rows.chunks[Math.floor(index / rowsPerChunk)];
  if (chunk === undefined) throw new RangeError(`there is no series ${index}`);
  return { chunk, slot: index % rowsPerChunk };
}

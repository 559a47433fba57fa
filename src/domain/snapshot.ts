import type { Alert } from './alert.ts';
import type { Change } from './change.ts';
import type { Service } from './service.ts';
import type { Gap, LogRecord, ResourceState, Series, Span } from './telemetry.ts';

/**
 * Frozen input: everything a pure stage may look at. Stages compare timestamps with `asOfMs` and never read a clock,
 * so that the same snapshot always gives the same answer (I1).
 */
export interface Snapshot {
  readonly asOfMs: number;
  readonly services: readonly Service[];
  readonly series: readonly Series[];
  readonly logs: readonly LogRecord[];
  readonly spans: readonly Span[];
  readonly changes: readonly Change[];
  readonly resources: readonly ResourceState[];
  readonly alerts: readonly Alert[];
  readonly gaps: readonly Gap[];
}

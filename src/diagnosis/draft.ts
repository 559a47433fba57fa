import type { Change } from '../domain/change.ts';
import type { Cause, Evidence } from '../domain/diagnosis.ts';
import { formatDuration } from '../lib/duration.ts';
import { oneLine } from '../lib/text.ts';
import type { Shift } from './shift.ts';

/**
 * A line of thought. Evidence of one modality is worth at the most its cap, however much of it there is, so that no
 * single wild series or chatty log decides by itself.
 */
export type Modality =
  | 'prior'
  | 'timing'
  | 'precursor'
  | 'contrast'
  | 'lexical'
  | 'logs'
  | 'reach'
  | 'elimination'
  | 'detector'
  | 'level'
  | 'history'
  | 'traces';

/**
 * The most that evidence of each kind may weigh together, so that many weak signs of one kind do not pass for proof.
 */
export const caps: Readonly<Record<Modality, number>> = {
  prior: 3,
  timing: 1.5,
  precursor: 2,
  contrast: 3,
  lexical: 2,
  logs: 2.5,
  reach: 2.5,
  elimination: 1.3,
  detector: 1,
  level: 2.5,
  history: 1,
  traces: 2,
};

/** Evidence before it has an id. Weights are log-likelihood ratios (natural). */
export interface Note extends Omit<Evidence, 'id'> {
  readonly modality: Modality;
}

/** A hypothesis before it is weighed against the others. */
export interface Draft {
  readonly id: string;
  readonly cause: Cause;
  readonly service: string;
  readonly changeId?: string;
  readonly title: string;
  readonly diff?: string;
  readonly notes: readonly Note[];
  readonly ruledOut?: string;
}

/** "errors went from 0.4% to 12%, 30 s before it began". */
export function sayShift(shift: Pick<Shift, 'series' | 'before' | 'after'>): string {
  const { series, before, after } = shift;
  return `${oneLine(series.service, 80)} ${oneLine(series.signal, 80)} went from ${figure(before, series.unit)} to ${figure(after, series.unit)}`;
}

/** A figure with its unit, as people read it. */
export function figure(value: number, unit: string): string {
  if (unit === 'ratio') return `${Number((value * 100).toPrecision(3))}%`;
  const rounded = Number(value.toPrecision(3));
  return unit === '1' || unit === '' ? String(rounded) : `${rounded} ${oneLine(unit, 12)}`;
}

/** "6m before it began", "2m after it began", "as it began". */
export function sayLag(atMs: number, onsetMs: number): string {
  const lag = onsetMs - atMs;
  if (Math.abs(lag) < 1_000) return 'as it began';
  return lag > 0 ? `${formatDuration(lag)} before it began` : `${formatDuration(-lag)} after it began`;
}

/** " on web-1 and web-2", " on 5 instances"; nothing for a change that names none. */
export function sayInstances({ instances = [] }: Pick<Change, 'instances'>): string {
  if (instances.length === 0) return '';
  if (instances.length > 3) return ` on ${instances.length} instances`;
  return ` on ${instances.map((name) => oneLine(name, 40)).join(' and ')}`;
}

import type { SignalQuery } from '../../../domain/ports/source.ts';
import { seriesKey, type Gap, type Labels, type Series } from '../../../domain/telemetry.ts';
import { oneLine } from '../../../lib/text.ts';
import type { ReadFault } from '../http-reader.ts';

/** What the state of one resource says of a signal. */
export interface StateValue {
  /** Tell it from other resources of its service (`placeLabels`). */
  readonly labels: Labels;
  readonly v: number;
  /** The cloud's own words; empty when it has none. */
  readonly note: string;
}

/** What a look at the resources of one service gave. */
export interface StatesRead {
  readonly values: readonly StateValue[];
  readonly faults: readonly (ReadFault & { readonly labels: Labels })[];
  /** What a gap says when there is neither. */
  readonly otherwise: string;
}

/** The signals that are bound to a state: of each resource a sample of now, or a gap. `read` gives nothing for those that are not. */
export function stateSeries(
  source: string,
  signals: readonly SignalQuery[],
  nowMs: number,
  read: (service: string, query: SignalQuery['binding']['query']) => StatesRead | undefined,
): { readonly series: readonly Series[]; readonly gaps: readonly Gap[] } {
  const series: Series[] = [];
  const gaps: Gap[] = [];
  for (const { service, signal, binding } of signals) {
    const states = read(service, binding.query);
    if (states === undefined) continue;
    const { values, faults, otherwise } = states;
    const about = { source, service, signal, fromMs: nowMs, untilMs: nowMs };
    const many = values.length + faults.length;
    for (const { reason, message, labels } of faults)
      gaps.push({ ...about, reason, message, ...(many > 1 && { labels }) });
    if (many === 0) gaps.push({ ...about, reason: 'unsupported', message: otherwise });
    for (const { labels: own, v, note } of values) {
      const { unit, nature } = binding;
      const labels = many > 1 ? own : (binding.labels ?? {});
      series.push({
        ...{ key: seriesKey(service, signal, labels), source, service, signal, labels, unit, nature },
        samples: [{ tMs: nowMs, v }],
        ...(note === '' ? {} : { note: oneLine(note, 200) }),
      });
    }
  }
  return { series, gaps };
}

/** Of what was looked at, what belongs to one service. */
export function ofService<K extends { readonly service: string }, V>(
  all: Iterable<readonly [K, V]>,
  service: string,
): readonly (readonly [K, V])[] {
  return [...all].filter(([one]) => one.service === service);
}

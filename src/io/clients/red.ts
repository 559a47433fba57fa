import type { SignalQuery } from '../../domain/ports/source.ts';
import { seriesKey, type Series, type Span } from '../../domain/telemetry.ts';
import type { ReadFault } from './http-reader.ts';

/** What of a service's calls a signal measures. */
export type Measure = 'errors' | 'latency' | 'traffic';

/** A signal that is worked out from spans. */
export interface RedQuery {
  readonly measure: Measure;
  /** As spans name it; absent: the service's own name. */
  readonly service?: string;
  /** Of the durations, for `latency`. */
  readonly quantile?: number;
}

/** The spans of a stretch of time, and whether they are all there were. */
export interface Stretch {
  readonly spans: readonly Span[];
  readonly fromMs: number;
  readonly untilMs: number;
  readonly complete: boolean;
}

/**
 * One sample from the calls that came into the service in the stretch: the part that failed, a quantile of how long
 * they took (in the binding's unit, `s` or `ms`), how many a second. With no call in it there is no sample: silence is
 * not zero. Of a part of the calls there is a ratio and a quantile, and no rate.
 */
export function measured(source: string, asked: SignalQuery, query: RedQuery, stretch: Stretch): Series | ReadFault {
  const name = query.service ?? asked.service;
  const { spans, fromMs, untilMs, complete } = stretch;
  const calls = entries(spans, name).filter(({ startMs }) => startMs >= fromMs && startMs < untilMs);
  if (calls.length === 0) return { reason: 'missing', message: `no call of ${name} was traced in the stretch` };
  if (query.measure === 'traffic' && !complete)
    return {
      reason: 'partial',
      message: `there were more traces of ${name} than are read at once: how many is not known`,
    };
  const { service, signal, binding } = asked;
  const { unit, nature } = binding;
  const key = seriesKey(service, signal, {});
  const v = valueOf(query, calls, untilMs - fromMs) * (query.measure === 'latency' && unit !== 'ms' ? 0.001 : 1);
  return { key, source, service, signal, labels: {}, unit, nature, samples: [{ tMs: untilMs, v }] };
}

function valueOf({ measure, quantile = 0.99 }: RedQuery, calls: readonly Span[], stretchMs: number): number {
  if (measure === 'traffic') return calls.length / (stretchMs / 1_000);
  if (measure === 'errors') return calls.filter(({ status }) => status === 'error').length / calls.length;
  const sorted = calls.map(({ durationMs }) => durationMs).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(quantile * sorted.length) - 1)] ?? 0;
}

// Where calls come into a service: its server and consumer spans, or, of kinds nobody stated, those without a parent in it.
function entries(spans: readonly Span[], name: string): readonly Span[] {
  const own = spans.filter(({ service }) => service === name);
  const stated = own.filter(({ kind }) => kind === 'server' || kind === 'consumer');
  if (stated.length > 0) return stated;
  const ids = new Set(own.map(({ traceId, spanId }) => `${traceId}/${spanId}`));
  return own.filter(({ traceId, parentSpanId }) => !ids.has(`${traceId}/${parentSpanId ?? ''}`));
}

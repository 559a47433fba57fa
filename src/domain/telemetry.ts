import type { Json } from '../lib/json.ts';

/** Labels of a series, resource or document. Values are untrusted text (I12): data, never a command or a template. */
export type Labels = Readonly<Record<string, string>>;

/** One measured point. `tMs` is epoch milliseconds, as the source stamped it. */
export interface Sample {
  readonly tMs: number;
  readonly v: number;
}

/**
 * What kind of quantity a series is; detectors treat each by its nature. A source turns counters into rates
 * (handling resets) before they leave it, so `counter` never reaches a detector.
 */
export type SeriesNature = 'gauge' | 'rate' | 'ratio' | 'latency' | 'state';

/** Identifies a series. `key` is unique and stable over restarts: the digest-free string `service/signal{labels}`. */
export interface SeriesMeta {
  readonly key: string;
  readonly source: string;
  readonly service: string;
  /** The service's name for it: `errors`, `latency`, `traffic`, `disk`, ... */
  readonly signal: string;
  /** What tells this series from its siblings of the same signal: instance, mount, version, ... */
  readonly labels: Labels;
  /** `ratio`, `s`, `By`, `1/s`, `1`, `%` ... (UCUM, as OpenTelemetry). */
  readonly unit: string;
  readonly nature: SeriesNature;
}

/** A series with some of its samples, oldest first, one per timestamp. */
export interface Series extends SeriesMeta {
  readonly samples: readonly Sample[];
  /** Why the newest sample is what it is, in the source's words, untrusted: findings end with it. */
  readonly note?: string;
}

/** OpenTelemetry's severities, folded to six. */
export type LogSeverity = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** One log line. `body` and `attributes` are untrusted. */
export interface LogRecord {
  readonly tMs: number;
  readonly source: string;
  readonly service: string;
  readonly severity: LogSeverity;
  readonly body: string;
  readonly attributes: Labels;
}

/** Which end of a call a span tells of (OpenTelemetry's span kinds). */
export type SpanKind = 'server' | 'client' | 'producer' | 'consumer' | 'internal';

/** Something that happened within a span. An exception is named `exception` and has `exception.type` and `.message`. */
export interface SpanEvent {
  readonly tMs: number;
  readonly name: string;
  readonly attributes: Labels;
}

/** One span of a trace, OTLP-shaped. All its text is untrusted. `attributes` holds those of its resource as well. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly service: string;
  readonly name: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly status: 'ok' | 'error' | 'unset';
  readonly attributes: Labels;
  /** Absent: it was not said. */
  readonly kind?: SpanKind;
  readonly events?: readonly SpanEvent[];
}

/** Why something could not be read. Closed: it is a metric label. */
export const gapReasons = [
  'unreachable',
  'unauthorized',
  'rate-limited',
  'timeout',
  'partial',
  'late',
  'malformed',
  'missing',
  'unsupported',
  'too-large',
] as const;

/** One of them. */
export type GapReason = (typeof gapReasons)[number];

/** What could not be read, and why. A gap is never "healthy" and never "broken" (I10). */
export interface Gap {
  readonly source: string;
  readonly reason: GapReason;
  readonly message: string;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Absent: the gap concerns all that this source was asked for. */
  readonly service?: string;
  readonly signal?: string;
  /** Of the signal's series only the one with these. Absent: all of them. */
  readonly labels?: Labels;
}

/** A fact about a discovered resource (a unit's state, a process, a pod), kept as evidence and shown to people. */
export interface ResourceState {
  readonly kind: string;
  readonly id: string;
  readonly service: string;
  readonly atMs: number;
  readonly attributes: Readonly<Record<string, Json>>;
}

/** Makes the stable key of a series. */
export function seriesKey(service: string, signal: string, labels: Labels): string {
  const parts = Object.keys(labels)
    .sort()
    .map((name) => `${name}=${JSON.stringify(labels[name])}`);
  return `${service}/${signal}{${parts.join(',')}}`;
}

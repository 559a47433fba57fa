import type { Span } from '../domain/telemetry.ts';
import { limits } from '../lib/limits.ts';

/** Recent spans, whole traces together, bounded: evidence for diagnosis. */
export interface SpanBook {
  add(spans: readonly Span[]): void;
  /** Every span of the traces that pass through one of the services and end no earlier than `fromMs`, oldest trace first. */
  of(services: ReadonlySet<string>, fromMs: number): readonly Span[];
}

interface Trace {
  readonly id: string;
  /** The service it came in by when it was first heard of: whose share of the book it takes. */
  readonly entry: string;
  readonly spans: Map<string, Span>;
}

/**
 * Makes an empty book. Traces are kept or dropped whole, since half a trace blames the wrong service; each entry
 * service has its own newest ones, so that a busy one does not drive out all others.
 */
export function createSpanBook(): SpanBook {
  const traces = new Map<string, Trace>();
  const byEntry = new Map<string, Set<string>>();
  let held = 0;

  const drop = (trace: Trace): void => {
    traces.delete(trace.id);
    byEntry.get(trace.entry)?.delete(trace.id);
    held -= trace.spans.size;
  };
  const open = (span: Span): Trace => {
    const known = traces.get(span.traceId);
    if (known) return known;
    const trace: Trace = { id: span.traceId, entry: span.service, spans: new Map() };
    traces.set(trace.id, trace);
    const own = byEntry.get(trace.entry) ?? new Set<string>();
    byEntry.set(trace.entry, own.add(trace.id));
    if (own.size > limits.tracesKeptPerService) dropFirst(own);
    return trace;
  };
  const dropFirst = (ids: Iterable<string>): void => {
    for (const id of ids) {
      const oldest = traces.get(id);
      if (oldest) drop(oldest);
      return;
    }
  };

  return {
    add: (spans) => {
      for (const span of spans.toSorted((a, b) => a.startMs - b.startMs)) {
        const trace = open(span);
        if (!trace.spans.has(span.spanId)) held++;
        trace.spans.set(span.spanId, span);
        while (held > limits.spansKept) dropFirst(traces.keys());
      }
    },
    of: (services, fromMs) => {
      const found: Span[] = [];
      for (const { spans } of traces.values()) {
        const all = [...spans.values()];
        if (all.some(({ service }) => services.has(service)) && all.some((one) => endOf(one) >= fromMs))
          found.push(...all);
      }
      return found;
    },
  };
}

function endOf({ startMs, durationMs }: Span): number {
  return startMs + durationMs;
}

import type { Span } from '../../../src/domain/telemetry.ts';
import type { WorldEvent } from './world-file.ts';

type Traces = NonNullable<WorldEvent['traces']>;

/** The spans of so many traces of one shape. All begin with their root. */
export function spansOf({ every, count, spans }: Traces, fromMs: number): readonly Span[] {
  return Array.from({ length: count }, (_, nth) => {
    const startMs = fromMs + nth * every;
    const traceId = (startMs * 16).toString(16).padStart(32, '0');
    return spans.map(({ service, name, ms, in: parent, kind, error, attributes }, index): Span => {
      const [type = '', ...message] = (error ?? '').split(': ');
      const thrown = { 'exception.type': type, 'exception.message': message.join(': ') };
      return {
        ...{ traceId, spanId: index.toString(16).padStart(16, '0'), service, name, kind, attributes },
        ...{ startMs, durationMs: ms },
        status: error === undefined ? 'unset' : 'error',
        ...(parent !== undefined && { parentSpanId: parent.toString(16).padStart(16, '0') }),
        ...(error !== undefined &&
          message.length > 0 && { events: [{ tMs: startMs + ms, name: 'exception', attributes: thrown }] }),
      };
    });
  }).flat();
}

/** The same for the transcript. */
export function tracesTold({ every, count, spans }: Traces): string {
  const path = spans.map(
    ({ service, name, ms, error }) => `${service} ${name} ${ms} ms${error === undefined ? '' : ` (${error})`}`,
  );
  return `${count} traces, one each ${every / 1_000} s: ${path.join(' > ')}`;
}

import * as z from 'zod';

import type { Labels, Span, SpanEvent, SpanKind } from '../../domain/telemetry.ts';
import { limits } from '../../lib/limits.ts';
import { cleanText, cut } from './log-line.ts';

const value: z.ZodType = z.lazy(() =>
  z.object({
    stringValue: z.string().optional(),
    boolValue: z.boolean().optional(),
    intValue: z.union([z.string(), z.number()]).optional(),
    doubleValue: z.union([z.number(), z.string()]).optional(),
    arrayValue: z.object({ values: z.array(value).optional() }).optional(),
    kvlistValue: z.unknown().optional(),
    bytesValue: z.string().optional(),
  }),
);
const attributes = z.array(z.object({ key: z.string(), value: value.optional() })).optional();
const instant = z.union([z.string().regex(/^\d{1,20}$/), z.number()]);
const otlpSpan = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string().optional(),
  kind: z.union([z.string(), z.number()]).optional(),
  startTimeUnixNano: instant,
  endTimeUnixNano: instant,
  attributes,
  status: z.object({ code: z.union([z.string(), z.number()]).optional(), message: z.string().optional() }).optional(),
  events: z.array(z.object({ timeUnixNano: instant.optional(), name: z.string().optional(), attributes })).optional(),
});
const scope = z.object({ spans: z.array(otlpSpan).optional() });
const resource = z.object({
  resource: z.object({ attributes }).optional(),
  scopeSpans: z.array(scope).optional(),
  // What OTLP called them before 1.0; older Tempo servers still do.
  instrumentationLibrarySpans: z.array(scope).optional(),
});

/**
 * Reads OTLP's JSON form of spans, ids in hex or (as protobuf's own JSON writes bytes) base64. `undefined`: it is no
 * such thing. A span carries its resource's attributes under its own; all text is bounded, and a service without a name
 * is `unknown_service`, as the specification has it.
 */
export function readOtlp(resourceSpans: unknown): readonly Span[] | undefined {
  const parsed = z.array(resource).safeParse(resourceSpans);
  if (!parsed.success) return undefined;
  return parsed.data.flatMap((each) => {
    const shared = labelsOf(each.resource?.attributes);
    return [...(each.scopeSpans ?? []), ...(each.instrumentationLibrarySpans ?? [])].flatMap(({ spans = [] }) =>
      spans.map((span) => spanOf(span, shared)),
    );
  });
}

function spanOf(span: z.infer<typeof otlpSpan>, shared: Labels): Span {
  const startMs = msOf(span.startTimeUnixNano);
  const kind =
    kinds[
      String(span.kind ?? 0)
        .replace('SPAN_KIND_', '')
        .toLowerCase()
    ];
  const code = String(span.status?.code ?? 0)
    .replace('STATUS_CODE_', '')
    .toLowerCase();
  const parent = idOf(span.parentSpanId ?? '');
  const events = (span.events ?? []).slice(0, limits.spanEvents).map((event): SpanEvent => ({
    tMs: event.timeUnixNano === undefined ? startMs : msOf(event.timeUnixNano),
    ...{ name: tidySpanText(event.name ?? ''), attributes: labelsOf(event.attributes) },
  }));
  const said = span.status?.message ?? '';
  return {
    ...{ traceId: idOf(span.traceId), spanId: idOf(span.spanId), name: tidySpanText(span.name ?? '') },
    ...(!/^0*$/.test(parent) && { parentSpanId: parent }),
    service: shared['service.name'] ?? 'unknown_service',
    ...{ startMs, durationMs: Math.max(0, msOf(span.endTimeUnixNano) - startMs) },
    status: code === '2' || code === 'error' ? 'error' : code === '1' || code === 'ok' ? 'ok' : 'unset',
    attributes: {
      ...shared,
      ...labelsOf(span.attributes),
      ...(said !== '' && { 'otel.status_description': tidySpanText(said) }),
    },
    ...(kind !== undefined && { kind }),
    ...(events.length > 0 && { events }),
  };
}

const kinds: Readonly<Record<string, SpanKind>> = {
  ...{ '1': 'internal', '2': 'server', '3': 'client', '4': 'producer', '5': 'consumer' },
  ...{ internal: 'internal', server: 'server', client: 'client', producer: 'producer', consumer: 'consumer' },
};

function labelsOf(pairs: z.infer<typeof attributes>): Labels {
  const labels = (pairs ?? [])
    .slice(0, limits.spanAttributes)
    .map(({ key, value: given }) => [cut(key, 128), tidySpanText(textOf(given))]);
  return Object.fromEntries(labels) as Labels;
}

function textOf(given: unknown): string {
  if (typeof given !== 'object' || given === null) return '';
  const first: unknown = Object.values(given)[0];
  return typeof first === 'string' ? first : JSON.stringify(first ?? '');
}

/** Text of a span as it may be kept: no control characters, and not too long. */
export function tidySpanText(text: string): string {
  const bounded = text.slice(0, limits.labelValueBytes);
  return cut(cleanText(new TextEncoder().encode(bounded)), limits.labelValueBytes);
}

function idOf(text: string): string {
  const id = text.slice(0, 64);
  return /^[0-9a-f]*$/i.test(id) && id.length % 16 === 0 ? id.toLowerCase() : Buffer.from(id, 'base64').toString('hex');
}

// Fractions of a millisecond are kept: a call within a machine takes less than one.
function msOf(nanoseconds: string | number): number {
  const ns = BigInt(nanoseconds);
  return Number(ns / 1_000n) / 1_000;
}

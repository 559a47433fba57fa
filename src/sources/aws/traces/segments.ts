import * as z from 'zod';

import type { Labels, Span, SpanEvent } from '../../../domain/telemetry.ts';
import { tidySpanText } from '../../../io/clients/otlp.ts';
import { limits } from '../../../lib/limits.ts';

const text = z.string().nullish();
const exception = z.object({ type: text, message: text });
const common = {
  id: z.string().regex(/^[0-9a-f]{16}$/),
  name: z.string(),
  start_time: z.number(),
  end_time: z.number().nullish(),
  parent_id: text,
  error: z.boolean().nullish(),
  fault: z.boolean().nullish(),
  throttle: z.boolean().nullish(),
  namespace: text,
  http: z
    .object({
      request: z.object({ method: text, url: text }).nullish(),
      response: z.object({ status: z.number().nullish() }).nullish(),
    })
    .nullish(),
  annotations: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).nullish(),
  // Elsewhere it is the id of a segment that has the cause.
  cause: z.union([z.string(), z.object({ exceptions: z.array(exception).nullish() })]).nullish(),
  subsegments: z.array(z.unknown()).nullish(),
};
const subsegment = z.object(common);
const segment = z.object({ ...common, trace_id: z.string(), origin: text, inferred: z.boolean().nullish() });
type Part = z.infer<typeof subsegment>;

/** X-Ray's `1-58406520-a006649127e371903a2de979` as every other store writes it: 32 hexadecimal digits. */
export function traceIdOf(id: string): string | undefined {
  const [, time = '', rest = ''] = /^1-([0-9a-f]{8})-([0-9a-f]{24})$/.exec(id) ?? [];
  return time === '' ? undefined : `${time}${rest}`;
}

/**
 * One segment document of X-Ray as spans: itself, and its subsegments to any depth. `undefined` where it is none. A
 * document that is still in progress ends where it began. Source: AWS X-Ray developer guide, "Segment documents".
 */
export function spansOfDocument(document: string): readonly Span[] | undefined {
  let json: unknown;
  try {
    json = JSON.parse(document);
  } catch {
    return undefined;
  }
  const parsed = segment.safeParse(json);
  const traceId = parsed.success ? traceIdOf(parsed.data.trace_id) : undefined;
  if (!parsed.success || traceId === undefined) return undefined;
  const { data } = parsed;
  const service = tidySpanText(data.name);
  const origin: Labels = data.origin ? { 'cloud.platform': tidySpanText(data.origin) } : {};
  const own = spanOf(data, { traceId, service, kind: data.http ? 'server' : 'internal', beside: origin });
  return [own, ...below(data, { traceId, service }, 1)];
}

const deepest = 20;

function below(part: Part, of: { readonly traceId: string; readonly service: string }, depth: number): readonly Span[] {
  if (depth > deepest) return [];
  return (part.subsegments ?? []).flatMap((inner): readonly Span[] => {
    const parsed = subsegment.safeParse(inner);
    if (!parsed.success) return [];
    const { namespace } = parsed.data;
    const kind = namespace === 'remote' || namespace === 'aws' ? 'client' : 'internal';
    const child = { ...parsed.data, parent_id: parsed.data.parent_id ?? part.id };
    return [spanOf(child, { ...of, kind, beside: {} }), ...below(child, of, depth + 1)];
  });
}

function spanOf(
  part: Part,
  about: {
    readonly traceId: string;
    readonly service: string;
    readonly kind: NonNullable<Span['kind']>;
    readonly beside: Labels;
  },
): Span {
  const startMs = part.start_time * 1_000;
  const events = typeof part.cause === 'object' && part.cause !== null ? exceptionsOf(part.cause, startMs) : [];
  // A server that answered 4xx did what it should; the caller did not.
  const isBad = part.fault === true || (about.kind !== 'server' && (part.error === true || part.throttle === true));
  return {
    ...{
      traceId: about.traceId,
      spanId: part.id,
      service: about.service,
      name: nameOf(part),
      startMs,
      kind: about.kind,
    },
    ...(/^[0-9a-f]{16}$/.test(part.parent_id ?? '') && part.parent_id ? { parentSpanId: part.parent_id } : {}),
    durationMs: Math.max(0, ((part.end_time ?? part.start_time) - part.start_time) * 1_000),
    status: isBad ? 'error' : 'unset',
    attributes: { ...about.beside, ...httpLabels(part), ...annotationsOf(part) },
    ...(events.length > 0 && { events }),
  };
}

function nameOf({ name, http, namespace }: Part): string {
  const method = http?.request?.method;
  return tidySpanText(method && namespace !== 'aws' ? `${method} ${name}` : name);
}

function httpLabels({ http, namespace, name }: Part): Labels {
  const { request, response } = http ?? {};
  return {
    ...(request?.method ? { 'http.request.method': tidySpanText(request.method) } : {}),
    ...(request?.url ? { 'url.full': tidySpanText(request.url) } : {}),
    ...(response?.status === undefined || response.status === null
      ? {}
      : { 'http.response.status_code': String(response.status) }),
    ...(namespace ? { 'peer.service': tidySpanText(name) } : {}),
  };
}

function annotationsOf({ annotations }: Part): Labels {
  const pairs = Object.entries(annotations ?? {}).slice(0, limits.spanAttributes);
  return Object.fromEntries(pairs.map(([key, value]) => [key.slice(0, 128), tidySpanText(String(value))]));
}

function exceptionsOf(
  { exceptions }: { readonly exceptions?: readonly z.infer<typeof exception>[] | null | undefined },
  tMs: number,
): readonly SpanEvent[] {
  return (exceptions ?? []).slice(0, limits.spanEvents).map(({ type, message }) => ({
    ...{ tMs, name: 'exception' },
    attributes: { 'exception.type': tidySpanText(type ?? ''), 'exception.message': tidySpanText(message ?? '') },
  }));
}

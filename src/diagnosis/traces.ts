import type { Snapshot } from '../domain/snapshot.ts';
import type { Span } from '../domain/telemetry.ts';
import { compareText } from '../lib/order.ts';
import { foreignHostsIn } from './rules.ts';

/** A trace, and who calls whom in it. */
interface Trace {
  readonly id: string;
  readonly spans: readonly Span[];
  readonly children: ReadonlyMap<string, readonly Span[]>;
}

/** What traces say of one service: how many calls of the root fail first in it, and how long they stay in it. */
export interface TraceShare {
  readonly service: string;
  /** Traces since the onset that fail first in it, and how many of a hundred did before. */
  readonly failing: number;
  /** Its part of what fails more than before, 0..1. */
  readonly failingShare: number;
  /** Mean time a trace spends in the service itself, callees taken off, before and since. */
  readonly selfBeforeMs: number;
  readonly selfSinceMs: number;
  /** Its part of the time that was added, 0..1. */
  readonly slowerShare: number;
  /** The first of the spans it fails in. */
  readonly example?: Span;
}

/** What the traces through one service say, worked out once. */
export interface TraceReading {
  readonly before: number;
  readonly since: number;
  /** Traces since that fail, whoever is to blame. */
  readonly failing: number;
  readonly addedMs: number;
  readonly shares: ReadonlyMap<string, TraceShare>;
  /** The spans since the onset in which a failing trace fails first, and those of before. */
  readonly deepest: readonly Span[];
  readonly deepestBefore: readonly Span[];
  /** Who calls whom, as spans show it. */
  readonly edges: readonly (readonly [string, string])[];
}

const leastTraces = 5;

/**
 * Reads the traces that pass through the root: who fails first (the deepest failing span, or the peer that a client's
 * failing call without an answer names), and where the added time is spent (a span less the spans it waits for).
 */
export function readTraces(
  snapshot: Pick<Snapshot, 'spans'>,
  root: string,
  onsetMs: number,
  known: ReadonlySet<string>,
): TraceReading {
  const traces = tracesOf(snapshot.spans);
  const through = traces.filter(({ spans }) => spans.some(({ service }) => service === root));
  // Where no trace passes through the root, those of its neighbours may still tell.
  const looked = through.length > 0 ? through : traces;
  const isLate = ({ spans }: Trace): boolean => spans.some(({ startMs }) => startMs >= onsetMs);
  const since = looked.filter(isLate);
  const before = looked.filter((trace) => !isLate(trace));
  const blamedSince = since.flatMap((trace) => blamed(trace, known));
  const blamedBefore = before.flatMap((trace) => blamed(trace, known));
  const selfSince = meanSelf(since, known);
  const selfBefore = meanSelf(before, known);
  const services = new Set([...blamedSince.map(({ at }) => at), ...selfSince.keys()]);
  const enough = since.length >= leastTraces && before.length >= leastTraces;
  const rises = new Map<string, number>();
  const delays = new Map<string, number>();
  for (const service of services) {
    const rise = rate(blamedSince, service, since.length) - rate(blamedBefore, service, before.length);
    const delay = (selfSince.get(service) ?? 0) - (selfBefore.get(service) ?? 0);
    rises.set(service, Math.max(0, rise));
    delays.set(service, enough ? Math.max(0, delay) : 0);
  }
  const [rise, addedMs] = [sum(rises), sum(delays)];
  const shares = [...services].sort(compareText).map((service): [string, TraceShare] => {
    const here = blamedSince.filter(({ at }) => at === service);
    const example = here[0]?.span;
    return [
      service,
      {
        ...{ service, failing: new Set(here.map(({ span }) => span.traceId)).size },
        failingShare: rise === 0 ? 0 : (rises.get(service) ?? 0) / rise,
        ...{ selfBeforeMs: selfBefore.get(service) ?? 0, selfSinceMs: selfSince.get(service) ?? 0 },
        slowerShare: addedMs === 0 ? 0 : (delays.get(service) ?? 0) / addedMs,
        ...(example !== undefined && { example }),
      },
    ];
  });
  return {
    ...{ before: before.length, since: since.length, addedMs, shares: new Map(shares) },
    failing: new Set(blamedSince.map(({ span }) => span.traceId)).size,
    deepest: blamedSince.map(({ span }) => span),
    deepestBefore: blamedBefore.map(({ span }) => span),
    edges: traces.flatMap((trace) => edgesOf(trace, known)),
  };
}

function tracesOf(spans: readonly Span[]): readonly Trace[] {
  const byId = new Map<string, Span[]>();
  for (const span of spans) {
    const trace = byId.get(span.traceId);
    if (trace === undefined) byId.set(span.traceId, [span]);
    else trace.push(span);
  }
  return [...byId]
    .sort(([a], [b]) => compareText(a, b))
    .map(([id, unordered]) => {
      const own = unordered.toSorted((a, b) => a.startMs - b.startMs || compareText(a.spanId, b.spanId));
      const children = new Map<string, Span[]>();
      for (const span of own) {
        if (span.parentSpanId === undefined) continue;
        const siblings = children.get(span.parentSpanId);
        if (siblings === undefined) children.set(span.parentSpanId, [span]);
        else siblings.push(span);
      }
      return { id, spans: own, children };
    });
}

// The deepest failing spans: errors whose own callees are fine, and whom each is to be blamed on.
function blamed(trace: Trace, known: ReadonlySet<string>): readonly { readonly span: Span; readonly at: string }[] {
  return trace.spans.flatMap((span) => {
    const below = trace.children.get(span.spanId) ?? [];
    if (span.status !== 'error' || below.some(({ status }) => status === 'error')) return [];
    return [
      { span, at: below.length === 0 && !isCallersFault(span) ? (peerOf(span, known) ?? span.service) : span.service },
    ];
  });
}

// What was asked wrongly is the asker's fault, though the call is what fails.
function isCallersFault({ attributes, events = [] }: Span): boolean {
  const status = Number(attributes['http.response.status_code'] ?? attributes['http.status_code'] ?? 0);
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) return true;
  const said = [
    attributes['otel.status_description'] ?? '',
    ...events.map((event) => event.attributes['exception.message'] ?? ''),
  ];
  return /syntax error|does not exist|unknown column|duplicate key|violates|invalid argument/i.test(
    said.join(' ').slice(0, 2_000),
  );
}

/**
 * Whom a client's span calls, where the callee wrote no span of its own: `peer.service`, a service of ours by the host's
 * first label, or a database or broker by what it is and where. A host outside is nobody's service.
 */
export function peerOf({ kind, attributes, service }: Span, known: ReadonlySet<string>): string | undefined {
  if (kind !== 'client' && kind !== 'producer') return undefined;
  const host = attributes['server.address'] ?? attributes['net.peer.name'] ?? attributes['peer.hostname'] ?? '';
  const named = attributes['peer.service'] ?? host.split('.')[0] ?? '';
  if (named !== service && known.has(named)) return named;
  if (foreignHostsIn(host, known).length > 0) return undefined;
  if (attributes['peer.service'] !== undefined) return attributes['peer.service'].slice(0, 100);
  const system =
    attributes['db.system.name'] ??
    attributes['db.system'] ??
    attributes['messaging.system'] ??
    attributes['rpc.system'];
  if (system === undefined) return host === '' ? undefined : host.slice(0, 100);
  return host === '' ? system.slice(0, 50) : `${system.slice(0, 50)} at ${host.slice(0, 100)}`;
}

// Time in the span itself: less what its children cover, each moment once. A call that no callee wrote a span for is
// time spent in the peer.
function meanSelf(traces: readonly Trace[], known: ReadonlySet<string>): ReadonlyMap<string, number> {
  const total = new Map<string, number>();
  for (const trace of traces)
    for (const span of trace.spans) {
      const below = trace.children.get(span.spanId) ?? [];
      const at = below.length === 0 ? (peerOf(span, known) ?? span.service) : span.service;
      total.set(at, (total.get(at) ?? 0) + span.durationMs - covered(span, below));
    }
  return new Map([...total].map(([service, ms]) => [service, ms / traces.length]));
}

function covered(span: Span, children: readonly Span[]): number {
  let ms = 0;
  let untilMs = span.startMs;
  const endMs = span.startMs + span.durationMs;
  for (const child of children) {
    const from = Math.max(untilMs, child.startMs);
    const to = Math.min(endMs, child.startMs + child.durationMs);
    if (to <= from) continue;
    ms += to - from;
    untilMs = to;
  }
  return ms;
}

function edgesOf(trace: Trace, known: ReadonlySet<string>): readonly (readonly [string, string])[] {
  return trace.spans.flatMap((span): (readonly [string, string])[] => {
    const below = trace.children.get(span.spanId) ?? [];
    if (below.length > 0) return below.map((child): [string, string] => [span.service, child.service]);
    const peer = peerOf(span, known);
    return peer === undefined ? [] : [[span.service, peer]];
  });
}

function rate(all: readonly { readonly at: string; readonly span: Span }[], service: string, traces: number): number {
  if (traces === 0) return 0;
  return new Set(all.filter(({ at }) => at === service).map(({ span }) => span.traceId)).size / traces;
}

function sum(values: ReadonlyMap<string, number>): number {
  return [...values.values()].reduce((total, value) => total + value, 0);
}

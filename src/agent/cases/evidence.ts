import type { Incident } from '../../domain/alert.ts';
import type { Collected, Source } from '../../domain/ports/source.ts';
import type { Service } from '../../domain/service.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import type { LogRecord, Series, Span } from '../../domain/telemetry.ts';
import { evidenceNeeds } from '../../diagnosis/index.ts';
import { limits } from '../../lib/limits.ts';
import type { LogBook } from '../logbook.ts';
import { recentChanges } from '../observe.ts';
import type { SpanBook } from '../spanbook.ts';
import type { Watch } from '../watch.ts';

const mostChanges = 500;

/** What was read live and is kept for a while. */
export interface Books {
  readonly logbook: LogBook;
  readonly spanbook: SpanBook;
}

/**
 * Gathers what diagnosis would like to see: what the watch already holds, at once, and what sources keep of the past,
 * all asked in parallel under one deadline. What did not come in time is a gap; partial results are results.
 */
export async function gatherEvidence(watch: Watch, books: Books, incident: Incident): Promise<Snapshot> {
  const catalog = watch.catalog();
  const state = watch.state();
  const asOfMs = watch.clock.nowMs();
  const changes = watch.changes.all();
  const needs = evidenceNeeds(incident, state.alerts, catalog, changes, asOfMs);
  const names = new Set(needs.services);
  const services = catalog.services.filter((service) => names.has(service.name));
  const held = watch.window.read({ fromMs: needs.fromMs, untilMs: asOfMs, services: names });
  const past = await askSources(watch, services, held, needs.fromMs, asOfMs, needs.stepMs);
  const gaps = [
    ...watch.sources.statuses().flatMap((status) => [...status.gaps]),
    ...past.flatMap((one) => [...one.gaps]),
  ];
  const kept = books.logbook.of(names, needs.fromMs);
  const traced = books.spanbook.of(new Set(needs.tracesOf), needs.fromMs);
  return {
    asOfMs,
    services: catalog.services,
    series: merge([...past.flatMap((one) => [...one.series]), ...held]),
    logs: [...older(kept, past), ...kept],
    spans: wholeTraces([...past.flatMap((one) => [...(one.spans ?? [])]), ...traced]),
    changes: recentChanges(watch.changes, [...names], mostChanges).filter(
      (change) => change.atMs >= needs.changesFromMs,
    ),
    resources: books.logbook.resources(names),
    alerts: state.alerts,
    // A source that has no past to give was never asked for one.
    gaps: gaps.filter((gap) => gap.reason !== 'unsupported' && (gap.service === undefined || names.has(gap.service))),
  };
}

async function askSources(
  watch: Watch,
  services: readonly Service[],
  held: readonly Series[],
  fromMs: number,
  untilMs: number,
  stepMs: number,
): Promise<readonly Collected[]> {
  const oldest = Math.min(...held.map((series) => series.samples[0]?.tMs ?? untilMs), untilMs);
  // What the window and the books cover is asked of nobody: an act may be waiting.
  const covered = oldest <= fromMs + stepMs;
  const startedMs = new Map(watch.sources.statuses().map((status) => [status.id, status.startedMs]));
  const asked = watch.liveSources().flatMap((source) => {
    const isBound = (bindings: readonly { readonly source: string }[] = []): boolean =>
      bindings.some((binding) => binding.source === source.id);
    const isOwed =
      (!covered && services.some((service) => isBound(Object.values(service.telemetry)))) ||
      (keepsRecords(source) &&
        (startedMs.get(source.id) ?? untilMs) > fromMs + stepMs &&
        services.some((service) => isBound(service.logs) || isBound(service.traces)));
    if (isOwed) return [{ source, services }];
    // What is never read live is in no book, however long the watch has been running.
    const searched = services.flatMap((service) => source.searched?.(service) ?? []);
    return searched.length === 0 ? [] : [{ source, services: searched }];
  });
  if (asked.length === 0) return [];
  const deadline = watch.clock.deadline(watch.settings.diagnosisDeadlineMs, watch.signal);
  try {
    return await Promise.all(
      asked.map(({ source, services: some }) =>
        watch.sources.history(source, { fromMs, untilMs, stepMs, services: some }, deadline.signal),
      ),
    );
  } finally {
    deadline.cancel();
  }
}

function keepsRecords({ traits }: Source): boolean {
  return traits.logs || traits.traces;
}

// Lines of the past, as far back as the book does not reach: no line twice.
function older(kept: readonly LogRecord[], past: readonly Collected[]): readonly LogRecord[] {
  const begins = new Map<string, number>();
  for (const { source, service, tMs } of kept) {
    const key = `${source}\n${service}`;
    begins.set(key, Math.min(begins.get(key) ?? Infinity, tMs));
  }
  return past
    .flatMap((one) => [...one.logs])
    .filter(({ source, service, tMs }) => tMs < (begins.get(`${source}\n${service}`) ?? Infinity));
}

// Each span once. Of more traces than a diagnosis is given, it gets an even choice over time, each of them whole.
function wholeTraces(spans: readonly Span[]): readonly Span[] {
  const unique = new Map(spans.map((span) => [`${span.traceId}/${span.spanId}`, span]));
  const traces = new Map<string, Span[]>();
  for (const span of unique.values()) {
    const trace = traces.get(span.traceId);
    if (trace === undefined) traces.set(span.traceId, [span]);
    else trace.push(span);
  }
  const stride = Math.ceil(unique.size / limits.spansPerDiagnosis);
  return [...traces.values()]
    .sort((a, b) => (a[0]?.startMs ?? 0) - (b[0]?.startMs ?? 0))
    .filter((_trace, index) => index % stride === 0)
    .flat()
    .slice(0, limits.spansPerDiagnosis);
}

// One series may come from the past and from the window; the window's samples are finer and win where both have them.
function merge(all: readonly Series[]): readonly Series[] {
  const byKey = new Map<string, Series>();
  for (const series of all) {
    const known = byKey.get(series.key);
    if (!known) {
      byKey.set(series.key, series);
      continue;
    }
    const begins = series.samples[0]?.tMs ?? Infinity;
    byKey.set(series.key, {
      ...series,
      samples: [...known.samples.filter((sample) => sample.tMs < begins), ...series.samples],
    });
  }
  return [...byKey.values()];
}

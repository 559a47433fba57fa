import type { Incident } from '../../domain/alert.ts';
import type { Collected } from '../../domain/ports/source.ts';
import type { Service } from '../../domain/service.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import type { Series } from '../../domain/telemetry.ts';
import { evidenceNeeds } from '../../diagnosis/index.ts';
import type { LogBook } from '../logbook.ts';
import { recentChanges } from '../observe.ts';
import type { Watch } from '../watch.ts';

const mostChanges = 500;

/**
 * Gathers what diagnosis would like to see: what the watch already holds, at once, and what sources keep of the past,
 * all asked in parallel under one deadline. What did not come in time is a gap; partial results are results.
 */
export async function gatherEvidence(watch: Watch, logbook: LogBook, incident: Incident): Promise<Snapshot> {
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
  return {
    asOfMs,
    services: catalog.services,
    series: merge([...past.flatMap((one) => [...one.series]), ...held]),
    logs: [...logbook.of(names, needs.fromMs), ...past.flatMap((one) => [...one.logs])],
    spans: [],
    changes: recentChanges(watch.changes, [...names], mostChanges).filter(
      (change) => change.atMs >= needs.changesFromMs,
    ),
    resources: logbook.resources(names),
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
  // The window covers it: no need to ask anybody, and an act may be waiting.
  if (oldest <= fromMs + stepMs) return [];
  const deadline = watch.clock.deadline(watch.settings.diagnosisDeadlineMs, watch.signal);
  try {
    const asked = watch
      .liveSources()
      .filter((source) =>
        services.some((service) => Object.values(service.telemetry).some((binding) => binding.source === source.id)),
      );
    return await Promise.all(
      asked.map((source) => watch.sources.history(source, { fromMs, untilMs, stepMs, services }, deadline.signal)),
    );
  } finally {
    deadline.cancel();
  }
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

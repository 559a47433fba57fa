import type { Finding } from '../domain/alert.ts';
import { instanceLabels, instanceName } from '../domain/change.ts';
import type { Sample, Series, SeriesNature } from '../domain/telemetry.ts';
import { quantile } from '../lib/stats.ts';
import type { SamplesBySignal } from './verify.ts';

/** Instances that report within this time of one another are taken together. */
const bucketMs = 1_000;

// A baseline of nothing at all could never be kept: no ratio below one in a thousand matters to a comparison.
const ratioFloor = 0.001;

/**
 * One value a time for each signal of a service, out of the series of its instances: the worst of them, or their sum
 * where the signal is a rate.
 */
export function signalSamples(
  series: readonly Series[],
  service: string,
  fromMs: number,
  untilMs: number,
): SamplesBySignal {
  const bySignal = new Map<string, Map<number, number>>();
  for (const each of series) {
    if (each.service !== service) continue;
    const buckets = bySignal.get(each.signal) ?? new Map<number, number>();
    bySignal.set(each.signal, buckets);
    for (const { tMs, v } of each.samples) {
      if (tMs < fromMs || tMs > untilMs || !Number.isFinite(v)) continue;
      const bucket = Math.floor(tMs / bucketMs) * bucketMs;
      const known = buckets.get(bucket);
      buckets.set(bucket, known === undefined ? v : together(each.nature, known, v));
    }
  }
  return Object.fromEntries(
    [...bySignal].map(([signal, buckets]) => [
      signal,
      [...buckets].map(([tMs, v]): Sample => ({ tMs, v })).sort((a, b) => a.tMs - b.tMs),
    ]),
  );
}

/**
 * The series that tell of one instance (a host, a pod). A signal that no series tells of by instance is given whole: it is
 * the service's.
 */
export function ofInstance(series: readonly Series[], item: string): readonly Series[] {
  const isOf = ({ labels }: Series): boolean => instanceLabels.some((name) => isNamed(labels[name], item));
  const tellsOfOne = ({ labels }: Series): boolean => instanceLabels.some((name) => labels[name] !== undefined);
  const apart = new Set(series.filter(tellsOfOne).map(({ service, signal }) => `${service}/${signal}`));
  return series.filter((one) => isOf(one) || !apart.has(`${one.service}/${one.signal}`));
}

function isNamed(label: string | undefined, item: string): boolean {
  return label !== undefined && instanceName(label) === instanceName(item);
}

function together(nature: SeriesNature, a: number, b: number): number {
  return nature === 'rate' ? a + b : Math.max(a, b);
}

/**
 * What is normal for each signal of a service: the 95th percentile of a stretch before the trouble, so that ordinary
 * noise is within it; for ratios at least 0.1 %. A signal without samples has none.
 */
export function baselines(
  series: readonly Series[],
  service: string,
  fromMs: number,
  untilMs: number,
): Readonly<Record<string, number>> {
  const ratios = new Set(
    series.filter((each) => each.service === service && each.nature === 'ratio').map((each) => each.signal),
  );
  const found: Record<string, number> = {};
  for (const [signal, samples] of Object.entries(signalSamples(series, service, fromMs, untilMs))) {
    const normal = quantile(
      samples.map((sample) => sample.v),
      0.95,
    );
    if (normal !== undefined) found[signal] = ratios.has(signal) ? Math.max(normal, ratioFloor) : normal;
  }
  return found;
}

/**
 * What findings say was normal before `untilMs`, signal by signal: the samples that they kept of that time, else the level
 * that their detector compared with. The worst of several series counts, as in `baselines`.
 */
export function rememberedBaselines(findings: readonly Finding[], untilMs: number): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const { signal, numbers, chart } of findings) {
    const kept = (chart?.seen ?? []).filter(({ tMs }) => tMs < untilMs).map(({ v }) => v);
    const normal = kept.length < fewestKept ? numbers['before'] : quantile(kept, 0.95);
    if (normal !== undefined && Number.isFinite(normal)) found[signal] = Math.max(normal, found[signal] ?? normal);
  }
  return found;
}

// Fewer say nothing of what is usual.
const fewestKept = 5;

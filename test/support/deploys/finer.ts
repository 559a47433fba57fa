import type { Recording } from '../../../src/detectors/index.ts';
import type { Sample, Series } from '../../../src/domain/telemetry.ts';
import { drawFrom, type Draw } from './draw.ts';

/** How much single samples scatter about the mean of their minute, where that is not counting. */
const scatter: Readonly<Record<string, number>> = { latency: 0.06, cpu: 0.05, memory: 0.003 };

/**
 * The same minutes, sampled `times` a minute: each sample scatters about its minute's value, failures fall among the samples
 * by chance, and fewer requests stand behind each.
 */
export function finer(recording: Recording, times: number, seed: number): Recording {
  const stepMs = recording.stepMs / times;
  const draw = drawFrom(seed);
  const traffic = recording.series.find(({ signal }) => signal === 'traffic');
  const requests = new Map(traffic?.samples.map(({ tMs, v }) => [tMs, v * 60]));
  const series = recording.series.map((one): Series => {
    const samples = one.samples.flatMap(({ tMs, v }): readonly Sample[] =>
      parts(one.signal, v, requests.get(tMs) ?? 6_000, times, draw).map((part, i) => ({
        tMs: tMs + i * stepMs,
        v: part,
      })),
    );
    return { ...one, samples };
  });
  return { ...recording, stepMs, untilMs: recording.untilMs + (times - 1) * stepMs, series };
}

function parts(signal: string, v: number, requests: number, times: number, draw: Draw): readonly number[] {
  const each = (of: () => number): readonly number[] => Array.from({ length: times }, of);
  if (signal === 'errors')
    return split(v * requests, times, draw).map((failed) => failed / Math.max(1, requests / times));
  if (signal === 'traffic')
    return each(() => Math.max(0, v * (1 + draw.normal() / Math.sqrt(Math.max(1, requests / times)))));
  return each(() => v * Math.exp((scatter[signal] ?? 0) * draw.normal()));
}

// Which of the minute's failures fall into which part of it.
function split(failures: number, times: number, draw: Draw): readonly number[] {
  const counts = Array.from({ length: times }, () => 0);
  if (failures > 200)
    return counts.map(() => Math.max(0, failures / times + draw.normal() * Math.sqrt(failures / times)));
  for (let i = 0; i < Math.round(failures); i++) {
    const part = draw.whole(0, times - 1);
    counts[part] = (counts[part] ?? 0) + 1;
  }
  return counts;
}

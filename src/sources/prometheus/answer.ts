import * as z from 'zod';

import type { Labels, Sample } from '../../domain/telemetry.ts';
import { faultOfStatus, type ReadFault } from '../../io/clients/http-reader.ts';
import { limits } from '../../lib/limits.ts';

/** A range query's result, cleaned: finite samples only, labels without the metric's name. */
export interface RangeAnswer {
  readonly series: readonly { readonly labels: Labels; readonly samples: readonly Sample[] }[];
  /** Values that were NaN or infinite. */
  readonly dropped: number;
  /** Values in all. */
  readonly points: number;
  /** The server's own doubts: a partial answer of Thanos, a rate over something that is no counter. */
  readonly warnings: readonly string[];
}

const pair = z.tuple([z.number(), z.string()]);
const success = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('matrix'),
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        values: z.array(pair).optional(),
        histograms: z.array(z.unknown()).optional(),
      }),
    ),
  }),
  warnings: z.array(z.string()).optional(),
});
const failure = z.object({ status: z.literal('error'), errorType: z.string(), error: z.string() });

/** Reads the answer to `query_range`, whatever its status. What cannot be used becomes a fault in the server's own words. */
export function readRangeAnswer(
  status: number,
  body: Uint8Array,
  where: string,
  maxSeries: number,
): RangeAnswer | { readonly fault: ReadFault } {
  const json = parseJson(body);
  if (status !== 200) return { fault: faultOfAnswer(status, json, where) };
  const parsed = success.safeParse(json);
  if (!parsed.success) {
    const failed = failure.safeParse(json);
    if (failed.success) return { fault: { reason: 'malformed', message: told(where, failed.data.error) } };
    return {
      fault: { reason: 'malformed', message: `${where} answered something that is no Prometheus range result` },
    };
  }
  const { result } = parsed.data.data;
  if (result.length > maxSeries) {
    const message = `the query gives ${result.length} series, more than maxSeries (${maxSeries}): aggregate it`;
    return { fault: { reason: 'too-large', message } };
  }
  if (result.some(({ histograms }) => histograms !== undefined && histograms.length > 0)) {
    const message = 'the query gives native histograms: take a histogram_quantile or histogram_avg of it';
    return { fault: { reason: 'unsupported', message } };
  }
  let dropped = 0;
  let points = 0;
  const series = result.map(({ metric, values = [] }) => {
    points += values.length;
    const samples: Sample[] = [];
    for (const [seconds, text] of values) {
      const v = Number(text);
      if (Number.isFinite(v) && text.trim() !== '') samples.push({ tMs: Math.round(seconds * 1_000), v });
      else dropped++;
    }
    return { labels: cleanLabels(metric), samples };
  });
  return { series, dropped, points, warnings: (parsed.data.warnings ?? []).slice(0, 10).map(short) };
}

function faultOfAnswer(status: number, json: unknown, where: string): ReadFault {
  const failed = failure.safeParse(json);
  if (!failed.success || status === 401 || status === 403) return faultOfStatus(status, where);
  const { errorType, error } = failed.data;
  const message = told(where, error);
  if (errorType === 'timeout' || errorType === 'canceled') return { reason: 'timeout', message };
  if (status === 422 && /too many samples|limit/.test(error)) return { reason: 'too-large', message };
  if (status === 400 || status === 422) return { reason: 'malformed', message };
  return { reason: faultOfStatus(status, where).reason, message };
}

function told(where: string, error: string): string {
  return `${where} says: ${short(error)}`;
}

// A server's words are shown to people and written down: bounded, on one line.
function short(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').slice(0, 500);
}

function cleanLabels(metric: Labels): Labels {
  return Object.fromEntries(
    Object.entries(metric)
      .filter(([name]) => name !== '__name__')
      .map(([name, value]) => [name, value.slice(0, limits.labelValueBytes)]),
  );
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

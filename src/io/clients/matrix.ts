import * as z from 'zod';

import type { Labels, Sample } from '../../domain/telemetry.ts';
import { limits } from '../../lib/limits.ts';
import { faultOfStatus, type ReadFault } from './http-reader.ts';
import { wordsOf } from './polite-http.ts';

/** A stretch of evaluation steps, both ends included, in milliseconds. */
export interface Range {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly stepMs: number;
}

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
  if (status !== 200) return { fault: faultOfAnswer(status, json, where, json === undefined ? wordsOf(body) : '') };
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
  const names = result.map(({ metric }) => JSON.stringify(Object.entries(cleanLabels(metric)).sort()));
  if (new Set(names).size < names.length) {
    const alike = result.map(({ metric }) => metric['__name__'] ?? '').slice(0, 5);
    const message = `the query gives several series that only their names tell apart (${short(alike.join(', '))}): choose one`;
    return { fault: { reason: 'malformed', message } };
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

function faultOfAnswer(status: number, json: unknown, where: string, said: string): ReadFault {
  const failed = failure.safeParse(json);
  if (!failed.success || status === 401 || status === 403) return faultOfStatus(status, where, said);
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

/** Prometheus refuses a range query that would give more than 11,000 points a series (web/api/v1, `queryRange`). */
export const pointsPerQuery = 11_000;

/** Cuts a range into parts that a server accepts: in order, on the same grid, no step twice and none left out. */
export function splitRange(range: Range, points: number = pointsPerQuery): readonly Range[] {
  const { untilMs, stepMs } = range;
  const parts: Range[] = [];
  for (let fromMs = range.fromMs; fromMs <= untilMs;) {
    const endMs = Math.min(untilMs, fromMs + (points - 1) * stepMs);
    parts.push({ fromMs, untilMs: endMs, stepMs });
    fromMs = endMs + stepMs;
  }
  return parts;
}

import { RE2JS } from '@bufbuild/re2';
import * as z from 'zod';

import { limits } from '../../lib/limits.ts';
import { durationMs, schemaOf } from '../../lib/schema.ts';
import { httpAuth, httpHeaders, httpUrl, type HttpAuth } from '../../io/clients/http-reader.ts';
import type { Schema } from '../../domain/ports/schema.ts';
import type { JsonObject } from '../../lib/json.ts';

/** One endpoint that exposes metrics. `labels` are put onto its series; `instance` is `host:port` unless given. */
export interface ScrapeTarget {
  readonly url: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** The parsed block of a scrape source. */
export interface ScrapeConfig {
  readonly targets: readonly ScrapeTarget[];
  readonly auth?: HttpAuth;
  readonly headers?: Readonly<Record<string, string>>;
  readonly interval: number;
  readonly timeout: number;
  readonly maxSeries: number;
}

const labelName = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'must be a label name');

/** The source's block in watchkeeper.yaml. */
export const scrapeConfig: Schema<ScrapeConfig> = schemaOf<ScrapeConfig>(
  z.strictObject({
    targets: z
      .array(
        z.strictObject({
          url: httpUrl,
          labels: z.record(labelName, z.string().max(limits.labelValueBytes)).exactOptional(),
        }),
      )
      .min(1)
      .max(1_000),
    auth: httpAuth.exactOptional(),
    headers: httpHeaders.exactOptional(),
    interval: durationMs.refine((ms) => ms >= 1_000, 'must be at least 1s').prefault('15s'),
    timeout: durationMs.refine((ms) => ms >= 100 && ms <= 60_000, 'must be between 100ms and 1m').prefault('5s'),
    maxSeries: z.int().min(1).max(limits.seriesPerCollect).default(20_000),
  }),
);

/** A label's condition: an RE2 expression that must match the whole value, as PromQL's `=~`, or `{not: …}` for `!~`. */
export type LabelMatch = string | { readonly not: string };

/** Series by metric name and labels. */
export interface Selection {
  readonly metric: string;
  readonly match?: Readonly<Record<string, LabelMatch>>;
}

/** What a Service's telemetry binding asks of a scrape. */
export interface ScrapeQuery extends Selection {
  /** Per second between two scrapes; implied for metrics exposed as counters. */
  readonly rate?: true;
  /** Divides by the sum of these series (rates, when the selection is rates). */
  readonly per?: Selection;
  /** Of a histogram, over what was observed between two scrapes. */
  readonly quantile?: number;
  /** One series for each combination of these labels; absent, one in all. */
  readonly by?: readonly string[];
  /** How several series become one. Default `sum`. */
  readonly aggregate?: 'sum' | 'avg' | 'min' | 'max';
}

const re2 = z.string().max(1_000).refine(compiles, 'is not an RE2 expression');
const metric = z.string().min(1).max(limits.labelValueBytes);
const match = z.record(z.string().min(1), z.union([re2, z.strictObject({ not: re2 })]));
const selection = z.strictObject({ metric, match: match.exactOptional() });

const queryType = z
  .strictObject({
    metric,
    match: match.exactOptional(),
    rate: z.literal(true).exactOptional(),
    per: selection.exactOptional(),
    quantile: z.number().min(0).max(1).exactOptional(),
    by: z.array(labelName).max(10).exactOptional(),
    aggregate: z.enum(['sum', 'avg', 'min', 'max']).exactOptional(),
  })
  .refine((query) => query.quantile === undefined || (query.per === undefined && query.aggregate === undefined), {
    message: 'a quantile cannot be combined with per or aggregate',
    path: ['quantile'],
  })
  .refine((query) => query.per === undefined || query.aggregate === undefined, {
    message: 'a ratio is always of sums: leave aggregate out',
    path: ['aggregate'],
  });

/** For the binding of a Service, as the port wants it. */
export const scrapeQuery: Schema<JsonObject> = schemaOf(queryType);

/** The same, typed, for the source itself. */
export const typedQuery: Schema<ScrapeQuery> = schemaOf<ScrapeQuery>(queryType);

function compiles(pattern: string): boolean {
  try {
    RE2JS.compile(pattern);
    return true;
  } catch {
    return false;
  }
}

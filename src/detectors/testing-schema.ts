import * as z from 'zod';

import { gapReasons } from '../domain/telemetry.ts';
import type { Parsed } from '../lib/issues.ts';
import type { Json } from '../lib/json.ts';
import { schemaOf } from '../lib/schema.ts';
import { durationMs, severity } from './params.ts';

const at = z.union([z.literal('0s').transform(() => 0), durationMs]);
const nature = z.enum(['gauge', 'rate', 'ratio', 'latency', 'state']);

const oneSeries = z.strictObject({
  service: z.string().exactOptional(),
  signal: z.string().exactOptional(),
  labels: z.record(z.string(), z.string()).default({}),
  nature: nature.exactOptional(),
  unit: z.string().exactOptional(),
  values: z.string().describe('0.01x30 100+5x20 _x5'),
});

const given = z.strictObject({
  service: z.string().default('checkout'),
  dependsOn: z.array(z.string()).default([]),
  signal: z.string().exactOptional().describe("default: the detector's own"),
  nature: nature.default('gauge'),
  unit: z.string().default('1'),
  step: durationMs.prefault('1m'),
  series: z.union([z.string(), z.array(oneSeries)]).default([]),
  until: durationMs.exactOptional().describe('how long to watch; default: the longest series'),
  changes: z
    .array(
      z.strictObject({
        at,
        kind: z
          .enum(['deploy', 'rollback', 'config', 'scale', 'flag', 'package', 'restart', 'infrastructure'])
          .default('deploy'),
        service: z.string().exactOptional(),
        what: z.string().default('current'),
        from: z.string().exactOptional(),
        to: z.string().exactOptional(),
        instances: z.array(z.string()).exactOptional(),
      }),
    )
    .default([]),
  logs: z
    .array(
      z.strictObject({
        at,
        every: durationMs.exactOptional(),
        count: z.number().int().min(1).max(10_000).default(1),
        severity: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
        body: z.string(),
      }),
    )
    .default([]),
  gaps: z
    .array(
      z.strictObject({
        from: at,
        until: durationMs,
        reason: z.enum(gapReasons).default('unreachable'),
        message: z.string().default('the source cannot be reached'),
        signal: z.string().exactOptional(),
      }),
    )
    .default([]),
  external: z
    .array(z.strictObject({ at, state: z.enum(['bad', 'good']), name: z.string(), reason: z.string() }))
    .default([]),
  slos: z
    .array(
      z.strictObject({
        name: z.string(),
        objective: z.number().gt(0).lt(1),
        window: durationMs,
        errors: z.string().exactOptional(),
      }),
    )
    .default([]),
});

const testCase = z.strictObject({
  name: z.string().exactOptional(),
  given,
  expect: z.strictObject({
    fires: z.boolean().describe('whether an alert fires, hold included'),
    at: durationMs.exactOptional().describe('no later than'),
    after: durationMs.exactOptional().describe('no earlier than'),
    resolves: z.boolean().exactOptional(),
    state: z.enum(['bad', 'good', 'unknown']).exactOptional().describe('what is said at the end'),
    severity: severity.exactOptional(),
    because: z.string().exactOptional().describe('part of a reason'),
  }),
});

const testCases = schemaOf(z.array(testCase).min(1));

/** The world of one case: a series in the notation of notation.ts, changes, logs, gaps. */
export type DetectorTestGiven = z.infer<typeof given>;
/** One case of a detector's test file. */
export type DetectorTestCase = z.infer<typeof testCase>;

/** Parses the content of a `*.test.yaml` beside a Detector. */
export function parseDetectorTests(input: Json): Parsed<readonly DetectorTestCase[]> {
  return testCases.parse(input);
}

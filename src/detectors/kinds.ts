import type { Json, JsonObject } from '../lib/json.ts';
import type { Parsed } from '../lib/issues.ts';
import type { Detector, DetectorKind, DetectorRule } from '../domain/ports/detector.ts';
import { absence } from './absence.ts';
import { anomaly } from './anomaly/index.ts';
import { burnRate } from './burn-rate.ts';
import { event } from './event.ts';
import { external } from './external.ts';
import { forecast } from './forecast.ts';
import { logPattern } from './log-pattern/index.ts';
import { regression } from './regression/index.ts';
import { threshold } from './threshold.ts';

/** A kind with its parameter type erased, as the registry holds it. */
export interface AnyDetectorKind {
  readonly kind: string;
  readonly summary: string;
  readonly stateBytesPerSeries: number;
  readonly params: { parse(input: Json): Parsed<Json>; jsonSchema(): JsonObject };
  /** `params` must come from this kind's own `params.parse`. */
  warmupMs(params: Json): number;
  create(rule: DetectorRule, params: Json, saved: Json | undefined): Detector;
}

function erased<P>(kind: DetectorKind<P>): AnyDetectorKind {
  return {
    kind: kind.kind,
    summary: kind.summary,
    stateBytesPerSeries: kind.stateBytesPerSeries,
    params: {
      // Parameters are plain JSON once parsed: numbers, strings, lists and records of them.
      parse: (input) => kind.params.parse(input) as Parsed<Json>,
      jsonSchema: () => kind.params.jsonSchema(),
    },
    warmupMs: (params) => kind.warmupMs(params as P),
    create: (rule, params, saved) => kind.create(rule, params as P, saved),
  };
}

/** Every kind by its name. A new kind is a file, and one line here. */
export const detectorKinds: ReadonlyMap<string, AnyDetectorKind> = new Map(
  [
    erased(threshold),
    erased(regression),
    erased(anomaly),
    erased(burnRate),
    erased(absence),
    erased(forecast),
    erased(logPattern),
    erased(event),
    erased(external),
  ].map((kind) => [kind.kind, kind]),
);

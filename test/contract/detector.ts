import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { canonicalJson } from '../../src/lib/canonical.ts';
import type { Json } from '../../src/lib/json.ts';
import { createDetector, detectorKinds, holdAndClear, replay, type Recording } from '../../src/detectors/index.ts';
import type { Finding } from '../../src/domain/alert.ts';
import type { DetectorDefinition } from '../../src/domain/definitions.ts';
import type { LogRecord, Series } from '../../src/domain/telemetry.ts';

const stepMs = 10_000;
/** When every recording of this suite begins. */
export const fromMs = 1_767_600_000_000;

interface World {
  readonly values: readonly (number | null)[];
  readonly deploys: readonly number[];
  readonly gapAt: number;
}

const world = fc.record({
  values: fc.array(fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 9 }), {
    minLength: 40,
    maxLength: 90,
  }),
  deploys: fc.array(fc.nat(80), { maxLength: 3 }),
  gapAt: fc.nat(80),
});

/** A recording of one service: a ratio, log lines, alerts from elsewhere, deploys and a gap. */
export function recordingOf({ values, deploys, gapAt }: World): Recording {
  const meta = {
    key: 'checkout/errors{}',
    source: 's',
    service: 'checkout',
    signal: 'errors',
    labels: {},
    unit: 'ratio',
  };
  const at = (index: number): number => fromMs + index * stepMs;
  const samples = values.flatMap((v, index) => (v === null ? [] : [{ tMs: at(index), v: v * v * 0.6 }]));
  const series: Series = { ...meta, nature: 'ratio', samples };
  const logs = values.flatMap((v, index): LogRecord[] => {
    const body = (v ?? 0) > 0.7 ? `cannot reach db ${index}` : `slow answer after ${index} ms`;
    return [{ tMs: at(index), source: 's', service: 'checkout', severity: 'error', body, attributes: {} }];
  });
  const external = values.flatMap((v, index): Finding[] =>
    v !== null && index % 9 === 0 ? [externalFinding(at(index), v > 0.5 ? 'bad' : 'good')] : [],
  );
  const change = { kind: 'deploy', service: 'checkout', what: 'current', source: 's', attributes: {} } as const;
  return {
    fromMs,
    untilMs: at(values.length - 1),
    stepMs,
    services: [
      {
        name: 'checkout',
        labels: {},
        owner: { team: 't', escalate: 't' },
        dependsOn: [],
        runsOn: [],
        telemetry: { errors: { source: 's', unit: 'ratio', nature: 'ratio', query: {} } },
        slos: [{ name: 'availability', objective: 0.99, windowMs: 3_600_000, errors: 'errors' }],
        origin: 'declared',
      },
    ],
    series: [series],
    changes: [...deploys]
      .sort((a, b) => a - b)
      .map((index) => ({ ...change, id: `c${index}`, atMs: at(index), to: `v${index}` })),
    logs,
    external,
    gaps: [{ source: 's', reason: 'timeout', message: 'timeout', fromMs: at(gapAt), untilMs: at(gapAt + 4) }],
  };
}

function externalFinding(atMs: number, state: 'bad' | 'good'): Finding {
  const labels = { alertname: 'High' };
  const about = { detector: 'a', kind: 'external', service: 'checkout', signal: '', labels };
  return { ...about, state, atMs, sinceMs: atMs, severity: 'warning', reason: 'high', numbers: {}, confidence: 0.5 };
}

/**
 * Everything said, step by step; at each step in `cuts` the detector is saved, thrown away and started again: whole, or,
 * `inParts`, from what changed at each step.
 */
function said(
  definition: DetectorDefinition,
  recording: Recording,
  cuts: ReadonlySet<number>,
  inParts = false,
): readonly string[] {
  const steps: string[] = [];
  const parts = new Map<string, Json>();
  let running = createDetector(definition, undefined);
  const saved = (): Json =>
    inParts && running.saveParts !== undefined ? { version: 1, parts: Object.fromEntries(parts) } : running.save();
  const restarting = {
    step: (...args: Parameters<typeof running.step>) => {
      // Through text, as the store keeps it.
      if (cuts.has(steps.length)) running = createDetector(definition, JSON.parse(canonicalJson(saved())) as Json);
      const findings = running.step(...args);
      for (const [name, part] of running.saveParts?.(false) ?? []) parts.set(name, part);
      return findings;
    },
    save: () => running.save(),
  };
  const holding = holdAndClear(definition);
  replay(definition, restarting, recording, holding, (asOfMs, findings) => {
    holding.step(findings, asOfMs);
    steps.push(canonicalJson(findings as unknown as Json));
  });
  return steps;
}

/** What every kind of detector promises, whatever it watches. The definition should watch `errors` of `checkout`. */
export function detectorContract(name: string, definition: DetectorDefinition): void {
  describe(`detector contract: ${name}`, () => {
    it('goes on after any restarts as if there had been none, and says the same each time', () => {
      fc.assert(
        fc.property(world, fc.uniqueArray(fc.nat(89), { maxLength: 6 }), (given, cuts) => {
          const recording = recordingOf(given);
          const whole = said(definition, recording, new Set());
          expect(said(definition, recording, new Set(cuts))).toEqual(whole);
          expect(said(definition, recording, new Set(cuts), true)).toEqual(whole);
          expect(said(definition, recording, new Set())).toEqual(whole);
        }),
        { numRuns: 12 },
      );
    });
    it('says nothing at a step that depends on what comes later', () => {
      fc.assert(
        fc.property(world, fc.integer({ min: 5, max: 39 }), (given, k) => {
          const recording = recordingOf(given);
          const untilMs = fromMs + k * stepMs;
          const cut: Recording = {
            ...recording,
            untilMs,
            series: recording.series.map((one) => ({
              ...one,
              samples: one.samples.filter(({ tMs }) => tMs <= untilMs),
            })),
            changes: recording.changes.filter(({ atMs }) => atMs <= untilMs),
            logs: recording.logs.filter(({ tMs }) => tMs <= untilMs),
            external: recording.external.filter(({ atMs }) => atMs <= untilMs),
          };
          expect(said(definition, cut, new Set())).toEqual(said(definition, recording, new Set()).slice(0, k + 1));
        }),
        { numRuns: 12 },
      );
    });
    it('keeps no more state than its kind states', () => {
      const values = Array.from(
        { length: 4_000 },
        (_, index) => Math.abs(Math.sin(index * 1.7)) * (1 + (index % 7) / 9) * 0.4,
      );
      const recording = recordingOf({ values, deploys: [100, 500, 900, 1_600, 2_400, 3_000], gapAt: 200 });
      const running = createDetector(definition, undefined);
      replay(definition, running, recording, holdAndClear(definition), () => undefined);
      const bytes = canonicalJson(running.save()).length;
      expect(bytes).toBeLessThanOrEqual(detectorKinds.get(definition.kind)?.stateBytesPerSeries ?? 0);
    });
  });
}

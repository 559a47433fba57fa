import { expect, it } from 'vitest';

import { createBank } from '../../src/agent/bank.ts';
import { play, type Recorded } from '../../src/agent/backtest/index.ts';
import { createChangeLog } from '../../src/agent/changes.ts';
import { createInbox } from '../../src/agent/inbox.ts';
import { createLogBook } from '../../src/agent/logbook.ts';
import { createSpanBook } from '../../src/agent/spanbook.ts';
import { createMetrics } from '../../src/agent/metrics.ts';
import { createPipeline, type PipelineDeps } from '../../src/agent/pipeline.ts';
import type { WatchState } from '../../src/agent/watch-state.ts';
import { createWindow } from '../../src/agent/window.ts';
import { emptyCatalog } from '../../src/catalog/index.ts';
import { createDetector, parseDetector } from '../../src/detectors/index.ts';
import type { DetectorDefinition } from '../../src/domain/definitions.ts';
import type { Service } from '../../src/domain/service.ts';
import type { Json } from '../../src/lib/json.ts';
import { deployWorld } from '../detectors/deploy-world.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const recording = deployWorld(3, 2).recording;
const owner = { team: 't', escalate: 't' };
const names = [...new Set(recording.series.map(({ service }) => service))];
const services = names.map((name): Service => {
  const made: Service = {
    name,
    labels: {},
    owner,
    dependsOn: [],
    runsOn: [],
    telemetry: {},
    slos: [],
    origin: 'declared',
  };
  return made;
});
const world = { ...recording, services };

function detector(name: string, spec: Record<string, Json>): DetectorDefinition {
  const parsed = parseDetector({
    apiVersion: 'watchkeeper.dev/v1alpha1',
    kind: 'Detector',
    metadata: { name, labels: {} },
    spec,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.value;
}

const definitions = [
  detector('errors', { on: 'errors', kind: 'regression', severity: 'critical', clear: '5m' }),
  detector('latency', { on: 'latency', kind: 'regression', clear: '5m' }),
  detector('high', { on: 'errors', kind: 'threshold', params: { above: '2%' }, hold: '3m' }),
];

/** What a state says to people and to other rooms: alerts, verdicts and incidents, whole. */
const told = (asOfMs: number, state: WatchState): string =>
  JSON.stringify([asOfMs, state.alerts, [...state.verdicts.values()], state.incidents.map(({ timeline }) => timeline)]);

function byBacktest(): readonly string[] {
  const recorded: Recorded = {
    stepMs: world.stepMs,
    services: world.services,
    series: world.series.map(({ samples, ...meta }) => ({
      meta,
      times: Float64Array.from(samples, ({ tMs }) => tMs),
      values: Float64Array.from(samples, ({ v }) => v),
    })),
    changes: world.changes,
    gaps: [],
  };
  const lines: string[] = [];
  play(recorded, definitions, (asOfMs, { state }) => lines.push(told(asOfMs, state)));
  return lines;
}

/** The daemon's own pipeline with its own inbox and a clock that is set; only store and ledger are left out. */
async function live(): Promise<readonly string[]> {
  const clock = virtualClock(world.fromMs);
  const inbox = createInbox();
  const bank = createBank(createDetector, recordingLog());
  bank.replace(definitions, () => undefined);
  let ids = 0;
  const watch = {
    clock,
    log: recordingLog(),
    metrics: createMetrics(),
    random: { id: () => `incident-${++ids}` },
    window: createWindow(2 * 3_600_000),
    changes: createChangeLog([]),
    health: { checkClock: () => 0 },
    sources: { statuses: () => [] },
    freshness: { heard: () => undefined },
    catalog: () => emptyCatalog,
    ledger: { size: () => 0, record: () => Promise.resolve({}) },
  };
  const deps = {
    watch,
    inbox,
    logbook: createLogBook(),
    spanbook: createSpanBook(),
    bank,
    cases: () => ({ poke: () => undefined, resolved: () => undefined }),
    services: () => new Map(world.services.map((one) => [one.name, one])),
  } as unknown as PipelineDeps;
  const pipeline = createPipeline(deps, { alerts: [], incidents: [], verdicts: new Map() });
  const lines: string[] = [];
  for (let asOfMs = world.fromMs; asOfMs <= world.untilMs; asOfMs += world.stepMs) {
    if (asOfMs > world.fromMs) await clock.advance(world.stepMs);
    const now = (tMs: number): boolean => tMs > asOfMs - world.stepMs && tMs <= asOfMs;
    const series = world.series
      .map((one) => ({ ...one, samples: one.samples.filter(({ tMs }) => now(tMs)) }))
      .filter(({ samples }) => samples.length > 0);
    const changes = world.changes.filter(({ atMs }) => now(atMs));
    inbox.collected('any', { series, logs: [], changes, resources: [], findings: [], gaps: [] }, asOfMs);
    await pipeline.turn();
    lines.push(told(asOfMs, pipeline.state()));
  }
  return lines;
}

it('says at every step exactly what the daemon says when it is fed the same, byte for byte', async () => {
  const played = byBacktest();
  const lived = await live();
  expect(played.length).toBe(lived.length);
  const differs = played.findIndex((line, index) => line !== lived[index]);
  expect(differs === -1 ? 'nothing differs' : [played[differs], lived[differs]]).toBe('nothing differs');
  expect(played.some((line) => line.includes('"firing"') && line.includes('"healthy"'))).toBe(true);
});

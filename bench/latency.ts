/**
 * From the moment a sample is handed over by its source to the moment the first action starts: `node bench/latency.ts`.
 * The whole pipeline is real (detector, alert, incident, diagnosis over two hours of history, runbook, policy, live
 * re-decision, journal on SQLite with fsync, signed ledger); the source is scripted and the action only notes the time.
 * Hold is zero. Beside it stands what the same run needs for one durable ledger entry. Bar: p99 at most 100 ms.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

import * as z from 'zod';

import { standingTenure } from '../src/agent/leadership/index.ts';

import { defineAction } from '../src/actions/index.ts';
import { parsers } from '../src/agent/assemble.ts';
import { composeWatch } from '../src/agent/compose.ts';
import { joinGroups, type Resources } from '../src/agent/resources.ts';
import { startWatch } from '../src/agent/running.ts';
import type { DetectorDefinition } from '../src/domain/definitions.ts';
import { apiVersion, type DocumentKind } from '../src/domain/document.ts';
import type { Collected, Source } from '../src/domain/ports/source.ts';
import type { Service } from '../src/domain/service.ts';
import { seriesKey, type Series } from '../src/domain/telemetry.ts';
import {
  createLog,
  createScrubber,
  createSecrets,
  makeOperatorIo,
  readFiles,
  systemClock,
  systemRandom,
} from '../src/io/index.ts';
import { openLedger, signerFromSeed } from '../src/ledger/index.ts';
import { digest } from '../src/lib/canonical.ts';
import type { Json } from '../src/lib/json.ts';
import { schemaOf } from '../src/lib/schema.ts';
import { quantile } from '../src/lib/stats.ts';
import { policySet, type Policy } from '../src/policy/index.ts';
import { parseRunbook, type Runbook } from '../src/runbooks/index.ts';
import { openSqliteStore } from '../src/store/index.ts';

const runs = 200;
const names = Array.from({ length: runs }, (_, index) => `svc-${String(index).padStart(3, '0')}`);
const started = new Map<string, (atMs: number) => void>();

const noteTime = defineAction({
  kind: 'bench.note',
  summary: 'Notes when it was started.',
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(z.strictObject({})),
  needs: [],
  target: (_params, service) => ({ kind: 'bench', id: service.name, service: service.name, labels: {} }),
  observe: (_params, { service }) =>
    Promise.resolve({
      target: { kind: 'bench', id: service.name, service: service.name, labels: {} },
      atMs: systemClock.nowMs(),
      facts: {},
      stateHash: digest(service.name),
      blast: { touched: 1, total: 3, healthyAfter: 2, targets: [service.name], dependents: [] },
    }),
  preview: () => ({ describe: 'note the time', diff: [] }),
  before: () => null,
  run: (_params, _before, _key, { service }) => {
    started.get(service.name)?.(performance.now());
    return Promise.resolve({ is: 'done', message: 'noted' });
  },
  probe: () => Promise.resolve({ is: 'done', because: 'noted' }),
});

function parsed(kind: DocumentKind, name: string, spec: Json): unknown {
  const document = { apiVersion, kind, metadata: { name, labels: {} }, spec } as const;
  const result =
    kind === 'Runbook'
      ? parseRunbook(document, { actions: new Map([[noteTime.kind, noteTime]]) })
      : parsers[kind](document);
  if (!result.ok) throw new Error(JSON.stringify(result.issues));
  return result.value;
}

const services = names.map(
  (name) =>
    parsed('Service', name, {
      telemetry: { errors: { source: 'scripted', unit: 'ratio' }, latency: { source: 'scripted', unit: 's' } },
    }) as Service,
);
const resources: Resources = {
  digest: 'bench',
  loadedAtMs: 0,
  services,
  detectors: [
    parsed('Detector', 'errors-high', {
      on: 'errors',
      kind: 'threshold',
      params: { above: 0.1 },
      hold: '0s',
      clear: '5m',
      severity: 'critical',
    }) as DetectorDefinition,
  ],
  runbooks: [
    parsed('Runbook', 'note', {
      summary: 'Note the time',
      when: 'incident.severity == "critical"',
      steps: [{ id: 'note', do: 'bench.note', timeout: '10s' }],
      verify: [{ expect: 'errors < 2.0', within: '5m' }],
      onFail: ['escalate'],
      attempts: { per: 'target', max: 5, in: '1h' },
    }) as Runbook,
  ],
  policies: policySet([
    parsed('Policy', 'bench', {
      allow: [
        {
          actions: ['bench.*'],
          autonomy: 'act',
          bounds: { units: 1, parallel: 1_000, perHour: 100_000, perDay: 100_000 },
        },
      ],
    }) as Policy,
  ]),
  escalations: new Map(),
  groups: joinGroups([]),
};

let push: (collected: Collected) => void = () => undefined;
const source: Source = {
  id: 'scripted',
  kind: 'scripted',
  traits: { metrics: true, logs: false, traces: false, changes: false, discovery: false },
  intervalMs: 3_600_000,
  collect: () => Promise.resolve(collected([])),
  discover: () => Promise.resolve([]),
  check: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

function collected(series: readonly Series[]): Collected {
  return { series, logs: [], changes: [], resources: [], findings: [], gaps: [] };
}

function seriesOf(service: string, signal: string, samples: Series['samples']): Series {
  return {
    key: seriesKey(service, signal, {}),
    source: 'scripted',
    service,
    signal,
    labels: {},
    unit: 'ratio',
    nature: 'ratio',
    samples,
  };
}

const folder = mkdtempSync(join(tmpdir(), 'watchkeeper-bench-'));
const abort = new AbortController();
const scrubber = createScrubber();
const log = createLog('silent', scrubber, { write: () => undefined });
const secrets = createSecrets(readFiles, {}, scrubber);
const ambient = { clock: systemClock, random: systemRandom, log, secrets };
const store = await openSqliteStore({ path: join(folder, 'watchkeeper.db') });
const epoch = await store.newEpoch();
const key = signerFromSeed('bench/ledger', systemRandom.bytes(32));
const ledger = await openLedger({
  store,
  key,
  origin: 'bench/ledger',
  clock: systemClock,
  random: systemRandom,
  epoch,
});
// Every service ill at once would be a storm; the bars are about one incident at a time, and so each heals before the next.
const composed = await composeWatch({
  ...ambient,
  store,
  ledger,
  epoch,
  tenure: standingTenure(),
  operatorIo: makeOperatorIo(ambient, '/usr/bin:/bin'),
  actions: { [noteTime.kind]: noteTime },
  sources: [source],
  channels: new Map(),
  settings: {
    ceiling: 'act',
    diagnosisDeadlineMs: 3_000,
    planTtlMs: 3_600_000,
    patienceMs: 30_000,
    caps: {
      perTarget: { max: 9_999, inMs: 1 },
      perRunbook: { max: 9_999, inMs: 1 },
      total: { max: 9_999, inMs: 1 },
      ineffective: { max: 9_999, inMs: 1 },
    },
  },
  incidentSettings: { stormServices: 10_000 },
  signal: abort.signal,
});
composed.use(resources);
const running = await startWatch(composed);
push = (one) => {
  composed.inbox.collected('scripted', one, systemClock.nowMs());
  composed.pipeline.nudge();
};

const nowMs = systemClock.nowMs();
for (const name of names) {
  const history = Array.from({ length: 480 }, (_, index) => ({
    tMs: nowMs - (480 - index) * 15_000,
    v: 0.001 + 0.0005 * Math.sin(index),
  }));
  push(collected([seriesOf(name, 'errors', history), seriesOf(name, 'latency', history)]));
}
await new Promise((resolve) => setTimeout(resolve, 2_000));

const rawMs: number[] = [];
const takenMs: number[] = [];
for (const name of names) {
  const probeFrom = performance.now();
  await ledger.record({
    drafts: [{ type: 'agent-health', actor: 'bench', atMs: systemClock.nowMs(), subject: {}, body: { probe: name } }],
  });
  rawMs.push(performance.now() - probeFrom);
  const { promise, resolve } = Promise.withResolvers<number>();
  started.set(name, resolve);
  const fromMs = performance.now();
  push(collected([seriesOf(name, 'errors', [{ tMs: systemClock.nowMs(), v: 0.5 }])]));
  const timer = setTimeout(() => resolve(Number.NaN), 20_000);
  takenMs.push((await promise) - fromMs);
  clearTimeout(timer);
  await new Promise((done) => setTimeout(done, 20));
}

const missing = takenMs.filter((ms) => Number.isNaN(ms)).length;
const ok = takenMs.filter((ms) => !Number.isNaN(ms));
const figures = {
  bench: 'latency',
  runs,
  missing,
  actionP50Ms: quantile(ok, 0.5),
  actionP99Ms: quantile(ok, 0.99),
  rawEntryP50Ms: quantile(rawMs, 0.5),
  rawEntryP99Ms: quantile(rawMs, 0.99),
};
const print = (label: string, p50: number | undefined, p99: number | undefined): void =>
  void process.stdout.write(
    `${label.padEnd(40)} p50 ${(p50 ?? Number.NaN).toFixed(1).padStart(8)} ms   p99 ${(p99 ?? Number.NaN).toFixed(1).padStart(8)} ms\n`,
  );
print('raw: one durable, signed ledger entry', figures.rawEntryP50Ms, figures.rawEntryP99Ms);
print(`sample visible → action started (${runs})`, figures.actionP50Ms, figures.actionP99Ms);
process.stdout.write(`${JSON.stringify(figures)}\n`);

await running.stop();
await ledger.close();
await store.close();
rmSync(folder, { recursive: true, force: true });
process.exit(missing === 0 ? 0 : 1);

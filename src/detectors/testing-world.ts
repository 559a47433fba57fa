import type { DetectorDefinition } from '../domain/definitions.ts';
import type { Service } from '../domain/service.ts';
import { seriesKey, type LogRecord, type Series } from '../domain/telemetry.ts';
import { samplesFrom, stepsIn } from './notation.ts';
import type { Recording } from './replay.ts';
import type { DetectorTestGiven } from './testing-schema.ts';

// Invented time starts on a Monday morning, so that no test sits on an edge of epoch zero.
const fromMs = 1_767_600_000_000;
const source = 'test';

/** The world a test case describes, or a sentence saying what cannot be read in it. */
export function recordingOf(definition: DetectorDefinition, given: DetectorTestGiven): Recording | string {
  const written = typeof given.series === 'string' ? [{ labels: {}, values: given.series }] : given.series;
  const series: Series[] = [];
  let steps = 1;
  for (const one of written) {
    const made = seriesOf(definition, given, one);
    if (typeof made === 'string') return made;
    series.push(made);
    steps = Math.max(steps, stepsIn(one.values));
  }
  const logs = given.logs.flatMap((entry) => logsOf(given, entry)).sort((a, b) => a.tMs - b.tMs);
  const lastLogMs = (logs.at(-1)?.tMs ?? fromMs) - fromMs;
  return {
    fromMs,
    untilMs: fromMs + (given.until ?? Math.max(lastLogMs, (steps - 1) * given.step)),
    stepMs: given.step,
    services: servicesOf(definition, given, series),
    series,
    changes: changesOf(given),
    logs,
    external: given.external.map((entry) => ({
      detector: 'alertmanager',
      kind: 'external',
      service: given.service,
      signal: '',
      labels: { alertname: entry.name },
      state: entry.state,
      atMs: fromMs + entry.at,
      sinceMs: fromMs + entry.at,
      severity: 'critical',
      reason: entry.reason,
      numbers: {},
      confidence: 0.8,
    })),
    gaps: given.gaps.map((gap) => ({
      source,
      reason: gap.reason,
      message: gap.message,
      fromMs: fromMs + gap.from,
      untilMs: fromMs + gap.until,
      ...(gap.signal === undefined ? {} : { signal: gap.signal }),
    })),
  };
}

type Written = Exclude<DetectorTestGiven['series'], string>[number];

function seriesOf(definition: DetectorDefinition, given: DetectorTestGiven, one: Written): Series | string {
  const samples = samplesFrom(one.values, fromMs, given.step);
  if (typeof samples === 'string') return samples;
  const service = one.service ?? given.service;
  const signal = one.signal ?? given.signal ?? definition.on;
  const key = seriesKey(service, signal, one.labels);
  const [unit, nature] = [one.unit ?? given.unit, one.nature ?? given.nature];
  return { key, source, service, signal, labels: one.labels, unit, nature, samples };
}

function logsOf(given: DetectorTestGiven, entry: DetectorTestGiven['logs'][number]): readonly LogRecord[] {
  return Array.from({ length: entry.count }, (_, index) => ({
    tMs: fromMs + entry.at + index * (entry.every ?? 1_000),
    source,
    service: given.service,
    severity: entry.severity,
    body: entry.body.replaceAll('{n}', String(index)),
    attributes: {},
  }));
}

function changesOf(given: DetectorTestGiven): Recording['changes'] {
  return given.changes
    .map((change, index) => ({
      id: `change-${index + 1}`,
      kind: change.kind,
      service: change.service ?? given.service,
      atMs: fromMs + change.at,
      what: change.what,
      source,
      attributes: {},
      ...(change.from === undefined ? {} : { from: change.from }),
      ...(change.to === undefined ? {} : { to: change.to }),
      ...(change.instances === undefined ? {} : { instances: change.instances }),
    }))
    .sort((a, b) => a.atMs - b.atMs);
}

function servicesOf(
  definition: DetectorDefinition,
  given: DetectorTestGiven,
  series: readonly Series[],
): readonly Service[] {
  const names = new Set([given.service, ...series.map((one) => one.service)]);
  return [...names].map((name) => ({
    name,
    labels: {},
    owner: { team: 'test', escalate: 'test' },
    dependsOn: name === given.service ? given.dependsOn : [],
    runsOn: [],
    telemetry: Object.fromEntries(
      [given.signal ?? definition.on, ...series.filter((one) => one.service === name).map((one) => one.signal)]
        .filter((signal) => signal !== '' && !signal.includes('*'))
        .map((signal) => [signal, { source, unit: given.unit, nature: given.nature, query: {} }]),
    ),
    slos: given.slos.map((slo) => ({
      name: slo.name,
      objective: slo.objective,
      windowMs: slo.window,
      errors: slo.errors ?? given.signal ?? definition.on,
    })),
    origin: 'declared',
  }));
}

import { WatchkeeperError } from '../lib/errors.ts';
import { digest } from '../lib/canonical.ts';
import { createDetector, holdAndClear, replay, type Holding, type Recording } from '../detectors/index.ts';
import type { Change, ChangeKind } from '../domain/change.ts';
import type { DetectorDefinition } from '../domain/definitions.ts';
import type { Service, TelemetryBinding } from '../domain/service.ts';
import { seriesKey, type Sample, type Series } from '../domain/telemetry.ts';

/** One alert of a backtest; times in epoch seconds, as recordings have them. */
export interface BacktestAlert {
  readonly service: string;
  readonly at: number;
  /** Absent while it still fired at the end. */
  readonly until: number | null;
  readonly signal: string;
  readonly reason: string;
  readonly detector: string;
}

/** What the caller can read: the recording's files by their path inside the folder. */
export type ReadRecordingFile = (path: string) => Promise<string>;

/** What a backtest replays, and against which detectors. */
export interface BacktestOptions {
  readonly definitions: readonly DetectorDefinition[];
  readonly read: ReadRecordingFile;
  /** How findings become alerts; default: hold and clear. */
  readonly holding?: (definition: DetectorDefinition) => Holding;
}

interface Index {
  readonly services: readonly string[];
  readonly stepMs: number;
  readonly signals: readonly string[];
}

/**
 * Plays a recording (architecture, "Recording") to the given detectors, causally: what is said at minute t has seen
 * nothing later. Only `index.json`, `signals.csv` and `changes.json` are read, never labels. Services are independent
 * worlds here, one after another, so memory is that of one service.
 *
 * @throws WatchkeeperError `malformed` naming the file and line.
 */
export async function backtest(options: BacktestOptions): Promise<readonly BacktestAlert[]> {
  const index = parseIndex(await options.read('index.json'));
  const alerts: BacktestAlert[] = [];
  for (const service of index.services) {
    const recording = recordingOf(
      service,
      index,
      await options.read(`${service}/signals.csv`),
      await options.read(`${service}/changes.json`),
    );
    for (const definition of options.definitions) alerts.push(...alertsOf(definition, recording, options));
  }
  return alerts.sort((a, b) => a.at - b.at || a.service.localeCompare(b.service));
}

function alertsOf(
  definition: DetectorDefinition,
  recording: Recording,
  options: BacktestOptions,
): readonly BacktestAlert[] {
  const holding = (options.holding ?? holdAndClear)(definition);
  const done: BacktestAlert[] = [];
  const alert = (one: ReturnType<Holding['firing']>[number]): BacktestAlert => ({
    service: one.finding.service,
    at: (one.firingAtMs ?? one.sinceMs) / 1_000,
    until: one.endsAtMs === undefined ? null : one.endsAtMs / 1_000,
    signal: one.finding.signal,
    reason: one.finding.reason,
    detector: definition.name,
  });
  replay(definition, createDetector(definition, undefined), recording, holding, (asOfMs, findings) => {
    done.push(...holding.step(findings, asOfMs).ended.map(alert));
  });
  return [...done, ...holding.firing().map(alert)];
}

function malformed(file: string, what: string): WatchkeeperError {
  return new WatchkeeperError('malformed', `${file}: ${what}`, {
    fix: 'Write the recording as docs/backtest.md describes.',
  });
}

function parseIndex(text: string): Index {
  const value = asRecord(parseJson('index.json', text));
  const { services, step_s: stepS, signals } = value;
  if (!isStrings(services)) throw malformed('index.json', 'services must be a list of names');
  if (typeof stepS !== 'number' || stepS <= 0) throw malformed('index.json', 'step_s must be a number of seconds');
  if (services.some((name) => !/^[\w.-]{1,253}$/.test(name) || name.startsWith('.')))
    throw malformed('index.json', 'a service name must be a plain folder name');
  return { services, stepMs: stepS * 1_000, signals: isStrings(signals) ? signals : [] };
}

function recordingOf(service: string, index: Index, csv: string, changesText: string): Recording {
  const series = seriesOf(service, csv);
  const changes = changesOf(service, changesText);
  const times = series.flatMap((one) => [one.samples[0]?.tMs ?? 0, one.samples.at(-1)?.tMs ?? 0]);
  return {
    fromMs: Math.min(...times),
    untilMs: Math.max(...times),
    stepMs: index.stepMs,
    services: [serviceOf(service, series)],
    series,
    changes,
    logs: [],
    external: [],
    gaps: [],
  };
}

function seriesOf(service: string, csv: string): readonly Series[] {
  const file = `${service}/signals.csv`;
  const lines = csv.split('\n');
  const columns = (lines[0] ?? '').trim().split(',');
  if (columns[0] !== 'time' || columns.length < 2) throw malformed(`${file}:1`, 'the first column must be time');
  const samples: Sample[][] = columns.slice(1).map(() => []);
  lines.slice(1).forEach((line, index) => {
    if (line.trim() === '') return;
    const cells = line.trim().split(',');
    const tMs = Number(cells[0]) * 1_000;
    if (!Number.isFinite(tMs) || cells[0] === '') throw malformed(`${file}:${index + 2}`, 'time must be epoch seconds');
    // An empty cell is a hole, not a zero.
    cells.slice(1).forEach((cell, column) => {
      const v = Number(cell);
      if (cell !== '' && Number.isFinite(v)) samples[column]?.push({ tMs, v });
    });
  });
  return columns.slice(1).map((column, index) => {
    const { signal, unit, nature } = signalOf(column);
    const meta = {
      key: seriesKey(service, signal, {}),
      source: 'recording',
      service,
      signal,
      labels: {},
      unit,
      nature,
    };
    return { ...meta, samples: (samples[index] ?? []).sort((a, b) => a.tMs - b.tMs) };
  });
}

const knownSignals: readonly (readonly [RegExp, string, string, Series['nature']])[] = [
  [/^(error|failure)s?(_ratio)?$/, 'errors', 'ratio', 'ratio'],
  [/^latency.*_ms$/, 'latency', 'ms', 'latency'],
  [/^latency/, 'latency', 's', 'latency'],
  [/^(traffic|requests?)(_rps|_per_second)?$/, 'traffic', '1/s', 'rate'],
  [/^cpu/, 'cpu', '1', 'gauge'],
  [/^mem(ory)?_mib$/, 'memory', 'MiBy', 'gauge'],
  [/^mem(ory)?/, 'memory', 'By', 'gauge'],
];

/** What a column of a recording is, by its name: `latency_p99_ms` is the signal `latency` in ms. */
function signalOf(column: string): { signal: string; unit: string; nature: Series['nature'] } {
  const known = knownSignals.find(([pattern]) => pattern.test(column));
  return known === undefined
    ? { signal: column, unit: '1', nature: 'gauge' }
    : { signal: known[1], unit: known[2], nature: known[3] };
}

const kinds: ReadonlySet<string> = new Set<ChangeKind>([
  'deploy',
  'rollback',
  'config',
  'scale',
  'flag',
  'package',
  'restart',
  'infrastructure',
]);

function changesOf(service: string, text: string): readonly Change[] {
  const file = `${service}/changes.json`;
  const list = parseJson(file, text);
  if (!Array.isArray(list)) throw malformed(file, 'must be a list of changes');
  return list
    .map((entry: unknown, index): Change => {
      const { at, kind, version, previous } = asRecord(entry);
      if (typeof at !== 'number' || typeof kind !== 'string' || !kinds.has(kind))
        throw malformed(file, `entry ${index + 1} needs at (epoch seconds) and a known kind`);
      const to = typeof version === 'string' ? version : undefined;
      const from = typeof previous === 'string' ? previous : undefined;
      return {
        id: digest({ service, at, kind, to, from }).slice(0, 16),
        kind: kind as ChangeKind,
        service,
        atMs: at * 1_000,
        what: 'current',
        source: 'recording',
        attributes: {},
        ...(to === undefined ? {} : { to }),
        ...(from === undefined ? {} : { from }),
      };
    })
    .sort((a, b) => a.atMs - b.atMs);
}

function serviceOf(name: string, series: readonly Series[]): Service {
  const telemetry: Record<string, TelemetryBinding> = {};
  for (const { signal, source, unit, nature } of series) telemetry[signal] = { source, unit, nature, query: {} };
  const owner = { team: 'recording', escalate: 'recording' };
  return { name, labels: {}, owner, dependsOn: [], runsOn: [], telemetry, slos: [], origin: 'declared' };
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new WatchkeeperError('malformed', `${file} is not JSON`, { cause });
  }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

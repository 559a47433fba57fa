import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import type { Change } from '../../src/domain/change.ts';
import { seriesKey } from '../../src/domain/telemetry.ts';
import type { LogRecord, LogSeverity, Series, Span } from '../../src/domain/telemetry.ts';
import { inferNature } from '../../src/catalog/index.ts';
import { catalogFrom, incidentOf } from './case.ts';
import type { Case } from './case.ts';

type Row = Readonly<Record<string, string>>;
interface Commit {
  readonly sha: string;
  readonly message: string;
  readonly files_changed: readonly string[];
  readonly diff: string | null;
}

/** Reads every case of the folder. */
export function rootCauseBenchCases(folder: string): readonly Case[] {
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'ground_truth.json')))
    .sort()
    .map((name) => caseOf(folder, name));
}

function caseOf(folder: string, name: string): Case {
  const read = (path: string): unknown => JSON.parse(readFileSync(join(folder, name, path), 'utf8'));
  const truth = read('ground_truth.json') as { root_cause_commit: string; first_failing_service: string };
  const alert = read('data/alert.json') as Row;
  const asOfMs = Date.parse(alert['fired_at']!);
  const { commits, deploys, flags } = context(read);
  const changes = changesOf(commits, deploys, flags).filter((change) => change.atMs <= asOfMs);
  const series = seriesOf(readFileSync(join(folder, name, 'data/metrics.csv'), 'utf8'), asOfMs);
  // Who calls whom is known beforehand in any real catalog; so all traces give the graph, and only early ones evidence.
  const allSpans = spansOf(read('data/traces.json') as readonly Row[]);
  const spans = allSpans.filter((span) => span.startMs <= asOfMs);
  const logs = logsOf(readFileSync(join(folder, name, 'data/logs.ndjson'), 'utf8')).filter((log) => log.tMs <= asOfMs);
  const names = [alert['service']!, ...[...series, ...allSpans, ...logs, ...changes].map((one) => one.service)];
  const parents = new Map(allSpans.map((span) => [`${span.traceId}/${span.spanId}`, span.service]));
  const calls = allSpans.flatMap((span): [string, string][] => {
    const from = parents.get(`${span.traceId}/${span.parentSpanId ?? ''}`);
    return from === undefined ? [] : [[from, span.service]];
  });
  const made = incidentOf(alert['service']!, alert['metric']!, asOfMs, alert['summary'] ?? '');
  const none = truth.root_cause_commit === 'none';
  const latest = changes.filter((change) => change.kind === 'deploy').at(-1);
  const services = catalogFrom(names, calls);
  return {
    name,
    truth: `${truth.root_cause_commit.slice(0, 8)} in ${truth.first_failing_service}`,
    input: {
      incident: made.incident,
      alerts: [made.alert],
      catalog: services,
      snapshot: {
        asOfMs,
        services: services.services,
        series,
        logs,
        spans,
        changes,
        resources: [],
        alerts: [made.alert],
        gaps: [],
      },
    },
    isRight: (hypothesis) => (none ? hypothesis.cause !== 'change' : hypothesis.changeId === truth.root_cause_commit),
    abstainIsRight: none,
    ...(latest !== undefined && latest.id !== truth.root_cause_commit && { latestDeploy: latest.id }),
  };
}

function context(read: (path: string) => unknown): {
  commits: readonly Commit[];
  deploys: readonly Row[];
  flags: readonly Row[];
} {
  return {
    commits: read('data/context/commits.json') as readonly Commit[],
    deploys: read('data/context/deploys.json') as readonly Row[],
    flags: read('data/context/flags.json') as readonly Row[],
  };
}

function changesOf(commits: readonly Commit[], deploys: readonly Row[], flags: readonly Row[]): readonly Change[] {
  const bySha = new Map(commits.map((commit) => [commit.sha, commit]));
  const made = deploys.map((deploy): Change => {
    const commit = bySha.get(deploy['commit_sha']!);
    return {
      ...{
        id: deploy['commit_sha']!,
        kind: 'deploy',
        service: deploy['service']!,
        atMs: Date.parse(deploy['timestamp']!),
        what: 'release',
      },
      ...{ to: deploy['version']!, source: 'bench' },
      attributes:
        commit === undefined
          ? {}
          : { message: commit.message, files: commit.files_changed.join(' '), diff: commit.diff ?? '' },
    };
  });
  const flipped = flags.map((flag): Change => ({
    ...{
      id: `flag:${flag['flag']!}`,
      kind: 'flag',
      service: flag['service']!,
      atMs: Date.parse(flag['timestamp']!),
      what: flag['flag']!,
    },
    ...{ to: flag['change'] ?? '', source: 'bench', attributes: {} },
  }));
  return [...made, ...flipped].sort((a, b) => a.atMs - b.atMs);
}

function seriesOf(csv: string, asOfMs: number): readonly Series[] {
  const byKey = new Map<string, Series & { samples: { tMs: number; v: number }[] }>();
  for (const line of csv.trim().split('\n').slice(1)) {
    const [time = '', service = '', signal = '', value = ''] = line.split(',');
    const unit = /ratio/.test(signal)
      ? 'ratio'
      : /pct|utilization/.test(signal)
        ? '%'
        : /_ms$/.test(signal)
          ? 'ms'
          : /seconds/.test(signal)
            ? 's'
            : '1';
    const key = seriesKey(service, signal, {});
    const made = byKey.get(key) ?? {
      key,
      source: 'bench',
      service,
      signal,
      labels: {},
      unit,
      nature: inferNature(signal, unit),
      samples: [],
    };
    const sample = { tMs: Date.parse(time), v: Number(value) };
    if (sample.tMs <= asOfMs) made.samples.push(sample);
    byKey.set(key, made);
  }
  return [...byKey.values()];
}

function logsOf(text: string): readonly LogRecord[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const { timestamp, service, severity_text, msg, ...rest } = JSON.parse(line) as Row;
      const attributes = { ...rest };
      const severity = ({ WARNING: 'warn', CRITICAL: 'fatal' }[severity_text ?? ''] ??
        (severity_text ?? 'info').toLowerCase()) as LogSeverity;
      return { tMs: Date.parse(timestamp!), source: 'bench', service: service!, severity, body: msg ?? '', attributes };
    });
}

function spansOf(rows: readonly Row[]): readonly Span[] {
  // A trace id of "same" means the one above.
  let current = '';
  return rows.map((row) => {
    const { trace_id, span_id, parent_id, service, name, start, duration_ms, status, ...rest } = row;
    if (trace_id !== 'same') current = trace_id ?? '';
    return {
      ...{ traceId: current, spanId: span_id!, service: service!, name: name ?? '', startMs: Date.parse(start!) },
      ...(parent_id && { parentSpanId: parent_id }),
      durationMs: Number(duration_ms),
      status: status === 'ERROR' ? 'error' : 'ok',
      attributes: { ...rest },
    };
  });
}

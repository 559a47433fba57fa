import { buildCatalog } from '../../src/catalog/index.ts';
import { diagnose } from '../../src/diagnosis/index.ts';
import type { DiagnoseInput } from '../../src/diagnosis/index.ts';
import type { Alert, Incident } from '../../src/domain/alert.ts';
import type { Change, ChangeKind } from '../../src/domain/change.ts';
import type { Diagnosis } from '../../src/domain/diagnosis.ts';
import type { Gap, Labels, LogRecord, LogSeverity, Series, Span } from '../../src/domain/telemetry.ts';
import { seriesKey } from '../../src/domain/telemetry.ts';
import { inferNature } from '../../src/catalog/index.ts';

export const minute = 60_000;
/** The moment of the diagnosis in every world: 5 minutes after `onset`, 3 hours after the first sample. */
export const onset = 1_780_000_020_000;
export const now = onset + 5 * minute;

const units: Readonly<Record<string, string>> = {
  errors: 'ratio',
  latency: 's',
  traffic: '1/s',
  cpu: 'ratio',
  disk: 'ratio',
  memory: 'ratio',
  pool_max: '1',
};

/** A series at `before` until `at` (default: the onset), then at `after`; a little noise without randomness. */
export function series(
  name: string,
  before: number,
  after = before,
  at = onset,
  labels: Labels = {},
  noise = 0.04,
): Series {
  const [service = '', signal = ''] = name.split('/');
  const unit = units[signal] ?? '1';
  const samples = Array.from({ length: 185 }, (_, index) => {
    const tMs = now - (184 - index) * minute;
    const level = tMs >= at ? after : before;
    return { tMs, v: level * (1 + noise * Math.sin(index * 2.399)) };
  });
  return {
    key: seriesKey(service, signal, labels),
    source: 'prom',
    service,
    signal,
    labels,
    unit,
    nature: inferNature(signal, unit),
    samples,
  };
}

export function change(
  service: string,
  minutesBefore: number,
  more: Partial<Change> & { readonly kind?: ChangeKind } = {},
): Change {
  return {
    ...{
      id: `${service}@${minutesBefore}`,
      kind: 'deploy',
      service,
      atMs: onset - minutesBefore * minute,
      what: 'current',
    },
    ...{ from: 'v1', to: 'v2', source: 'host', attributes: {} },
    ...more,
  };
}

/** `count` lines, ten seconds apart, from `at`. */
export function logs(
  service: string,
  body: string,
  count = 12,
  at = onset,
  severity: LogSeverity = 'error',
): readonly LogRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    tMs: at + index * 10_000,
    source: 'host',
    service,
    severity,
    body,
    attributes: {},
  }));
}

export interface World {
  /** Who depends on whom; every name is a service. */
  readonly graph: Readonly<Record<string, readonly string[]>>;
  readonly hosts?: readonly string[];
  readonly root?: string;
  readonly services?: readonly string[];
  readonly series?: readonly Series[];
  readonly changes?: readonly Change[];
  readonly logs?: readonly LogRecord[];
  readonly spans?: readonly Span[];
  readonly gaps?: readonly Gap[];
  readonly alerts?: readonly Alert[];
  readonly past?: readonly Incident[];
  readonly changeId?: string;
  readonly signal?: string;
}

export function alertOn(service: string, signal: string, more: Partial<Alert> = {}): Alert {
  const finding = {
    ...{
      detector: 'error-regression',
      kind: 'regression',
      service,
      signal,
      labels: {},
      state: 'bad' as const,
      atMs: now,
      sinceMs: onset,
    },
    ...{
      severity: 'critical' as const,
      reason: `${signal} of ${service} is far above usual`,
      numbers: {},
      confidence: 0.95,
    },
  };
  return {
    ...{
      fingerprint: `${service}/${signal}`,
      detector: finding.detector,
      kind: 'regression',
      service,
      signal,
      labels: {},
      severity: 'critical',
    },
    ...{
      mode: 'active',
      status: 'firing',
      startsAtMs: onset + minute,
      firingAtMs: onset + 2 * minute,
      lastSeenMs: now,
      flaps: [],
      finding,
    },
    ...{ badForMs: 0, goodForMs: 0, silentForMs: 0, because: finding.reason },
    ...more,
  };
}

export function inputOf(world: World): DiagnoseInput {
  const root = world.root ?? 'checkout';
  const names = [
    ...new Set([...Object.keys(world.graph), ...Object.values(world.graph).flat(), ...(world.hosts ?? []), root]),
  ];
  const built = buildCatalog(
    names.map((name) => ({
      ...{
        name,
        labels: (world.hosts ?? []).includes(name) ? { kind: 'host' } : {},
        owner: { team: 't', escalate: 'default' },
      },
      ...{ dependsOn: world.graph[name] ?? [], runsOn: [], telemetry: {}, slos: [], origin: 'declared' as const },
    })),
  );
  if (!built.ok) throw new Error('the world has no valid catalog');
  const own = alertOn(root, world.signal ?? 'errors');
  const held = world.changeId === undefined ? own : { ...own, finding: { ...own.finding, changeId: world.changeId } };
  const alerts = [held, ...(world.alerts ?? [])];
  const incident: Incident = {
    ...{
      id: 'i1',
      status: 'open',
      severity: 'critical',
      title: 'x',
      service: root,
      services: world.services ?? [root],
      alerts: [own.fingerprint],
    },
    ...{ openedAtMs: onset + 2 * minute, updatedAtMs: now, storm: false, mode: 'active', quietForMs: 0, timeline: [] },
  };
  return {
    incident,
    alerts,
    catalog: built.value,
    ...(world.past && { past: world.past }),
    snapshot: {
      ...{
        asOfMs: now,
        services: built.value.services,
        series: world.series ?? [],
        logs: world.logs ?? [],
        spans: world.spans ?? [],
      },
      ...{ changes: world.changes ?? [], resources: [], alerts, gaps: world.gaps ?? [] },
    },
  };
}

export const diagnoseWorld = (world: World): Diagnosis => diagnose(inputOf(world));

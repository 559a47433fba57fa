import type { Alert, Incident } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { compareText } from '../lib/order.ts';
import { actsOf } from './acts.ts';
import { logNewsOf } from './log-news.ts';
import type { LogNews } from './log-news.ts';
import { resolutionOf, shiftOf } from './shift.ts';
import type { Role, Shift } from './shift.ts';
import { readTraces } from './traces.ts';
import type { TraceReading } from './traces.ts';

/** The part of the catalog that diagnosis needs. */
export interface Graph {
  readonly services: readonly { readonly name: string; readonly labels: Readonly<Record<string, string>> }[];
  dependenciesOf(name: string): readonly string[];
  dependentsOf(name: string): readonly string[];
}

/** Everything a diagnosis may look at. */
export interface DiagnoseInput {
  readonly incident: Incident;
  /** All alerts known; those of the incident are told by their fingerprints. */
  readonly alerts: readonly Alert[];
  /** What was gathered, gaps named. Its `asOfMs` is the moment of the diagnosis. */
  readonly snapshot: Snapshot;
  readonly catalog: Graph;
  /** Earlier incidents, for what has happened before. */
  readonly past?: readonly Incident[];
}

/** What all hypotheses look at, worked out once. */
export interface Scene {
  readonly input: DiagnoseInput;
  readonly asOfMs: number;
  readonly fromMs: number;
  /** When it began, by the change-point of the alerting signals, or by the alert where there are no samples. */
  readonly onsetMs: number;
  /** How far the onset may be off. */
  readonly toleranceMs: number;
  readonly root: string;
  readonly rootSymptom: Shift | undefined;
  /** What the root needs, at most four hops, nearest first. */
  readonly dependencies: readonly { readonly name: string; readonly hops: number }[];
  /** What calls the root, directly. */
  readonly callers: readonly string[];
  readonly shifts: ReadonlyMap<string, readonly Shift[]>;
  readonly news: readonly LogNews[];
  /** Changes of the last 24 h, oldest first; a sync and what it changed are one. */
  readonly changes: readonly Change[];
  /** The change that one is part of, or itself, by ids. */
  readonly actOf: (changeId: string) => string;
  readonly firing: readonly Alert[];
  symptomOf(service: string): Shift | undefined;
  directDependencies(service: string): readonly string[];
  hasData(service: string): boolean;
  /** What the traces through the root say. */
  readonly traces: TraceReading;
  /** Whether the catalog, and not traces alone, says that the root depends on it, over however many hops. */
  isDeclared(dependency: string): boolean;
}

const hour = 3_600_000;
const mostSeries = 2_000;

/** Works out onset, shifts and log news from what was gathered. Deterministic; the order of the input does not matter. */
export function sceneOf(input: DiagnoseInput): Scene {
  const { incident, snapshot } = input;
  const held = new Set(incident.alerts);
  const firing = input.alerts
    .filter((alert) => held.has(alert.fingerprint) && alert.status !== 'pending')
    .sort((a, b) => a.startsAtMs - b.startsAtMs || compareText(a.fingerprint, b.fingerprint));
  const root = incident.service;
  const { asOfMs } = snapshot;
  const saidMs = Math.min(asOfMs, ...firing.map((alert) => Math.min(alert.startsAtMs, alert.finding.sinceMs)));
  const fromMs = saidMs - 3 * hour;
  const oldestMs = snapshot.series.reduce((oldest, { samples }) => Math.min(oldest, samples[0]?.tMs ?? asOfMs), asOfMs);
  const binMs = resolutionOf(asOfMs - oldestMs, asOfMs - saidMs);
  const shifts = measure(snapshot, Math.min(saidMs - hour, asOfMs - hour), asOfMs, binMs);
  const own = (shifts.get(root) ?? []).filter((shift) => shift.moved && shift.score > 0);
  const signals = new Set(firing.filter((alert) => alert.service === root).map((alert) => alert.signal));
  const trigger = own.filter((shift) => signals.has(shift.series.signal));
  const symptomatic = trigger.length > 0 ? trigger : own.filter((shift) => isFelt(shift.role));
  const rootSymptom = strongest(symptomatic);
  const onsetMs = rootSymptom === undefined ? saidMs : Math.min(...symptomatic.map((shift) => shift.onsetMs), asOfMs);
  const toleranceMs = rootSymptom === undefined ? 90_000 : Math.max(5_000, 1.5 * Math.max(binMs, stepOf(rootSymptom)));
  const known = new Set(input.catalog.services.map(({ name }) => name));
  const traces = readTraces(snapshot, root, onsetMs - toleranceMs, known);
  const declared = declaredEdges(input);
  const edges = withTraced(declared, traces);
  const stated = new Set(reach(root, declared, 4).map(({ name }) => name));
  const symptoms = new Map([...shifts].map(([service, list]) => [service, symptomIn(list, rootSymptom)]));
  const acts = actsOf(
    snapshot.changes
      .filter((change) => change.atMs <= asOfMs && change.atMs > asOfMs - 24 * hour)
      .toSorted((a, b) => a.atMs - b.atMs || compareText(a.id, b.id)),
  );
  return {
    ...{ input, asOfMs, fromMs, onsetMs, root, rootSymptom, shifts, firing },
    toleranceMs,
    dependencies: reach(root, edges, 4),
    callers: [...edges]
      .filter(([, to]) => to.has(root))
      .map(([from]) => from)
      .sort(compareText),
    news: logNewsOf(snapshot.logs, onsetMs, toleranceMs / 0.75, fromMs, asOfMs),
    ...acts,
    symptomOf: (service) => (service === root ? rootSymptom : symptoms.get(service)),
    directDependencies: (service) => [...(edges.get(service) ?? [])].sort(compareText),
    traces,
    isDeclared: (dependency) => stated.has(dependency),
    hasData: (service) => (shifts.get(service) ?? []).some((shift) => isFelt(shift.role) || shift.role === 'resource'),
  };
}

/** Whether the role is one that people feel, and not one that merely explains. */
export function isFelt(role: Role): boolean {
  return role === 'errors' || role === 'latency' || role === 'state';
}

// Of a service's symptoms, one of the root's own kind if there is one: errors explain errors.
function symptomIn(shifts: readonly Shift[], root: Shift | undefined): Shift | undefined {
  const felt = shifts.filter((shift) => shift.moved && shift.score > 0 && isFelt(shift.role));
  return strongest(felt.filter((shift) => shift.role === root?.role)) ?? strongest(felt);
}

function measure(
  snapshot: Snapshot,
  fromMs: number,
  untilMs: number,
  binMs: number,
): ReadonlyMap<string, readonly Shift[]> {
  const byService = new Map<string, Shift[]>();
  const ordered = snapshot.series.toSorted((a, b) => compareText(a.key, b.key)).slice(0, mostSeries);
  for (const series of ordered) {
    const shift = shiftOf(series, fromMs, untilMs, binMs);
    if (shift === undefined) continue;
    const list = byService.get(series.service);
    if (list === undefined) byService.set(series.service, [shift]);
    else list.push(shift);
  }
  return byService;
}

function strongest(shifts: readonly Shift[]): Shift | undefined {
  return shifts.toSorted(
    (a, b) => b.score - a.score || a.onsetMs - b.onsetMs || compareText(a.series.key, b.series.key),
  )[0];
}

function stepOf(shift: Shift | undefined): number {
  const [a, b] = shift?.series.samples.slice(-2) ?? [];
  return a === undefined || b === undefined ? 60_000 : b.tMs - a.tMs;
}

type Edges = ReadonlyMap<string, ReadonlySet<string>>;

function declaredEdges({ catalog }: DiagnoseInput): Edges {
  const edges = catalog.services.map(({ name }): [string, Set<string>] => [
    name,
    new Set(catalog.dependenciesOf(name).filter((dependency) => dependency !== name)),
  ]);
  return new Map(edges.filter(([, to]) => to.size > 0));
}

// Declared dependencies, and those that traces show.
function withTraced(declared: Edges, traces: TraceReading): Edges {
  const edges = new Map([...declared].map(([from, to]) => [from, new Set(to)]));
  for (const [from, to] of traces.edges)
    if (from !== to) edges.set(from, (edges.get(from) ?? new Set<string>()).add(to));
  return edges;
}

function reach(start: string, edges: Edges, most: number): readonly { readonly name: string; readonly hops: number }[] {
  const found: { name: string; hops: number }[] = [];
  const seen = new Set([start]);
  let level: readonly string[] = [start];
  for (let hops = 1; hops <= most && level.length > 0; hops++) {
    level = [...new Set(level.flatMap((name) => [...(edges.get(name) ?? [])]))]
      .filter((name) => !seen.has(name))
      .sort(compareText);
    for (const name of level) {
      seen.add(name);
      found.push({ name, hops });
    }
  }
  return found;
}

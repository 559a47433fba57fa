import type { Collected, CollectRequest, SignalQuery } from '../../domain/ports/source.ts';
import type { Clock } from '../../domain/ports/io.ts';
import type { Gap, LogRecord, ResourceState, Series } from '../../domain/telemetry.ts';
import { limits } from '../../lib/limits.ts';
import { createChangeDesk, type ChangeDesk } from './changes/desk.ts';
import { blindnessOf, gapOf, reasonFor } from './gaps.ts';
import { answerSignal, gapFor, type Given, type Look } from './measure.ts';
import type { ObjectRecord } from './records/parts.ts';
import { factsOf, type FactSources } from './signals/workload.ts';
import type { ClusterState } from './state.ts';
import { clusterState, statesOf } from './states.ts';
import type { Touched } from './touched.ts';
import { watchedServices, type WatchedService } from './watched.ts';

/** Answers requests from what is known of the cluster. */
export interface Collector {
  live(request: CollectRequest): Collected;
  /** Changes of a stretch of the past, and the last lines of what fails now: clusters keep no other past. */
  history(request: CollectRequest, signal: AbortSignal): Promise<Collected>;
}

const stateEveryMs = 60_000;
const mostHistoryLogs = 6;

/** Makes it over the state of a cluster. */
export function createCollector(source: string, intervalMs: number, clock: Clock, state: ClusterState): Collector {
  const given: Given = new Map();
  const { view } = state.watch;
  const changes = createChangeDesk(source, view);
  const facts: FactSources = {
    ...{ view, mishaps: state.mishaps, stillSinceMs: state.stillSinceMs, lastWords: state.logs.lastWords },
    complaint: (uid) => state.complaints.newest(uid),
  };
  const lookNow = (whole: boolean): Look => {
    const nowMs = clock.nowMs();
    const blind = blindnessOf(state.watch.parts(), nowMs);
    return { source, nowMs, whole, state, blind, given, facts };
  };
  let wholeMs = -Infinity;
  let statesMs = -Infinity;
  let asked: CollectRequest['services'] | undefined;
  return {
    live: (request) => {
      const nowMs = clock.nowMs();
      const whole = nowMs - wholeMs >= 0.8 * intervalMs || asked !== request.services;
      const tellStates = nowMs - statesMs >= stateEveryMs;
      if (whole) wholeMs = nowMs;
      if (tellStates) statesMs = nowMs;
      asked = request.services;
      const look = lookNow(whole);
      // What rang for this is in it.
      state.news.hush();
      const touched = state.touched.take();
      const watched = watchedServices(request.services, source, view);
      const signals = bySignal(request.signals);
      const measured = measureAll(watched, signals, touched, tellStates, look);
      if (whole) forget(given, look.nowMs);
      return {
        ...measured,
        logs: logsFor(watched, state, source),
        changes: changes.take(watched, touched, state, look.nowMs),
        findings: [],
        gaps: gapsOf(watched, signals, look, changes),
      };
    },
    history: async (request, signal) => {
      const look = lookNow(false);
      const watched = watchedServices(request.services, source, view);
      const names = new Set(watched.map(({ service }) => service.name));
      const past: Gap = {
        ...{ source, reason: 'unsupported', message: 'a cluster keeps no history of its measurements' },
        ...{ fromMs: Math.min(request.fromMs, look.nowMs), untilMs: look.nowMs },
      };
      return {
        ...{ series: [], resources: [], findings: [] },
        logs: await failingLogs(watched, look, signal),
        changes: changes.between(names, request.fromMs, request.untilMs),
        gaps: [past, ...look.blind.map((one) => gapOf(source, one, look.nowMs))],
      };
    },
  };
}

function measureAll(
  watched: readonly WatchedService[],
  signals: ReadonlyMap<string, readonly SignalQuery[]>,
  touched: Touched,
  tellStates: boolean,
  look: Look,
): Pick<Collected, 'series' | 'resources'> {
  const { source, state, nowMs } = look;
  const series: Series[] = [];
  const resources: ResourceState[] = [];
  for (const one of watched) {
    const isTouched = concerns(one, touched);
    if (!look.whole && !isTouched) continue;
    const facts = one.workloads.map((workload) => factsOf(workload, look.facts, nowMs));
    for (const signal of signals.get(one.service.name) ?? []) series.push(...answerSignal(signal, one, facts, look));
    if (tellStates || isTouched)
      for (const fact of facts) resources.push(...statesOf(one.service.name, fact, state.watch.view));
  }
  resources.push(clusterState(source, source, state.watch.parts(), nowMs));
  return { series, resources };
}

function bySignal(signals: readonly SignalQuery[]): ReadonlyMap<string, readonly SignalQuery[]> {
  const found = new Map<string, SignalQuery[]>();
  for (const signal of signals) {
    const known = found.get(signal.service);
    if (known === undefined) found.set(signal.service, [signal]);
    else known.push(signal);
  }
  return found;
}

function concerns(one: WatchedService, touched: Touched): boolean {
  if (one.node !== undefined) return touched.nodes.has(one.node);
  return one.workloads.some(({ uid }) => touched.workloads.has(uid));
}

function gapsOf(
  watched: readonly WatchedService[],
  signals: ReadonlyMap<string, readonly SignalQuery[]>,
  look: Look,
  changes: ChangeDesk,
): readonly Gap[] {
  const { source, nowMs, blind, state } = look;
  const gaps: Gap[] = blind.map((one) => gapOf(source, one, nowMs));
  const fault = state.logs.fault();
  if (fault !== undefined)
    gaps.push({
      ...{ source, reason: reasonFor(fault.code), message: `container logs cannot be read: ${fault.message}` },
      ...{ signal: 'logs', fromMs: nowMs, untilMs: nowMs },
    });
  if (changes.waiting() > 0)
    gaps.push({
      ...{ source, reason: 'partial', message: `${changes.waiting()} changes wait for the next read` },
      ...{ signal: 'changes', fromMs: nowMs, untilMs: nowMs },
    });
  for (const one of watched) {
    for (const name of one.missing)
      gaps.push({
        ...{ source, reason: 'missing', message: `${name} is not in the cluster`, service: one.service.name },
        ...{ fromMs: nowMs, untilMs: nowMs },
      });
    for (const asked of signals.get(one.service.name) ?? []) {
      const gap = gapFor(asked, one, look);
      if (gap !== undefined) gaps.push(gap);
    }
  }
  return gaps;
}

// Series that were not given for an hour are gone; should they come again, they begin anew.
function forget(given: Given, nowMs: number): void {
  for (const [key, { tMs }] of given) if (tMs < nowMs - 3_600_000) given.delete(key);
}

function logsFor(watched: readonly WatchedService[], state: ClusterState, source: string): readonly LogRecord[] {
  const { view } = state.watch;
  const complaints = state.complaints.take();
  const lines = state.logs.take();
  if (complaints.length + lines.length === 0) return [];
  const services = new Map<string, string[]>();
  for (const { service, workloads, node } of watched) {
    for (const { uid } of workloads) services.set(uid, [...(services.get(uid) ?? []), service.name]);
    if (node !== undefined) services.set(`node ${node}`, [service.name]);
  }
  const ofUid = (uid: string): readonly string[] => {
    const record: ObjectRecord | undefined =
      view.table('pods').byUid(uid) ?? view.table('replicasets').byUid(uid) ?? view.table('jobs').byUid(uid);
    const owner = record === undefined ? undefined : view.ownerOf(record);
    return [...(services.get(uid) ?? []), ...(owner === undefined ? [] : (services.get(owner.uid) ?? []))];
  };
  const records = [
    ...lines.flatMap(({ uid, line }) => ofUid(uid).map((service) => ({ ...line, source, service }))),
    ...complaints.flatMap(({ uid, kind, name, line }) =>
      (kind === 'Node' ? (services.get(`node ${name}`) ?? []) : ofUid(uid)).map((service) => ({
        ...line,
        source,
        service,
      })),
    ),
  ];
  return records.sort((a, b) => a.tMs - b.tMs).slice(-limits.logRecordsPerCollect);
}

// A diagnosis is waiting: a few containers, all at once.
async function failingLogs(
  watched: readonly WatchedService[],
  { state, source, facts, nowMs }: Look,
  signal: AbortSignal,
): Promise<readonly LogRecord[]> {
  const failing = watched
    .flatMap(({ service, workloads }) =>
      workloads.flatMap((workload) =>
        [...factsOf(workload, facts, nowMs).troubles].flatMap(([pod, { container, is }]) =>
          container === undefined ? [] : [{ service: service.name, pod, container, previous: is === 'crash-loop' }],
        ),
      ),
    )
    .slice(0, mostHistoryLogs);
  const read = await Promise.all(
    failing.map(async ({ service, pod, container, previous }) => {
      const lines = await state.logs.read(pod, container, previous, signal).catch(() => []);
      return lines.map(({ line }) => ({ ...line, source, service }));
    }),
  );
  return read.flat();
}

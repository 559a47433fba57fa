import { WatchkeeperError } from '../lib/errors.ts';
import { limits } from '../lib/limits.ts';
import type { IncidentStatus, TimelineEntry } from '../domain/alert.ts';
import type { Put } from '../domain/ports/store.ts';
import type { Service } from '../domain/service.ts';
import type { Gap } from '../domain/telemetry.ts';
import { incidentSettings, type AlertSettings, type IncidentEvent, type IncidentSettings } from '../incidents/index.ts';
import type { DetectorBank } from './bank.ts';
import type { Cases } from './cases/index.ts';
import type { Inbox, Intake } from './inbox.ts';
import type { LogBook } from './logbook.ts';
import type { SpanBook } from './spanbook.ts';
import { observe, type Observed } from './observe.ts';
import { putIncident } from './records.ts';
import type { Watch } from './watch.ts';
import type { WatchState } from './watch-state.ts';

/** What one turn of the pipeline is made of. */
export interface PipelineDeps {
  readonly watch: Watch;
  readonly inbox: Inbox;
  readonly logbook: LogBook;
  readonly spanbook: SpanBook;
  readonly bank: DetectorBank;
  readonly cases: () => Cases;
  readonly services: () => ReadonlyMap<string, Service>;
  readonly alertSettings?: Partial<AlertSettings>;
  readonly incidentSettings?: Partial<IncidentSettings>;
}

/**
 * The flow, in order. A turn takes in what came, observes, writes down what became true, and hands incidents to the
 * deciding half, which works beside it. Turns never overlap and never wait for the world.
 */
export interface Pipeline {
  readonly state: () => WatchState;
  /** Turns soon; many calls make one turn. */
  nudge(): void;
  /** Turns now and waits until it is written. */
  turn(): Promise<void>;
  /** Turns whenever nudged, and at least every second, until the signal fires. */
  run(signal: AbortSignal): Promise<void>;
  annotate(incidentId: string, lines: readonly TimelineEntry[], status?: IncidentStatus): Put | undefined;
}

const restMs = 1_000;
const saveDetectorsEveryMs = 30_000;
const pruneEveryMs = 60_000;

/** Makes the pipeline from what was restored. */
export function createPipeline(deps: PipelineDeps, restored: WatchState): Pipeline {
  const { watch } = deps;
  let state = restored;
  let lastTurnMs = watch.clock.monotonicMs();
  const pruneIsDue = every(pruneEveryMs, lastTurnMs);
  let nudged: () => void = () => undefined;
  let turning: Promise<void> = Promise.resolve();
  const write = createWriter(watch);
  const saver = createSaver(deps.bank, lastTurnMs);

  const turnOnce = async (): Promise<void> => {
    const startedMs = watch.clock.monotonicMs();
    const elapsedMs = startedMs - lastTurnMs;
    lastTurnMs = startedMs;
    if (watch.health.checkClock() < 0) watch.window.forgetAfter(watch.clock.nowMs());
    const intake = deps.inbox.drain();
    deps.logbook.add(intake.logs, intake.resources);
    deps.spanbook.add(intake.spans);
    watch.freshness.heard(intake.findings);
    const observed = observe(state, intake, {
      asOfMs: watch.clock.nowMs(),
      elapsedMs,
      window: watch.window,
      changes: watch.changes,
      bank: deps.bank,
      catalog: watch.catalog(),
      services: deps.services(),
      sources: new Set(watch.sources.statuses().map(({ id }) => id)),
      gaps: currentGaps(watch, intake),
      newId: () => watch.random.id(watch.clock.nowMs()),
      ...(deps.alertSettings ? { alertSettings: deps.alertSettings } : {}),
      ...(deps.incidentSettings ? { incidentSettings: deps.incidentSettings } : {}),
    });
    state = observed.state;
    if (pruneIsDue(startedMs)) watch.window.prune(watch.clock.nowMs());
    const events = await write(observed, saver.due(startedMs));
    saver.wrote();
    count(watch, observed, startedMs);
    handOn(deps, events, state);
  };

  const turn = (): Promise<void> => {
    // A turn that failed is over; the next one runs all the same.
    turning = turning.then(turnOnce, turnOnce);
    return turning;
  };

  return {
    state: () => state,
    nudge: () => nudged(),
    turn,
    annotate: (incidentId, lines, status) => {
      const annotated = annotateIn(state, incidentId, lines, watch.clock.nowMs(), status);
      if (!annotated) return undefined;
      state = annotated.state;
      return annotated.put;
    },
    run: async (signal) => {
      while (!signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<undefined>();
        nudged = () => resolve(undefined);
        const rest = new AbortController();
        const stop = (): void => rest.abort();
        signal.addEventListener('abort', stop, { once: true });
        await Promise.race([promise, watch.clock.sleep(restMs, rest.signal).catch(() => undefined)]);
        signal.removeEventListener('abort', stop);
        rest.abort();
        await turnSafely(watch, turn);
      }
    },
  };
}

/** Says at most once in `ms` that it is time. */
function every(ms: number, fromMs: number): (nowMs: number) => boolean {
  let lastMs = fromMs;
  return (nowMs) => {
    if (nowMs - lastMs < ms) return false;
    lastMs = nowMs;
    return true;
  };
}

// Detectors give only what changed since they gave it last: after a write that failed, everything is due.
function createSaver(
  bank: DetectorBank,
  fromMs: number,
): { readonly due: (nowMs: number) => readonly Put[]; readonly wrote: () => void } {
  let lastMs = fromMs;
  let unsure = false;
  return {
    due: (nowMs) => {
      if (nowMs - lastMs < saveDetectorsEveryMs) return [];
      lastMs = nowMs;
      const puts = [...bank.save(unsure)];
      unsure = true;
      return puts;
    },
    wrote: () => {
      unsure = false;
    },
  };
}

type Owed = Pick<Observed, 'drafts' | 'puts' | 'events'>;

const nothingOwed: Owed = { drafts: [], puts: [], events: [] };
const mostOwed = 10_000;

// What became true stays true: what could not be written is written, and handed on, with the next turn.
function createWriter(watch: Watch): (observed: Owed, more: readonly Put[]) => Promise<readonly IncidentEvent[]> {
  let owed = nothingOwed;
  return async (observed, more) => {
    const drafts = [...owed.drafts, ...observed.drafts];
    const puts = [...owed.puts, ...observed.puts];
    const events = [...owed.events, ...observed.events];
    owed = { drafts: drafts.slice(-mostOwed), puts: puts.slice(-mostOwed), events: events.slice(-mostOwed) };
    // A storm says more in one turn than one batch may hold. The rows come with the last part: a crash before it leaves
    // entries of what was seen, and the next process sees it again.
    let rest = owed.drafts;
    while (rest.length > limits.ledgerBatchEntries) {
      await watch.ledger.record({ drafts: rest.slice(0, limits.ledgerBatchEntries) });
      rest = rest.slice(limits.ledgerBatchEntries);
      owed = { ...owed, drafts: rest };
    }
    const all = [...puts, ...more];
    if (rest.length + all.length > 0) await watch.ledger.record({ drafts: rest, puts: all });
    owed = nothingOwed;
    return events;
  };
}

function annotateIn(
  state: WatchState,
  incidentId: string,
  lines: readonly TimelineEntry[],
  nowMs: number,
  status: IncidentStatus | undefined,
): { readonly state: WatchState; readonly put: Put } | undefined {
  const incident = state.incidents.find((one) => one.id === incidentId);
  if (!incident) return undefined;
  const timeline = [...incident.timeline, ...lines].slice(-incidentSettings.maxTimeline);
  // A resolved incident stays resolved, whatever is said of it afterwards.
  const next = {
    ...incident,
    timeline,
    updatedAtMs: nowMs,
    status: incident.status === 'resolved' ? incident.status : (status ?? incident.status),
  };
  const incidents = state.incidents.map((one) => (one === incident ? next : one));
  return { state: { ...state, incidents }, put: putIncident(next) };
}

// A fault in a turn must not end the watch; a store that failed must end all acting, and says so.
async function turnSafely(watch: Watch, turn: () => Promise<void>): Promise<void> {
  try {
    await turn();
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    if (error.code === 'store-failed' || error.code === 'fenced' || error.code === 'ledger-invalid')
      watch.health.set('store', error.message);
    watch.log.error('a turn of the watch failed', { error });
  }
}

// Nothing here is waited for: a case ends with people being told, and they may be slow to reach.
function handOn(deps: PipelineDeps, events: readonly IncidentEvent[], state: WatchState): void {
  const cases = deps.cases();
  const news = events.filter((event) => isNews(event));
  const ended = new Set(
    events.filter(({ kind }) => kind === 'resolved' || kind === 'merged').map((event) => event.incidentId),
  );
  const over = new Set<string>();
  for (const incident of state.incidents)
    if (ended.has(incident.id) && incident.status === 'resolved') {
      over.add(incident.id);
      cases.resolved(incident);
    }
  for (const id of new Set(news.map((event) => event.incidentId))) if (!over.has(id)) cases.poke(id);
}

function isNews(event: IncidentEvent): boolean {
  return (
    event.kind === 'opened' ||
    event.kind === 'joined' ||
    event.kind === 'merged' ||
    event.kind === 'graver' ||
    event.kind === 'moved' ||
    event.kind === 'returned'
  );
}

// A gap stands until its source answers again, so detectors are told of it every turn, not only in the one it came.
function currentGaps(watch: Watch, intake: Intake): readonly Gap[] {
  const standing = watch.sources.statuses().flatMap((status) => [...status.gaps]);
  const seen = new Set(standing);
  return [...standing, ...intake.gaps.filter((gap) => !seen.has(gap))];
}

function count(watch: Watch, observed: Observed, startedMs: number): void {
  const { metrics } = watch;
  metrics.samples.inc(observed.newSamples);
  metrics.series.set(watch.window.seriesCount);
  for (const finding of observed.findings) metrics.findings.inc({ detector: finding.detector, state: finding.state });
  for (const status of ['pending', 'firing', 'resolved'] as const)
    metrics.alerts.set({ status }, observed.state.alerts.filter((alert) => alert.status === status).length);
  metrics.incidentsOpen.set(observed.state.incidents.filter((incident) => incident.status !== 'resolved').length);
  metrics.ledgerEntries.set(watch.ledger.size());
  metrics.lastTick.set(watch.clock.nowMs() / 1_000);
  metrics.tickSeconds.observe((watch.clock.monotonicMs() - startedMs) / 1_000);
}

import { WatchkeeperError } from '../lib/errors.ts';
import type { ActionKind } from '../domain/ports/action.ts';
import type { Channel } from '../domain/ports/channel.ts';
import type { Clock, Log, OperatorIo, Random } from '../domain/ports/io.ts';
import type { Tenure } from '../domain/ports/leadership.ts';
import type { Ledger } from '../domain/ports/ledger.ts';
import type { Source } from '../domain/ports/source.ts';
import type { Store } from '../domain/ports/store.ts';
import type { Service } from '../domain/service.ts';
import type { Json } from '../lib/json.ts';
import { createDetector } from '../detectors/index.ts';
import type { AlertSettings, IncidentSettings } from '../incidents/index.ts';
import { createApprovals, questionOver, type Approvals } from './approvals/index.ts';
import { createBank, type DetectorBank } from './bank.ts';
import { detectorOfRow, storedDetector } from './detector-rows.ts';
import { createBudgets } from './budgets.ts';
import { createCases, executorDeps, type Cases } from './cases/index.ts';
import { createChangeLog } from './changes.ts';
import { createExecutor, executionId, type Executor } from './executor/index.ts';
import { createFreshness } from './freshness.ts';
import { createHealthDesk } from './health.ts';
import { createInbox, type Inbox } from './inbox.ts';
import { createLadder } from './ladder.ts';
import { createLogBook } from './logbook.ts';
import { createSpanBook } from './spanbook.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import { createDiscoveryDesk, createHolder, type Holder } from './holder.ts';
import { createRefusalBook } from './refusals.ts';
import type { Resources } from './resources.ts';
import { restoreWatch, type Restored } from './watch-state.ts';
import { createSourceWatch } from './watch-sources.ts';
import { createWindow, type TelemetryWindow } from './window.ts';
import type { Watch, WatchSettings } from './watch.ts';

/** Everything the watch is made of that touches the world, real or simulated. */
export interface WatchParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: Store;
  readonly ledger: Ledger;
  /** As given by `store.newEpoch()`. */
  readonly epoch: number;
  /** The right to act and to tell people. */
  readonly tenure: Tenure;
  readonly operatorIo: OperatorIo;
  readonly actions: Readonly<Record<string, ActionKind>>;
  readonly sources: readonly Source[];
  readonly channels: ReadonlyMap<string, Channel>;
  readonly settings: WatchSettings;
  readonly ledgerUnwell?: () => string | undefined;
  readonly alertSettings?: Partial<AlertSettings>;
  readonly incidentSettings?: Partial<IncidentSettings>;
  readonly signal: AbortSignal;
  readonly metrics?: Metrics;
}

/** The watch, constructed and not yet running. */
export interface Composed {
  readonly watch: Watch;
  readonly pipeline: Pipeline;
  readonly cases: Cases;
  readonly inbox: Inbox;
  readonly bank: DetectorBank;
  /**
   * Puts a checked set of resources in force, as one step.
   *
   * @throws `conflict` when it does not go together with what sources discover; nothing has changed then.
   */
  use(resources: Resources): void;
  /** Replaces the services that sources see for themselves; what does not go together is refused whole, and shown. */
  discovered(services: readonly Service[]): void;
  /** Why what sources discover is not in force, if so. */
  readonly conflict: () => string | undefined;
  /**
   * Reads back what the last process left behind. Must be awaited before anything runs; `settled` is over when every
   * execution that was cut off has been looked at again, and nobody needs to wait for that. What the signal interrupts is
   * left to the next process.
   */
  resume(signal: AbortSignal): Promise<{ readonly settled: Promise<void> }>;
}

const windowMs = 2 * 3_600_000;

/** Constructs everything once. Parts that need one another get functions, so that the order here is the only order. */
export async function composeWatch(parts: WatchParts): Promise<Composed> {
  const { store, log } = parts;
  const metrics = parts.metrics ?? createMetrics();
  const restored = await restoreWatch(store);
  const inbox = createInbox();
  const logbook = createLogBook();
  const spanbook = createSpanBook();
  const window = createWindow(windowMs);
  const held = createHolder();
  const discovery = createDiscoveryDesk(() => watch);
  const bank = createBank(createDetector, log);
  const late = {
    executor: lateBound<Executor>(),
    approvals: lateBound<Approvals>(),
    pipeline: lateBound<Pipeline>(),
    cases: lateBound<Cases>(),
  };
  const watch = watchOf(parts, restored, metrics, window, inbox, held, late);
  const caseDeps = {
    watch,
    logbook,
    spanbook,
    annotate: (...args: Parameters<Pipeline['annotate']>) => late.pipeline.get().annotate(...args),
  };
  const cases = late.cases.set(createCases(caseDeps));
  late.approvals.set(approvalsFor(parts, watch, cases));
  late.executor.set(executorFor(parts, watch, cases));
  const pipeline = late.pipeline.set(
    createPipeline(
      { ...parts, watch, inbox, logbook, spanbook, bank, cases: () => cases, services: held.byName },
      restored.state,
    ),
  );
  return {
    watch,
    pipeline,
    cases,
    inbox,
    bank,
    use: (resources) => {
      const before = held.resources();
      // Both may refuse, and neither changes anything before it has not: all of the set comes into force, or none.
      const swap = held.prepare(resources);
      bank.replace(resources.detectors, (name): Json | undefined => storedDetector(restored.detectors, name));
      swap();
      forgetRows(restored.detectors, new Set(resources.detectors.map(({ name }) => name)));
      pipeline.nudge();
      // What was denied or matched nothing under the old set is looked at again under the new one.
      if (before.digest !== '' && before.digest !== resources.digest)
        for (const { id, status } of pipeline.state().incidents) if (status !== 'resolved') cases.poke(id);
    },
    discovered: (services) => discovery.take(() => held.discovered(services)),
    conflict: discovery.conflict,
    resume: (signal) => resumeAll(watch, cases, restored, signal),
  };
}

function forgetRows(rows: Map<string, Json>, inForce: ReadonlySet<string>): void {
  for (const key of rows.keys()) if (inForce.has(detectorOfRow(key))) rows.delete(key);
}

type Late = {
  readonly executor: LateBound<Executor>;
  readonly approvals: LateBound<Approvals>;
  readonly pipeline: LateBound<Pipeline>;
  readonly cases: LateBound<Cases>;
};

function watchOf(
  parts: WatchParts,
  restored: Restored,
  metrics: Metrics,
  window: TelemetryWindow,
  inbox: Inbox,
  held: Holder,
  late: Late,
): Watch {
  const { clock, store, ledger, log } = parts;
  const sources = createSourceWatch({
    clock,
    random: parts.random,
    log,
    metrics,
    services: () => held.catalog().services,
    deliver: (source, collected) => {
      inbox.collected(source.id, collected, clock.nowMs());
      late.pipeline.get().nudge();
    },
  });
  const ladder = createLadder({
    clock,
    log,
    metrics,
    store,
    ledger,
    channels: () => parts.channels,
    escalations: () => held.resources().escalations,
    over: ({ kind, plan }) => {
      const asked = kind === 'approval-needed' && plan ? late.approvals.get().of(plan.id) : undefined;
      return asked && questionOver(asked, parts.epoch);
    },
    severity: ({ incident }) =>
      late.pipeline
        .get()
        .state()
        .incidents.find((one) => one.id === incident?.id)?.severity,
    renewed: (notice) => late.cases.get().renewed(notice),
    putOff: ({ incident }) => incident && late.cases.get().putOffUntil(incident.id),
    // What a deposed leader did not get through stays open: the next one tells it, under the same id.
    signal: AbortSignal.any([parts.signal, parts.tenure.lost]),
  });
  return {
    ...parts,
    metrics,
    window,
    changes: createChangeLog(restored.changes),
    health: createHealthDesk(clock, ledger, store),
    sources,
    freshness: createFreshness({
      clock,
      sources: () => parts.sources,
      statuses: () => sources.statuses(),
      catalog: held.catalog,
      state: () => late.pipeline.get().state(),
    }),
    budgets: createBudgets(clock, window, () => sources),
    ladder,
    refusals: createRefusalBook({ clock, ledger }),
    executor: late.executor.get,
    approvals: late.approvals.get,
    liveSources: () => parts.sources,
    resources: held.resources,
    catalog: held.catalog,
    state: () => late.pipeline.get().state(),
  };
}

function approvalsFor(parts: WatchParts, watch: Watch, cases: Cases): Approvals {
  return createApprovals({
    ...parts,
    groups: () => watch.resources().groups,
    policyDigest: () => watch.resources().policies.digest,
    plan: (planId) => cases.plan(planId),
    proceed: (plan, approvals) => cases.proceed(plan, approvals),
    begun: (plan) => watch.executor().find(executionId(plan)) !== undefined,
    reconsider: (plan) => cases.reconsider(plan),
    lapsed: (pending, because, code) => cases.lapsed(pending, because, code),
    withdrawn: (pending, because) => cases.withdrawn(pending, because),
    counted: (verdict) => watch.metrics.approvals.inc({ verdict }),
    noteRefusal: (draft) => watch.refusals.note(draft),
  });
}

function executorFor(parts: WatchParts, watch: Watch, cases: Cases): Executor {
  return createExecutor({
    ...parts,
    actions: (kind) => parts.actions[kind],
    epoch: () => parts.epoch,
    services: (name) => watch.catalog().get(name),
    ...executorDeps(watch, cases),
    onEvent: (event) => cases.executionEvent(event),
  });
}

// The cases must know their files before the executor tells them what became of its executions. What was cut off holds
// its targets once it is loaded; looking at the world again may take minutes, and the watch must not be blind for that.
async function resumeAll(
  watch: Watch,
  cases: Cases,
  restored: Restored,
  signal: AbortSignal,
): Promise<{ readonly settled: Promise<void> }> {
  await watch.health.restore();
  watch.freshness.inherit(restored.state.incidents.filter(({ status }) => status !== 'resolved'));
  await cases.restore(restored.state.incidents);
  await watch.ladder.resume();
  await watch.executor().load();
  await watch.approvals().resume();
  // What a crash interrupted is told now, and not before: a question that is void must not be put once more.
  watch.ladder.tick();
  const settled = watch
    .executor()
    .resume(signal)
    .catch((thrown: unknown) =>
      watch.log.error('what the last process left behind could not be settled', {
        error: WatchkeeperError.from(thrown),
      }),
    );
  // Only now is it known what is being carried out and asked, so only now may anything be decided.
  for (const incident of watch.state().incidents) if (incident.status !== 'resolved') cases.poke(incident.id);
  return { settled };
}

interface LateBound<T> {
  readonly get: () => T;
  readonly set: (value: T) => T;
}

function lateBound<T>(): LateBound<T> {
  const held: { value?: T } = {};
  return {
    get: () => {
      if (held.value === undefined) throw new Error('the watch is used before it is composed');
      return held.value;
    },
    set: (value) => {
      held.value = value;
      return value;
    },
  };
}

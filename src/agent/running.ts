import { WatchkeeperError } from '../lib/errors.ts';
import type { Source } from '../domain/ports/source.ts';
import type { Put } from '../domain/ports/store.ts';
import type { Service } from '../domain/service.ts';
import { detectorWarmupMs } from '../detectors/index.ts';
import { runChores } from './chores.ts';
import type { Composed } from './compose.ts';
import type { SourceStatus } from './watch-sources.ts';

/** The watch at work. */
export interface Running {
  /** Resolves when every loop has ended. */
  readonly done: Promise<void>;
  stop(): Promise<void>;
  /** Whether the first look at services and the settling of the past are over. */
  readonly started: () => boolean;
  readonly statuses: () => readonly SourceStatus[];
}

const discoverEveryMs = 60_000;
const discoverRestMs = 1_000;
const discoverWithinMs = 10_000;
const longestBackfillMs = 2 * 3_600_000;
const backfillStepMs = 15_000;

/**
 * Starts the watch in the order that keeps its promises: what the last process left is read back first and holds its
 * targets (I5), then the world is looked at, then acting is possible. Settling what was cut off, and reading the past to
 * warm detectors up, go on beside: a host that does not answer must not keep the watch from watching.
 */
export async function startWatch(composed: Composed): Promise<Running> {
  const { watch, pipeline } = composed;
  const abort = new AbortController();
  const stopWithParent = (): void => abort.abort(watch.signal.reason);
  watch.signal.addEventListener('abort', stopWithParent, { once: true });
  await composed.resume(abort.signal);
  await discoverAll(composed, abort.signal);
  const loops = [
    pipeline.run(abort.signal),
    runChores(watch, () => composed.cases, abort.signal),
    discoverLoop(composed, abort.signal),
    ...watch.liveSources().map((source) => startSource(composed, source, abort.signal)),
  ];
  return {
    done: Promise.all(loops).then(() => undefined),
    started: () => true,
    statuses: () => watch.sources.statuses(),
    stop: async () => {
      watch.signal.removeEventListener('abort', stopWithParent);
      abort.abort(new WatchkeeperError('aborted', 'the watch is stopping'));
      await Promise.all(loops);
      await Promise.all(watch.liveSources().map((source) => watch.sources.stop(source.id)));
      await composed.cases.idle();
      await watch.ladder.idle();
      await saveDetectors(composed);
    },
  };
}

const rowsPerCommit = 64;

// What the detectors know may be larger than what is left of the memory: it is written a piece at a time.
async function saveDetectors({ bank, watch }: Composed): Promise<void> {
  let puts: Put[] = [];
  const write = async (): Promise<void> => {
    if (puts.length > 0) await watch.ledger.record({ drafts: [], puts });
    puts = [];
  };
  for (const put of bank.save(true)) if (puts.push(put) >= rowsPerCommit) await write();
  await write();
}

async function discoverLoop(composed: Composed, signal: AbortSignal): Promise<void> {
  for (;;) {
    await untilNewServices(composed, signal);
    if (signal.aborted) return;
    await discoverAll(composed, signal);
  }
}

// Once a minute, or soon after a source sees others: a rollout of fifty services is one look.
async function untilNewServices(composed: Composed, parent: AbortSignal): Promise<void> {
  const { clock, liveSources } = composed.watch;
  const stop = new AbortController();
  const end = (): void => stop.abort();
  parent.addEventListener('abort', end, { once: true });
  const sleep = (ms: number): Promise<void> => clock.sleep(ms, stop.signal).catch(() => undefined);
  await sleep(discoverRestMs);
  const told = liveSources().flatMap((source) => source.newServices?.(stop.signal) ?? []);
  await Promise.race([sleep(discoverEveryMs - discoverRestMs), ...told]);
  parent.removeEventListener('abort', end);
  end();
}

// A source that cannot say what it sees keeps what it saw before: services do not vanish because somebody is slow.
const lastSeen = new WeakMap<Composed, Map<string, readonly Service[]>>();

async function discoverAll(composed: Composed, signal: AbortSignal): Promise<void> {
  const { watch } = composed;
  const seen = lastSeen.get(composed) ?? new Map<string, readonly Service[]>();
  lastSeen.set(composed, seen);
  await Promise.all(
    watch.liveSources().map(async (source) => {
      if (!source.traits.discovery) return;
      const deadline = watch.clock.deadline(discoverWithinMs, signal);
      try {
        seen.set(source.id, await source.discover(deadline.signal));
      } catch (thrown) {
        if (!signal.aborted)
          watch.log.warn('a source could not say which services it sees', {
            source: source.id,
            error: WatchkeeperError.from(thrown),
          });
      } finally {
        deadline.cancel();
      }
    }),
  );
  composed.discovered([...seen.values()].flat().map((service) => withOwner(service, composed)));
}

// What was discovered has no owner of its own: the default escalation hears of it.
function withOwner(service: Service, composed: Composed): Service {
  if (service.owner.escalate !== '' && service.owner.escalate !== 'default') return service;
  const [fallback = 'default'] = [...composed.watch.resources().escalations.keys()];
  return {
    ...service,
    owner: { team: service.owner.team === '' ? 'unowned' : service.owner.team, escalate: fallback },
  };
}

// The past is read before the first live read of the same source: a window only ever goes forward, so that samples which
// come after newer ones would be lost. Each source has its own deadline, so that a slow one keeps no other waiting.
async function startSource(composed: Composed, source: Source, signal: AbortSignal): Promise<void> {
  await backfill(composed, source, signal);
  if (!signal.aborted) composed.watch.sources.start(source);
}

// Detectors that start empty are shown the past where a source keeps it, so that they are of use at once.
async function backfill(composed: Composed, source: Source, signal: AbortSignal): Promise<void> {
  const { watch } = composed;
  const wanted = Math.max(0, ...watch.resources().detectors.map(detectorWarmupMs));
  const untilMs = watch.clock.nowMs();
  const fromMs = untilMs - Math.min(longestBackfillMs, wanted);
  if (fromMs >= untilMs || !source.traits.metrics) return;
  const collected = await watch.sources.history(
    source,
    { fromMs, untilMs, stepMs: Math.max(source.intervalMs, backfillStepMs), services: watch.catalog().services },
    signal,
  );
  if (collected.series.length === 0 || signal.aborted) return;
  // Its gaps are about the past; what is so now, the live reads say.
  composed.inbox.collected(source.id, { ...collected, gaps: [] }, untilMs);
  composed.pipeline.nudge();
}

import type { Alert, Finding, Incident } from '../domain/alert.ts';
import type { Clock } from '../domain/ports/io.ts';
import type { Source } from '../domain/ports/source.ts';
import type { Catalog } from '../catalog/index.ts';
import { limits } from '../lib/limits.ts';
import { staleAfterMs } from './health.ts';
import type { SourceStatus } from './watch-sources.ts';
import type { WatchState } from './watch-state.ts';

/**
 * Tells facts of this process from facts that the last one left behind. A firing alert that was read back from the store
 * may be hours old: until it has been measured and seen again, nothing is decided on it, and nothing is ever done on it.
 */
export interface Freshness {
  /** Notes incidents that are known only from the last process. */
  inherit(incidents: readonly Incident[]): void;
  /** Notes what other systems said to this process: their alerts are restated from memory, which proves nothing. */
  heard(findings: readonly Finding[]): void;
  /** Which sources that measure it have not answered this process yet, and are not late enough to be given up. */
  whyBlind(incident: Incident): string | undefined;
  /** Why it is too early to decide on an incident; `undefined` once its facts are of this process, or waiting is over. */
  whyWait(incident: Incident): string | undefined;
  /** Why an incident must not be acted on; `undefined` once its facts are of this process. */
  whyDoubt(incident: Incident): string | undefined;
}

/** What freshness is judged by. */
export interface FreshnessOptions {
  readonly clock: Clock;
  readonly sources: () => readonly Source[];
  readonly statuses: () => readonly SourceStatus[];
  readonly catalog: () => Catalog;
  readonly state: () => WatchState;
}

interface Inherited {
  readonly sinceMs: number;
  /** What each alert last said when all sources had answered; words after that are words of this process. */
  before?: ReadonlyMap<string, Finding>;
}

type Look = { readonly is: 'fresh' } | { readonly is: 'wait' | 'doubt'; readonly because: string };

/** Makes it for one process. Facts that have once been confirmed stay confirmed. */
export function createFreshness(options: FreshnessOptions): Freshness {
  const inherited = new Map<string, Inherited>();
  const told = new Set<string>();
  const whyBlind = (incident: Incident): string | undefined => {
    const silent = unanswered(options, incident);
    return silent.length === 0 ? undefined : `${silent.join(', ')} has not answered since the daemon started`;
  };
  const look = (incident: Incident): Look => {
    const entry = inherited.get(incident.id);
    if (entry === undefined) return { is: 'fresh' };
    const blind = whyBlind(incident);
    if (blind !== undefined) return { is: 'wait', because: blind };
    const held = new Set(incident.alerts);
    const firing = options.state().alerts.filter((one) => held.has(one.fingerprint) && one.status === 'firing');
    entry.before ??= new Map(firing.map((alert) => [alert.fingerprint, alert.finding]));
    const judged = judge(firing, entry.before, told, options.clock.monotonicMs() - entry.sinceMs);
    if (judged.is === 'fresh') inherited.delete(incident.id);
    return judged;
  };
  return {
    inherit: (incidents) => {
      const sinceMs = options.clock.monotonicMs();
      for (const { id } of incidents) inherited.set(id, { sinceMs });
    },
    heard: (findings) => {
      // Nobody asks any more once all that was inherited is confirmed or over.
      if (inherited.size > 0) for (const finding of findings) told.add(subjectOf(finding));
    },
    whyBlind,
    whyWait: (incident) => {
      const seen = look(incident);
      return seen.is === 'wait' ? seen.because : undefined;
    },
    whyDoubt: (incident) => {
      const seen = look(incident);
      return seen.is === 'fresh' ? undefined : seen.because;
    },
  };
}

/** Sources that measure a service and have said nothing in this process, less those that are late enough to be given up. */
function unanswered(options: FreshnessOptions, incident: Incident): readonly string[] {
  const nowMs = options.clock.nowMs();
  const statuses = new Map(options.statuses().map((status) => [status.id, status]));
  const asked = new Set(
    incident.services.flatMap((name) =>
      Object.values(options.catalog().get(name)?.telemetry ?? {}).map(({ source }) => source),
    ),
  );
  return options
    .sources()
    .filter(({ id }) => asked.has(id))
    .filter(({ id, intervalMs }) => {
      const status = statuses.get(id);
      if (status?.lastAnswerMs !== undefined) return false;
      return status === undefined || nowMs - status.startedMs <= staleAfterMs(intervalMs);
    })
    .map(({ id }) => id);
}

// A finding is made anew whenever its detector speaks, so that another object is a newer word, whatever the clock did.
function judge(
  firing: readonly Alert[],
  before: ReadonlyMap<string, Finding>,
  told: ReadonlySet<string>,
  waitedMs: number,
): Look {
  const well = firing.filter((alert) => alert.goodSinceMs !== undefined);
  const seen = firing.filter(
    (alert) =>
      alert.goodSinceMs === undefined &&
      alert.unknownSinceMs === undefined &&
      alert.finding !== before.get(alert.fingerprint) &&
      (alert.kind !== 'external' || told.has(subjectOf(alert.finding))),
  );
  const rest = firing.filter((alert) => !well.includes(alert) && !seen.includes(alert));
  const [first] = rest;
  if (first === undefined && seen.length > 0) return { is: 'fresh' };
  if (first === undefined)
    return { is: 'wait', because: 'what fired before the restart is well again, if it stays so' };
  if (waitedMs < limits.freshFactsWaitMs)
    return { is: 'wait', because: `${first.detector} has not seen it again since the daemon started` };
  if (seen.length > 0) return { is: 'fresh' };
  return {
    is: 'doubt',
    because: `whether it still is so is not known: ${first.detector} has not seen it since the daemon started`,
  };
}

function subjectOf({ service, signal }: Pick<Finding, 'service' | 'signal'>): string {
  return `${service} ${signal}`;
}

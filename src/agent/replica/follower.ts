import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { Clock, WriteFiles } from '../../domain/ports/io.ts';
import type { Leadership } from '../../domain/ports/leadership.ts';
import type { Store } from '../../domain/ports/store.ts';
import type { Service } from '../../domain/service.ts';
import { exportLedger, proveEntry, proveInclusion, readStoredEntries, storedCheckpoint } from '../../ledger/index.ts';
import type { Agent } from '../facade.ts';
import type { Metrics } from '../metrics.ts';
import type { Resources } from '../resources.ts';
import type { PendingApproval, Readiness, ServiceView, StatusView } from '../views.ts';
import { approvalView } from '../windows/approval-view.ts';
import { chartsOf } from '../windows/charts.ts';
import { listIncidents } from '../windows/incident-list.ts';
import { briefOfService, overviewOf } from '../windows/overview.ts';
import type { ServiceDetail } from '../windows/views.ts';
import { glimpseIncident, type Glimpse } from './glimpse.ts';

/** What a follower stands on. */
export interface FollowerOptions {
  readonly clock: Clock;
  readonly files: WriteFiles;
  readonly leadership: Leadership;
  readonly metrics: Metrics;
  readonly version: string;
  readonly startedAtMs: number;
  readonly ceiling: StatusView['ceiling'];
  readonly resources: () => Resources;
  /** @throws `unreachable` while the database was never reached. */
  readonly store: () => Store;
  readonly seen: () => Glimpse | undefined;
  /** Why the store cannot be read now, if so. */
  readonly blind: () => string | undefined;
  readonly signal: AbortSignal;
}

/** The windows' view of a replica that does not lead: it answers what the store knows, and refuses what needs the leader. */
export function followerAgent(options: FollowerOptions): Omit<Agent, 'start' | 'stop'> {
  const { store, seen } = options;
  const refuse = (): Promise<never> => Promise.reject(notLeading(options.leadership));
  const readiness = (): Readiness => {
    const blind = options.blind();
    return { ready: blind === undefined, reasons: blind === undefined ? [] : [blind], stale: [] };
  };
  return {
    status: () => statusOf(options),
    services: () => options.resources().services.map((service) => serviceOf(service, seen())),
    service: (name) => {
      const service = options.resources().services.find((one) => one.name === name);
      return service && followedService(service, seen());
    },
    overview: () => {
      const status = statusOf(options);
      return overviewOf(status, status.services.map(briefOfService), readiness());
    },
    runbooks: () => [],
    incidents: (query) => listIncidents(store(), seen()?.incidents ?? [], query),
    charts: async (id) => {
      const view = await glimpseIncident(store(), id);
      return view && chartsOf(view, undefined, options.clock.nowMs());
    },
    approval: async (planId, who) => {
      const row = await store().get('approval', planId);
      const asked = row?.value as unknown as PendingApproval | undefined;
      // Who belongs to what is the leader's to say, and so is the answer.
      return asked && approvalView(asked, await glimpseIncident(store(), asked.incidentId), who, []);
    },
    incident: (id) => glimpseIncident(store(), id),
    alerts: () => (seen()?.alerts ?? []).filter(({ status }) => status !== 'resolved'),
    approvals: () => (seen()?.approvals ?? []).filter(({ status }) => status === 'waiting'),
    answer: refuse,
    inbound: refuse,
    request: refuse,
    refused: refuse,
    pause: refuse,
    resume: refuse,
    plan: refuse,
    announce: refuse,
    alertmanager: refuse,
    reload: refuse,
    matrix: () => ({ rows: [], complete: true }),
    readiness,
    metrics: () => options.metrics.registry.metrics(),
    ledger: async () => {
      const { checkpoint, vkeys } = await storedCheckpoint(store());
      return { size: checkpoint.size, checkpoint, vkey: vkeys.join('\n') };
    },
    ledgerEntries: (fromSeq, limit) => readStoredEntries(store(), fromSeq, Math.min(limit, limits.ledgerBatchEntries)),
    ledgerSize: () => seen()?.ledger.size ?? 0,
    ledgerNews: async (fromSeq, limit) => (await readStoredEntries(store(), fromSeq, limit)).map(({ entry }) => entry),
    ledgerProof: (seq) => proveInclusion(store(), seq),
    ledgerEntry: (seq) => proveEntry(store(), seq),
    ledgerExport: (folder) => exportLedger({ store: store(), files: options.files, folder, signal: options.signal }),
  };
}

/** What is said to whoever asks a follower to do something. */
function notLeading(leadership: Leadership): WatchkeeperError {
  const leader = leadership.leader();
  const who = leader === undefined ? 'nobody leads at the moment' : `${leader} leads`;
  return new WatchkeeperError('fenced', `this replica (${leadership.name}) does not lead: ${who}`, {
    fix: leader === undefined ? 'Ask again in a moment.' : 'Ask the leader.',
    retryable: true,
  });
}

function statusOf(options: FollowerOptions): StatusView {
  const { leadership, clock, resources } = options;
  const seen = options.seen();
  const blind = options.blind();
  const { digest, loadedAtMs, services, detectors, runbooks, policies, escalations } = resources();
  const leader = leadership.leader();
  return {
    version: options.version,
    asOfMs: seen?.atMs ?? clock.nowMs(),
    startedAtMs: options.startedAtMs,
    ceiling: options.ceiling,
    replica: {
      role: 'follower',
      name: leadership.name,
      ...(leader === undefined ? {} : { leader }),
      epoch: seen?.epoch ?? 0,
    },
    ...(seen?.paused ? { paused: seen.paused } : {}),
    unwell: blind === undefined ? [] : [blind],
    sources: [],
    services: services.map((service) => serviceOf(service, seen)),
    incidents: (seen?.incidents ?? []).filter(({ status }) => status !== 'resolved'),
    approvals: (seen?.approvals ?? []).filter(({ status }) => status === 'waiting'),
    running: seen?.running ?? [],
    gaps: [],
    ledger: { size: seen?.ledger.size ?? 0, origin: seen?.identity?.origin ?? '' },
    resources: {
      digest,
      loadedAtMs,
      ok: true,
      problems: [],
      counts: {
        services: services.length,
        detectors: detectors.length,
        runbooks: runbooks.length,
        policies: policies.policies.length,
        escalations: escalations.size,
      },
    },
  };
}

// A follower measures nothing, so it never says that a service is well (I10).
function serviceOf(service: Service, seen: Glimpse | undefined): ServiceView {
  const alerts = (seen?.alerts ?? []).filter((one) => one.service === service.name && one.status !== 'resolved');
  const firing = alerts.find((alert) => alert.status === 'firing' && alert.mode === 'active');
  return {
    name: service.name,
    team: service.owner.team,
    state: firing ? 'firing' : 'unknown',
    because: firing ? firing.finding.reason : 'this replica follows and measures nothing; ask the leader',
    signals: [],
    changes: [],
    verdicts: [],
    alerts,
  };
}

function followedService(service: Service, seen: Glimpse | undefined): ServiceDetail {
  const { labels, owner, dependsOn, runsOn, origin, slos } = service;
  return {
    service: serviceOf(service, seen),
    labels,
    owner,
    dependsOn,
    dependents: [],
    runsOn,
    origin,
    slos: slos.map(({ name, objective, windowMs, errors }) => ({ name, objective, windowMs, signal: errors })),
    autonomy: [],
    record: [],
  };
}

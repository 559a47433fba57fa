import type { GcpReader } from '../../domain/ports/gcp.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';
import type { Collected, CollectRequest, Source } from '../../domain/ports/source.ts';
import { readBeside } from '../../io/clients/cloud/beside.ts';
import { createChangeDesk, type ChangeDesk } from '../../io/clients/cloud/change-desk.ts';
import { createCloseUp, type CloseUp } from '../../io/clients/cloud/close-up.ts';
import { reachAll } from '../../io/clients/cloud/reach.ts';
import { cloudSource } from '../../io/clients/cloud/source.ts';
import { createSpend } from '../../io/clients/cloud/spend.ts';
import { createSweep, type Sweep } from '../../io/clients/cloud/sweep.ts';
import { createAlerts, type Alerts } from './alerts.ts';
import { createAuditLogs, type AuditLogs } from './changes/audit.ts';
import { lookAtDeliveries } from './changes/deliveries.ts';
import { fromEvents } from './changes/events.ts';
import { groupChanges, runChanges, type Memory } from './changes/rollouts.ts';
import { createDiscovery, type Discovery } from './discover.ts';
import { createLogsReader, type LogsReader } from './logs.ts';
import { lookAtGroups } from './look/groups.ts';
import { lookAtRun } from './look/run.ts';
import { resourceStates, stateSignals } from './look/signals.ts';
import { cloudMonitoring } from './metrics/service.ts';
import { createPush } from './push.ts';
import type { GcpConfig, SeriesQuery } from './schema.ts';
import { readTraces } from './traces.ts';
import { gcpTraits } from './traits.ts';
import { watchedPlaces } from './watched.ts';

// At the first look, changes of so long ago are read as well.
const firstMs = 2 * 3_600_000;

/** A live reader of projects. Google's libraries are imported with the first call. */
export function createGcpSource(id: string, config: GcpConfig, io: ReaderIo): Source {
  const reader = io.gcp.reader({ ...config, source: id });
  const push = config.push && createPush(config.push, io);
  const eyes: Eyes = {
    ...{ id, config, reader, io, deliveredMs: undefined, desk: createChangeDesk(), memory: new Map() },
    closeUp: createCloseUp(config.closeUp),
    metrics: createSweep(id, config, createSpend(reader, config.dollarsPerDay)),
    logs: createLogsReader(id, config, reader),
    alerts: createAlerts(id, config, reader),
    audit: createAuditLogs(id, reader, firstMs),
    discovery: createDiscovery(id, config, reader),
  };
  return cloudSource({
    ...{ id, kind: 'gcp', traits: gcpTraits, intervalMs: config.interval, reader },
    live: (request, signal) => live(eyes, request, signal),
    past: (request, signal) => past(eyes, request, signal),
    discover: async (signal) => (config.discover ? eyes.discovery.find(signal) : []),
    ...(push !== undefined && { news: push.news, receive: push.receive }),
    check: (signal) => checkAccess(id, config, reader, signal),
  });
}

interface Eyes {
  readonly id: string;
  readonly config: GcpConfig;
  readonly reader: GcpReader;
  readonly io: ReaderIo;
  readonly desk: ChangeDesk;
  readonly memory: Memory;
  readonly closeUp: CloseUp;
  readonly metrics: Sweep<SeriesQuery, string>;
  readonly logs: LogsReader;
  readonly alerts: Alerts;
  readonly audit: AuditLogs;
  readonly discovery: Discovery;
  /** From when on deliveries are listed. */
  deliveredMs: number | undefined;
}

async function live(eyes: Eyes, request: CollectRequest, signal: AbortSignal): Promise<Collected> {
  const { id, config, reader, memory } = eyes;
  const nowMs = eyes.io.clock.nowMs();
  const projects = config.projects.map((project) => project.id);
  const watched = watchedPlaces(id, request.services, config);
  const service = cloudMonitoring(config, reader, watched);
  const measuring = readBeside(
    (close) => eyes.metrics.read(request, { nowMs, close, service }, signal),
    () => eyes.closeUp.at(nowMs, request.services),
    signal,
  );
  const [run, groups, delivered, audited, alerted, read] = await Promise.all([
    lookAtRun(watched, reader, signal),
    lookAtGroups(watched, reader, signal),
    lookAtDeliveries(id, watched, reader, eyes.deliveredMs ?? nowMs - firstMs, signal),
    config.auditLogs ? eyes.audit.look(projects, nowMs, signal) : { events: [], gaps: [] },
    config.alerts ? eyes.alerts.look(watched, nowMs, signal) : { findings: [], gaps: [] },
    eyes.logs.read(request, watched, nowMs, signal),
  ]);
  // Told anew for a while: what began before the last look may have been listed late.
  eyes.deliveredMs = nowMs - 15 * 60_000;
  const found = [
    ...(await runChanges(id, run, memory, reader, nowMs, signal)),
    ...groupChanges(id, groups, memory, nowMs),
    ...[...delivered.states.values()].flat(),
  ];
  const changes = eyes.desk.take({ found, ...fromEvents(id, audited.events, watched) }, nowMs);
  eyes.closeUp.touch(changes);
  const measured = await measuring();
  const states = stateSignals(id, request.signals, run, groups, nowMs);
  const unread = [...run.faults, ...groups.faults, ...delivered.faults].map(([one, fault]) => ({
    ...{ source: id, service: one.service, signal: 'changes', ...fault, fromMs: nowMs, untilMs: nowMs },
  }));
  return {
    series: [...states.series, ...measured.series],
    ...{ logs: read.logs, changes, findings: alerted.findings },
    resources: resourceStates(run, groups, nowMs),
    gaps: [
      ...[...states.gaps, ...measured.gaps, ...unread, ...audited.gaps, ...alerted.gaps, ...read.gaps],
      ...eyes.discovery.gaps(nowMs),
    ],
  };
}

// Evidence for a diagnosis: somebody waits, so it is read whatever the sweep says, within the day's money.
async function past(eyes: Eyes, request: CollectRequest, signal: AbortSignal): Promise<Collected> {
  const { id, config, reader } = eyes;
  const nowMs = eyes.io.clock.nowMs();
  const watched = watchedPlaces(id, request.services, config);
  const close = new Set(request.services.map(({ name }) => name));
  const service = cloudMonitoring(config, reader, watched);
  const [measured, read, traced] = await Promise.all([
    eyes.metrics.read(request, { nowMs, close, service }, signal),
    eyes.logs.read(request, watched, nowMs, signal),
    readTraces(id, config, reader, request, watched, signal),
  ]);
  return {
    ...{ series: measured.series, logs: read.logs, spans: traced.spans, resources: [], findings: [] },
    changes: eyes.desk.between(close, request.fromMs, request.untilMs),
    gaps: [...measured.gaps, ...read.gaps, ...traced.gaps],
  };
}

async function checkAccess(id: string, { projects }: GcpConfig, reader: GcpReader, signal: AbortSignal): Promise<void> {
  const places = projects.map(({ id: project }) => ({
    name: project,
    ask: () => {
      const params = { parent: `projects/${project}`, pageSize: 1 };
      return reader.ask({ service: 'monitoring', method: 'alerts.list', params, project }, signal);
    },
  }));
  await reachAll(id, places, `Check projects and the credentials of source ${id}.`);
}

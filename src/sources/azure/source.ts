import type { ReaderIo } from '../../domain/ports/io.ts';
import type { AzureReader } from '../../domain/ports/azure.ts';
import type { Collected, CollectRequest, Source } from '../../domain/ports/source.ts';
import { readBeside } from '../../io/clients/cloud/beside.ts';
import { createChangeDesk, type ChangeDesk } from '../../io/clients/cloud/change-desk.ts';
import { createCloseUp, type CloseUp } from '../../io/clients/cloud/close-up.ts';
import { reachAll } from '../../io/clients/cloud/reach.ts';
import { cloudSource } from '../../io/clients/cloud/source.ts';
import { createSpend } from '../../io/clients/cloud/spend.ts';
import { createSweep, type Sweep } from '../../io/clients/cloud/sweep.ts';
import { createAlerts, type Alerts } from './alerts.ts';
import { createActivityLog, type ActivityLog, type AuditLook } from './changes/activity.ts';
import { gathered } from './changes/gather.ts';
import type { Memory } from './changes/moves.ts';
import { resourceChanges } from './changes/resource-changes.ts';
import { discoverServices } from './discover.ts';
import { createLogsReader, type LogsReader } from './logs.ts';
import { resourceStates, stateSignals } from './look/signals.ts';
import { lookAt } from './look/states.ts';
import type { PlacedQuery } from './metrics/calls.ts';
import { azureMonitor } from './metrics/service.ts';
import { createPush } from './push.ts';
import type { AzureConfig } from './schema.ts';
import { readTraces } from './traces/insights.ts';
import { azureTraits } from './traits.ts';
import { idOf, watchedPlaces, type Corner } from './watched.ts';

// At the first look, changes of so long ago are read as well.
const firstMs = 2 * 3_600_000;

/** A live reader of subscriptions. The SDK is imported with the first call. */
export function createAzureSource(id: string, config: AzureConfig, io: ReaderIo): Source {
  const reader = io.azure.reader({ ...config, source: id });
  const push = config.push && createPush(config.push, config, io);
  const eyes: Eyes = {
    ...{ id, config, reader, io, changedMs: undefined },
    ...{ desk: createChangeDesk(), memory: new Map() },
    closeUp: createCloseUp(config.closeUp),
    metrics: createSweep(id, config, createSpend(reader, config.dollarsPerDay)),
    logs: createLogsReader(id, config, reader),
    alerts: createAlerts(id, config, reader),
    activity: createActivityLog(id, config, reader, firstMs),
  };
  return cloudSource({
    ...{ id, kind: 'azure', traits: azureTraits, intervalMs: config.interval, reader },
    live: (request, signal) => live(eyes, request, signal),
    past: (request, signal) => past(eyes, request, signal),
    discover: async (signal) => (config.discover ? discoverServices(id, config, reader, signal) : []),
    ...(push !== undefined && { news: push.news, receive: push.receive }),
    check: (signal) => checkAccess(id, config, reader, signal),
  });
}

interface Eyes {
  readonly id: string;
  readonly config: AzureConfig;
  readonly reader: AzureReader;
  readonly io: ReaderIo;
  readonly desk: ChangeDesk;
  readonly memory: Memory;
  readonly closeUp: CloseUp;
  readonly metrics: Sweep<PlacedQuery, Corner>;
  readonly logs: LogsReader;
  readonly alerts: Alerts;
  readonly activity: ActivityLog;
  /** From when on resource changes are asked for. */
  changedMs: number | undefined;
}

async function live(eyes: Eyes, request: CollectRequest, signal: AbortSignal): Promise<Collected> {
  const { id, config, reader } = eyes;
  const nowMs = eyes.io.clock.nowMs();
  const watched = watchedPlaces(id, request.services);
  const ids = [...new Set(watched.map(({ place }) => idOf(place, config)))];
  const since = { sinceMs: eyes.changedMs ?? nowMs - firstMs, nowMs };
  const service = azureMonitor(config, reader, watched);
  const measuring = readBeside(
    (close) => eyes.metrics.read(request, { nowMs, close, service }, signal),
    () => eyes.closeUp.at(nowMs, request.services),
    signal,
  );
  const [look, graph, activity, alerted, read] = await Promise.all([
    lookAt(watched, reader, signal),
    config.resourceChanges ? resourceChanges(id, config, reader, ids, since, signal) : none,
    config.activityLog ? eyes.activity.look(nowMs, signal) : none,
    config.alerts ? eyes.alerts.look(watched, nowMs, signal) : { findings: [], gaps: [] },
    eyes.logs.read(request, nowMs, signal),
  ]);
  if (graph.gaps.length === 0) eyes.changedMs = nowMs;
  const looks = { watched, look, graph: graph.events, activity: activity.events };
  const changes = eyes.desk.take(gathered(id, config, looks, eyes.memory, nowMs), nowMs);
  eyes.closeUp.touch(changes);
  const measured = await measuring();
  const states = stateSignals(id, request.signals, look, nowMs);
  const unread = [...look.faults].map(([{ service: name }, fault]) => ({
    ...{ source: id, service: name, signal: 'changes', ...fault, fromMs: nowMs, untilMs: nowMs },
  }));
  return {
    series: [...states.series, ...measured.series],
    logs: read.logs,
    changes,
    resources: resourceStates(look, nowMs),
    findings: alerted.findings,
    gaps: [...states.gaps, ...measured.gaps, ...unread, ...graph.gaps, ...activity.gaps, ...alerted.gaps, ...read.gaps],
  };
}

// Evidence for a diagnosis: somebody waits, so it is read whatever the sweep says, within the day's money.
async function past(eyes: Eyes, request: CollectRequest, signal: AbortSignal): Promise<Collected> {
  const { config, reader } = eyes;
  const nowMs = eyes.io.clock.nowMs();
  const service = azureMonitor(config, reader, watchedPlaces(eyes.id, request.services));
  const close = new Set(request.services.map(({ name }) => name));
  const [measured, read, traced] = await Promise.all([
    eyes.metrics.read(request, { nowMs, close, service }, signal),
    eyes.logs.read(request, nowMs, signal),
    readTraces(eyes.id, config, reader, request, signal),
  ]);
  return {
    ...{ series: measured.series, logs: read.logs, spans: traced.spans, resources: [], findings: [] },
    changes: eyes.desk.between(close, request.fromMs, request.untilMs),
    gaps: [...measured.gaps, ...read.gaps, ...traced.gaps],
  };
}

const none: AuditLook = { events: [], gaps: [] };

async function checkAccess(id: string, config: AzureConfig, reader: AzureReader, signal: AbortSignal): Promise<void> {
  const many = config.subscriptions.length > 1;
  const places = config.subscriptions.map(({ name }) => ({
    name: `subscription ${name}`,
    ask: () => reader.ask({ operation: 'subscriptions.get', ...(many ? { subscription: name } : {}) }, signal),
  }));
  await reachAll(id, places, `Check subscriptions and the identity of source ${id}.`);
}

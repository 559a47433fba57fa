import type { Service } from '../../domain/service.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';
import type { AwsReader } from '../../domain/ports/aws.ts';
import type { Collected, CollectRequest, Source } from '../../domain/ports/source.ts';
import { readBeside } from '../../io/clients/cloud/beside.ts';
import { createChangeDesk, type ChangeDesk } from '../../io/clients/cloud/change-desk.ts';
import { createCloseUp, type CloseUp } from '../../io/clients/cloud/close-up.ts';
import { cloudSource } from '../../io/clients/cloud/source.ts';
import type { ReadFault } from '../../io/clients/http-reader.ts';
import { createSpend } from '../../io/clients/cloud/spend.ts';
import { createSweep, type Sweep } from '../../io/clients/cloud/sweep.ts';
import { checkAccess } from './access.ts';
import { createAlarms, type Alarms } from './alarms.ts';
import { lookAtDeliveries } from './changes/deliveries.ts';
import { gathered } from './changes/gather.ts';
import type { Memory } from './changes/rollouts.ts';
import { createTrail, type Trail, type TrailLook } from './changes/trail.ts';
import { servicesOf } from './discover.ts';
import { createLogsReader, type LogsReader } from './logs.ts';
import { lookAtEcs } from './look/ecs.ts';
import { lookAtLambda } from './look/lambda.ts';
import { resourceStates, stateSignals } from './look/signals.ts';
import { cloudWatch } from './metrics/service.ts';
import { createPush } from './push.ts';
import type { AwsConfig, CloudWatchQuery } from './schema.ts';
import { createTagReader, type TagReader } from './tagged.ts';
import { createTraces, type Traces } from './traces/xray.ts';
import { awsTraits } from './traits.ts';
import { cornersOf, watchedPlaces, type Corner } from './watched.ts';

// At the first look, changes of so long ago are read as well.
const firstMs = 2 * 3_600_000;

/** A live reader of accounts and regions. The SDK is imported with the first call. */
export function createAwsSource(id: string, config: AwsConfig, io: ReaderIo): Source {
  const reader = io.aws.reader({ ...config, source: id });
  const push = config.push && createPush(id, config.push.topics, io);
  const spend = createSpend(reader, config.dollarsPerDay);
  const eyes: Eyes = {
    ...{ id, config, reader, io, deliveredMs: undefined },
    ...{ desk: createChangeDesk(), memory: new Map() },
    closeUp: createCloseUp(config.closeUp),
    metrics: createSweep(id, config, spend),
    logs: createLogsReader(id, config, reader, { clock: io.clock, spend }),
    traces: createTraces(id, config, reader, { clock: io.clock, spend }),
    alarms: createAlarms(id, reader),
    trail: createTrail(id, reader, firstMs),
    ...{ tags: createTagReader(config, reader), unlisted: [] },
  };
  return cloudSource({
    ...{ id, kind: 'aws', traits: awsTraits, intervalMs: config.interval, reader },
    live: (request, signal) => live(eyes, request, signal),
    past: (request, signal) => past(eyes, request, signal),
    discover: (signal) => discovered(eyes, signal),
    ...(push !== undefined && { news: push.news, receive: push.receive }),
    check: (signal) => checkAccess(id, config, reader, signal),
  });
}

interface Eyes {
  readonly id: string;
  readonly config: AwsConfig;
  readonly reader: AwsReader;
  readonly io: ReaderIo;
  readonly desk: ChangeDesk;
  readonly memory: Memory;
  readonly closeUp: CloseUp;
  readonly metrics: Sweep<CloudWatchQuery, Corner>;
  readonly logs: LogsReader;
  readonly traces: Traces;
  readonly alarms: Alarms;
  readonly trail: Trail;
  readonly tags: TagReader;
  /** Why the last discovery is not the whole of it. */
  unlisted: readonly ReadFault[];
  /** From when on deliveries are listed. */
  deliveredMs: number | undefined;
}

async function discovered(eyes: Eyes, signal: AbortSignal): Promise<readonly Service[]> {
  const { id, config } = eyes;
  if (!config.discover) return [];
  const { found, faults } = await eyes.tags.look(signal);
  eyes.unlisted = faults;
  return servicesOf(id, config.tag, found);
}

async function live(eyes: Eyes, request: CollectRequest, signal: AbortSignal): Promise<Collected> {
  const { id, config, reader } = eyes;
  const nowMs = eyes.io.clock.nowMs();
  const corners = cornersOf(config);
  const watched = watchedPlaces(id, request.services);
  const service = cloudWatch(config, reader, watched);
  const measuring = readBeside(
    (close) => eyes.metrics.read(request, { nowMs, close, service }, signal),
    () => eyes.closeUp.at(nowMs, request.services),
    signal,
  );
  const [ecs, lambda, delivered, trailed, alarmed, read, traced] = await Promise.all([
    lookAtEcs(watched, reader, signal),
    lookAtLambda(watched, reader, signal),
    lookAtDeliveries(id, watched, reader, eyes.deliveredMs ?? nowMs - firstMs, signal),
    config.cloudtrail ? eyes.trail.look(corners, nowMs, signal) : none,
    config.alarms ? eyes.alarms.look(corners, watched, nowMs, signal) : { findings: [], gaps: [] },
    eyes.logs.read(request, watched, nowMs, signal),
    eyes.traces.read(request, watched, signal),
  ]);
  // Told anew for a while: what began before the last look may have been listed late.
  eyes.deliveredMs = nowMs - 15 * 60_000;
  const looks = { watched, ecs, lambda, delivered: delivered.changes, events: trailed.events };
  const changes = eyes.desk.take(gathered(id, looks, eyes.memory, nowMs), nowMs);
  eyes.closeUp.touch(changes);
  const measured = await measuring();
  const states = stateSignals(id, request.signals, ecs, nowMs);
  const unlisted = eyes.unlisted.map((fault) => ({
    ...{ source: id, signal: 'services', ...fault, fromMs: nowMs, untilMs: nowMs },
  }));
  const unread = [...lambda.faults, ...delivered.faults, ...ecs.faults].map(([{ service }, fault]) => ({
    ...{ source: id, service, signal: 'changes', ...fault, fromMs: nowMs, untilMs: nowMs },
  }));
  return {
    series: [...states.series, ...measured.series],
    logs: read.logs,
    spans: traced.spans ?? [],
    changes,
    resources: resourceStates(ecs, lambda, nowMs),
    findings: alarmed.findings,
    gaps: [
      ...[...states.gaps, ...measured.gaps, ...unread, ...unlisted, ...trailed.gaps],
      ...[...alarmed.gaps, ...read.gaps, ...traced.gaps],
    ],
  };
}

// Evidence for a diagnosis: somebody waits, so it is read whatever the sweep says, within the day's money.
async function past(eyes: Eyes, request: CollectRequest, signal: AbortSignal): Promise<Collected> {
  const { config, reader } = eyes;
  const nowMs = eyes.io.clock.nowMs();
  const watched = watchedPlaces(eyes.id, request.services);
  const close = new Set(request.services.map(({ name }) => name));
  const [measured, read, traced] = await Promise.all([
    eyes.metrics.read(request, { nowMs, close, service: cloudWatch(config, reader, watched) }, signal),
    eyes.logs.read(request, watched, nowMs, signal),
    eyes.traces.read(request, watched, signal),
  ]);
  return {
    ...{ series: measured.series, logs: read.logs, resources: [], findings: [] },
    spans: traced.spans ?? [],
    changes: eyes.desk.between(close, request.fromMs, request.untilMs),
    gaps: [...measured.gaps, ...read.gaps, ...traced.gaps],
  };
}

const none: TrailLook = { events: [], gaps: [] };

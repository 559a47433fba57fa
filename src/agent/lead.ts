import { hostname } from 'node:os';
import { join } from 'node:path';

import { WatchkeeperError } from '../lib/errors.ts';
import type { Issue } from '../lib/issues.ts';
import type { Channel } from '../domain/ports/channel.ts';
import type { Tenure } from '../domain/ports/leadership.ts';
import type { Source } from '../domain/ports/source.ts';
import type { Store } from '../domain/ports/store.ts';
import { actionKinds } from '../actions/index.ts';
import { channelKinds } from '../chat/index.ts';
import { makeOperatorIo, makeReaderIo, writeFiles, type Ambient, type Scrubber } from '../io/index.ts';
import {
  fileMirror,
  ledgerBegun,
  loadOrCreateKey,
  openLedger,
  type LedgerHandle,
  type NoteSigner,
} from '../ledger/index.ts';
import { sourceKinds } from '../sources/index.ts';
import { logAccess, logReaders } from './access/index.ts';
import { createAgent } from './agent.ts';
import { toResources } from './assemble.ts';
import { composeWatch, type Composed } from './compose.ts';
import type { Agent } from './facade.ts';
import { hear, takeInbound, type HearingOptions } from './hearing.ts';
import { guardedChannel, guardedIo, guardedLedger } from './leadership/index.ts';
import type { Config, Loaded, LoadOptions } from './load/index.ts';
import type { Metrics } from './metrics.ts';
import type { OpenOptions } from './daemon.ts';
import { createReloading } from './reloading.ts';
import { linkedChannel } from './linked-channel.ts';
import { scrubbedLedger } from './scrubbed-ledger.ts';
import { scrubbedAgent, scrubbedChannel } from './scrubbed-windows.ts';
import { startWatch, type Running } from './running.ts';

/** What the watch is opened from. */
export interface LeadParts {
  readonly options: OpenOptions;
  readonly load: LoadOptions;
  readonly outcome: { readonly value: Loaded; readonly digest: string };
  readonly ambient: Ambient;
  readonly scrubber: Scrubber;
  readonly metrics: Metrics;
  readonly store: Store;
  /** As given by `store.newEpoch()`. */
  readonly epoch: number;
  readonly tenure: Tenure;
}

/** Opens ledger, sources and channels over a store that is ours to write, and composes the watch. The agent is not started. */
export async function openWatch(parts: LeadParts): Promise<Agent> {
  const { options, load, outcome, ambient, scrubber, metrics, store, epoch, tenure } = parts;
  const { config } = outcome.value;
  const readerIo = makeReaderIo(ambient, config.sources);
  const sources = config.sources.map((source) =>
    opened<Source>(sourceKinds[source.kind]?.open(source.id, source.config, readerIo), source.id),
  );
  const channels = new Map(
    [...openChannels(config, options, readerIo)].map(([id, channel]) => [
      id,
      guardedChannel(scrubbedChannel(channel, scrubber), tenure),
    ]),
  );
  const key = await ledgerKey(config, options, () => ledgerBegun(store));
  const ledger = await openLedger({
    store,
    key,
    origin: key.name,
    clock: options.clock,
    random: options.random,
    epoch,
    mirror: fileMirror(writeFiles, witnessPath(config)),
  });
  const path = options.environment['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin';
  const composed = await composeWatch({
    ...ambient,
    store,
    ledger: guardedLedger(scrubbedLedger(ledger, scrubber), tenure),
    ledgerUnwell: () => ledger.unwell()?.message,
    epoch,
    tenure,
    operatorIo: guardedIo(makeOperatorIo(ambient, path, config.operators, config.sources), tenure),
    actions: actionKinds,
    sources,
    channels,
    settings: {
      ceiling: config.defaults.autonomy,
      ...config.limits,
      patienceMs: config.incidents.patienceMs,
      retention: config.retention,
    },
    incidentSettings: { graceMs: config.incidents.graceMs },
    signal: options.signal,
    metrics,
  });
  const escalations = () => composed.watch.resources().escalations;
  const hearing = (to: Agent): HearingOptions => ({
    ...ambient,
    escalations,
    agent: scrubbedAgent(to, scrubber),
    channels: () => channels,
    sources,
  });
  return scrubbedAgent(agentOf(options, ambient, composed, ledger, load, outcome, hearing), scrubber);
}

/** The newest checkpoint that this machine has seen, away from the store. */
export function witnessPath(config: Config): string {
  return join(config.dataDir, 'checkpoint.witness');
}

/** The key that signs checkpoints, under the name of the log; made on the first start, and never where a ledger has `begun`. */
export function ledgerKey(config: Config, options: OpenOptions, begun: () => Promise<boolean>): Promise<NoteSigner> {
  return loadOrCreateKey({
    files: writeFiles,
    random: options.random,
    path: config.ledger.keyFile ?? join(config.dataDir, 'ledger.key'),
    name: config.ledger.origin ?? `${hostname()}/watchkeeper`,
    begun,
    signal: options.signal,
  });
}

function agentOf(
  options: OpenOptions,
  ambient: Ambient,
  composed: Composed,
  ledger: LedgerHandle,
  load: LoadOptions,
  outcome: { readonly value: Loaded; readonly digest: string },
  hearing: (agent: Agent) => HearingOptions,
): Agent {
  const { watch } = composed;
  const { config, resources } = outcome.value;
  composed.use(toResources(resources.documents, config, outcome.digest, options.clock.nowMs()));
  const reloading = createReloading(composed, load, outcome.digest, outcome.value);
  let running: Running | undefined;
  let beside: Promise<unknown> = Promise.resolve();
  const stopping = new AbortController();
  const agent: Agent = createAgent({
    inbound: (channel, request) => takeInbound(hearing(agent), channel, request, stopping.signal),
    composed,
    ledger,
    files: writeFiles,
    version: options.version,
    startedAtMs: options.clock.nowMs(),
    resourceState: reloading.state,
    reload: () => reloading.check(options.signal),
    start: async () => {
      const atMs = options.clock.nowMs();
      await watch.ledger.record({
        drafts: [
          {
            type: 'daemon-started',
            actor: 'watchkeeper',
            atMs,
            subject: {},
            body: { version: options.version, epoch: watch.epoch },
          },
          {
            type: 'config-loaded',
            actor: 'watchkeeper',
            atMs,
            subject: {},
            body: { digest: outcome.digest, policies: watch.resources().policies.digest },
          },
        ],
      });
      running = await startWatch(composed);
      tellAccess(config, composed, ambient, stopping.signal);
      beside = Promise.all([reloading.run(stopping.signal), hear(hearing(agent), stopping.signal)]);
    },
    stop: async () => {
      stopping.abort(new WatchkeeperError('aborted', 'the daemon is stopping'));
      await beside;
      await running?.stop();
      await watch.ledger.record({
        drafts: [{ type: 'daemon-stopped', actor: 'watchkeeper', atMs: options.clock.nowMs(), subject: {}, body: {} }],
      });
      watch.operatorIo.ssh.close();
      await Promise.all([...watch.liveSources()].map((source) => source.close()));
      await ledger.close();
      await watch.store.close();
    },
  });
  return agent;
}

function openChannels(
  config: Config,
  options: OpenOptions,
  readerIo: ReturnType<typeof makeReaderIo>,
): ReadonlyMap<string, Channel> {
  const kinds = channelKinds(options.write);
  const always = ['log', 'terminal']
    .filter((id) => !config.channels.some((channel) => channel.id === id))
    .map((id) => ({ id, kind: id, config: {} }));
  return new Map(
    [...always, ...config.channels].map((channel) => [
      channel.id,
      linkedChannel(
        opened<Channel>(kinds[channel.kind]?.open(channel.id, channel.config, readerIo), channel.id),
        config.http.publicUrl,
      ),
    ]),
  );
}

function opened<T>(
  result:
    { readonly ok: true; readonly value: T } | { readonly ok: false; readonly issues: readonly Issue[] } | undefined,
  id: string,
): T {
  if (result?.ok) return result.value;
  throw new WatchkeeperError(
    'config-invalid',
    `${id}: ${result?.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ') ?? 'unknown kind'}`,
  );
}

function tellAccess(config: Config, { watch }: Composed, ambient: Ambient, signal: AbortSignal): void {
  const reader = makeReaderIo({ ...ambient, log: watch.log });
  const { runbooks } = watch.resources();
  const who = { runbooks, services: () => watch.catalog().services, actions: actionKinds };
  void logAccess(config.operators.kubernetes, reader.kubernetes, who, watch, signal);
  const clusters = config.sources.flatMap(({ id, kind, config: block }) => {
    const connection = sourceKinds[kind]?.connection(id, block);
    return connection === undefined ? [] : [{ connection, needs: sourceKinds[kind]?.access(block) ?? [] }];
  });
  void logReaders(clusters, reader.kubernetes, watch.log, signal);
}

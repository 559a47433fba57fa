import { hostname } from 'node:os';
import { join } from 'node:path';

import { WatchkeeperError } from '../lib/errors.ts';
import type { Issue } from '../lib/issues.ts';
import type { Channel } from '../domain/ports/channel.ts';
import type { Clock, Log, Random } from '../domain/ports/io.ts';
import type { Secrets } from '../domain/ports/secrets.ts';
import type { Source } from '../domain/ports/source.ts';
import { actionKinds } from '../actions/index.ts';
import { channelKinds } from '../chat/index.ts';
import {
  createScrubber,
  createSecrets,
  makeOperatorIo,
  makeReaderIo,
  readFiles,
  writeFiles,
  type Environment,
} from '../io/index.ts';
import { fileMirror, ledgerBegun, loadOrCreateKey, openLedger, type LedgerHandle } from '../ledger/index.ts';
import { sourceKinds } from '../sources/index.ts';
import { openSqliteStore } from '../store/index.ts';
import { logAccess } from './access/index.ts';
import { createAgent } from './agent.ts';
import { crossCheck, parsers, toResources } from './assemble.ts';
import { composeWatch, type Composed } from './compose.ts';
import type { Agent } from './facade.ts';
import { createMetrics } from './metrics.ts';
import { hear } from './hearing.ts';
import { loadAll, renderProblems, type Config, type Loaded, type LoadOptions, type ShippedKind } from './load/index.ts';
import { createReloading } from './reloading.ts';
import { scrubbedLedger } from './scrubbed-ledger.ts';
import { scrubbedAgent, scrubbedChannel } from './scrubbed-windows.ts';
import { startWatch, type Running } from './running.ts';

/** What the process hands in. Everything that touches the world comes from here, so that a test can hand in another. */
export interface OpenOptions {
  readonly configFile?: string;
  readonly folder: string;
  readonly dataDir: string;
  readonly environment: Environment;
  readonly shipped: Readonly<Record<ShippedKind, string>>;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly makeLog: (config: Config, scrub: ReturnType<typeof createScrubber>) => Log;
  /** Where the terminal channel writes. */
  readonly write: (text: string) => void;
  readonly signal: AbortSignal;
}

/** A daemon whose store is open and whose resources are checked; `agent.start` sets it going. */
export interface Daemon {
  readonly agent: Agent;
  readonly config: Config;
  readonly log: Log;
  readonly secrets: ReturnType<typeof createSecrets>;
  /** What the files had to say that is no error. */
  readonly notes: readonly string[];
}

/** How files are read and checked: the same for the daemon and for `check`. */
export function loadOptions(
  options: Pick<OpenOptions, 'configFile' | 'folder' | 'dataDir' | 'environment' | 'shipped' | 'signal'>,
): LoadOptions {
  return {
    config: {
      ...(options.configFile === undefined ? {} : { file: options.configFile }),
      folder: options.folder,
      defaultDataDir: options.dataDir,
      variables: options.environment,
      sourceKinds,
      channelKinds: channelKinds(() => undefined),
      files: readFiles,
      signal: options.signal,
    },
    parsers,
    crossCheck,
    shipped: options.shipped,
  };
}

/** Loads, opens and composes. @throws WatchkeeperError `config-invalid` with every problem; `conflict` when another daemon holds the store. */
export async function openDaemon(options: OpenOptions): Promise<Daemon> {
  const load = loadOptions(options);
  const outcome = await loadAll(load);
  if (!outcome.ok)
    throw new WatchkeeperError('config-invalid', renderProblems(outcome.problems), {
      fix: 'Correct the lines above; "watchkeeper check" reads them again.',
    });
  const { config } = outcome.value;
  const scrubber = createScrubber();
  const log = options.makeLog(config, scrubber);
  const secrets = createSecrets(readFiles, options.environment, scrubber);
  const ambient = { clock: options.clock, random: options.random, log, secrets };
  const readerIo = makeReaderIo(ambient);
  const sources = config.sources.map((source) =>
    opened<Source>(sourceKinds[source.kind]?.open(source.id, source.config, readerIo), source.id),
  );
  const channels = new Map(
    [...openChannels(config, options, readerIo)].map(([id, channel]) => [id, scrubbedChannel(channel, scrubber)]),
  );
  const store = await openSqliteStore({ path: join(config.dataDir, 'watchkeeper.db') });
  const epoch = await store.newEpoch();
  const origin = config.ledger.origin ?? `${hostname()}/watchkeeper`;
  const key = await loadOrCreateKey({
    files: writeFiles,
    random: options.random,
    path: config.ledger.keyFile ?? join(config.dataDir, 'ledger.key'),
    name: origin,
    begun: () => ledgerBegun(store),
    signal: options.signal,
  });
  const ledger = await openLedger({
    store,
    key,
    origin,
    clock: options.clock,
    random: options.random,
    epoch,
    mirror: fileMirror(writeFiles, join(config.dataDir, 'checkpoint.witness')),
  });
  const composed = await composeWatch({
    ...ambient,
    store,
    ledger: scrubbedLedger(ledger, scrubber),
    ledgerUnwell: () => ledger.unwell()?.message,
    epoch,
    operatorIo: makeOperatorIo(
      ambient,
      options.environment['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin',
      config.operators,
    ),
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
    metrics: createMetrics(),
  });
  composed.watch.metrics.info.set({ version: options.version }, 1);
  const escalations = () => composed.watch.resources().escalations;
  const listen = (to: Agent, signal: AbortSignal): Promise<void> =>
    hear({ ...ambient, escalations, agent: scrubbedAgent(to, scrubber), channels: () => channels }, signal);
  const agent = scrubbedAgent(agentOf(options, secrets, composed, ledger, load, outcome, listen), scrubber);
  return { agent, config, log, secrets, notes: outcome.notes };
}

function agentOf(
  options: OpenOptions,
  secrets: Secrets,
  composed: Composed,
  ledger: LedgerHandle,
  load: LoadOptions,
  outcome: { readonly value: Loaded; readonly digest: string },
  listen: (agent: Agent, signal: AbortSignal) => Promise<void>,
): Agent {
  const { watch } = composed;
  const { config, resources } = outcome.value;
  composed.use(toResources(resources.documents, config, outcome.digest, options.clock.nowMs()));
  const reloading = createReloading(composed, load, outcome.digest, outcome.value);
  let running: Running | undefined;
  let beside: Promise<unknown> = Promise.resolve();
  const stopping = new AbortController();
  const agent = createAgent({
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
      tellAccess(options, config, composed, secrets, stopping.signal);
      beside = Promise.all([reloading.run(stopping.signal), listen(agent, stopping.signal)]);
    },
    stop: async () => {
      stopping.abort(new WatchkeeperError('aborted', 'the daemon is stopping'));
      await beside;
      await running?.stop();
      await watch.ledger.record({
        drafts: [{ type: 'daemon-stopped', actor: 'watchkeeper', atMs: options.clock.nowMs(), subject: {}, body: {} }],
      });
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
      opened<Channel>(kinds[channel.kind]?.open(channel.id, channel.config, readerIo), channel.id),
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

// What discovery finds in the first minutes may need more than this: doctor and check say the same at any time.
function tellAccess(
  options: OpenOptions,
  config: Config,
  { watch }: Composed,
  secrets: Secrets,
  signal: AbortSignal,
): void {
  const { clock, random } = options;
  const reader = makeReaderIo({ clock, random, log: watch.log, secrets });
  const { runbooks } = watch.resources();
  const who = { runbooks, services: watch.catalog().services, actions: actionKinds, namespaces: [] };
  void logAccess(config.operators.kubernetes, reader.kubernetes, who, watch.log, signal);
}

import { createAgent } from '../../../src/agent/agent.ts';
import { crossCheck, parsers, toResources } from '../../../src/agent/assemble.ts';
import { composeWatch, type Composed, type WatchParts } from '../../../src/agent/compose.ts';
import type { Agent } from '../../../src/agent/facade.ts';
import { loadAll, renderProblems, type LoadOptions } from '../../../src/agent/load/index.ts';
import { createReloading } from '../../../src/agent/reloading.ts';
import { standingTenure } from '../../../src/agent/leadership/index.ts';
import { startWatch, type Running } from '../../../src/agent/running.ts';
import { scrubbedLedger } from '../../../src/agent/scrubbed-ledger.ts';
import { scrubbedAgent, scrubbedChannel } from '../../../src/agent/scrubbed-windows.ts';
import { actionKinds } from '../../../src/actions/index.ts';
import type { Channel } from '../../../src/domain/ports/channel.ts';
import type { Clock, OperatorIo, Random, ReaderIo, ReadFiles } from '../../../src/domain/ports/io.ts';
import type { Ledger } from '../../../src/domain/ports/ledger.ts';
import type { KubernetesOperators, KubernetesReaders } from '../../../src/domain/ports/kubernetes.ts';
import type { Source } from '../../../src/domain/ports/source.ts';
import type { SshOperators } from '../../../src/domain/ports/ssh.ts';
import type { Store } from '../../../src/domain/ports/store.ts';
import { createLog, type Scrubber } from '../../../src/io/index.ts';
import { openLedger, signerFromSeed, type LedgerHandle } from '../../../src/ledger/index.ts';
import type { PolicySet } from '../../../src/policy/index.ts';
import { kubernetesSource } from '../../../src/sources/kubernetes/index.ts';
// Read beforehand: while the first question imported it, a night of the virtual clock would be over.
import '../../../src/sources/kubernetes/source.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import type { SimHost } from './host.ts';
import { mortal, type Life } from './mortal.ts';
import { ramStore, type RamDisk } from './ram-store.ts';
import { noHosts } from '../no-hosts.ts';
import { noAws, noCloudHosts } from '../no-aws.ts';
import { noAzure } from '../no-azure.ts';
import { noGcp } from '../no-gcp.ts';

/** What a daemon stands on, and what outlives it. */
export interface Ground {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly disk: RamDisk;
  readonly host: SimHost;
  readonly kubernetes: KubernetesOperators;
  readonly fleet: SshOperators;
  readonly source: Source;
  /** Given where a cluster is read: what it is read by. */
  readonly clusters: KubernetesReaders | undefined;
  readonly channels: ReadonlyMap<string, Channel>;
  /** Configuration and resources, as files. */
  readonly files: ReadFiles;
  readonly scrubber: Scrubber;
  readonly writeLog: (line: string) => void;
  /** Sees every batch before it is recorded and every entry after. */
  readonly listen: (ledger: Ledger) => Ledger;
  /** Takes a guard away, to show that the laws notice. */
  readonly bend: (parts: WatchParts) => WatchParts;
  /** Told of every set of policies that comes into force. */
  readonly inForce: (policies: PolicySet) => void;
}

/** One process of the real daemon, composed of the real rooms over the simulated world. */
export interface SimDaemon {
  readonly life: Life;
  readonly composed: Composed;
  readonly agent: Agent;
  readonly ledger: LedgerHandle;
  readonly store: Store;
  /** Resolves when starting is over, which may need time to pass. */
  readonly started: Promise<void>;
  crash(): void;
}

const origin = 'world.example/watchkeeper';
const key = signerFromSeed(origin, Buffer.alloc(32, 9));
const accepting = { parse: (config: unknown) => ({ ok: true as const, value: config }) };
const storeCalls = [
  'get',
  'list',
  'commit',
  'newEpoch',
  'epoch',
  'ledgerSize',
  'ledgerEntries',
  'ledgerTile',
  'ledgerCheckpoint',
  'ledgerPayload',
  'ledgerPayloads',
  'erasePayload',
  'info',
  'close',
] as const;

/** How the daemon's files are read and checked: as in the real one, with one more kind of source and of channel. */
export function loadOptionsOf(files: ReadFiles, signal: AbortSignal): LoadOptions {
  return {
    config: {
      folder: '/etc/watchkeeper',
      defaultDataDir: '/var/lib/watchkeeper',
      variables: {},
      sourceKinds: { world: accepting, kubernetes: accepting, ssh: accepting },
      channelKinds: { people: accepting },
      files,
      signal,
    },
    parsers,
    crossCheck,
    shipped: { detectors: '/shipped/detectors', runbooks: '/shipped/runbooks', policies: '/shipped/policies' },
  };
}

function clusterSource(io: ReaderIo): Source {
  const parsed = kubernetesSource.config.parse({ usage: false });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return kubernetesSource.create('kubernetes', parsed.value, io);
}

/** Boots a daemon under a new epoch. What a real start refuses, this refuses too. */
export async function bootDaemon(ground: Ground): Promise<SimDaemon> {
  const { clock, random, disk, host, scrubber } = ground;
  const life: Life = { dead: false };
  const abort = new AbortController();
  const log = createLog('info', scrubber, { write: (line) => (life.dead ? undefined : ground.writeLog(line)) });
  const clockOfProcess = mortal<Clock>(clock, life, ['sleep']);
  const store = mortal(ramStore(disk), life, storeCalls);
  const epoch = await store.newEpoch();
  const ledger = await openLedger({ store, key, origin, clock: clockOfProcess, random, epoch });
  const load = loadOptionsOf(ground.files, abort.signal);
  const outcome = await loadAll(load);
  if (!outcome.ok) throw new Error(renderProblems(outcome.problems));
  const { config, resources } = outcome.value;
  const nowhere = { resolve: () => Promise.reject(new Error('no secrets here')) };
  const operatorIo: OperatorIo = {
    clock: clockOfProcess,
    random,
    log,
    secrets: nowhere,
    http: mortal(host.http, life, ['request']),
    files: mortal(host.files, life, ['read', 'list', 'stat', 'readlink', 'realpath', 'replaceSymlink', 'unlink']),
    exec: mortal(host.exec, life, ['run']),
    processes: mortal(host.processes, life, ['kill']),
    sockets: { connectUnix: () => Promise.reject(new Error('no sockets here')) },
    aws: noAws,
    azure: noAzure,
    gcp: noGcp,
    kubernetes: {
      operator: (name) =>
        mortal(ground.kubernetes.operator(name), life, ['get', 'list', 'patch', 'create', 'remove', 'may', 'rules']),
    },
    git: {
      repository: () => {
        throw new Error('no repositories here');
      },
    },
    ssh: { ...ground.fleet, operator: (name) => mortal(ground.fleet.operator(name), life, ['hosts', 'look', 'act']) },
  };
  const parts: WatchParts = {
    clock: clockOfProcess,
    random,
    log,
    store,
    ledger: ground.listen(scrubbedLedger(ledger, scrubber)),
    epoch,
    operatorIo,
    tenure: standingTenure(),
    actions: actionKinds,
    sources: [
      mortal(ground.source, life, ['collect']),
      ...(ground.clusters === undefined
        ? []
        : [
            mortal(
              clusterSource({
                ...operatorIo,
                kubernetes: ground.clusters,
                ssh: noHosts,
                aws: noAws,
                azure: noAzure,
                gcp: noGcp,
                cloudHosts: noCloudHosts,
              }),
              life,
              ['collect', 'discover'],
            ),
          ]),
    ],
    channels: new Map(
      [...ground.channels].map(([id, channel]) => [id, scrubbedChannel(mortal(channel, life, ['post']), scrubber)]),
    ),
    settings: { ceiling: config.defaults.autonomy, ...config.limits, patienceMs: config.incidents.patienceMs },
    incidentSettings: { graceMs: config.incidents.graceMs },
    signal: abort.signal,
  };
  const made = await composeWatch(ground.bend(parts));
  const composed: Composed = {
    ...made,
    use: (resources) => {
      ground.inForce(resources.policies);
      made.use(resources);
    },
  };
  const { watch } = composed;
  composed.use(toResources(resources.documents, config, outcome.digest, clock.nowMs()));
  const reloading = createReloading(composed, load, outcome.digest, outcome.value);
  let running: Running | undefined;
  const start = async (): Promise<void> => {
    await watch.ledger.record({
      drafts: [
        {
          type: 'daemon-started',
          actor: 'watchkeeper',
          atMs: clock.nowMs(),
          subject: {},
          body: { version: 'test', epoch },
        },
      ],
    });
    running = await startWatch(composed);
    void reloading.run(abort.signal);
  };
  const agent = scrubbedAgent(
    createAgent({
      composed,
      ledger,
      files: host.files,
      version: 'test',
      startedAtMs: clock.nowMs(),
      resourceState: reloading.state,
      reload: () => reloading.check(abort.signal),
      inbound: () => Promise.reject(new Error('no channel is called back here')),
      start,
      stop: async () => {
        await running?.stop();
        await ledger.close();
        abort.abort();
        life.dead = true;
      },
    }),
    scrubber,
  );
  return {
    life,
    composed,
    agent,
    ledger,
    store: ramStore(disk),
    started: agent.start(),
    crash: () => {
      life.dead = true;
    },
  };
}

import { WatchkeeperError } from '../lib/errors.ts';
import { channelKinds } from '../chat/index.ts';
import { createScrubber, createSecrets, readFiles, writeFiles, type Scrubber } from '../io/index.ts';
import { fileMirror } from '../ledger/index.ts';
import { sourceKinds } from '../sources/index.ts';
import { openPostgresStore, openSqliteStore, preparePostgres } from '../store/index.ts';
import { crossCheck, parsers, toResources } from './assemble.ts';
import type { Daemon, OpenOptions } from './daemon.ts';
import { ledgerKey, openWatch, witnessPath, type LeadParts } from './lead.ts';
import { standingTenure } from './leadership/index.ts';
import { loadAll, renderProblems, type LoadOptions } from './load/index.ts';
import { documentFeeds } from './document-feeds.ts';
import { createMetrics } from './metrics.ts';
import { createFollowing, createReplica, type Replica } from './replica/index.ts';
import { scrubbedAgent } from './scrubbed-windows.ts';
import { leadershipOf, postgresOptions, storePath } from './stores.ts';
import { tokenReviewer } from './token-reviewer.ts';

export type { Daemon, OpenOptions } from './daemon.ts';

/**
 * Loads, opens and composes; with a shared store, opens one replica of several, which composes the watch when it is
 * elected.
 *
 * @throws WatchkeeperError `config-invalid` with every problem; `conflict` when another daemon holds the store.
 */
export async function openDaemon(options: OpenOptions): Promise<Daemon> {
  const scrubber = createScrubber();
  const feeds = documentFeeds(options, scrubber);
  try {
    return await openWith(options, scrubber, { ...loadOptions(options), feed: feeds.of });
  } catch (thrown) {
    feeds.end();
    throw thrown;
  }
}

async function openWith(options: OpenOptions, scrubber: Scrubber, load: LoadOptions): Promise<Daemon> {
  const outcome = await loadAll(load);
  if (!outcome.ok)
    throw new WatchkeeperError('config-invalid', renderProblems(outcome.problems), {
      fix: 'Correct the lines above; "watchkeeper check" reads them again.',
    });
  const { config } = outcome.value;
  const log = options.makeLog(config, scrubber);
  const secrets = createSecrets(readFiles, options.environment, scrubber);
  const ambient = { clock: options.clock, random: options.random, log, secrets };
  const metrics = createMetrics();
  metrics.info.set({ version: options.version }, 1);
  const parts = { options, load, outcome, ambient, scrubber, metrics };
  const { kubernetes } = config.http;
  const reviewer = kubernetes && { reviewer: tokenReviewer(kubernetes, ambient) };
  const daemon = { config, log, secrets, notes: outcome.notes, ...reviewer };
  if (config.store.kind === 'postgres') return { ...daemon, ...(await openReplica(parts, config.store)) };
  const store = await openSqliteStore({ path: storePath(config.dataDir) });
  metrics.leader.set(1);
  const agent = await openWatch({ ...parts, store, epoch: await store.newEpoch(), tenure: standingTenure() });
  return { ...daemon, agent, over: new AbortController().signal };
}

type Opening = Omit<LeadParts, 'store' | 'epoch' | 'tenure'>;

async function openReplica(parts: Opening, written: Parameters<typeof postgresOptions>[0]): Promise<Replica> {
  const { options, outcome, ambient, metrics, scrubber } = parts;
  const { config, resources } = outcome.value;
  // Whose ledger is in the database is seen as soon as that is read, below.
  const key = await ledgerKey(config, options, () => Promise.resolve(false));
  const database = postgresOptions(written, ambient);
  const inForce = toResources(resources.documents, config, outcome.digest, options.clock.nowMs());
  const following = createFollowing({
    ...ambient,
    everyMs: config.leadership.retry,
    mirror: fileMirror(writeFiles, witnessPath(config)),
    open: async () => {
      await preparePostgres(database);
      return openPostgresStore({ ...database, readOnly: true });
    },
    looked: ({ identity }) => {
      if (identity !== undefined && !(identity.origin === key.name && identity.vkeys.includes(key.text)))
        throw new WatchkeeperError(
          'config-invalid',
          `the ledger in the database is of ${identity.origin}, signed by another key`,
          {
            fix: 'Give every replica the same ledger.origin and the same key in ledger.keyFile.',
          },
        );
      metrics.lastTick.set(options.clock.nowMs() / 1_000);
    },
  });
  const replica = createReplica({
    ...ambient,
    metrics,
    following,
    leadership: leadershipOf(config, written, ambient),
    files: writeFiles,
    version: options.version,
    startedAtMs: options.clock.nowMs(),
    ceiling: config.defaults.autonomy,
    resources: () => inForce,
    signal: options.signal,
    openWriter: () => openPostgresStore(database),
    lead: async (store, epoch, tenure) => {
      // What was edited while it followed; a set that is broken leaves the last good one, and the watch says so itself.
      const now = await loadAll(parts.load);
      const agent = await openWatch({ ...parts, outcome: now.ok ? now : outcome, store, epoch, tenure });
      if (!now.ok) await agent.reload();
      return agent;
    },
  });
  return { ...replica, agent: scrubbedAgent(replica.agent, scrubber) };
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

import { WatchkeeperError } from '../../lib/errors.ts';
import type { Parsed } from '../../lib/issues.ts';
import type { Clock, Log, Random, ReaderIo } from '../../domain/ports/io.ts';
import type { KubernetesConnection } from '../../domain/ports/kubernetes.ts';
import { channelKinds } from '../../chat/index.ts';
import {
  createScrubber,
  createSecrets,
  makeReaderIo,
  readFiles,
  type Ambient,
  type Environment,
} from '../../io/index.ts';
import { sourceKinds } from '../../sources/index.ts';
import { actionKinds } from '../../actions/index.ts';
import { accessText, operatorReport } from '../access/index.ts';
import { checkPostgres } from '../../store/index.ts';
import type { Config } from '../load/index.ts';
import type { Resources } from '../resources.ts';
import { postgresOptions } from '../stores.ts';
import { awsHandsReports } from './aws.ts';
import { azureRightsReports } from './azure.ts';
import { gcpRightsReports } from './gcp.ts';
import { handsReports } from './hands.ts';

/** How one connection fared. */
export interface ConnectionReport {
  readonly what: 'store' | 'source' | 'channel' | 'operator' | 'token';
  readonly id: string;
  readonly kind: string;
  readonly ok: boolean;
  /** What is wrong, or that it answers. */
  readonly message: string;
  readonly fix?: string;
}

/** What a look at connections needs of the world. */
export interface ConnectionIo {
  readonly environment: Environment;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}

interface Checked {
  check(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

const withinMs = 15_000;
const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};

/** The world as a command reaches it that says nothing of its own. */
export function quietAmbient(io: ConnectionIo): Ambient {
  const secrets = createSecrets(readFiles, io.environment, createScrubber());
  return { clock: io.clock, random: io.random, log: silent, secrets };
}

/**
 * Tries the database, every source, every channel, the hands' credentials and the file of every token once, all at the same
 * time. Sends nothing to people, and changes nothing.
 */
export async function checkConnections(
  config: Config,
  resources: Pick<Resources, 'runbooks' | 'services'>,
  io: ConnectionIo,
): Promise<readonly ConnectionReport[]> {
  const ambient = quietAmbient(io);
  const reader = makeReaderIo(ambient, config.sources);
  const kinds = channelKinds(() => undefined);
  const inAws = awsHandsReports(config, resources, ambient, io.signal, withinMs);
  const clouds = Promise.all([
    gcpRightsReports(config, resources, { ambient, reader }, io.signal, withinMs),
    azureRightsReports(config, resources, { ambient, reader }, io.signal, withinMs),
  ]);
  const hands = handsReports(config.operators.ssh, config.sources, ambient, io.signal, withinMs);
  const others = await Promise.all([
    ...storeReports(config, ambient),
    ...config.sources.map(({ id, kind, config: block }) =>
      tried({ what: 'source', id, kind }, () => sourceKinds[kind]?.open(id, block, reader), io),
    ),
    ...config.channels.map(({ id, kind, config: block }) =>
      tried({ what: 'channel', id, kind }, () => kinds[kind]?.open(id, block, reader), io),
    ),
    ...config.operators.kubernetes.map((connection) => operatorOf(connection, resources, reader, io)),
    ...config.http.tokens.map(({ name, secret }) => tokenReport(name, () => reader.secrets.resolve(secret, io.signal))),
  ]);
  return [...others, ...(await hands), ...(await inAws), ...(await clouds).flat()];
}

async function tried(
  about: Pick<ConnectionReport, 'what' | 'id' | 'kind'>,
  open: () => Parsed<Checked> | undefined,
  io: ConnectionIo,
): Promise<ConnectionReport> {
  const deadline = io.clock.deadline(withinMs, io.signal);
  let opened: Checked | undefined;
  try {
    const result = open();
    if (!result?.ok) throw new WatchkeeperError('config-invalid', result?.issues[0]?.message ?? 'unknown kind');
    opened = result.value;
    await opened.check(deadline.signal);
    return { ...about, ok: true, message: 'answers' };
  } catch (thrown) {
    return { ...about, ...failure(thrown) };
  } finally {
    deadline.cancel();
    await opened?.close();
  }
}

// What is too much is told and fails nothing: it is the platform team's to give.
async function operatorOf(
  connection: KubernetesConnection,
  { runbooks, services }: Pick<Resources, 'runbooks' | 'services'>,
  reader: ReaderIo,
  io: ConnectionIo,
): Promise<ConnectionReport> {
  const about = { what: 'operator', id: connection.cluster, kind: 'kubernetes' } as const;
  const deadline = io.clock.deadline(withinMs, io.signal);
  try {
    const who = { runbooks, services, actions: actionKinds, namespaces: [] };
    const report = await operatorReport(connection, reader.kubernetes, who, deadline.signal);
    const fix = '"watchkeeper permissions kubernetes" prints the Roles that are needed.';
    return {
      ...about,
      ok: report.missing.length === 0,
      message: accessText(report),
      ...(report.missing.length === 0 ? {} : { fix }),
    };
  } catch (thrown) {
    return { ...about, ...failure(thrown) };
  } finally {
    deadline.cancel();
  }
}

function storeReports({ store }: Config, ambient: Ambient): readonly Promise<ConnectionReport>[] {
  if (store.kind !== 'postgres') return [];
  const about = { what: 'store', id: store.schema, kind: store.kind } as const;
  const checking = checkPostgres(postgresOptions(store, ambient));
  return [
    checking.then(
      (version) => ({ ...about, ok: true, message: `PostgreSQL ${version}, a primary that syncs before it says yes` }),
      (thrown: unknown) => ({ ...about, ...failure(thrown) }),
    ),
  ];
}

async function tokenReport(name: string, resolve: () => Promise<string>): Promise<ConnectionReport> {
  const about = { what: 'token', id: name, kind: 'http.tokens' } as const;
  try {
    await resolve();
    return { ...about, ok: true, message: 'can be read' };
  } catch (thrown) {
    return { ...about, ...failure(thrown) };
  }
}

function failure(thrown: unknown): Pick<ConnectionReport, 'ok' | 'message' | 'fix'> {
  const { message, fix } = WatchkeeperError.from(thrown);
  return { ok: false, message, ...(fix === undefined ? {} : { fix }) };
}

import { sha256Hex } from '../../lib/canonical.ts';
import { loadConfig, type Config, type ShippedKind, type LoadConfigOptions, type LoadedConfig } from './config.ts';
import { fedDigest, settleFed } from './fed.ts';
import type { DocumentFeed, FedDocument, Verdict } from './feed.ts';
import type { Problem } from './problem.ts';
import { foundDigest, parseResources, type CrossCheck, type LoadResult, type Parsers } from './resources.ts';
import { inventoriesOf, mayHaveWindows } from '../systems.ts';
import { walk, type Found } from './walk.ts';

/** What the daemon runs on: its configuration and every resource, checked together. */
export interface Loaded {
  readonly config: Config;
  readonly resources: LoadResult;
}

/** A cross check that also knows the configuration: which sources and channels there are. */
export type ConfiguredCheck = (documents: Parameters<CrossCheck>[0], config: Config) => ReturnType<CrossCheck>;

/** How configuration and resources are loaded together. */
export interface LoadOptions {
  readonly config: LoadConfigOptions;
  readonly parsers: Parsers;
  /** Runs when every document is right by itself. */
  readonly crossCheck: ConfiguredCheck;
  /** Where the resources shipped with the product are; the configuration says which of them apply. */
  readonly shipped?: Readonly<Record<ShippedKind, string>>;
  /** Whether the tests beside shipped resources are read too, for those who run them. The daemon has no use for them. */
  readonly shippedTests?: boolean;
  /** Where documents come from beside files. Absent: only files are read, as in `check`. */
  readonly feed?: (config: Config) => DocumentFeed | undefined;
}

/** One look at the files: what names their content, and the work of checking it, done only when it is new. */
export interface Reading {
  readonly digest: string;
  check(): LoadOutcome;
}

/** One checked set with its digest, or every problem of every file. */
export type LoadOutcome =
  | { readonly ok: true; readonly value: Loaded; readonly digest: string; readonly notes: readonly string[] }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly digest: string };

/**
 * Reads watchkeeper.yaml, every file below its resource folders, and custom resources where they are configured.
 *
 * @throws WatchkeeperError `aborted`, and what the feed throws while it has not read anything yet.
 */
export async function readAll(options: LoadOptions): Promise<Reading> {
  const config = await loadConfig(options.config);
  const { files, signal } = options.config;
  const folders = config.ok ? [...shippedFolders(config.config, options), ...config.config.resources] : [];
  const found = config.ok ? await walk(folders, files, signal, needless(config.config, options)) : undefined;
  const feed = config.ok ? options.feed?.(config.config) : undefined;
  const fed = (await feed?.read(signal)) ?? [];
  const digest = sha256Hex(`${config.digest}${found ? foundDigest(found) : ''}${feed ? fedDigest(fed) : ''}`);
  return {
    digest,
    check: () => {
      const { outcome, verdicts } = checkAll(config, { ...(found ?? nothing), fed }, digest, options);
      feed?.judged(verdicts, outcome.ok);
      return outcome;
    },
  };
}

/** Reads and checks everything once, as at the start and in `watchkeeper check`. */
export async function loadAll(options: LoadOptions): Promise<LoadOutcome> {
  return (await readAll(options)).check();
}

function shippedFolders(config: Config, { shipped }: LoadOptions): readonly string[] {
  return shipped === undefined ? [] : config.inherit.map((kind) => shipped[kind]);
}

function standInFolders(config: Config, { shipped }: LoadOptions): readonly string[] {
  return shipped === undefined ? [] : config.standIns.map((kind) => shipped[kind]);
}

// What is shipped for a platform where nobody reads or acts could match nothing; reading it would only make every start slower.
function needless(config: Config, { shipped, shippedTests = false }: LoadOptions): (path: string) => boolean {
  const folders = Object.values(shipped ?? {});
  const reads = new Set(config.sources.map(({ kind }) => kind));
  const { kubernetes, aws, azure, gcp, ssh } = config.operators;
  const acts = {
    ...{ kubernetes: kubernetes.length > 0, aws: aws.length > 0, azure: azure.length > 0, gcp: gcp.length > 0 },
    ssh: ssh.length > 0,
  };
  const platforms = (['kubernetes', 'aws', 'azure', 'gcp', 'ssh'] as const).filter(
    (kind) => !reads.has(kind) && !acts[kind],
  );
  const absent = [...platforms, ...(mayHaveWindows(inventoriesOf(config)) ? [] : ['windows'])];
  const unread = new Set(folders.flatMap((folder) => absent.map((kind) => `${folder}/${kind}`)));
  const isTest = (path: string): boolean => /\.test\.ya?ml$/.test(path);
  return (path) =>
    unread.has(path) || (!shippedTests && isTest(path) && folders.some((folder) => path.startsWith(`${folder}/`)));
}

const nothing: Found = { files: [], problems: [], empty: [] };

function checkAll(
  config: LoadedConfig,
  found: Found & { readonly fed: readonly FedDocument[] },
  digest: string,
  options: LoadOptions,
): { readonly outcome: LoadOutcome; readonly verdicts: readonly Verdict[] } {
  if (!config.ok) return { outcome: { ok: false, problems: config.problems, digest }, verdicts: [] };
  const { result: resources, verdicts } = settleFed(found.fed, (more) =>
    parseResources(
      { ...found, files: [...found.files, ...more] },
      options.parsers,
      (documents) => options.crossCheck(documents, config.config),
      shippedFolders(config.config, options),
      standInFolders(config.config, options),
    ),
  );
  if (resources.problems.length > 0) return { outcome: { ok: false, problems: resources.problems, digest }, verdicts };
  const unread = config.config.customResources !== undefined && options.feed === undefined ? [notRead] : [];
  const notes = [...config.notes, ...resources.notes, ...unread];
  return { outcome: { ok: true, value: { config: config.config, resources }, digest, notes }, verdicts };
}

const notRead =
  'custom resources (resources.kubernetes) are not read here; their status says what the daemon makes of them';

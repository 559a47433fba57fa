import { dirname, resolve } from 'node:path';

import { sha256Hex } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { Issue, Parsed } from '../../lib/issues.ts';
import type { JsonObject } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import { nearest } from '../../lib/suggest.ts';
import type { ReadFiles } from '../../domain/ports/io.ts';
import type { SshHands } from '../../io/clients/ssh/operators.ts';
import { overlay, type Overlaid, type Variables } from './config-env.ts';
import { configSchema, type ApiToken, type ListenAddress, type WrittenConfig } from './config-schema.ts';
import { handsIssues, handsOf, inventoryIssues } from './hands.ts';
import { waysInIssues, type HttpWays } from './http-schema.ts';
import type { Problem } from './problem.ts';
import { placeLeadership, placeStore, replicaIssues } from './store-config.ts';
import { decode, fileProblem } from './source-text.ts';
import { parseYaml, type YamlDocument } from './yaml.ts';

/** What is shipped with the product, by folder. */
export type ShippedKind = 'detectors' | 'runbooks' | 'policies';

/** One source or channel to make. `config` is its block less `id` and `kind`, already checked by its kind. */
export interface AdapterConfig {
  readonly id: string;
  readonly kind: string;
  readonly config: JsonObject;
}

/** watchkeeper.yaml with the environment laid over it: complete, checked, paths absolute. */
export interface Config {
  readonly dataDir: string;
  /** Paths in it are absolute. */
  readonly store: WrittenConfig['store'];
  readonly leadership: WrittenConfig['leadership'];
  /** Every folder or file resources are loaded from. */
  readonly resources: readonly string[];
  /** Custom resources that are documents, too. */
  readonly customResources?: NonNullable<WrittenConfig['resources']['kubernetes']>;
  /** Which shipped resources apply beside them. */
  readonly inherit: readonly ShippedKind[];
  /** Those of them that stand in only while nobody has written a document of that kind, wherever it is kept. */
  readonly standIns: readonly ShippedKind[];
  readonly sources: readonly AdapterConfig[];
  /** Where the hands have credentials of their own. */
  readonly operators: Omit<WrittenConfig['operators'], 'ssh'> & { readonly ssh: readonly SshHands[] };
  readonly channels: readonly AdapterConfig[];
  readonly http: HttpWays & { readonly listen: ListenAddress; readonly tokens: readonly ApiToken[] };
  readonly defaults: WrittenConfig['defaults'];
  readonly ledger: WrittenConfig['ledger'];
  readonly log: WrittenConfig['log'];
  readonly reloadEveryMs: number;
  readonly incidents: { readonly graceMs: number; readonly patienceMs: number };
  readonly limits: { readonly diagnosisDeadlineMs: number; readonly planTtlMs: number };
  readonly retention: { readonly historyMs: number; readonly rows: number };
}

/** Checks the block of one adapter, less `id` and `kind`. Issue paths start at the block. */
export type AdapterKinds = Readonly<Record<string, { parse(config: JsonObject): Parsed<unknown> }>>;

/** Where watchkeeper.yaml is looked for, and what it is checked against. */
export interface LoadConfigOptions {
  /** The file that was asked for: it must exist. Without it, `watchkeeper.yaml` in `folder` is read if there is one. */
  readonly file?: string;
  /** The working folder; relative paths start at the file's own folder, or here without a file. */
  readonly folder: string;
  readonly defaultDataDir: string;
  readonly variables: Variables;
  readonly sourceKinds: AdapterKinds;
  readonly channelKinds: AdapterKinds;
  readonly files: ReadFiles;
  readonly signal: AbortSignal;
}

/** The configuration, or every problem in it. */
export type LoadedConfig =
  | {
      readonly ok: true;
      readonly config: Config;
      /** Absent: there was no file, and defaults apply. */
      readonly file?: string;
      readonly digest: string;
      readonly notes: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly digest: string };

/**
 * Loads watchkeeper.yaml. No file at all means full defaults: this host, `suggest`, loopback.
 *
 * @throws WatchkeeperError only `aborted`.
 */
export async function loadConfig(options: LoadConfigOptions): Promise<LoadedConfig> {
  const read = await readConfigFile(options);
  const digest = sha256Hex(`${read.file ?? ''}\0${read.bytes === undefined ? '' : sha256Hex(read.bytes)}`);
  if (read.problems.length > 0) return { ok: false, problems: read.problems, digest };
  const laid = overlay(read.document?.value ?? {}, options.variables);
  const place = placer(read.document, laid, read.file ?? 'watchkeeper.yaml');
  const parsed = configSchema.parse(laid.value);
  const issues = parsed.ok ? crossIssues(parsed.value, options) : parsed.issues.map(aboutSecrets);
  const problems = [...laid.problems, ...issues.map(place)];
  if (!parsed.ok || problems.length > 0) return { ok: false, problems, digest };
  const base = read.file === undefined ? options.folder : dirname(resolve(options.folder, read.file));
  const config = complete(parsed.value, base, options.defaultDataDir);
  return { ok: true, config, digest, notes: laid.notes, ...(read.file !== undefined && { file: read.file }) };
}

interface ReadConfig {
  readonly file?: string;
  readonly bytes?: Uint8Array;
  readonly document?: YamlDocument;
  readonly problems: readonly Problem[];
}

async function readConfigFile({ file, folder, files, signal }: LoadConfigOptions): Promise<ReadConfig> {
  const path = resolve(folder, file ?? 'watchkeeper.yaml');
  let bytes: Uint8Array;
  try {
    bytes = await files.read(path, limits.resourceFileBytes, signal);
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    if (error.code === 'aborted') throw error;
    if (error.code === 'not-found' && file === undefined) return { problems: [] };
    const message = error.code === 'not-found' ? 'there is no such file' : error.message;
    return { file: path, problems: [fileProblem(path, message)] };
  }
  const source = decode(path, bytes);
  if (!('text' in source)) return { file: path, bytes, problems: [source] };
  const { documents, problems } = parseYaml(source);
  const [document, second] = documents;
  if (second)
    return { file: path, bytes, problems: [second.locate({ path: [], message: 'only one document belongs here' })] };
  return { file: path, bytes, problems, ...(document && { document }) };
}

// An issue is placed in the file, or at the variable that the faulty setting came from.
function placer(document: YamlDocument | undefined, laid: Overlaid, file: string): (issue: Issue) => Problem {
  return (issue) => {
    const from = laid.from.find((setting) => setting.path.every((part, i) => issue.path[i] === part));
    if (!from && document) return document.locate(issue);
    const { message, suggestion } = issue;
    return {
      ...fileProblem(from ? `$${from.variable}` : file, message),
      ...(suggestion !== undefined && { suggestion }),
    };
  };
}

function aboutSecrets(issue: Issue): Issue {
  const key = String(issue.path.at(-1));
  if (issue.atKey !== true || !/^(token|secret|password|value|key|bearer)$/i.test(key)) return issue;
  const { path } = issue;
  return { path, atKey: true, message: `a secret is never written into the file; give it by file: /path or env: NAME` };
}

function crossIssues(written: WrittenConfig, options: LoadConfigOptions): readonly Issue[] {
  const { listen, tokens } = written.http;
  const issues = [
    ...adapterIssues('sources', written.sources, options.sourceKinds),
    ...adapterIssues('channels', written.channels, options.channelKinds),
  ];
  issues.push(...replicaIssues(written), ...handsIssues(written), ...inventoryIssues(written));
  issues.push(...waysInIssues(written.http, !isLoopback(listen.host)));
  for (const [i, token] of tokens.entries())
    if (tokens.findIndex((other) => other.name === token.name) < i)
      issues.push({ path: ['http', 'tokens', i, 'name'], message: `there are two tokens named ${token.name}` });
  return issues;
}

function adapterIssues(list: string, written: WrittenConfig['sources'], kinds: AdapterKinds): Issue[] {
  return written.flatMap(({ id, kind, ...config }, i): readonly Issue[] => {
    const path = [list, i];
    if (written.findIndex((other) => other.id === id) < i)
      return [{ path: [...path, 'id'], message: `there are two ${list} with the id "${id}"` }];
    const known = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    if (!known) {
      const suggestion = nearest(kind, Object.keys(kinds));
      const message = `unknown kind "${kind}"; the kinds are ${Object.keys(kinds).join(', ')}`;
      return [{ path: [...path, 'kind'], message, ...(suggestion !== undefined && { suggestion }) }];
    }
    const parsed = known.parse(config as JsonObject);
    return parsed.ok ? [] : parsed.issues.map((issue) => aboutSecrets({ ...issue, path: [...path, ...issue.path] }));
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function complete(written: WrittenConfig, base: string, defaultDataDir: string): Config {
  const adapter = ({ id, kind, ...config }: Readonly<Record<string, unknown>>): AdapterConfig => ({
    id: String(id),
    kind: String(kind),
    config: config as JsonObject,
  });
  const { ledger, limits: bounds } = written;
  const { inherit, kubernetes, ...folders } = written.resources;
  return {
    dataDir: resolve(base, written.dataDir ?? defaultDataDir),
    store: placeStore(written.store, base),
    leadership: placeLeadership(written.leadership, base),
    resources: [...new Set(Object.values(folders).flat())].map((path) => resolve(base, path)),
    ...(kubernetes !== undefined && { customResources: placed(kubernetes, base) }),
    inherit:
      inherit ?? (folders.policies === undefined ? ['detectors', 'runbooks', 'policies'] : ['detectors', 'runbooks']),
    standIns: inherit === undefined ? ['policies'] : [],
    sources: written.sources.map(adapter),
    operators: {
      kubernetes: written.operators.kubernetes.map((cluster) => placed(cluster, base)),
      aws: written.operators.aws,
      azure: written.operators.azure,
      gcp: written.operators.gcp,
      git: written.operators.git,
      ssh: handsOf(written),
    },
    channels: written.channels.map(adapter),
    http: {
      ...written.http,
      ...(written.http.kubernetes !== undefined && { kubernetes: placed(written.http.kubernetes, base) }),
    },
    defaults: written.defaults,
    ledger: { ...ledger, ...(ledger.keyFile !== undefined && { keyFile: resolve(base, ledger.keyFile) }) },
    log: written.log,
    reloadEveryMs: written.reload.every,
    incidents: { graceMs: written.incidents.grace, patienceMs: written.incidents.patience },
    limits: { diagnosisDeadlineMs: bounds.diagnosisDeadline, planTtlMs: bounds.planTtl },
    retention: { historyMs: written.retention.history, rows: written.retention.rows },
  };
}

function placed<T extends { readonly kubeconfig?: string }>(connection: T, base: string): T {
  const { kubeconfig } = connection;
  return kubeconfig === undefined ? connection : { ...connection, kubeconfig: resolve(base, kubeconfig) };
}

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { parse, parseAllDocuments } from 'yaml';

import type { IncidentView } from '../../../src/agent/index.ts';
import type { Json, JsonObject } from '../../../src/lib/json.ts';
import { runProgram } from '../peers/kubernetes/kubectl.ts';
import { startCluster, type AuditEvent, type Cluster } from '../peers/kubernetes/cluster.ts';
import { until } from '../peers/peers.ts';
import { makeHome, startDaemon, type DaemonProcess, type Home } from './daemon.ts';
import { document } from './shop.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const space = 'watchkeeper';
const pod = 'wk-watchkeeper';
const hand = `${pod}-operator`;

/** A cluster with the daemon in it as the manuals say: installed by the chart, with the printed Roles for its hand, and a policy. */
export interface Operated {
  readonly cluster: Cluster;
  readonly home: Home;
  readonly daemon: DaemonProcess;
  /** The command line as people use it, beside the daemon. @throws with what it said when its exit code is not 0. */
  cli(...argv: readonly string[]): Promise<string>;
  /** The Roles that `watchkeeper permissions kubernetes` prints for the namespace `shop`, as YAML. */
  roles(): Promise<string>;
  /** Waits for what becomes of the newest incident of a service. */
  becomes(service: string, what: string, is: (view: IncidentView) => boolean, withinMs?: number): Promise<IncidentView>;
  /** What the pod's own ServiceAccount, or the hand's, asked the API server, by the server's audit log. */
  asked(who: 'pod' | 'hand'): readonly AuditEvent[];
  /** What the hand asked of one object, less what changes nothing: reads and dry runs. */
  writesTo(resource: string, name: string): readonly AuditEvent[];
  /** A kubeconfig with the pod's own credentials. */
  readonly podKubeconfig: string;
  stop(): Promise<void>;
}

/** What may be otherwise than in every cluster of the tests. */
export interface OperateOptions {
  /** Nodes that are played. Default 2. */
  readonly nodes?: number;
  /** The chart's values beside those of the hand. */
  readonly values?: JsonObject;
  /** Runbooks beside those that are shipped, by name. */
  readonly runbooks?: Readonly<Record<string, JsonObject>>;
}

/**
 * Starts all of it. `prepare` fills the cluster before the daemon looks: what was written a moment ago is somebody's work in
 * progress. Everything shipped is in force, with its waits cut: see `quick`.
 */
export async function operate(
  policy: JsonObject,
  prepare: (cluster: Cluster) => Promise<void>,
  options: OperateOptions = {},
): Promise<Operated> {
  const cluster = await startCluster({
    nodes: options.nodes ?? 2,
    audit: true,
    // Nobody renews the nodes' leases.
    controllerManagerFlags: ['--node-monitor-grace-period=12h'],
  });
  const home = makeHome();
  try {
    await cluster.namespace('shop', { 'watchkeeper.dev/watch': 'true' });
    await prepare(cluster);
    const podKubeconfig = await cluster.serviceAccount(space, pod);
    const cli: Operated['cli'] = (...argv) => watchkeeper(home, argv);
    const printed = (...argv: readonly string[]): Promise<string> =>
      cli('permissions', 'kubernetes', '--namespace', 'shop', '--account', `${space}/${hand}`, ...argv);
    writeDocuments(home, policy, options.runbooks ?? {});
    const { cluster: everywhere, namespaces } = JSON.parse(await printed('--output', 'json')) as JsonObject;
    const permissions = { cluster: everywhere ?? [], namespaces: namespaces ?? [] };
    const rendered = await renderChart(home, { ...options.values, operator: { enabled: true, permissions } });
    await cluster.apply(rendered.rights);
    writeConfig(home, rendered.config, podKubeconfig);
    const daemon = await startDaemon(home);
    const asked: Operated['asked'] = (who) => asksOf(cluster, who === 'pod' ? pod : hand);
    return {
      ...{ cluster, home, daemon, cli, asked, podKubeconfig },
      roles: () => printed(),
      becomes: (service, what, is, withinMs) => becomes(daemon, service, what, is, withinMs),
      writesTo: (resource, name) =>
        asked('hand').filter(
          (event) => event.objectRef?.resource === resource && event.objectRef.name === name && isWrite(event),
        ),
      stop: async () => {
        await daemon.stop();
        await cluster.stop();
        home.remove();
      },
    };
  } catch (thrown) {
    await cluster.stop();
    home.remove();
    throw thrown;
  }
}

function writeDocuments(home: Home, policy: JsonObject, runbooks: Readonly<Record<string, JsonObject>>): void {
  home.write('watchkeeper.yaml', { sources: [], resources });
  home.write('policies/shop.yaml', document('Policy', 'shop', policy));
  for (const kind of ['detectors', 'runbooks'])
    for (const file of readdirSync(path.join(root, kind), { recursive: true, encoding: 'utf8' }))
      if (/^(kubernetes\/|oom).*(?<!\.test)\.yaml$/.test(file))
        home.write(path.join(kind, file), quick(readFileSync(path.join(root, kind, file), 'utf8')));
  for (const [name, spec] of Object.entries(runbooks))
    home.write(`runbooks/${name}.yaml`, document('Runbook', name, spec));
}

const resources = { detectors: 'detectors', runbooks: 'runbooks', policies: 'policies' };

// The source and the hand as the chart writes them. What a pod finds by itself is given: there is no kubelet to run one.
function writeConfig(home: Home, written: JsonObject, kubeconfig: string): void {
  const sources = (written['sources'] as readonly JsonObject[]).map((one) => ({ ...one, kubeconfig, interval: '1s' }));
  const { kubernetes } = written['operators'] as { readonly kubernetes: readonly JsonObject[] };
  home.write('watchkeeper.yaml', {
    ...{ sources, resources },
    operators: { kubernetes: kubernetes.map((one) => ({ ...one, kubeconfig })) },
    defaults: { autonomy: 'act' },
    incidents: { grace: '1s', patience: '2s' },
    reload: { every: '1s' },
  });
}

// The chart, rendered by Helm: what it writes into watchkeeper.yaml, and every right that it gives.
async function renderChart(
  home: Home,
  values: JsonObject,
): Promise<{ readonly config: JsonObject; readonly rights: Json }> {
  const file = home.write('values.yaml', { ...values, customResources: { enabled: false }, crds: { install: false } });
  const chart = path.join(root, 'deploy/helm/watchkeeper');
  const text = await runProgram('helm', ['template', 'wk', chart, '--namespace', space, '--values', file]);
  const manifests = parseAllDocuments(text)
    .map((one) => one.toJS() as Manifest | null)
    .filter((one) => one !== null);
  const written = manifests.flatMap(({ data }) => data?.['watchkeeper.yaml'] ?? []);
  return {
    config: parse(written[0] ?? '') as JsonObject,
    rights: manifests.filter(({ kind }) => /^(ServiceAccount|(Cluster)?Role(Binding)?)$/.test(kind)) as unknown as Json,
  };
}

interface Manifest {
  readonly kind: string;
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * A shipped document with its waits cut, so that a suite need not sit them out: how long a finding must hold and be gone, and
 * how long a verification looks. Nothing else of it is another; one of the same name replaces the shipped one.
 */
export function quick(shipped: string): string {
  return shipped
    .replace(/^ {2}(hold|clear): .*$/gm, '  $1: 1s')
    .replace(/(when: positive, within: )\d+m/, '$15s')
    .replace(/(, within: )\d+[mh]/g, '$120s')
    .replace(/(, for: )\d+m/g, '$12s')
    .replace(/^( {6}timeout: )\d+m$/gm, '$120s')
    .replace(/(timeout: \{ type: duration, default: )\d+m/g, '$120s');
}

async function watchkeeper(home: Home, argv: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [path.join(root, 'dist/main.js'), ...argv], {
    cwd: home.folder,
    env: { PATH: process.env['PATH'], HOME: home.folder, WATCHKEEPER_DATA_DIR: home.dataDir },
    timeout: 30_000,
  });
  return stdout;
}

async function becomes(
  daemon: DaemonProcess,
  service: string,
  what: string,
  is: (view: IncidentView) => boolean,
  withinMs = 60_000,
): Promise<IncidentView> {
  let seen: IncidentView | undefined;
  await until(
    `${service}: ${what}`,
    async () => {
      const found = (await daemon.incidents()).find((one) => one.services.includes(service));
      seen = found === undefined ? undefined : await daemon.incident(found.id);
      return seen !== undefined && is(seen);
    },
    withinMs,
  ).catch((thrown: unknown) => {
    throw new Error(`${String(thrown)}\n${JSON.stringify(told(seen), undefined, 2)}`, { cause: thrown });
  });
  if (seen === undefined) throw new Error(`there is no incident of ${service}`);
  return seen;
}

// What a person would look at first when it came out otherwise.
function told(view: IncidentView | undefined): Json {
  if (view === undefined) return 'no incident';
  return {
    status: view.incident.status,
    timeline: view.incident.timeline.map(({ text }) => text),
    standing: view.file?.standing ?? '',
    diagnosis: view.file?.diagnosis?.summary ?? '',
    matches: (view.file?.matches ?? []).map(({ runbook, because }) => `${runbook}: ${because}`),
  };
}

function asksOf(cluster: Cluster, account: string): readonly AuditEvent[] {
  return cluster.audit().filter(({ user }) => user.username === `system:serviceaccount:${space}:${account}`);
}

function isWrite({ verb, requestURI, responseStatus }: AuditEvent): boolean {
  const done = (responseStatus?.code ?? 0) < 300;
  return done && !['get', 'list', 'watch'].includes(verb) && !requestURI.includes('dryRun=');
}

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import type { IncidentView } from '../../../src/agent/index.ts';
import type { Json, JsonObject } from '../../../src/lib/json.ts';
import { runProgram } from '../peers/kubernetes/kubectl.ts';
import { startCluster, type AuditEvent, type Cluster } from '../peers/kubernetes/cluster.ts';
import { until } from '../peers/peers.ts';
import { makeHome, startDaemon, type DaemonProcess, type Home } from './daemon.ts';
import { document } from './shop.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const space = 'watchkeeper';
const hand = 'watchkeeper-operator';

/** A cluster with the daemon in it as the manuals say: the chart's reader, the printed Roles for its hand, a policy. */
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
  /** What the hand asked the API server of one object, by the server's audit log. */
  asksOf(resource: string, name: string): readonly AuditEvent[];
  /** The same, less what changes nothing: reads and dry runs. */
  writesTo(resource: string, name: string): readonly AuditEvent[];
  stop(): Promise<void>;
}

/**
 * Starts all of it. `prepare` fills the cluster before the daemon looks: what was written a moment ago is somebody's work in
 * progress. Everything shipped is in force, with its waits cut: see `quick`.
 */
export async function operate(policy: JsonObject, prepare: (cluster: Cluster) => Promise<void>): Promise<Operated> {
  const cluster = await startCluster({
    nodes: 2,
    audit: true,
    // Nobody renews the nodes' leases.
    controllerManagerFlags: ['--node-monitor-grace-period=12h'],
  });
  const home = makeHome();
  try {
    await cluster.namespace('shop', { 'watchkeeper.dev/watch': 'true' });
    await prepare(cluster);
    const kubeconfig = await cluster.serviceAccount(space, 'wk-watchkeeper');
    const operator = await cluster.serviceAccount(space, hand);
    await cluster.apply(await readerRoles());
    writeHome(home, { kubeconfig, operator }, policy);
    const cli: Operated['cli'] = (...argv) => watchkeeper(home, argv);
    const roles = (): Promise<string> =>
      cli('permissions', 'kubernetes', '--namespace', 'shop', '--account', `${space}/${hand}`);
    await cluster.apply(await roles());
    const daemon = await startDaemon(home);
    return {
      ...{ cluster, home, daemon, cli, roles },
      becomes: (service, what, is, withinMs) => becomes(daemon, service, what, is, withinMs),
      asksOf: (resource, name) => asksOf(cluster, resource, name),
      writesTo: (resource, name) => asksOf(cluster, resource, name).filter(isWrite),
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

function writeHome(
  home: Home,
  { kubeconfig, operator }: { readonly kubeconfig: string; readonly operator: string },
  policy: JsonObject,
): void {
  home.write('watchkeeper.yaml', {
    sources: [{ kind: 'kubernetes', id: 'kubernetes', kubeconfig, interval: '1s' }],
    operators: { kubernetes: [{ cluster: 'kubernetes', kubeconfig: operator }] },
    resources: { detectors: 'detectors', runbooks: 'runbooks', policies: 'policies' },
    defaults: { autonomy: 'act' },
    incidents: { grace: '1s', patience: '2s' },
    reload: { every: '1s' },
  });
  home.write('policies/shop.yaml', document('Policy', 'shop', policy));
  for (const kind of ['detectors', 'runbooks'])
    for (const file of readdirSync(path.join(root, kind), { recursive: true, encoding: 'utf8' }))
      if (/^(kubernetes\/|oom).*(?<!\.test)\.yaml$/.test(file))
        home.write(path.join(kind, file), quick(readFileSync(path.join(root, kind, file), 'utf8')));
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

// The chart's own rights for reading, rendered by Helm.
function readerRoles(): Promise<string> {
  const chart = path.join(root, 'deploy/helm/watchkeeper');
  return runProgram('helm', [
    ...['template', 'wk', chart, '--namespace', space],
    ...['--show-only', 'templates/rbac-reader.yaml'],
  ]);
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

function asksOf(cluster: Cluster, resource: string, name: string): readonly AuditEvent[] {
  const username = `system:serviceaccount:${space}:${hand}`;
  return cluster
    .audit()
    .filter(
      ({ user, objectRef }) =>
        user.username === username && objectRef?.resource === resource && objectRef.name === name,
    );
}

function isWrite({ verb, requestURI, responseStatus }: AuditEvent): boolean {
  const done = (responseStatus?.code ?? 0) < 300;
  return done && !['get', 'list', 'watch'].includes(verb) && !requestURI.includes('dryRun=');
}

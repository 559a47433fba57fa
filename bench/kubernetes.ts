/**
 * What it costs to watch a cluster: `node bench/kubernetes.ts [workloads] [pods] [seconds]` (after `npm run build`). A
 * daemon (`dist/main.js`) watches an API server that this program plays over HTTP: lists by page and watches, as JSON on
 * the wire, of Deployments with ReplicaSets and pods of a realistic size; one pod in two hundred changes each second. It is
 * not a real API server: what that one costs is not measured here, nor is TLS.
 *
 * Printed: from the start of the process until every workload is a service whose availability is known; from a pod's
 * event on the wire until its finding is an alert in the API (polled every 20 ms); resident memory at its highest. Bars
 * for 500 workloads and 5,000 pods: ready within 15 s, p99 at most 1 s, 350 MB.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { report } from './report.ts';

const [workloads = 500, pods = 5_000, seconds = 60] = process.argv.slice(2).map(Number);
const main = path.resolve(import.meta.dirname, '../dist/main.js');
const perWorkload = Math.max(1, Math.round(pods / workloads));
const probes = 100;

type Entity = { metadata: { name: string; namespace: string; resourceVersion: string } } & Record<string, unknown>;

const collections = new Map<string, Map<string, Entity>>();
const watchers = new Map<string, Set<ServerResponse>>();
let version = 1_000;

function put(plural: string, object: Entity, type = 'MODIFIED'): void {
  object.metadata.resourceVersion = String(++version);
  const known = collections.get(plural) ?? new Map<string, Entity>();
  collections.set(plural, known.set(`${object.metadata.namespace}/${object.metadata.name}`, object));
  const line = `${JSON.stringify({ type, object })}\n`;
  for (const response of watchers.get(plural) ?? []) response.write(line);
}

function deployment(index: number): void {
  const name = `app-${index}`;
  const template = {
    metadata: { labels: { app: name } },
    spec: {
      containers: [
        {
          name: 'main',
          image: `registry.example.com/shop/${name}:v1.2.${index}`,
          env: Array.from({ length: 20 }, (_, at) => ({ name: `SETTING_${at}`, value: `value ${at} of ${name}` })),
          resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
          readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 10 },
        },
      ],
    },
  };
  const metadata = (suffix: string, more: object) => ({
    ...{ name: `${name}${suffix}`, namespace: 'shop', resourceVersion: '', creationTimestamp: '2026-01-01T00:00:00Z' },
    ...{ generation: 1, managedFields: [{ manager: 'helm', operation: 'Update', fieldsV1: filler }], ...more },
  });
  put('deployments', {
    metadata: metadata('', { uid: `d-${index}`, labels: { app: name } }),
    spec: { replicas: perWorkload, template },
    status: { availableReplicas: perWorkload, readyReplicas: perWorkload, updatedReplicas: perWorkload },
  });
  put('replicasets', {
    metadata: metadata('-h1', {
      ...{ uid: `r-${index}`, labels: { 'pod-template-hash': 'h1' } },
      annotations: { 'deployment.kubernetes.io/revision': '1' },
      ownerReferences: [{ kind: 'Deployment', name, uid: `d-${index}`, controller: true }],
    }),
    spec: { template },
  });
  for (let at = 0; at < perWorkload; at++) put('pods', pod(name, index, at));
}

const filler = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`f:field-${at}`, { 'f:value': {} }]));

function pod(app: string, index: number, at: number, waiting?: string, restarts = 0): Entity {
  const state =
    waiting === undefined ? { running: { startedAt: '2026-01-01T00:00:00Z' } } : { waiting: { reason: waiting } };
  return {
    metadata: {
      ...{ name: `${app}-h1-${at}`, namespace: 'shop', resourceVersion: '', uid: `p-${index}-${at}` },
      ...{ creationTimestamp: '2026-01-01T00:00:00Z', labels: { app, 'pod-template-hash': 'h1' } },
      ownerReferences: [{ kind: 'ReplicaSet', name: `${app}-h1`, uid: `r-${index}`, controller: true }],
      managedFields: [{ manager: 'kubelet', operation: 'Update', subresource: 'status', fieldsV1: filler }],
    } as Entity['metadata'],
    spec: {
      nodeName: `node-${index % 50}`,
      containers: [
        { name: 'main', image: `registry.example.com/shop/${app}:v1`, resources: { limits: { memory: '256Mi' } } },
      ],
      volumes: [{ name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }],
      tolerations: [
        { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      ],
    },
    status: {
      phase: 'Running',
      conditions: [
        { type: 'Ready', status: waiting === undefined ? 'True' : 'False' },
        { type: 'PodScheduled', status: 'True' },
      ],
      containerStatuses: [{ name: 'main', ready: waiting === undefined, restartCount: restarts, state }],
    },
  };
}

function fill(): void {
  put('namespaces', {
    metadata: {
      name: 'shop',
      namespace: '',
      resourceVersion: '',
      labels: { 'watchkeeper.dev/watch': 'true' },
    } as Entity['metadata'],
  });
  for (let index = 0; index < 50; index++)
    put('nodes', {
      metadata: { name: `node-${index}`, namespace: '', resourceVersion: '', uid: `n-${index}` } as Entity['metadata'],
      status: { conditions: [{ type: 'Ready', status: 'True' }], nodeInfo: { kubeletVersion: 'v1.34.2' } },
    });
  for (let index = 0; index < workloads; index++) deployment(index);
}

function serve(): Promise<string> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/version') return void response.end('{"gitVersion":"v1.34.2"}');
    const plural = url.pathname.split('/').at(-1) ?? '';
    if (url.pathname.includes('metrics.k8s.io') || plural === 'certificates') {
      response.statusCode = 404;
      return void response.end('{}');
    }
    if (url.searchParams.get('watch') === 'true') {
      response.writeHead(200, { 'content-type': 'application/json' });
      // What happened since the list was read; this server forgets nothing.
      const from = Number(url.searchParams.get('resourceVersion'));
      for (const object of collections.get(plural)?.values() ?? [])
        if (Number(object.metadata.resourceVersion) > from)
          response.write(`${JSON.stringify({ type: 'MODIFIED', object })}\n`);
      const open = watchers.get(plural) ?? new Set<ServerResponse>();
      watchers.set(plural, open.add(response));
      response.flushHeaders();
      response.on('close', () => open.delete(response));
      return;
    }
    const all = [...(collections.get(plural)?.values() ?? [])];
    const start = Number(url.searchParams.get('continue') ?? 0);
    const end = start + Number(url.searchParams.get('limit') ?? all.length);
    const metadata = { resourceVersion: String(version), ...(end < all.length ? { continue: String(end) } : {}) };
    response.end(JSON.stringify({ metadata, items: all.slice(start, end) }));
  });
  setInterval(() => {
    for (const open of watchers.values())
      for (const response of open)
        response.write(`{"type":"BOOKMARK","object":{"metadata":{"name":"","resourceVersion":"${version}"}}}\n`);
  }, 30_000).unref();
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      server.unref();
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    }),
  );
}

interface Daemon {
  readonly get: <T>(where: string) => Promise<T>;
  readonly rssMb: () => number;
  /** Processor time so far. */
  readonly cpuMs: () => number;
  readonly stop: () => Promise<void>;
  readonly begunMs: number;
}

async function start(server: string): Promise<Daemon> {
  const folder = mkdtempSync(path.join(tmpdir(), 'watchkeeper-bench-kubernetes-'));
  const cluster = { server };
  const kubeconfig = path.join(folder, 'kubeconfig');
  const config = {
    clusters: [{ name: 'bench', cluster: { ...cluster, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'reader', user: { token: 'bench' } }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'reader' } }],
    'current-context': 'bench',
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  const sources = [
    { kind: 'kubernetes', id: 'kubernetes', kubeconfig, usage: false, certificates: false, logs: false },
  ];
  writeFileSync(path.join(folder, 'watchkeeper.yaml'), JSON.stringify({ sources }));
  const dataDir = path.join(folder, 'data');
  const begunMs = performance.now();
  const child = spawn(main, ['run', '--data-dir', dataDir], {
    cwd: folder,
    env: {
      PATH: `${path.dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
      HOME: folder,
      WATCHKEEPER_HTTP_LISTEN: '127.0.0.1:0',
    },
    stdio: 'ignore',
  });
  const announced = path.join(dataDir, 'daemon.json');
  while (!existsSync(announced)) {
    if (child.exitCode !== null) throw new Error('the daemon did not come up');
    await sleep(20);
  }
  const { url } = JSON.parse(readFileSync(announced, 'utf8')) as { url: string };
  const token = readFileSync(path.join(dataDir, 'api-token'), 'utf8').trim();
  return {
    begunMs,
    get: async <T>(where: string) =>
      (await (await fetch(`${url}${where}`, { headers: { authorization: `Bearer ${token}` } })).json()) as T,
    rssMb: () =>
      (Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8'))?.[1]) * 1_024) / 1e6,
    cpuMs: () => processorMs(child.pid),
    stop: async () => {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function processorMs(pid: number | undefined): number {
  // The name in brackets may hold anything, so fields are counted from behind it: user and system time, in hundredths.
  const fields = readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function ready(daemon: Daemon): Promise<number> {
  for (;;) {
    const { services } = await daemon.get<{ services: { signals: { signal: string }[] }[] }>('/api/v1/status');
    const known = services.filter(({ signals }) => signals.some(({ signal }) => signal === 'availability')).length;
    if (known >= workloads) return performance.now() - daemon.begunMs;
    if (performance.now() - daemon.begunMs > 300_000) throw new Error(`only ${known} services after five minutes`);
    await sleep(250);
  }
}

// One pod after another loses its image; from the write of the event until the API shows the alert.
async function latencies(daemon: Daemon): Promise<readonly number[]> {
  const found: number[] = [];
  for (let probe = 0; probe < probes; probe++) {
    const index = Math.floor((probe * workloads) / probes);
    const service = `app-${index}.shop`;
    const fromMs = performance.now();
    put('pods', pod(`app-${index}`, index, 0, 'ErrImagePull'));
    for (;;) {
      const { alerts } = await daemon.get<{ alerts: { service: string; signal: string }[] }>('/api/v1/alerts');
      if (alerts.some((alert) => alert.service === service && alert.signal === 'image_pull_failing')) break;
      if (performance.now() - fromMs > 30_000) throw new Error(`no finding of ${service} within 30 s`);
      await sleep(20);
    }
    found.push(performance.now() - fromMs);
    put('pods', pod(`app-${index}`, index, 0));
    await sleep((seconds * 1_000) / probes);
  }
  return found.sort((a, b) => a - b);
}

fill();
const daemon = await start(await serve());
const readyMs = await ready(daemon);
const readyCpuMs = daemon.cpuMs();
const fromMs = performance.now();
let [highest, churned] = [daemon.rssMb(), 0];
const churn = setInterval(() => {
  for (let each = 0; each < Math.max(1, Math.round(pods / 200 / 10)); each++) {
    // Never the first pod of a workload: those are the probes'.
    const index = (churned * 7) % workloads;
    const at = 1 + (churned % Math.max(1, perWorkload - 1));
    put('pods', pod(`app-${index}`, index, at, undefined, 0));
    churned++;
  }
  highest = Math.max(highest, daemon.rssMb());
}, 100);
const took = await latencies(daemon).finally(() => clearInterval(churn));
const busy = (daemon.cpuMs() - readyCpuMs) / (performance.now() - fromMs);
const at = (share: number): number => took[Math.min(took.length - 1, Math.floor(share * took.length))] ?? 0;
await daemon.stop();
const bench = 'kubernetes';
report({ bench, name: 'workloads', value: workloads, unit: '1' });
report({ bench, name: 'pods', value: workloads * perWorkload, unit: '1' });
report({ bench, name: 'pod events beside the probes', value: churned, unit: '1' });
report({ bench, name: 'start to ready', value: readyMs / 1_000, unit: 's', atMost: 15 });
report({ bench, name: 'start to ready: processor time', value: readyCpuMs / 1_000, unit: 's' });
report({ bench, name: 'event to finding: median', value: at(0.5), unit: 'ms' });
report({ bench, name: 'event to finding: p99', value: at(0.99), unit: 'ms', atMost: 1_000 });
report({ bench, name: 'processor in the run, of one core', value: busy, unit: 'ratio' });
report({ bench, name: 'resident, highest', value: highest, unit: 'MB', atMost: 350 });
process.exit(0);

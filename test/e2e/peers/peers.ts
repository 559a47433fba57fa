import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** A real program on a loopback port, in a folder of its own, ended by its process id. */
export interface Peer {
  readonly port: number;
  readonly url: string;
  /** Ends it at once, as a crash would. It can be started again on the same port and folder. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

let root: string | undefined;

/** The folder with the peers' programs; fetched on first use, and kept outside the clone. */
export function peersRoot(): string {
  root ??= execFileSync('bash', [path.join(import.meta.dirname, 'install.sh')], { encoding: 'utf8' }).trim();
  return root;
}

/** Prometheus, scraping `targets` every second, handing the alerts of its rules to `alertmanager` when there is one. */
export function startPrometheus(targets: readonly string[], rules = '', alertmanager?: string): Promise<Peer> {
  return startPeer('prometheus', '/-/ready', (folder, port) => {
    const jobs = targets.map((target, index) => ({
      job_name: `job-${index}`,
      static_configs: [{ targets: [new URL(target).host] }],
    }));
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      scrape_configs: jobs,
      rule_files: ['rules.yml'],
      ...(alertmanager === undefined
        ? {}
        : { alerting: { alertmanagers: [{ static_configs: [{ targets: [new URL(alertmanager).host] }] }] } }),
    };
    // YAML is a superset of JSON.
    writeFileSync(path.join(folder, 'prometheus.yml'), JSON.stringify(config));
    writeFileSync(path.join(folder, 'rules.yml'), rules);
    return [
      `--config.file=${path.join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${path.join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
  });
}

/** Alertmanager that hands everything to a webhook at once, with the token in a file when there is one. */
export function startAlertmanager(webhookUrl: string, tokenFile?: string): Promise<Peer> {
  const authorization = tokenFile === undefined ? {} : { authorization: { credentials_file: tokenFile } };
  return startPeer('prometheus-alertmanager', '/-/ready', (folder, port) => {
    const config = {
      route: {
        receiver: 'hook',
        group_by: ['alertname'],
        group_wait: '100ms',
        group_interval: '1s',
        repeat_interval: '1h',
      },
      receivers: [
        { name: 'hook', webhook_configs: [{ url: webhookUrl, send_resolved: true, http_config: authorization }] },
      ],
    };
    writeFileSync(path.join(folder, 'alertmanager.yml'), JSON.stringify(config));
    // See install.sh: it looks for its templates where it runs.
    const templates = path.join(peersRoot(), 'usr/share/prometheus/alertmanager');
    for (const name of readdirSync(templates))
      if (name.endsWith('.tmpl')) cpSync(path.join(templates, name), path.join(folder, name));
    return [
      `--config.file=${path.join(folder, 'alertmanager.yml')}`,
      `--storage.path=${path.join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
    ];
  });
}

export function startNodeExporter(): Promise<Peer> {
  return startPeer('prometheus-node-exporter', '/metrics', (_folder, port) => [
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
}

/** VictoriaLogs, built from its Go module; `flags` are its own. */
export function startVictoriaLogs(flags: readonly string[] = []): Promise<Peer> {
  const binary = built('victorialogs');
  return startPeer(
    'victorialogs',
    '/health',
    (folder, port) => [
      `-storageDataPath=${path.join(folder, 'data')}`,
      `-httpListenAddr=127.0.0.1:${port}`,
      '-loggerLevel=ERROR',
      ...flags,
    ],
    [binary],
  );
}

/** Jaeger with its store in memory, built from its Go module, and where it takes OTLP over HTTP. */
export async function startJaeger(): Promise<Peer & { readonly otlp: string }> {
  const binary = built('jaeger');
  const ports = await Promise.all(Array.from({ length: 6 }, freePort));
  const at = (index: number): string => `127.0.0.1:${ports[index] ?? 0}`;
  const peer = await startPeer(
    'jaeger',
    '/api/v3/services',
    (_folder, port) => [
      `--query.http-server.host-port=127.0.0.1:${port}`,
      `--query.grpc-server.host-port=${at(0)}`,
      `--admin.http.host-port=${at(1)}`,
      `--collector.grpc-server.host-port=${at(2)}`,
      `--collector.http-server.host-port=${at(3)}`,
      `--collector.otlp.grpc.host-port=${at(4)}`,
      `--collector.otlp.http.host-port=${at(5)}`,
    ],
    [binary],
  );
  return { ...peer, otlp: `http://${at(5)}` };
}

/** A real OpenSearch node of one, from the server's own jars: no security plugin, so anybody may ask. */
export function startOpenSearch(): Promise<Peer> {
  const folderOf = execFileSync('bash', [path.join(import.meta.dirname, 'opensearch.sh')], { encoding: 'utf8' }).trim();
  const command = ['java', '-Xmx512m', '-cp', `${folderOf}/classes:${folderOf}/lib/*`, 'OpenSearchPeer'];
  return startPeer('opensearch', '/_cluster/health', (folder, port) => [String(port), folder], command, 170_000);
}

function built(program: string): string {
  return execFileSync('bash', [path.join(import.meta.dirname, 'go-peers.sh'), program], { encoding: 'utf8' }).trim();
}

/** Starts a program in a folder of its own, and waits until it answers at `readyPath`. */
export async function startPeer(
  program: string,
  readyPath: string,
  prepare: (folder: string, port: number) => readonly string[],
  command?: readonly string[],
  readyMs = 30_000,
): Promise<Peer> {
  const [binary = '', ...first] = command ?? [path.join(peersRoot(), 'usr', 'bin', program)];
  const folder = mkdtempSync(path.join(os.tmpdir(), `watchkeeper-e2e-${program}-`));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const argv = [...first, ...prepare(folder, port)];
  let child: ChildProcess | undefined;
  const output: string[] = [];
  const kill = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await gone;
  };
  const start = async (): Promise<void> => {
    child = spawn(binary, argv, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr])
      stream?.on(
        'data',
        (chunk: Buffer) => void output.splice(0, output.length, ...output.slice(-50), chunk.toString()),
      );
    await until(`${program} is ready`, async () => (await fetch(`${url}${readyPath}`)).ok, readyMs).catch(
      async (thrown: unknown) => {
        await kill();
        throw new Error(`${String(thrown)}\n${output.join('')}`);
      },
    );
  };
  const stop = async (): Promise<void> => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return { port, url, kill, start, stop };
}

/** A loopback HTTP server on a free port. */
export async function serve(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server: Server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** Asks again and again until it is so. A refused connection counts as not yet. */
export async function until(what: string, is: () => Promise<boolean> | boolean, withinMs = 20_000): Promise<void> {
  const end = performance.now() + withinMs;
  for (;;) {
    const done = await Promise.resolve()
      .then(is)
      .catch(() => false);
    if (done) return;
    if (performance.now() > end) throw new Error(`within ${withinMs} ms it did not come true that ${what}`);
    await pause(100);
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const taken = await serve(() => undefined);
  await taken.close();
  return Number(new URL(taken.url).port);
}

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import type { LedgerEntry } from '../../../src/domain/ledger.ts';
import type { IncidentBrief, IncidentPage, IncidentView, Readiness, StatusView } from '../../../src/agent/index.ts';
import type { Json } from '../../../src/lib/json.ts';
import { until } from '../peers/peers.ts';

const root = path.resolve(import.meta.dirname, '../../..');

/** A folder of one test: configuration, resources and the daemon's data. Gone with `remove`. */
export interface Home {
  readonly folder: string;
  readonly dataDir: string;
  /** Writes a file below it. Objects are written as JSON, of which YAML is a superset. */
  write(name: string, content: string | Json): string;
  remove(): void;
}

export function makeHome(): Home {
  const folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'watchkeeper-daemon-')));
  return {
    folder,
    dataDir: path.join(folder, 'data'),
    write: (name, content) => {
      const file = path.join(folder, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content, undefined, 2));
      return file;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export interface StartOptions {
  readonly dataDir?: string;
  /** The token to come with, where the configuration names tokens. Default: the one the daemon makes. */
  readonly token?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** How long it may take to be ready. Default 20 s. */
  readonly readyWithinMs?: number;
  /** A program and its arguments that in the end becomes the daemon: `unshare -m`, say. */
  readonly through?: readonly string[];
}

/** How a daemon ended, and everything it said. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly said: string;
}

/** A real daemon in a process of its own. */
export interface DaemonProcess {
  readonly pid: number;
  readonly url: string;
  readonly token: string;
  /** From the start of the process until it was ready, milliseconds. */
  readonly readyMs: number;
  /** Resident memory now, bytes. */
  rss(): number;
  /** Everything on standard output and error so far. */
  said(): string;
  /** The lines of its log, parsed. */
  log(): readonly Readonly<Record<string, Json>>[];
  /** Asks the API; any status is an answer. */
  ask(method: string, path: string, body?: Json): Promise<{ readonly status: number; readonly body: string }>;
  get<T>(path: string): Promise<T>;
  status(): Promise<StatusView>;
  readiness(): Promise<Readiness>;
  /** Every incident, the newest first. */
  incidents(): Promise<readonly IncidentBrief[]>;
  incident(id: string): Promise<IncidentView>;
  /** One value of its own /metrics. */
  metric(series: string): Promise<number | undefined>;
  ledger(): Promise<readonly { readonly entry: LedgerEntry; readonly payload?: Json }[]>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with how it ended. */
  stop(): Promise<Ended>;
  readonly ended: Promise<Ended>;
}

/** Starts a daemon that is not expected to come up; resolves with how it ended. */
export async function runToEnd(home: Home, options: StartOptions = {}, withinMs = 20_000): Promise<Ended> {
  const launched = launch(home, options);
  const timer = setTimeout(() => launched.child.kill('SIGKILL'), withinMs);
  try {
    return await launched.ended;
  } finally {
    clearTimeout(timer);
  }
}

/** Starts a daemon and waits until it is ready. `watchkeeper.yaml` in the home is used when there is one. */
export async function startDaemon(home: Home, options: StartOptions = {}): Promise<DaemonProcess> {
  const startedMs = performance.now();
  const launched = launch(home, options);
  const { child, dataDir, said } = launched;
  const announced = path.join(dataDir, 'daemon.json');
  let url = '';
  const isReady = (): boolean => {
    if (launched.isOver()) return true;
    if (!existsSync(announced)) return false;
    const seen = JSON.parse(readFileSync(announced, 'utf8')) as { readonly url: string; readonly pid: number };
    if (seen.pid !== child.pid) return false;
    ({ url } = seen);
    return true;
  };
  await until('the daemon is ready', isReady, options.readyWithinMs);
  if (launched.isOver()) throw new Error(`the daemon ended: ${said()}`);
  const readyMs = performance.now() - startedMs;
  const token = options.token ?? readFileSync(path.join(dataDir, 'api-token'), 'utf8').trim();
  const pid = child.pid ?? 0;
  const ask: DaemonProcess['ask'] = async (method, where, body) => {
    const response = await fetch(`${url}${where}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    });
    return { status: response.status, body: await response.text() };
  };
  const get = async <T>(where: string): Promise<T> => {
    const answer = await ask('GET', where);
    if (answer.status >= 400 && where !== '/readyz') throw new Error(`${where}: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body) as T;
  };
  return {
    pid,
    url,
    token,
    readyMs,
    said,
    ask,
    get,
    rss: () => 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]),
    log: () => logLines(said()),
    status: () => get('/api/v1/status'),
    readiness: () => get('/readyz'),
    incidents: async () => (await get<IncidentPage>('/api/v1/incidents?status=all&limit=1000')).incidents,
    incident: (id) => get(`/api/v1/incidents/${id}`),
    metric: async (series) => {
      const line = (await ask('GET', '/metrics')).body.split('\n').find((each) => each.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length + 1));
    },
    ledger: async () => {
      const all: { entry: LedgerEntry; payload?: Json }[] = [];
      for (;;) {
        const page = await get<{ entries: typeof all }>(`/api/v1/ledger/entries?from=${all.length}&limit=500`);
        all.push(...page.entries);
        if (page.entries.length === 0) return all;
      }
    },
    kill: async () => {
      child.kill('SIGKILL');
      await launched.ended;
    },
    stop: async () => {
      if (!launched.isOver()) child.kill('SIGTERM');
      return launched.ended;
    },
    ended: launched.ended,
  };
}

interface Launched {
  readonly child: ReturnType<typeof spawn>;
  readonly dataDir: string;
  readonly said: () => string;
  readonly isOver: () => boolean;
  readonly ended: Promise<Ended>;
}

function launch(home: Home, options: StartOptions): Launched {
  const dataDir = options.dataDir ?? home.dataDir;
  mkdirSync(dataDir, { recursive: true });
  // The command that is installed, by its own first line, so that it runs under the flags it has for everybody.
  const argv = [...(options.through ?? []), path.join(root, 'dist/main.js')];
  const child = spawn(argv[0] ?? '', [...argv.slice(1), 'run', '--data-dir', dataDir], {
    cwd: home.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: `${path.dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
      HOME: home.folder,
      WATCHKEEPER_HTTP_LISTEN: '127.0.0.1:0',
      ...options.environment,
    },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, said }));
  });
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  // Through its root, since it may have mounts of its own.
  return { child, dataDir: `/proc/${child.pid ?? 0}/root${dataDir}`, said: () => said, isOver, ended };
}

function logLines(said: string): readonly Readonly<Record<string, Json>>[] {
  return said
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Record<string, Json>];
      } catch {
        return [];
      }
    });
}

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { CollectRequest } from '../../src/domain/ports/source.ts';
import type { Service } from '../../src/domain/service.ts';
import { sshClients } from '../../src/io/clients/ssh/index.ts';
import type { Json } from '../../src/lib/json.ts';
import { sourceKinds } from '../../src/sources/index.ts';
import { readWindowsScript } from '../../src/sources/ssh/windows/script/index.ts';
import type { SourceWorld } from '../contract/source.ts';
import { framed, windowsHost } from './powershell.ts';
import { realReader } from './real-reader.ts';
import { sshServer } from './ssh-server.ts';
import type { Behaviour, TestSshServer } from './ssh-server.ts';

/** A recorded answer of the reading script, loosely: tests bend it. */
export interface Recording {
  readonly language: string;
  nowMs: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a recording is any JSON, and tests reach deep into it
  readonly sections: Record<string, any>;
}

/** The recordings there are: a language and a version of Windows each. */
export const recordings = ['en-2019', 'de-2022', 'ja-2025'] as const;

/** Of Turkish, where an I is no i; without IIS, and with lists as Windows PowerShell 5.1 writes those of its pipeline. */
export const withoutIis = 'tr-2025';

/** One of them, as if it was made now. */
export function recording(name: (typeof recordings)[number] | typeof withoutIis, nowMs = Date.now()): Recording {
  const file = path.join(import.meta.dirname, '../fixtures/windows', `${name}.json`);
  return moved(JSON.parse(readFileSync(file, 'utf8')) as Recording, nowMs);
}

function moved(recorded: Recording, nowMs: number): Recording {
  const by = nowMs - recorded.nowMs;
  return JSON.parse(JSON.stringify(recorded), (key, value: unknown) =>
    (key.endsWith('AtMs') || key === 'atMs' || key === 'nowMs') && typeof value === 'number' ? value + by : value,
  ) as Recording;
}

/** A Windows host that answers the reading script with what `answer` gives for what was asked. */
export function answering(answer: (asked: WindowsAsked) => unknown): Behaviour {
  return windowsHost(({ script, args }) => {
    if (script !== readWindowsScript) return { code: 1 };
    const asked = JSON.parse(args[0] ?? '') as WindowsAsked;
    const said = answer(asked);
    return typeof said === 'string' || said instanceof Uint8Array ? said : framed(only(said as Recording, asked));
  });
}

/** What the script was asked. */
export interface WindowsAsked {
  readonly sections: readonly string[];
  readonly units: readonly string[];
  readonly channels: readonly { readonly name: string; readonly wanted: string; readonly after: number | null }[];
}

// A host answers the sections that were asked for, and events after a record.
function only(whole: Recording, { sections, channels }: WindowsAsked): Recording {
  const kept = Object.fromEntries(Object.entries(whole.sections).filter(([name]) => sections.includes(name)));
  const events = kept['events'] as { data?: { channels: Event[] } } | undefined;
  if (events?.data === undefined) return { ...whole, sections: kept };
  const read = events.data.channels.map((channel) => {
    const after = channels.find(({ name }) => name === channel.name)?.after ?? 0;
    return { ...channel, events: channel.events?.filter(({ record }) => record > after) };
  });
  return { ...whole, sections: { ...kept, events: { data: { channels: read } } } };
}

interface Event {
  readonly name: string;
  readonly events?: readonly { readonly record: number }[];
}

/** A source with one Windows host behind a real SSH server. */
export interface WindowsFleet extends SourceWorld {
  readonly server: TestSshServer;
}

/** What is asked of the host, and of which service. */
export interface FleetOptions {
  readonly behave: Behaviour;
  readonly service?: Partial<Service>;
  readonly signals?: readonly string[];
  readonly config?: Record<string, Json>;
  readonly key?: string;
  readonly known?: boolean;
}

/** What every recording gives figures of at the first look. */
export const firstSignals = ['memory', 'memory_commit', 'swap', 'disk', 'units_failed', 'cpu_queue'];

/** Opens the source `fleet` on one host, `win-1`, that behaves as is said. */
export async function windowsFleet(options: FleetOptions): Promise<WindowsFleet> {
  const folder = mkdtempSync(path.join(tmpdir(), 'wk-windows-'));
  const server = await sshServer();
  server.behave(options.behave);
  writeFileSync(path.join(folder, 'key'), options.key ?? server.clientKey);
  const known = options.known === false ? '' : `[127.0.0.1]:${server.port} ${server.hostKey}\n`;
  writeFileSync(path.join(folder, 'known_hosts'), known);
  const io = realReader({});
  const opened = sourceKinds['ssh']?.open(
    'fleet',
    {
      login: { user: 'watch', keyFile: path.join(folder, 'key') },
      knownHosts: [path.join(folder, 'known_hosts')],
      hosts: { 'win-1': { address: '127.0.0.1', port: server.port, groups: ['web'], os: 'windows' } },
      timeout: '20s',
      ...options.config,
    },
    { ...io, ssh: sshClients(io) },
  );
  if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
  return {
    source: opened.value,
    request: asks(windowsService(options.service), options.signals ?? firstSignals),
    advance: (ms) => new Promise((resolve) => setTimeout(resolve, Math.min(ms, 50))),
    server,
    close: async () => {
      await server.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** The machine's own service, or another on it. */
export function windowsService(more: Partial<Service> = {}): Service {
  return {
    name: 'host-win-1',
    labels: {},
    owner: { team: '', escalate: '' },
    dependsOn: [],
    runsOn: [{ on: 'ssh', ssh: { source: 'fleet', host: 'win-1' } }],
    telemetry: {},
    slos: [],
    origin: 'discovered',
    ...more,
  };
}

/** A live request for these signals of a service. */
export function asks(
  service: Service,
  signals: readonly string[],
  mode: CollectRequest['mode'] = 'live',
): CollectRequest {
  const nowMs = Date.now();
  const binding = { source: 'fleet', unit: '', nature: 'gauge' } as const;
  return {
    fromMs: nowMs - 60_000,
    untilMs: nowMs,
    stepMs: 30_000,
    mode,
    services: [service],
    signals: signals.map((signal) => ({
      service: service.name,
      signal,
      binding: { ...binding, query: { metric: signal } },
    })),
  };
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { sshClients } from '../../../src/io/clients/ssh/index.ts';
import type { CollectRequest, Source } from '../../../src/domain/ports/source.ts';
import type { Json } from '../../../src/lib/json.ts';
import type { Service } from '../../../src/domain/service.ts';
import { sourceKinds } from '../../../src/sources/index.ts';
import { sourceContract } from '../../contract/source.ts';
import type { SourceWorld } from '../../contract/source.ts';
import { realReader } from '../../support/real-reader.ts';
import { answers, newKey, runsIt, sshServer } from '../../support/ssh-server.ts';
import type { Behaviour, TestSshServer } from '../../support/ssh-server.ts';

interface Fleet extends SourceWorld {
  readonly server: TestSshServer;
  readonly folder: string;
}

interface Options {
  readonly behave?: Behaviour;
  readonly known?: boolean;
  readonly key?: string;
  readonly service?: Partial<Service>;
  readonly signals?: readonly string[];
  readonly config?: Record<string, Json>;
}

const name = 'host-web-1';

/** One host, `web-1`: a real SSH server in this process, that runs what it is sent on this machine. */
async function fleet(options: Options = {}): Promise<Fleet> {
  const folder = mkdtempSync(path.join(tmpdir(), 'wk-fleet-'));
  const server = await sshServer();
  server.behave(options.behave ?? runsIt);
  writeFileSync(path.join(folder, 'key'), options.key ?? server.clientKey);
  writeFileSync(
    path.join(folder, 'known_hosts'),
    options.known === false ? '' : `[127.0.0.1]:${server.port} ${server.hostKey}\n`,
  );
  const io = realReader({});
  const opened = sourceKinds['ssh']?.open(
    'fleet',
    {
      login: { user: 'watch', keyFile: path.join(folder, 'key') },
      knownHosts: [path.join(folder, 'known_hosts')],
      hosts: { 'web-1': { address: '127.0.0.1', port: server.port, groups: ['web'] } },
      timeout: '20s',
      ...options.config,
    },
    { ...io, ssh: sshClients(io) },
  );
  if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
  const service: Service = {
    name,
    labels: {},
    owner: { team: '', escalate: '' },
    dependsOn: [],
    runsOn: [{ on: 'ssh', ssh: { source: 'fleet', host: 'web-1' } }],
    telemetry: {},
    slos: [],
    origin: 'discovered',
    ...options.service,
  };
  return {
    source: opened.value,
    request: asks(service, options.signals ?? ['cpu', 'memory', 'load', 'disk', 'network_receive']),
    advance: (ms) => new Promise((resolve) => setTimeout(resolve, Math.min(ms, 50))),
    server,
    folder,
    close: async () => {
      await server.close();
      rmSync(folder, { recursive: true });
    },
  };
}

function asks(service: Service, signals: readonly string[], mode: CollectRequest['mode'] = 'live'): CollectRequest {
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

const sick = (behave: Behaviour) => () => fleet({ behave, config: { timeout: '1s' } });

sourceContract('ssh', {
  healthy: () => fleet(),
  ill: {
    unauthorized: () => fleet({ key: newKey() }),
    forbidden: () => fleet({ known: false }),
    unreachable: async () => {
      const world = await fleet();
      await world.server.close();
      return world;
    },
    malformed: sick(answers('\u001b[2J@ begin\n@ 1 bytes\n\u202etxt.exe\n')),
    hanging: sick(() => undefined),
  },
  partial: () => fleet({ signals: ['cpu', 'unit_up'] }),
  flood: async () => {
    const behave: Behaviour = (channel) => {
      const flood = (): void => {
        if (!channel.destroyed) channel.write(Buffer.alloc(256 * 1024, 'x'), flood);
      };
      flood();
    };
    const world = await fleet({ behave });
    return { ...world, source: patient(world.source) };
  },
});

// What a host says after the five seconds that a look waits is told by the next: eight megabytes may take a busy machine longer.
function patient(source: Source): Source {
  return {
    ...source,
    collect: async (request, signal) => {
      for (;;) {
        const found = await source.collect(request, signal);
        if (!found.gaps.some(({ message }) => message.includes('has not answered yet'))) return found;
      }
    },
  };
}

describe('the ssh source', () => {
  const within = async (options: Options, work: (world: Fleet) => Promise<void>): Promise<void> => {
    const world = await fleet(options);
    try {
      await work(world);
    } finally {
      await world.source.close();
      await world.close?.();
    }
  };
  const collect = (source: Source, request: CollectRequest) => source.collect(request, new AbortController().signal);

  it('takes one round trip a sample once it knows what to ask, over one connection', () =>
    within({}, async ({ source, request, server }) => {
      await collect(source, request);
      await collect(source, request);
      const before = server.asked.length;
      await collect(source, request);
      expect([server.asked.length - before, server.connections()]).toEqual([1, 1]);
    }));

  it('sends the same script and command line for the same questions, and nothing of a file into a command', () =>
    within({}, async ({ source, request, server }) => {
      for (let look = 0; look < 3; look++) await collect(source, request);
      expect(
        server.asked.every(
          (line) =>
            line.startsWith("sh -s -- 'file' ") ||
            line.startsWith("sh -s -- 'stat' ") ||
            /^sh -s -- '(link|list|space|failed|zone|part|journal)'/.test(line),
        ),
      ).toBe(true);
    }));

  it('follows a log file of a service, each line once, and tells which host wrote it', () =>
    within({}, async ({ source, folder }) => {
      const log = path.join(folder, 'app.log');
      writeFileSync(log, 'before\n');
      const runsOn = [{ on: 'ssh', ssh: { source: 'fleet', group: 'web', logs: [log] } }] as const;
      const shop: Service = {
        name: 'shop',
        labels: {},
        owner: { team: '', escalate: '' },
        dependsOn: [],
        runsOn,
        telemetry: {},
        slos: [],
        origin: 'declared',
      };
      await collect(source, asks(shop, []));
      writeFileSync(log, 'before\nERROR \u001b[31mred\u001b[0m\nlast\n');
      const { logs, gaps } = await collect(source, asks(shop, []));
      expect(gaps).toEqual([]);
      expect(logs.map(({ body }) => body.replace(/[^a-zA-Z ]/g, ''))).toEqual([expect.stringContaining('red'), 'last']);
      expect(logs[0]?.attributes['host.name']).toBe('web-1');
      expect((await collect(source, asks(shop, []))).logs).toEqual([]);
    }));

  it('tells of an edited file, and that a service runs on no host of the inventory', () =>
    within({}, async ({ source, folder }) => {
      const file = path.join(folder, 'app.conf');
      writeFileSync(file, 'a');
      const place = { source: 'fleet', host: 'web-1', config: [file] };
      const shop: Service = {
        name: 'shop',
        labels: {},
        owner: { team: '', escalate: '' },
        dependsOn: [],
        runsOn: [{ on: 'ssh', ssh: place }],
        telemetry: {},
        slos: [],
        origin: 'declared',
      };
      await collect(source, asks(shop, []));
      writeFileSync(file, 'other');
      const { changes } = await collect(source, asks(shop, []));
      expect(changes).toMatchObject([
        { kind: 'config', service: 'shop', instances: ['web-1'], attributes: { path: file } },
      ]);
      const lost = { ...shop, runsOn: [{ on: 'ssh', ssh: { source: 'fleet', host: 'web-9' } }] } as const;
      expect((await collect(source, asks(lost, ['cpu']))).gaps).toMatchObject([
        { service: 'shop', reason: 'unsupported' },
      ]);
    }));

  it('tells how long certificates on the host last, and of each that it cannot read', () => {
    const files = ['/proc/version', '/nowhere/tls.pem'];
    return within({ signals: ['certificate_expiry'], config: { certificates: files } }, async ({ source, request }) => {
      const { gaps } = await collect(source, request);
      expect(gaps.map(({ reason }) => reason).sort()).toEqual(['malformed', 'missing']);
    });
  });

  it('tells which ports the host listens on', () =>
    within({}, async ({ source, request, server }) => {
      const { resources } = await collect(source, request);
      const listening = resources.find(({ kind }) => kind === 'listening');
      const ports = listening?.attributes['tcp'];
      expect(typeof ports === 'string' && ports.split(' ')).toContain(String(server.port));
    }));

  it('offers each host as a service, and more of it once the host was seen to have it', () =>
    within({}, async ({ source, request }) => {
      const signal = new AbortController().signal;
      const [first] = await source.discover(signal);
      expect(first).toMatchObject({
        name,
        labels: { kind: 'host', host: 'web-1', groups: 'web' },
        runsOn: [{ on: 'ssh' }],
      });
      const more = source.newServices?.(signal);
      await collect(source, request);
      await more;
      const [second] = await source.discover(signal);
      expect(Object.keys(second?.telemetry ?? {}).length).toBeGreaterThan(Object.keys(first?.telemetry ?? {}).length);
    }));

  it('does not let a host that hangs delay another', () =>
    within({}, async (well) => {
      const hung = await sshServer();
      hung.behave(() => undefined);
      writeFileSync(
        path.join(well.folder, 'known_hosts'),
        `[127.0.0.1]:${well.server.port} ${well.server.hostKey}\n[127.0.0.1]:${hung.port} ${hung.hostKey}\n`,
      );
      writeFileSync(path.join(well.folder, 'hung'), hung.clientKey);
      const io = realReader({});
      const opened = sourceKinds['ssh']?.open(
        'fleet',
        {
          login: { user: 'watch', keyFile: path.join(well.folder, 'key') },
          knownHosts: [path.join(well.folder, 'known_hosts')],
          timeout: '1500ms',
          hosts: {
            'web-0': { address: '127.0.0.1', port: hung.port, keyFile: path.join(well.folder, 'hung') },
            'web-1': { address: '127.0.0.1', port: well.server.port },
          },
        },
        { ...io, ssh: sshClients(io) },
      );
      if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
      const service = (host: string): Service => ({ ...(well.request.services[0] as Service), name: `host-${host}` });
      const request = { ...well.request, services: [service('web-0'), service('web-1')] };
      // A first look takes several trips; what is not there in time is told with the next.
      const first = await collect(opened.value, request);
      const { series, gaps } = first.series.length > 0 ? first : await collect(opened.value, request);
      expect(series.some((one) => one.service === name)).toBe(true);
      expect(gaps.filter((gap) => gap.service === 'host-web-0').map(({ reason }) => reason)).toEqual(['timeout']);
      await opened.value.close();
      await hung.close();
    }));

  it('says in check what is wrong with which host', () =>
    within({ known: false }, async ({ source }) => {
      await expect(source.check(new AbortController().signal)).rejects.toMatchObject({
        code: 'forbidden',
        message: expect.stringMatching(/1 of 1 hosts cannot be read \(web-1\).*host key/) as string,
        fix: expect.stringContaining('known_hosts') as string,
      });
    }));
});

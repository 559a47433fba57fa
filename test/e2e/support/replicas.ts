import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { systemRandom, writeFiles } from '../../../src/io/index.ts';
import { loadOrCreateKey } from '../../../src/ledger/index.ts';
import type { Json } from '../../../src/lib/json.ts';
import { postgresDatabase, postgresUser, type Postgres } from '../peers/postgres.ts';
import { makeHome, startDaemon, type DaemonProcess, type Home } from './daemon.ts';
import { gateOf, type Gate } from './gate.ts';
import { document } from './shop.ts';
import type { Target } from './target.ts';

/** Every look costs both sides: asked too often, a busy machine loses its leases over it. */
const pollMs = 250;

export interface LeaseTimes {
  readonly lease: string;
  readonly renew: string;
  readonly retry: string;
}

/** The times that are shipped. */
export const shippedLease: LeaseTimes = { lease: '15s', renew: '10s', retry: '2s' };

/** Short, so that nobody waits long. */
export const shortLease: LeaseTimes = { lease: '2400ms', renew: '1600ms', retry: '300ms' };

/** Long enough for a busy machine. */
export const calmLease: LeaseTimes = { lease: '6s', renew: '4s', retry: '500ms' };

/**
 * Two daemons on one database, which watch one target, and may fix each of so many services of it; one more, the last, they
 * watch and cannot fix.
 */
export interface Pair {
  readonly home: Home;
  /** What holds those that write. The store must be there: one of them has led. */
  gate(): Promise<Gate>;
  /** Starts replica `a` or `b`, on a data folder of its own. */
  start(name: 'a' | 'b'): Promise<DaemonProcess>;
  /** Those that run now. */
  running(): readonly DaemonProcess[];
  /** Waits until one of those that run leads. */
  leader(among?: readonly DaemonProcess[], withinMs?: number): Promise<DaemonProcess>;
  /** Whoever leads beside one that was stopped. One that ends meanwhile is started again, as its supervisor would. */
  successor(of: DaemonProcess): Promise<DaemonProcess>;
  /** Makes sure that both run, one leads, and the other follows it. */
  both(): Promise<{ readonly leader: DaemonProcess; readonly follower: DaemonProcess }>;
  stop(): Promise<void>;
}

export async function openPair(
  server: Postgres,
  schema: string,
  target: Target,
  services: number,
  times: LeaseTimes = shortLease,
  more: Readonly<Record<string, Json>> = {},
): Promise<Pair> {
  const home = makeHome();
  const origin = 'replicas.test/watchkeeper';
  const keyFile = path.join(home.folder, 'ledger.key');
  const signal = new AbortController().signal;
  const begun = (): Promise<boolean> => Promise.resolve(false);
  await loadOrCreateKey({ files: writeFiles, random: systemRandom, path: keyFile, name: origin, begun, signal });
  home.write('watchkeeper.yaml', {
    store: {
      kind: 'postgres',
      host: '127.0.0.1',
      port: server.port,
      database: postgresDatabase,
      user: postgresUser,
      password: { file: server.passwordFile },
      schema,
    },
    leadership: { ...times },
    ledger: { origin, keyFile },
    resources: { services: 'resources', inherit: [] },
    sources: [
      { id: 'web', kind: 'scrape', targets: [{ url: `${target.url}/metrics` }], interval: '1s', timeout: '2s' },
    ],
    channels: [{ id: 'people', kind: 'webhook', url: `${target.url}/told` }],
    defaults: { autonomy: 'act', escalate: 'oncall' },
    incidents: { grace: '1s', patience: '1s' },
    ...more,
  });
  for (let at = 0; at <= services; at += 1) writeService(home, at);
  for (let at = 0; at < services; at += 1) writeRunbook(home, at, target);
  home.write(
    'resources/policy.yaml',
    document('Policy', 'act', { allow: [{ actions: ['http.request'], autonomy: 'act' }] }),
  );
  home.write(
    'resources/escalation.yaml',
    document('Escalation', 'oncall', { steps: [{ notify: ['people:oncall'], wait: '1h' }] }),
  );
  let gate: Promise<Gate> | undefined;
  const live = new Map<'a' | 'b', DaemonProcess>();
  const start = async (name: 'a' | 'b'): Promise<DaemonProcess> => {
    const daemon = await startDaemon(home, {
      dataDir: path.join(home.folder, `data-${name}`),
      environment: { WATCHKEEPER_LEADERSHIP_NAME: name },
      readyWithinMs: 120_000,
    });
    live.set(name, daemon);
    void daemon.ended.then(() => {
      if (live.get(name) === daemon) live.delete(name);
    });
    return daemon;
  };
  const leader: Pair['leader'] = async (among, withinMs = 30_000) => {
    const end = performance.now() + withinMs;
    for (;;) {
      for (const one of among ?? live.values()) if (await leads(one)) return one;
      if (performance.now() > end)
        throw new Error(`nobody leads:\n${[...live.values()].map((one) => one.said()).join('\n')}`);
      await pause(pollMs);
    }
  };
  return {
    home,
    gate: () => (gate ??= gateOf(server, schema)),
    start,
    running: () => [...live.values()],
    leader,
    successor: async (of) => {
      const end = performance.now() + 60_000;
      while (performance.now() < end) {
        const others = [...live.values()].filter((one) => one !== of);
        for (const one of others) if (await leads(one)) return one;
        if (others.length === 0) await Promise.all((['a', 'b'] as const).filter((name) => !live.has(name)).map(start));
        await pause(pollMs);
      }
      throw new Error(`nobody follows ${of.pid}`);
    },
    both: async () => {
      for (let tries = 0; tries < 5; tries += 1) {
        await Promise.all((['a', 'b'] as const).filter((name) => !live.has(name)).map(start));
        const first = await leader();
        const second = [...live.values()].find((one) => one !== first);
        if (second !== undefined) return { leader: first, follower: second };
      }
      throw new Error('one of the two ends again and again');
    },
    stop: async () => {
      await Promise.all([...live.values()].map((one) => one.kill()));
      home.remove();
    },
  };
}

async function leads(daemon: DaemonProcess): Promise<boolean> {
  return (await daemon.metric('watchkeeper_leader').catch(() => undefined)) === 1;
}

function writeService(home: Home, at: number): void {
  const signal = `ill${at}`;
  home.write(
    `resources/shop-${at}.yaml`,
    document('Service', `shop-${at}`, {
      runsOn: [],
      telemetry: { [signal]: { source: 'web', metric: `shop_ill_${at}`, unit: 'ratio', nature: 'gauge' } },
    }),
  );
  home.write(
    `resources/ill-${at}.yaml`,
    document('Detector', `ill-${at}`, {
      on: signal,
      kind: 'threshold',
      params: { above: 0.5 },
      hold: '1s',
      clear: '1s',
      severity: 'critical',
    }),
  );
}

function writeRunbook(home: Home, at: number, target: Target): void {
  const signal = `ill${at}`;
  home.write(
    `resources/fix-${at}.yaml`,
    document('Runbook', `fix-${at}`, {
      summary: 'Ask the service to mend itself',
      when: `incident.signals.exists(signal, signal == '${signal}')`,
      steps: [
        {
          id: 'fix',
          do: 'http.request',
          with: {
            host: target.host,
            url: `${target.url}/fix/${at}`,
            probe: { url: `${target.url}/done/${at}`, done: [200], notDone: [404] },
          },
          timeout: '30s',
        },
      ],
      verify: [{ expect: `${signal} < 0.5`, within: '20s', for: '1s' }],
      onFail: ['escalate'],
      attempts: { per: 'target', max: 1, in: '1h' },
    }),
  );
}

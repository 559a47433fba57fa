import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';

import type { ReaderIo } from '../../src/domain/ports/io.ts';
import type { Collected, CollectRequest, Source } from '../../src/domain/ports/source.ts';
import { nodeHttp, readFiles, systemClock, systemRandom } from '../../src/io/index.ts';
import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { Json, JsonObject } from '../../src/lib/json.ts';
import { sourceKinds } from '../../src/sources/index.ts';
import { serviceWith } from '../sources/log-stores.ts';
import { noClusters } from '../support/no-clusters.ts';
import { noHosts } from '../support/no-hosts.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { startJaeger, startOpenSearch, startVictoriaLogs, until } from './peers/peers.ts';
import { makeHome, startDaemon } from './support/daemon.ts';
import { document } from './support/shop.ts';
import { noAws, noCloudHosts } from '../support/no-aws.ts';
import { noAzure } from '../support/no-azure.ts';
import { noGcp } from '../support/no-gcp.ts';

const io: ReaderIo = {
  clock: systemClock,
  random: systemRandom,
  http: nodeHttp(systemClock),
  files: readFiles,
  sockets: { connectUnix: () => Promise.reject(new WatchkeeperError('unreachable', 'not used here')) },
  aws: noAws,
  azure: noAzure,
  gcp: noGcp,
  cloudHosts: noCloudHosts,
  kubernetes: noClusters,
  ssh: noHosts,
  secrets: { resolve: ({ env = '' }) => Promise.resolve(env === 'GOOD' ? 'right' : 'wrong') },
  log: recordingLog(),
};

const cleanup: (() => unknown)[] = [];
afterAll(async () => {
  for (const undo of cleanup.reverse()) await undo();
});

function open(kind: string, config: JsonObject): Source {
  const source = sourceKinds[kind]?.open('s', config, io);
  if (source?.ok !== true) throw new Error(JSON.stringify(source));
  return source.value;
}

const shop = serviceWith('shop', { logs: [{ source: 's', query: {} }], traces: [{ source: 's', query: {} }] });

function collect(
  source: Source,
  signals: Readonly<Record<string, Readonly<Record<string, Json>>>> = {},
  more: Partial<CollectRequest> = {},
): Promise<Collected> {
  const untilMs = Date.now();
  const asked = Object.entries(signals).map(([signal, query]) => ({
    ...{ service: 'shop', signal },
    binding: { source: 's', unit: '1', nature: 'gauge' as const, query },
  }));
  const request = {
    fromMs: untilMs - 60_000,
    untilMs,
    stepMs: 5_000,
    signals: asked,
    services: [shop],
    mode: 'live' as const,
  };
  return source.collect({ ...request, ...more }, AbortSignal.timeout(30_000));
}

async function post(url: string, body: string, type = 'application/json', headers = {}): Promise<void> {
  const answer = await fetch(url, { method: 'POST', body, headers: { 'content-type': type, ...headers } });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
}

/** Reads until nothing more comes, as the daemon would. */
async function drain(source: Source, expected: number): Promise<readonly string[]> {
  const bodies: string[] = [];
  await until(
    `${expected} records are read`,
    async () => {
      bodies.push(...(await collect(source)).logs.map(({ body }) => body));
      return bodies.length >= expected;
    },
    60_000,
  );
  bodies.push(...(await collect(source)).logs.map(({ body }) => body));
  return bodies;
}

const isoOf = (ns: bigint): string =>
  `${new Date(Number(ns / 1_000_000n)).toISOString().slice(0, -1)}${String(ns % 1_000_000n).padStart(6, '0')}Z`;

describe('VictoriaLogs', () => {
  const insert = '/insert/jsonline?_stream_fields=service.name';
  const line = (ns: bigint, message: string, level = 'info'): string =>
    JSON.stringify({ _time: isoOf(ns), _msg: message, 'service.name': 'shop', level });

  test('lines of equal nanoseconds and equal text over many pages are read once each; late ones too; an outage loses none', async () => {
    const peer = await startVictoriaLogs();
    cleanup.push(() => peer.stop());
    const source = open('victorialogs', { url: peer.url, late: '60s', maxRecords: 1_000 });
    const beginNs = BigInt(Date.now() - 15_000) * 1_000_000n;
    const first = Array.from({ length: 2_600 }, (_, nth) =>
      line(
        beginNs + BigInt(Math.floor(nth / 1_300)),
        nth % 3 === 0 ? 'same' : `line ${nth}`,
        nth % 4 === 0 ? 'error' : 'info',
      ),
    );
    await post(`${peer.url}${insert}`, first.join('\n'));
    const read = await drain(source, 2_600);
    expect(read).toHaveLength(2_600);
    expect(read.filter((body) => body === 'same')).toHaveLength(867);

    await post(`${peer.url}${insert}`, line(beginNs + 5n, 'came late'));
    expect(await drain(source, 1)).toEqual(['came late']);

    await peer.kill();
    const { gaps } = await collect(source);
    expect(gaps).toMatchObject([{ reason: 'unreachable', service: 'shop' }]);
    await peer.start();
    await post(`${peer.url}${insert}`, line(BigInt(Date.now()) * 1_000_000n, 'after the outage'));
    // What was not yet on its disk when it was killed is its own loss; what it still has was read before.
    expect(await drain(source, 1)).toEqual(['after the outage']);
  });

  test('statistics are samples of whole steps, stamped with their end', async () => {
    const peer = await startVictoriaLogs();
    cleanup.push(() => peer.stop());
    const nowMs = Date.now();
    const lines = Array.from({ length: 200 }, (_, nth) =>
      line(BigInt(nowMs - nth * 100) * 1_000_000n, 'x', nth % 4 === 0 ? 'error' : 'info'),
    );
    await post(`${peer.url}${insert}`, lines.join('\n'));
    const query = '* | stats count() if (level:error) bad, count() all | math bad / all as part | delete bad, all';
    const source = open('victorialogs', { url: peer.url, late: '1s', interval: '5s' });
    await until('the steps are there', async () => {
      const { series } = await collect(source, { errors: { query } }, { mode: 'history' });
      const samples = series[0]?.samples ?? [];
      return (
        samples.length >= 3 &&
        samples.slice(1, -1).every(({ tMs, v }) => tMs % 5_000 === 0 && Math.abs(v - 0.25) < 0.05)
      );
    });
  });

  test('a wrong password is told from a right one', async () => {
    const peer = await startVictoriaLogs(['-httpAuth.username=me', '-httpAuth.password=right']).catch(() => undefined);
    // /health is not guarded there.
    if (peer === undefined) throw new Error('VictoriaLogs does not start with a password');
    cleanup.push(() => peer.stop());
    const config = (env: string): JsonObject => ({
      url: peer.url,
      auth: { basic: { username: 'me', password: { env } } },
    });
    const { gaps } = await collect(open('victorialogs', config('BAD')));
    expect(gaps).toMatchObject([{ reason: 'unauthorized', service: 'shop' }]);
    expect((await collect(open('victorialogs', config('GOOD')))).gaps).toEqual([]);
    await expect(open('victorialogs', config('BAD')).check(AbortSignal.timeout(9_000))).rejects.toMatchObject({
      code: 'unauthorized',
    });
  });
});

describe('OpenSearch', () => {
  test('documents of one millisecond over many pages are read once each, and counts are ratios', async () => {
    const peer = await startOpenSearch();
    cleanup.push(() => peer.stop());
    const source = open('elasticsearch', {
      url: peer.url,
      index: 'logs-*',
      late: '2m',
      timeout: '30s',
      maxRecords: 5_000,
    });
    expect((await collect(source)).gaps).toMatchObject([{ reason: 'missing' }]);
    const atMs = Date.now() - 10_000;
    const bulk = Array.from({ length: 2_300 }, (_, nth) => [
      JSON.stringify({ create: { _index: 'logs-shop' } }),
      JSON.stringify({
        ...{ '@timestamp': new Date(atMs + Math.floor(nth / 1_500)).toISOString(), message: `line ${nth}` },
        ...{ service: { name: 'shop' }, log: { level: nth % 4 === 0 ? 'error' : 'info' } },
      }),
    ]);
    await post(`${peer.url}/_bulk?refresh=true`, `${bulk.flat().join('\n')}\n`, 'application/x-ndjson');
    const read = await drain(source, 2_300);
    expect(read).toHaveLength(2_300);
    expect(new Set(read).size).toBe(2_300);
    const signals = { errors: { query: 'log.level:error', of: 'service.name:shop' } };
    const past = { mode: 'history', fromMs: atMs - 60_000 } as const;
    const { series, gaps } = await collect(
      open('elasticsearch', { url: peer.url, late: '0s', timeout: '30s' }),
      signals,
      past,
    );
    expect(gaps).toEqual([]);
    expect([...new Set(series[0]?.samples.map(({ v }) => v))]).toEqual([0.25]);
    // A Java server takes seconds to come up, and on a machine that is busy a minute.
  }, 240_000);
});

const hex = (nth: number, length: number): string => nth.toString(16).padStart(length, '0');

/** A call into shop that calls cart, as OTLP. */
function otlpTrace(nth: number, atMs: number, failing: boolean): JsonObject {
  const ns = (ms: number): string => `${BigInt(Math.round(ms)) * 1_000_000n}`;
  const named = (service: string): JsonObject => ({
    attributes: [{ key: 'service.name', value: { stringValue: service } }],
  });
  const thrown = [
    { key: 'exception.type', value: { stringValue: 'LedgerClosed' } },
    { key: 'exception.message', value: { stringValue: 'no open ledger' } },
  ];
  const failed = failing
    ? { status: { code: 2 }, events: [{ timeUnixNano: ns(atMs + 5), name: 'exception', attributes: thrown }] }
    : {};
  const base = { traceId: hex(nth + 1, 32), startTimeUnixNano: ns(atMs) };
  const root = {
    ...base,
    spanId: hex(1, 16),
    name: 'POST /pay',
    kind: 2,
    endTimeUnixNano: ns(atMs + 100),
    ...(failing && { status: { code: 2 } }),
  };
  const callee = {
    ...base,
    spanId: hex(2, 16),
    parentSpanId: hex(1, 16),
    name: 'POST /book',
    kind: 2,
    endTimeUnixNano: ns(atMs + 40),
    ...failed,
  };
  return {
    resourceSpans: [
      { resource: named('shop'), scopeSpans: [{ spans: [root] }] },
      { resource: named('bookkeeper'), scopeSpans: [{ spans: [callee] }] },
    ],
  };
}

describe('Jaeger', () => {
  test('spans pushed as OTLP are read once, whole, and signals are worked out of them', async () => {
    const peer = await startJaeger();
    cleanup.push(() => peer.stop());
    const source = open('jaeger', { url: peer.url, late: '0s' });
    const nowMs = Date.now();
    for (let nth = 0; nth < 20; nth++)
      await post(`${peer.otlp}/v1/traces`, JSON.stringify(otlpTrace(nth, nowMs - 1_000 - nth * 500, nth % 4 === 0)));
    const red = { errors: { measure: 'errors' }, latency: { measure: 'latency' }, traffic: { measure: 'traffic' } };
    await until(
      'all are stored',
      async () => ((await collect(open('jaeger', { url: peer.url, late: '0s' }))).spans ?? []).length === 40,
    );
    const { spans = [], series, gaps } = await collect(source, red);
    expect(gaps).toEqual([]);
    expect(spans).toHaveLength(40);
    expect(spans.find(({ status, service }) => status === 'error' && service === 'bookkeeper')).toMatchObject({
      ...{ traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string, parentSpanId: hex(1, 16), kind: 'server' },
      events: [{ name: 'exception', attributes: { 'exception.type': 'LedgerClosed' } }],
    });
    const value = (signal: string): number | undefined => series.find((one) => one.signal === signal)?.samples[0]?.v;
    expect(value('errors')).toBe(0.25);
    expect(value('latency')).toBeCloseTo(0.1, 3);
    expect(value('traffic')).toBeCloseTo(20 / 60, 2);
    await pause(50);
    expect((await collect(source)).spans).toEqual([]);
    await peer.kill();
    expect((await collect(source)).gaps).toMatchObject([{ reason: 'unreachable', service: 'shop' }]);
  });
});

test('the daemon finds what logs and traces show, and its diagnosis cites both', async () => {
  const logs = await startVictoriaLogs();
  cleanup.push(() => logs.stop());
  const traces = await startJaeger();
  cleanup.push(() => traces.stop());
  const home = makeHome();
  cleanup.push(() => home.remove());
  home.write('watchkeeper.yaml', {
    resources: { services: 'resources' },
    sources: [
      { id: 'logs', kind: 'victorialogs', url: logs.url, interval: '1s', late: '2s' },
      { id: 'traces', kind: 'jaeger', url: traces.url, interval: '1s', late: '2s' },
    ],
    incidents: { grace: '2s', patience: '2s' },
  });
  home.write(
    'resources/shop.yaml',
    document('Service', 'shop', {
      logs: [{ source: 'logs' }],
      traces: [{ source: 'traces' }],
      telemetry: { errors: { source: 'traces', measure: 'errors', unit: 'ratio' } },
    }),
  );
  home.write(
    'resources/detector.yaml',
    document('Detector', 'shop-errors', {
      on: 'errors',
      kind: 'threshold',
      params: { above: 0.2 },
      hold: '3s',
      clear: '5s',
      severity: 'critical',
    }),
  );
  const daemon = await startDaemon(home);
  cleanup.push(() => daemon.kill());

  let failing = false;
  let nth = 0;
  const playing = new AbortController();
  cleanup.push(() => playing.abort());
  const play = async (): Promise<void> => {
    while (!playing.signal.aborted) {
      await post(`${traces.otlp}/v1/traces`, JSON.stringify(otlpTrace(++nth, Date.now(), failing)));
      if (failing) {
        const record = {
          _time: isoOf(BigInt(Date.now()) * 1_000_000n),
          _msg: 'payment failed: request to bookkeeper answered 500, no open ledger',
          'service.name': 'shop',
          level: 'error',
        };
        await post(`${logs.url}/insert/jsonline?_stream_fields=service.name`, JSON.stringify(record));
      }
      await pause(200);
    }
  };
  const played = play().catch((thrown: unknown) => {
    if (!playing.signal.aborted) throw thrown;
  });
  await until('the shop is seen to be well', async () => {
    const { services } = await daemon.status();
    return services.some(({ name, signals }) => name === 'shop' && signals.some(({ latest }) => latest?.v === 0));
  });
  await pause(8_000);
  failing = true;
  await until(
    'the diagnosis cites a trace and a log line',
    async () => {
      const [incident] = await daemon.incidents();
      if (incident === undefined) return false;
      const { file } = await daemon.incident(incident.id);
      const first = file?.diagnosis?.hypotheses[0];
      const cites = (kind: string, ...words: readonly string[]): boolean =>
        (first?.for ?? []).some((one) => one.kind === kind && words.every((word) => one.text.includes(word)));
      return (
        first?.service === 'bookkeeper' &&
        cites('trace', 'LedgerClosed', 'nobody declared') &&
        cites('log', 'request to bookkeeper answered')
      );
    },
    60_000,
  );
  playing.abort();
  await played;
});

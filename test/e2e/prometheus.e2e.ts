import { request as forward } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { nodeHttp, readFiles, systemClock, systemRandom } from '../../src/io/index.ts';
import { sourceKinds } from '../../src/sources/index.ts';
import { parseAlertmanagerWebhook } from '../../src/sources/alertmanager/index.ts';
import type { ReaderIo } from '../../src/domain/ports/io.ts';
import type { Collected, Source } from '../../src/domain/ports/source.ts';
import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { Json } from '../../src/lib/json.ts';
import { noClusters } from '../support/no-clusters.ts';
import { noHosts } from '../support/no-hosts.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { serve, startAlertmanager, startNodeExporter, startPrometheus, until, type Peer } from './peers/peers.ts';
import { noAws, noCloudHosts } from '../support/no-aws.ts';
import { noAzure } from '../support/no-azure.ts';
import { noGcp } from '../support/no-gcp.ts';

const clock = systemClock;
const io: ReaderIo = {
  clock,
  random: systemRandom,
  http: nodeHttp(clock),
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

/** A service whose traffic is a known function of time: 50 requests/s, one in five of them fails, latency 0–200 ms. */
function shop(startedMs: number): string {
  const seconds = (Date.now() - startedMs) / 1_000;
  const total = seconds * 50;
  const bucket = (le: string, share: number) => `latency_seconds_bucket{le="${le}"} ${total * share}\n`;
  return [
    '# TYPE requests counter\n',
    `requests_total{code="200",version="v1"} ${total * 0.5}\n`,
    `requests_total{code="200",version="v2"} ${total * 0.3}\n`,
    `requests_total{code="503",version="v2"} ${total * 0.2}\n`,
    '# TYPE latency_seconds histogram\n',
    bucket('0.05', 0.25),
    bucket('0.1', 0.5),
    bucket('0.2', 0.95),
    bucket('+Inf', 1),
    `latency_seconds_count ${total}\nlatency_seconds_sum ${total * 0.1}\n`,
    '# EOF\n',
  ].join('');
}

let service: Awaited<ReturnType<typeof serve>>;
let exporter: Peer;
let prometheus: Peer;
const opened: Source[] = [];

function open(kind: string, config: Json): Source {
  const source = sourceKinds[kind]?.open(kind, config, io);
  if (source?.ok !== true) throw new Error(JSON.stringify(source));
  opened.push(source.value);
  return source.value;
}

function collect(source: Source, queries: Readonly<Record<string, Json>>, backMs = 5_000): Promise<Collected> {
  const untilMs = clock.nowMs();
  const signals = Object.entries(queries).map(([signal, query]) => ({
    service: 'shop',
    signal,
    binding: { source: source.id, unit: '1', nature: 'gauge' as const, query: query as Record<string, Json> },
  }));
  const request = { fromMs: untilMs - backMs, untilMs, stepMs: 1_000, signals, services: [], mode: 'live' as const };
  return source.collect(request, AbortSignal.timeout(30_000));
}

const last = ({ series }: Collected): Readonly<Record<string, number | undefined>> =>
  Object.fromEntries(series.map(({ key, samples }) => [key, samples.at(-1)?.v]));

/** What Prometheus itself says now. */
async function ask(query: string): Promise<number> {
  const response = await fetch(`${prometheus.url}/api/v1/query?query=${encodeURIComponent(query)}`);
  const answer = (await response.json()) as { data: { result: { value: [number, string] }[] } };
  return Number(answer.data.result[0]?.value[1]);
}

beforeAll(async () => {
  const startedMs = Date.now() - 3_600_000;
  service = await serve((_request, response) => {
    response.setHeader('content-type', 'application/openmetrics-text; version=1.0.0; charset=utf-8');
    response.end(shop(startedMs));
  });
  exporter = await startNodeExporter();
  prometheus = await startPrometheus([service.url, exporter.url]);
  // Rates over 5 s need a handful of scrapes.
  await until('Prometheus has rates', async () => (await ask('count_over_time(requests_total{code="503"}[8s])')) >= 7);
});

afterAll(async () => {
  for (const source of opened) await source.close();
  await prometheus.stop();
  await exporter.stop();
  await service.close();
});

describe('our scrape against the answers of Prometheus about the same service', () => {
  test('rates, ratios by version and quantiles agree', async () => {
    const scrape = open('scrape', { targets: [{ url: `${service.url}/metrics` }], interval: '2s' });
    const queries = {
      traffic: { metric: 'requests_total' },
      errors: { metric: 'requests_total', match: { code: '5..' }, per: { metric: 'requests_total' }, by: ['version'] },
      p50: { metric: 'latency_seconds', quantile: 0.5 },
      p90: { metric: 'latency_seconds', quantile: 0.9 },
    };
    await collect(scrape, queries);
    await pause(2_000);
    const answer = await collect(scrape, queries);
    expect(answer.gaps).toEqual([]);
    const ours = last(answer);
    const errors = (version: string) =>
      ask(
        `sum(rate(requests_total{code=~"5..",version="${version}"}[5s])) / sum(rate(requests_total{version="${version}"}[5s]))`,
      );
    // Both look at five seconds, but not at the same instant; how far apart depends on what else the machine does.
    const near = (mine: number | undefined, theirs: number) =>
      expect(Math.abs((mine ?? NaN) / theirs - 1)).toBeLessThan(0.05);
    near(ours['shop/traffic{}'], await ask('sum(rate(requests_total[5s]))'));
    near(ours['shop/errors{version="v2"}'], await errors('v2'));
    expect(ours['shop/errors{version="v1"}']).toBe(0);
    near(ours['shop/p50{}'], await ask('histogram_quantile(0.5, sum by (le) (rate(latency_seconds_bucket[5s])))'));
    near(ours['shop/p90{}'], await ask('histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket[5s])))'));
  });

  test('a real node-exporter is read whole, and a gauge is what Prometheus says it is', async () => {
    const scrape = open('scrape', { targets: [{ url: `${exporter.url}/metrics` }] });
    const queries = {
      memory: { metric: 'node_memory_MemTotal_bytes' },
      cpu: { metric: 'node_cpu_seconds_total', by: ['mode'] },
    };
    const answer = await collect(scrape, queries);
    expect(last(answer)['shop/memory{}']).toBe(await ask('node_memory_MemTotal_bytes'));
    expect(answer.gaps).toMatchObject([{ signal: 'cpu', reason: 'missing' }]);
  });

  test('our Prometheus source gives what Prometheus gives', async () => {
    const source = open('prometheus', { url: prometheus.url, interval: '1s' });
    await source.check(AbortSignal.timeout(10_000));
    const answer = await collect(source, {
      traffic: { query: 'sum(rate(requests_total[5s]))' },
      errors: { metric: 'requests_total', match: { code: '5..' }, rate: '5s', by: ['version'] },
      broken: { query: 'sum(rate(requests_total[5s])' },
      nothing: { query: 'no_such_metric' },
    });
    expect(last(answer)['shop/traffic{}']).toBeGreaterThan(49);
    expect(last(answer)['shop/traffic{}']).toBeLessThan(51);
    expect(last(answer)['shop/errors{version="v2"}']).toBeCloseTo(10, 0);
    expect(answer.gaps).toMatchObject([
      { signal: 'broken', reason: 'malformed', message: expect.stringContaining('unclosed left parenthesis') },
      { signal: 'nothing', reason: 'missing' },
    ]);
  });
});

test('a Prometheus that dies is a gap, and when it is back what it still knows is caught up', async () => {
  const source = open('prometheus', { url: prometheus.url, interval: '1s', timeout: '2s' });
  const queries = { traffic: { query: 'sum(rate(requests_total[5s]))' } };
  expect((await collect(source, queries)).gaps).toEqual([]);
  await prometheus.kill();
  const down = await collect(source, queries);
  expect(down).toMatchObject({ series: [], gaps: [{ reason: 'unreachable', service: 'shop', signal: 'traffic' }] });
  await prometheus.start();
  await until('the source reads again', async () => {
    const answer = await collect(source, queries);
    return answer.gaps.length === 0 && answer.series.length === 1;
  });
});

test('wrong credentials are `unauthorized`, right ones are let through', async () => {
  const guarded = await serve((request, response) => {
    if (request.headers.authorization !== 'Bearer right') {
      response.writeHead(401).end();
      return;
    }
    const onward = forward(
      `${prometheus.url}${request.url ?? ''}`,
      { method: request.method, headers: request.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(onward);
  });
  try {
    const queries = { up: { query: 'up' } };
    const wrong = open('prometheus', { url: guarded.url, auth: { bearer: { env: 'BAD' } } });
    expect((await collect(wrong, queries)).gaps).toMatchObject([{ reason: 'unauthorized' }]);
    await expect(wrong.check(AbortSignal.timeout(10_000))).rejects.toMatchObject({ code: 'unauthorized' });
    const right = open('prometheus', { url: guarded.url, auth: { bearer: { env: 'GOOD' } } });
    await right.check(AbortSignal.timeout(10_000));
  } finally {
    await guarded.close();
  }
});

test('an alert of a real Alertmanager arrives as a finding and resolves as the same one', async () => {
  const bodies: Json[] = [];
  const receiver = await serve((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      bodies.push(JSON.parse(Buffer.concat(chunks).toString()) as Json);
      response.end();
    });
  });
  const alertmanager = await startAlertmanager(receiver.url);
  try {
    const post = async (endsAt?: string) => {
      const labels = { alertname: 'HighErrors', service: 'shop', severity: 'critical' };
      const alert = {
        labels,
        annotations: { summary: 'one in five fails' },
        ...(endsAt === undefined ? {} : { endsAt }),
      };
      await fetch(`${alertmanager.url}/api/v2/alerts`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify([alert]),
      });
    };
    const findings = () =>
      bodies.flatMap((body) => {
        const parsed = parseAlertmanagerWebhook(body, clock.nowMs());
        if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
        return parsed.value.findings;
      });
    await post();
    await until('it fires', () => findings().some(({ state }) => state === 'bad'));
    await post(new Date().toISOString());
    await until('it resolves', () => findings().some(({ state }) => state === 'good'));
    expect(findings()[0]).toMatchObject({
      kind: 'external',
      service: 'shop',
      severity: 'critical',
      signal: 'HighErrors',
    });
    expect(new Set(findings().map(({ service: s, signal, labels }) => JSON.stringify([s, signal, labels]))).size).toBe(
      1,
    );
  } finally {
    await alertmanager.stop();
    await receiver.close();
  }
});

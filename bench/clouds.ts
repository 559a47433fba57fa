/**
 * What it costs to watch a cloud: `node bench/clouds.ts [aws azure gcp] [--series=1000,10000,100000] [--no-memory]` (after `npm run
 * build`). For each number of series, one sweep through the real SDK and our transport against a server of the bench's own
 * that answers in the cloud's wire shape: calls, bytes both ways, seconds, processor time and dollars by the list prices; and
 * the same of the look a minute later, in which nothing is due.
 *
 * Then the memory of an adapter that has nothing to watch: the resident memory of the daemon with the source configured, three
 * quarters of a minute after its start, less that of the daemon without it. Bar: 60 MB.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

import type { Log } from '../src/domain/ports/io.ts';
import { makeReaderIo, systemClock, systemRandom } from '../src/io/index.ts';
import { sourceKinds } from '../src/sources/index.ts';
import { median } from '../src/lib/stats.ts';
import { selfSigned } from '../test/support/self-signed.ts';
import { signalsOf, type BenchCloud } from './clouds/cloud.ts';
import { clouds } from './clouds/known.ts';
import { report, spent } from './report.ts';

const main = path.resolve(import.meta.dirname, '../dist/main.js');
const given = process.argv.slice(2);
const asked = given.filter((one) => !one.startsWith('--'));
const sizes = (given.find((one) => one.startsWith('--series='))?.slice(9) ?? '1000,10000,100000')
  .split(',')
  .map(Number);
const withMemory = !given.includes('--no-memory');
// The first readings, and what is collected after them; the median of some starts.
const restMs = 45_000;
const starts = 2;
const minute = 60_000;

const silent: Log = {
  ...{ debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  child: () => silent,
};

interface StandIn {
  readonly child: ChildProcess;
  readonly url: string;
  /** What its clients, this process among them, must believe and know. */
  readonly env: Readonly<Record<string, string>>;
}

async function startServer(name: string, cloud: BenchCloud): Promise<StandIn> {
  const file = path.join(import.meta.dirname, 'clouds', 'server.ts');
  const pair = cloud.isTls === true ? certified() : undefined;
  const argv = [file, name, ...(pair === undefined ? [] : [pair.keyFile, pair.certificateFile])];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise<string>((resolve) =>
    child.stdout.once('data', (text) => resolve(String(text).trim())),
  );
  const url = pair === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`;
  const trust = pair === undefined ? {} : { NODE_EXTRA_CA_CERTS: pair.certificateFile };
  return { child, url, env: { ...cloud.env(url), ...trust } };
}

function certified(): { readonly keyFile: string; readonly certificateFile: string } {
  const { key, cert } = selfSigned('localhost');
  const folder = mkdtempSync(path.join(tmpdir(), 'watchkeeper-bench-tls-'));
  const [keyFile, certificateFile] = [path.join(folder, 'key.pem'), path.join(folder, 'certificate.pem')];
  writeFileSync(keyFile, key, { mode: 0o600 });
  writeFileSync(certificateFile, cert);
  setDefaultCACertificates([...getCACertificates('default'), cert]);
  return { keyFile, certificateFile };
}

async function usedOf(
  url: string,
): Promise<{ readonly calls: number; readonly sent: number; readonly received: number }> {
  return (await (await fetch(`${url}/used`)).json()) as Awaited<ReturnType<typeof usedOf>>;
}

async function sweep(name: string, cloud: BenchCloud, url: string, series: number): Promise<void> {
  const io = makeReaderIo({
    ...{ clock: systemClock, random: systemRandom },
    log: silent,
    secrets: { resolve: ({ env = '' }) => Promise.resolve(process.env[env] ?? '') },
  });
  const { kind: _kind, id: _id, ...config } = cloud.config(url);
  const opened = sourceKinds[cloud.kind]?.open(cloud.kind, config, io);
  if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
  const source = opened.value;
  const services = Array.from({ length: Math.ceil(series / cloud.perService) }, (_, index) => cloud.service(index));
  const signals = signalsOf(services).slice(0, series);
  const look = async (): Promise<{ readonly series: number; readonly gaps: readonly string[] }> => {
    const nowMs = Date.now();
    const stretch = { fromMs: nowMs - 5 * minute, untilMs: nowMs, stepMs: minute, mode: 'live' as const };
    const answer = await source.collect({ ...stretch, services, signals }, AbortSignal.timeout(10 * minute));
    return { series: answer.series.length, gaps: answer.gaps.map(({ message }) => message) };
  };
  const figure = (what: string, value: number, unit: string): void =>
    report({ bench: 'clouds', name: `${name}, ${series} series: ${what}`, value, unit });
  try {
    // The SDK is imported and connections are made before what is measured.
    await source.check(AbortSignal.timeout(minute)).catch(() => undefined);
    await usedOf(url);
    const before = source.use?.()?.dollars ?? 0;
    let answered = { series: 0, gaps: [] as readonly string[] };
    const { wallMs, cpuMs } = await spent(async () => {
      answered = await look();
    });
    if (answered.series !== series)
      throw new Error(`${answered.series} of ${series} series: ${answered.gaps[0] ?? ''}`);
    const used = await usedOf(url);
    figure('calls a sweep', used.calls, 'calls');
    figure('asked', used.received / 1e6, 'MB');
    figure('answered', used.sent / 1e6, 'MB');
    figure('a sweep', wallMs / 1_000, 's');
    figure('processor time of a sweep', cpuMs / 1_000, 's');
    figure('estimated cost of a sweep', (source.use?.()?.dollars ?? 0) - before, 'dollars');
    await look();
    figure('calls of a look between sweeps', (await usedOf(url)).calls, 'calls');
  } finally {
    await source.close();
  }
}

async function memory(
  name: string,
  cloud: BenchCloud,
  url: string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const bare: number[] = [];
  const watching: number[] = [];
  await usedOf(url);
  for (let start = 0; start < starts; start++) {
    bare.push(await residentAtRest([], {}));
    watching.push(await residentAtRest([cloud.config(url)], env));
  }
  const [without = Number.NaN, withIt = Number.NaN] = [median(bare), median(watching)];
  const { calls } = await usedOf(url);
  if (calls === 0) throw new Error('the adapter asked nothing: its memory says nothing');
  report({ bench: 'clouds', name: `${name}: the daemon without it, resident`, value: without, unit: 'MB' });
  report({ bench: 'clouds', name: `${name}: idle adapter`, value: withIt - without, unit: 'MB', atMost: 60 });
}

async function residentAtRest(sources: readonly object[], env: Readonly<Record<string, string>>): Promise<number> {
  const folder = mkdtempSync(path.join(tmpdir(), 'watchkeeper-bench-clouds-'));
  // JSON is YAML.
  writeFileSync(path.join(folder, 'watchkeeper.yaml'), JSON.stringify({ sources }));
  const child = spawn(
    main,
    ['run', '--config', path.join(folder, 'watchkeeper.yaml'), '--data-dir', path.join(folder, 'data')],
    {
      cwd: folder,
      env: {
        ...env,
        PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin`,
        HOME: folder,
        WATCHKEEPER_HTTP_LISTEN: '127.0.0.1:0',
      },
      stdio: 'ignore',
    },
  );
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    await sleep(restMs);
    if (child.exitCode !== null) throw new Error('the daemon did not stay up');
    const status = readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8');
    return (Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1_024) / 1e6;
  } finally {
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const name of asked.length > 0 ? asked : Object.keys(clouds)) {
  const cloud = clouds[name];
  if (cloud === undefined) throw new Error(`no such cloud: ${name}. There are: ${Object.keys(clouds).join(', ')}`);
  const server = await startServer(name, cloud);
  Object.assign(process.env, server.env);
  try {
    for (const series of sizes) await sweep(name, cloud, server.url, series);
    if (withMemory) await memory(name, cloud, server.url, server.env);
  } finally {
    server.child.kill('SIGTERM');
  }
}

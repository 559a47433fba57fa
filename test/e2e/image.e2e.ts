import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { filesBelow } from '../ledger/support/vectors.ts';
import { freePort, until } from './peers/peers.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** The content of the image, made by the script that the Dockerfile runs, started under the rules of a hardened pod. */
describe('the image', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'watchkeeper-image-'));
  const app = path.join(folder, 'app');
  const place = path.join(folder, 'place');
  let child: ChildProcess | undefined;
  let said = '';
  let url = '';
  let pid = 0;
  const ended = (): boolean => child === undefined || child.exitCode !== null || child.signalCode !== null;

  beforeAll(async () => {
    execFileSync(process.execPath, ['scripts/image.mjs', app], { cwd: root });
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const config = path.join(folder, 'watchkeeper.yaml');
    writeFileSync(config, JSON.stringify({ http: { listen: `127.0.0.1:${port}` } }));
    const script = path.join(import.meta.dirname, 'peers/image.sh');
    const run = ['run', '--config', '/etc/watchkeeper/watchkeeper.yaml', '--data-dir', '/data'];
    const argv = ['--mount', '--pid', '--fork', '--kill-child', 'bash', script, place, process.execPath, app, config];
    const started = spawn('unshare', [...argv, ...run], { stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    for (const stream of [started.stdout, started.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    await until('it is ready', async () => ended() || (await fetch(`${url}/readyz`)).ok, 60_000);
    expect(ended(), said).toBe(false);
    pid = childOf(childOf(started.pid ?? 0));
  });
  afterAll(async () => {
    const running = child;
    if (running !== undefined && !ended()) {
      const gone = new Promise((resolve) => running.once('exit', resolve));
      running.kill('SIGKILL');
      await gone;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  test('holds no package manager, no shell, no source and nothing that gives rights', () => {
    const files = filesBelow(path.join(place, 'root'));
    const names = new Set(files.map((file) => path.basename(file)));
    for (const unwanted of ['npm', 'npx', 'corepack', 'sh', 'bash', 'busybox', 'apt', 'dpkg', 'node_modules'])
      expect(names.has(unwanted), unwanted).toBe(false);
    expect(files.filter((file) => /\.(ts|map|test\.ts)$/.test(file))).toEqual([]);
    expect(files.filter((file) => (statSync(file).mode & 0o6000) !== 0)).toEqual([]);
  });

  test('serves the page', async () => {
    const response = await fetch(`${url}/`);
    const [, script = ''] = /src="(\/assets\/[\w.-]+\.js)"/.exec(await response.text()) ?? [];
    expect([response.status, (await fetch(`${url}${script}`)).status]).toEqual([200, 200]);
  });

  test('says what is in it: every package of the lockfile that is bundled, and none of the tools', () => {
    interface Bill {
      readonly bomFormat: string;
      readonly metadata: { readonly component: { readonly name: string } };
      readonly components: readonly { readonly name: string; readonly version: string; readonly hashes?: unknown }[];
    }
    const bill = JSON.parse(readFileSync(path.join(app, 'sbom.cdx.json'), 'utf8')) as Bill;
    const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      readonly dependencies: Readonly<Record<string, string>>;
    };
    expect([bill.bomFormat, bill.metadata.component.name]).toEqual(['CycloneDX', 'watchkeeper']);
    const said = new Map(bill.components.map(({ name, version }) => [name, version]));
    for (const [name, version] of Object.entries(manifest.dependencies))
      expect([name, said.get(name)]).toEqual([name, name === 'node' ? undefined : version]);
    for (const tool of ['vitest', 'typescript', 'eslint', 'rolldown']) expect(said.has(tool)).toBe(false);
    expect(bill.components.every(({ hashes }) => hashes !== undefined)).toBe(true);
  });

  test('runs as nobody in particular, without capabilities, in one process', () => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const line = (name: string): string => new RegExp(`^${name}:[\\t ]*(.*)$`, 'm').exec(status)?.[1] ?? '';
    expect(line('Uid').split(/\s+/)).toEqual(['65532', '65532', '65532', '65532']);
    expect(line('Gid').split(/\s+/)).toEqual(['65532', '65532', '65532', '65532']);
    expect(line('Groups').trim()).toBe('');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) expect(line(set), set).toBe('0000000000000000');
    expect(line('NoNewPrivs')).toBe('1');
    expect(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()).toBe('');
  });

  test('watches from a root that cannot be written, and writes only to its data', async () => {
    const mounts = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n');
    const options = (at: string): string => mounts.findLast((line) => line.split(' ')[4] === at)?.split(' ')[5] ?? '';
    expect(options('/').split(',')).toContain('ro');
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/^watchkeeper_build_info\{version="[\d.]+"\} 1$/m);
    const turned = (text: string): number =>
      Number(/^watchkeeper_last_tick_timestamp_seconds (\S+)$/m.exec(text)?.[1] ?? 0);
    await until('it turns over', async () => turned(await (await fetch(`${url}/metrics`)).text()) > turned(metrics));
    expect(readdirSync(path.join(place, 'data'))).toContain('watchkeeper.db');
    expect(said).not.toMatch(/EROFS|EACCES|read-only file system/i);
  });

  test('stops in order when it is told to', async () => {
    process.kill(pid, 'SIGTERM');
    await until('it has stopped', ended);
    expect(said).toContain('"stopped"');
    expect(child?.exitCode).toBe(0);
  });
});

function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
}

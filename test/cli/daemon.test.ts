import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';

import { cli, root } from './support.ts';

let child: ChildProcess;
let log = '';
let errors = '';
const folder = mkdtempSync(join(tmpdir(), 'watchkeeper-daemon-'));
const data = join(folder, 'data');

function ended(process: ChildProcess): Promise<number | null> {
  return process.exitCode === null
    ? new Promise((resolve) => process.once('exit', (code) => resolve(code)))
    : Promise.resolve(process.exitCode);
}

function start(): ChildProcess {
  const argv = ['src/main.ts', 'run', '--data-dir', data, '--config', join(folder, 'watchkeeper.yaml')];
  return spawn(process.execPath, argv, {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, WATCHKEEPER_HTTP_LISTEN: '127.0.0.1:0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

const asked = (...argv: string[]) => cli([...argv, '--data-dir', data], { cwd: folder });

beforeAll(async () => {
  writeFileSync(join(folder, 'watchkeeper.yaml'), 'log: { format: auto }\n');
  writeFileSync(
    join(folder, 'shop.yaml'),
    'apiVersion: watchkeeper.dev/v1alpha1\nkind: Service\nmetadata: { name: shop }\nspec: { owner: { team: shop } }\n',
  );
  writeFileSync(join(folder, 'watchkeeper.yaml'), 'resources: { services: shop.yaml }\n');
  child = start();
  child.stdout?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', () => {
      if (log.includes('"msg":"ready"')) resolve();
    });
    child.once('exit', () => reject(new Error(`the daemon ended: ${log}${errors}`)));
  });
}, 60_000);

afterAll(async () => {
  child.kill('SIGKILL');
  await ended(child);
  rmSync(folder, { recursive: true, force: true });
});

describe('a daemon in a process of its own', () => {
  it('leaves its address and a token for its own user alone', () => {
    expect(statSync(join(data, 'daemon.json')).mode & 0o777).toBe(0o600);
    expect(statSync(join(data, 'api-token')).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(join(data, 'daemon.json'), 'utf8'))).toMatchObject({ pid: child.pid });
  });

  it('answers status and incidents', async () => {
    const status = await asked('status', '--output', 'json');
    expect(status.code).toBe(0);
    expect(JSON.parse(status.out)).toMatchObject({ version: '0.1.0', ceiling: 'suggest', incidents: [] });
    expect((await asked('status')).out).toMatch(/shop/);
    expect(await asked('incidents')).toMatchObject({ code: 0, out: 'No open incident.\n' });
    expect((await asked('explain', '01234567')).code).toBe(5);
  });

  it('is paused and resumed under the name of whoever asks, and the ledger says so', async () => {
    expect((await asked('pause', '--reason', 'moving \u001b[2Jthe database')).code).toBe(0);
    expect((await asked('status')).out).toMatch(/PAUSED by cli:\S+ .*: moving \[2Jthe database/);
    expect((await asked('resume', '--reason', 'done')).code).toBe(0);
    expect((await asked('status')).out).not.toContain('PAUSED');
    const { out } = await asked('ledger', 'show', '--type', 'paused', '--output', 'json');
    expect(JSON.parse(out)).toMatchObject({
      entries: [{ entry: { type: 'paused', actor: expect.stringMatching(/^cli:/) as string } }],
    });
  });

  it('writes no secret into the ledger that somebody put into a reason', async () => {
    const secret = 'AKIA' + 'QWERTYUIOPASDFGH';
    expect((await asked('pause', '--reason', `the key ${secret} leaked`)).code).toBe(0);
    expect((await asked('resume', '--reason', 'rotated')).code).toBe(0);
    const exported = join(folder, 'exported');
    expect((await asked('ledger', 'export', exported)).code).toBe(0);
    const written = readdirSync(exported, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
      .join('');
    expect(written).toContain('the key [redacted] leaked');
    expect(written).not.toContain(secret);
  });

  it('says what a runbook would do, without doing it', async () => {
    const ran = await asked('plan', 'restart-crashed-service', '--service', 'shop', '--output', 'json');
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.out)).toMatchObject({ runbook: 'restart-crashed-service', service: 'shop' });
    expect(
      (await asked('plan', 'no-such-runbook', '--service', 'shop')).out +
        (await asked('plan', 'no-such-runbook', '--service', 'shop')).err,
    ).toMatch(/no-such-runbook/);
  });

  it('refuses an answer to nothing, says where to look, and ends with exit 5', async () => {
    const ran = await asked('approve', 'abcdefabcdef');
    expect([ran.code, ran.err]).toEqual([5, expect.stringMatching(/nothing waits.*\n.*watchkeeper status/s)]);
  });

  it('is found through the data folder that watchkeeper.yaml names, unless something else is said', async () => {
    const place = mkdtempSync(join(folder, 'place-'));
    const file = join(place, 'watchkeeper.yaml');
    writeFileSync(file, 'dataDir: ../data\nresources: { servicesss: a typo, while the daemon goes on\n');
    expect((await cli(['status'], { cwd: place })).code).toBe(0);
    expect((await cli(['ledger', 'show'], { cwd: place })).code).toBe(0);
    expect((await cli(['status'], { cwd: folder, environment: { WATCHKEEPER_CONFIG: file } })).code).toBe(0);
    writeFileSync(file, `dataDir: ${join(folder, 'nothing-here')}\n`);
    expect((await cli(['status'], { cwd: place })).err).toContain(join(folder, 'nothing-here'));
    expect((await cli(['status', '--data-dir', data], { cwd: place })).code).toBe(0);
    expect((await cli(['status'], { cwd: place, environment: { WATCHKEEPER_DATA_DIR: data } })).code).toBe(0);
    writeFileSync(file, 'log: { format: auto }\n');
    expect((await cli(['status'], { cwd: place })).err).toContain('state/watchkeeper');
  });

  it('does not know a wrong token', async () => {
    writeFileSync(join(folder, 'wrong'), 'not-the-token\n');
    expect((await asked('status', '--token-file', join(folder, 'wrong'))).code).toBe(4);
  });

  it('lets its ledger be verified and proven beside it', async () => {
    expect((await asked('ledger', 'verify')).code).toBe(0);
    const proof = await asked('ledger', 'proof', '0');
    expect(proof.out).toMatch(/^c2sp\.org\/tlog-proof@v1\n/);
  });

  it('keeps a second daemon out of its store', async () => {
    const second = start();
    let said = '';
    second.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    expect(await ended(second)).toBe(1);
    expect(said).toMatch(/^watchkeeper: the store is in use by process \d+/);
    expect(existsSync(join(data, 'daemon.json'))).toBe(true);
  }, 60_000);

  it('prints nothing but JSON log lines, and stops in order at SIGTERM', async () => {
    child.kill('SIGTERM');
    expect(await ended(child)).toBe(0);
    const lines = log.trimEnd().split('\n');
    expect(lines.map((line) => typeof (JSON.parse(line) as { msg: unknown }).msg)).toEqual(lines.map(() => 'string'));
    expect(log).toContain('"msg":"stopped"');
    expect(existsSync(join(data, 'daemon.json'))).toBe(false);
    expect((await asked('status')).code).toBe(3);
    const { out } = await asked('ledger', 'show', '--limit', '1', '--output', 'json');
    expect(JSON.parse(out)).toMatchObject({ entries: [{ entry: { type: 'daemon-stopped' } }] });
  }, 60_000);
});

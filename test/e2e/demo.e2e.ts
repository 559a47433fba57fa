import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const main = path.resolve(import.meta.dirname, '../../dist/main.js');
let scratch = '';

beforeAll(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'watchkeeper-e2e-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Played {
  readonly code: number | null;
  readonly out: string;
  readonly seconds: number;
}

/** Runs the CLI with temporary files of its own folder, so that what is left behind can be told. */
function cli(temporary: string, ...args: string[]): Promise<Played> {
  const began = performance.now();
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (out += text));
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, out, seconds: (performance.now() - began) / 1_000 }));
  });
}

/** Living processes that name the folder or work in it: services, supervisors, daemons. */
function processesOf(folder: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        const at = readlinkSync(`/proc/${pid}/cwd`);
        return command.includes(folder) || at.includes(folder) ? [`${command} in ${at}`] : [];
      } catch {
        return [];
      }
    });
}

async function plays(name: string): Promise<void> {
  const temporary = mkdtempSync(path.join(scratch, `${name}-`));
  const ledger = path.join(scratch, `${path.basename(temporary)}.ledger`);
  const { code, out, seconds } = await cli(temporary, 'demo', '--keep-ledger', ledger);
  expect(code, out).toBe(0);
  expect(seconds).toBeLessThan(120);
  // Lines are wrapped where the terminal ends.
  const told = out.replace(/\s+/g, ' ');
  expect(told).toMatch(/v2 was deployed and is well by its errors/);
  expect(told).toMatch(/The deploy of checkout v2 -> v3 broke it/);
  expect(told).toMatch(/changes are frozen until/);
  expect(told).toMatch(/the demo approves by itself/);
  expect(readdirSync(temporary)).toEqual([]);
  expect(processesOf(temporary)).toEqual([]);
  expect(existsSync(path.join(ledger, 'checkpoint'))).toBe(true);
  expect((await cli(temporary, 'ledger', 'verify', ledger)).code).toBe(0);
}

describe('npm run demo', () => {
  it('comes out as told, twice in a row, and leaves nothing behind', async () => {
    await plays('first');
    await plays('second');
  }, 300_000);

  it('comes out as told twice side by side', async () => {
    await Promise.all([plays('left'), plays('right')]);
  }, 180_000);

  it('leaves nothing behind when it is interrupted', async () => {
    const temporary = mkdtempSync(path.join(scratch, 'interrupted-'));
    const child = spawn(process.execPath, [main, 'demo'], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ended = new Promise((resolve) => child.on('close', resolve));
    await new Promise<void>((resolve) => {
      let out = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        out += text;
        if (out.includes('change ')) resolve();
      });
    });
    child.kill('SIGINT');
    expect(await ended).toBe(1);
    expect(readdirSync(temporary)).toEqual([]);
    expect(processesOf(temporary)).toEqual([]);
  }, 60_000);

  it.each(['its reader goes away', 'its terminal goes away', 'it is killed outright'] as const)(
    'leaves no process behind when %s',
    async (how) => {
      const temporary = mkdtempSync(path.join(scratch, 'cut-'));
      const child = spawn(process.execPath, [main, 'demo'], {
        env: { ...process.env, TMPDIR: temporary },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const ended = new Promise((resolve) => child.on('exit', resolve));
      child.stdout.on('error', () => undefined);
      // By its first words about a change, services, customers and the daemon all run.
      await new Promise<void>((resolve) => {
        let out = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          out += text;
          if (out.includes('change ')) resolve();
        });
      });
      expect(processesOf(temporary).length).toBeGreaterThanOrEqual(6);
      if (how === 'its reader goes away') child.stdout.destroy();
      else child.kill(how === 'it is killed outright' ? 'SIGKILL' : 'SIGHUP');
      await ended;
      await expect.poll(() => processesOf(temporary), { timeout: 20_000, interval: 250 }).toEqual([]);
      // Who is killed outright cannot tidy up; everyone else has.
      if (how !== 'it is killed outright') expect(readdirSync(temporary)).toEqual([]);
    },
    90_000,
  );
});

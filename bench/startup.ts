/**
 * What it costs to start and to be there: `node bench/startup.ts [starts]` (after `npm run build`). Starts the command the
 * package installs (`dist/main.js`, by its own first line) with no configuration in an empty folder, again and again, and
 * beside it the least that any Node program costs: `node -e 0`. Bars: ready within 1 s, at most 120 MB resident.
 *
 * Ready is when the daemon has written where it listens, which it does last. Processor time until then says what a start
 * costs when other programs have the processor too.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { median } from '../src/lib/stats.ts';
import { report } from './report.ts';

const main = path.resolve(import.meta.dirname, '../dist/main.js');
const starts = Number(process.argv[2] ?? 7);
const deadlineMs = 60_000;
// What the first readings need, and what is collected after them.
const settleMs = 10_000;
// The kernel counts processor time in hundredths of a second here.
const tickMs = 10;
// The command finds `node` on the path, as it does for a user; it must be this one.
const PATH = `${path.dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;

interface Start {
  readonly readyMs: number;
  readonly cpuMs: number;
  readonly rssMb: number;
}

async function daemon(): Promise<Start> {
  const folder = mkdtempSync(path.join(tmpdir(), 'watchkeeper-bench-startup-'));
  const dataDir = path.join(folder, 'data');
  const fromMs = performance.now();
  const child = spawn(main, ['run', '--data-dir', dataDir], {
    cwd: folder,
    env: { PATH, HOME: folder, WATCHKEEPER_HTTP_LISTEN: '127.0.0.1:0' },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    while (!existsSync(path.join(dataDir, 'daemon.json'))) {
      if (child.exitCode !== null || performance.now() - fromMs > deadlineMs)
        throw new Error('the daemon did not come up');
      await sleep(5);
    }
    const readyMs = performance.now() - fromMs;
    const cpuMs = processorMs(child.pid);
    await sleep(settleMs);
    return { readyMs, cpuMs, rssMb: residentMb(child.pid) };
  } finally {
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

async function nothing(): Promise<Start> {
  const says = 'const{user,system}=process.cpuUsage();console.log((user+system)/1e3,process.memoryUsage.rss()/1e6)';
  const fromMs = performance.now();
  const child = spawn(process.execPath, ['-e', says], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await new Promise((resolve) => child.once('close', resolve));
  const readyMs = performance.now() - fromMs;
  const [cpuMs = Number.NaN, rssMb = Number.NaN] = text.trim().split(' ').map(Number);
  return { readyMs, cpuMs, rssMb };
}

function processorMs(pid: number | undefined): number {
  // The name in brackets may hold anything, so fields are counted from behind it: user and system time are the 12th and 13th.
  const fields = readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

function residentMb(pid: number | undefined): number {
  return (Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid ?? 0}/status`, 'utf8'))?.[1]) * 1_024) / 1e6;
}

const raw: Start[] = [];
const ours: Start[] = [];
for (let start = 0; start < starts; start++) {
  raw.push(await nothing());
  ours.push(await daemon());
}

function print(
  name: string,
  all: readonly Start[],
  bars: { readonly readyMs?: number; readonly rssMb?: number },
): void {
  const bench = 'startup';
  const of = (pick: (start: Start) => number): number => median(all.map(pick)) ?? Number.NaN;
  const bar = (atMost: number | undefined) => (atMost === undefined ? {} : { atMost });
  report({ bench, name: `${name}: median`, value: of((s) => s.readyMs), unit: 'ms', ...bar(bars.readyMs) });
  report({ bench, name: `${name}: best`, value: Math.min(...all.map((s) => s.readyMs)), unit: 'ms' });
  report({ bench, name: `${name}: processor time`, value: of((s) => s.cpuMs), unit: 'ms' });
  report({ bench, name: `${name}: resident`, value: of((s) => s.rssMb), unit: 'MB', ...bar(bars.rssMb) });
}

print('raw: node -e, from start to end', raw, {});
print('the daemon, from start to ready', ours, { readyMs: 1_000, rssMb: 120 });

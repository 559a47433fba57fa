import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import type { Sockets } from '../../../src/domain/ports/io.ts';
import type { HostPlace } from '../../../src/domain/places.ts';
import type { Collected, SignalQuery } from '../../../src/domain/ports/source.ts';
import type { Service } from '../../../src/domain/service.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import { metrics } from '../../../src/io/clients/linux/metrics/catalogue.ts';
import type { MetricName } from '../../../src/io/clients/linux/metrics/catalogue.ts';
import type { MemoryFiles } from '../../support/memory-files.ts';
import { startMachine, valueOf } from './machine.ts';
import type { Machine } from './machine.ts';

function service(host: HostPlace): Service {
  const named = (Object.keys(metrics) as MetricName[]).filter((name) => /^(unit|process)_/.test(name));
  const bindings = named.map((metric) => {
    const { unit, nature } = metrics[metric];
    return [metric, { source: 'host', unit, nature, query: { metric } }] as const;
  });
  return {
    name: 'shop',
    labels: {},
    owner: { team: '', escalate: '' },
    dependsOn: [],
    runsOn: [{ on: 'host', host }],
    telemetry: Object.fromEntries(bindings),
    slos: [],
    origin: 'declared',
  };
}

function ask(machine: Machine, host: HostPlace, metricsPattern: RegExp) {
  const asked = service(host);
  const signals: SignalQuery[] = Object.entries(asked.telemetry)
    .filter(([signal]) => metricsPattern.test(signal))
    .map(([signal, binding]) => ({ service: 'shop', signal, binding }));
  return withoutLogGaps(machine.collect({ services: [asked], signals }));
}

// These machines have no journal, which is a gap of the unit's logs and no affair of its metrics.
async function withoutLogGaps(pending: Promise<Collected>): Promise<Collected> {
  const answer = await pending;
  return { ...answer, gaps: answer.gaps.filter((gap) => gap.signal !== 'logs') };
}

const place: HostPlace = { process: { pidFile: '/run/shop.pid' } };

function setProcess(files: MemoryFiles, pid: number, cpuTicks: number, startTicks: number, state = 'S'): void {
  files.set('/run/shop.pid', `${pid}\n`);
  files.set(
    `/proc/${pid}/stat`,
    `${pid} (my (odd) name) ${state} 1 1 1 0 -1 0 0 0 0 0 ${cpuTicks} 0 0 0 20 0 7 0 ${startTicks} 1000 50`,
  );
  files.set(`/proc/${pid}/status`, 'Name:\tx\nVmRSS:\t  2048 kB\nThreads:\t7\n');
  files.set(`/proc/${pid}/limits`, 'Limit  Soft  Hard  Units\nMax open files            100   4096   files\n');
  for (const fd of [0, 1, 2, 3, 4]) files.set(`/proc/${pid}/fd/${fd}`, '');
}

describe('a service that is one process', () => {
  it('measures CPU, memory, open files and threads, past a name with brackets and blanks', async () => {
    const machine = await startMachine({ set: (files) => setProcess(files, 4242, 100, 500) });
    await ask(machine, place, /^process/);
    await machine.advance(10_000);
    setProcess(machine.files, 4242, 600, 500);
    const answer = await ask(machine, place, /^process/);
    expect(answer.gaps).toEqual([]);
    expect(valueOf(answer, 'process_up')).toBe(1);
    expect(valueOf(answer, 'process_cpu')).toBeCloseTo(0.5, 6);
    expect(valueOf(answer, 'process_memory')).toBe(2_048 * 1_024);
    expect(valueOf(answer, 'process_fds')).toBeCloseTo(0.05, 6);
    expect(valueOf(answer, 'process_threads')).toBe(7);
    expect(valueOf(answer, 'process_restarts')).toBe(0);
    expect(answer.resources.find((one) => one.kind === 'process')?.attributes).toMatchObject({
      pid: 4242,
      openFiles: 5,
    });
  });

  it('counts a restart by another process in its place, also when the pid is the same', async () => {
    const machine = await startMachine({ set: (files) => setProcess(files, 4242, 100, 500) });
    await ask(machine, place, /^process/);
    await machine.advance(10_000);
    setProcess(machine.files, 4242, 1, 900);
    expect(valueOf(await ask(machine, place, /^process/), 'process_restarts')).toBeCloseTo(0.1, 6);
    await machine.advance(10_000);
    expect(valueOf(await ask(machine, place, /^process/), 'process_restarts')).toBe(0);
  });

  it('knows a dead process, and one that is dead but not collected, as not up', async () => {
    const machine = await startMachine({ set: (files) => setProcess(files, 4242, 100, 500) });
    await ask(machine, place, /^process/);
    setProcess(machine.files, 4242, 100, 500, 'Z');
    expect(valueOf(await ask(machine, place, /^process/), 'process_up')).toBe(0);
    machine.files.remove('/proc/4242');
    expect(valueOf(await ask(machine, place, /^process/), 'process_up')).toBe(0);
    machine.files.remove('/run/shop.pid');
    const gone = await ask(machine, place, /^process/);
    expect(valueOf(gone, 'process_up'), 'a pid file that was there and went').toBe(0);
    expect(gone.gaps.find((gap) => gap.signal === 'process_memory')?.reason).toBe('missing');
  });

  it('does not know whether a process should run whose pid file never was', async () => {
    const machine = await startMachine();
    const answer = await ask(machine, place, /^process/);
    expect(answer.series).toEqual([]);
    expect(new Set(answer.gaps.map((gap) => gap.reason))).toEqual(new Set(['missing']));
  });

  it('says when it may not count the open files of another user', async () => {
    const machine = await startMachine({ set: (files) => setProcess(files, 4242, 100, 500) });
    machine.files.fail('/proc/4242/fd', new WatchkeeperError('forbidden', 'EACCES'));
    const answer = await ask(machine, place, /^process_(up|fds)/);
    expect(valueOf(answer, 'process_up')).toBe(1);
    expect(answer.gaps.map((gap) => [gap.signal, gap.reason])).toEqual([['process_fds', 'unauthorized']]);
  });

  it('takes a pid file with garbage for malformed', async () => {
    const machine = await startMachine({ set: (files) => files.set('/run/shop.pid', 'x; rm -rf /') });
    expect((await ask(machine, place, /^process_up/)).gaps.map((gap) => gap.reason)).toEqual(['malformed']);
  });
});

const unit: HostPlace = { unit: 'shop.service' };
const v2 = '/sys/fs/cgroup/system.slice/shop.service';

function setV2(files: MemoryFiles, seconds: number): void {
  files.set('/sys/fs/cgroup/cgroup.controllers', 'cpu memory pids\n');
  files.set(`${v2}/cpu.stat`, `usage_usec ${seconds * 500_000}\nthrottled_usec ${seconds * 100_000}\n`);
  files.set(`${v2}/memory.current`, '1000\n');
  files.set(`${v2}/memory.stat`, 'anon 1\ninactive_file 200\n');
  files.set(`${v2}/memory.max`, '1600\n');
  files.set(`${v2}/memory.events`, `low 0\noom 1\noom_kill ${seconds}\n`);
  files.set(`${v2}/pids.current`, '12\n');
}

function setV1(files: MemoryFiles, seconds: number): void {
  const at = (controller: string, name: string): string =>
    `/sys/fs/cgroup/${controller}/system.slice/shop.service/${name}`;
  files.set(at('cpuacct', 'cpuacct.usage'), `${seconds * 500_000_000}\n`);
  files.set(at('cpu', 'cpu.stat'), `nr_periods 1\nnr_throttled 1\nthrottled_time ${seconds * 100_000_000}\n`);
  files.set(at('memory', 'memory.usage_in_bytes'), '1000\n');
  files.set(at('memory', 'memory.limit_in_bytes'), '1600\n');
  files.set(at('memory', 'memory.stat'), 'cache 1\ntotal_inactive_file 200\n');
  files.set(at('memory', 'memory.oom_control'), `oom_kill_disable 0\nunder_oom 0\noom_kill ${seconds}\n`);
  files.set(at('pids', 'pids.current'), '12\n');
}

/** Plays back what a real bus with a small systemd on it said (recorded by the end-to-end test's service). */
function recordedBus(): Sockets {
  const file = path.join(import.meta.dirname, 'fixtures', 'systemd-bus.json');
  const said = (JSON.parse(readFileSync(file, 'utf8')) as { from: string; base64: string }[])
    .filter((one) => one.from === 'bus')
    .map((one) => new Uint8Array(Buffer.from(one.base64, 'base64')));
  return {
    connectUnix: () => {
      const left = [...said];
      return Promise.resolve({
        write: () => Promise.resolve(),
        read: () => Promise.resolve(left.shift()),
        close: () => undefined,
      });
    },
  };
}

describe('a service that is a systemd unit', () => {
  it.each([
    ['unified (v2)', setV2],
    ['legacy (v1)', setV1],
  ])('measures the %s control group of the unit, even where there is no bus', async (_name, set) => {
    const machine = await startMachine({ set: (files) => set(files, 100) });
    await ask(machine, unit, /^unit/);
    await machine.advance(10_000);
    set(machine.files, 110);
    const answer = await ask(machine, unit, /^unit/);
    expect(valueOf(answer, 'unit_cpu')).toBeCloseTo(0.5, 6);
    expect(valueOf(answer, 'unit_throttled')).toBeCloseTo(0.1, 6);
    expect(valueOf(answer, 'unit_memory')).toBe(800);
    expect(valueOf(answer, 'unit_memory_used')).toBeCloseTo(0.5, 6);
    expect(valueOf(answer, 'unit_oom_kills')).toBeCloseTo(1, 6);
    expect(valueOf(answer, 'unit_tasks')).toBe(12);
    const gaps = answer.gaps.map((gap) => [gap.signal, gap.reason]);
    expect(gaps).toEqual([
      ['unit_up', 'unsupported'],
      ['unit_restarts', 'unsupported'],
    ]);
    expect(answer.gaps[0]?.message).toContain('no systemd at hand');
  });

  it('reads the state of the unit over the bus, as a real one answered', async () => {
    const machine = await startMachine({ sockets: recordedBus(), set: (files) => setV2(files, 100) });
    const answer = await ask(machine, unit, /^unit_(up|tasks)/);
    expect(answer.gaps).toEqual([]);
    expect(valueOf(answer, 'unit_up')).toBe(1);
    expect(answer.resources.find((one) => one.kind === 'unit')?.attributes).toMatchObject({
      unit: 'shop.service',
      active: 'active',
      restarts: 3,
      mainPid: 4242,
    });
  });

  it('says unreachable when the bus hangs up, and connects again the next time', async () => {
    let calls = 0;
    const machine = await startMachine({
      sockets: {
        connectUnix: (socketPath, signal) => {
          calls++;
          return calls === 1
            ? Promise.resolve({
                write: () => Promise.resolve(),
                read: () => Promise.resolve(undefined),
                close: () => undefined,
              })
            : recordedBus().connectUnix(socketPath, signal);
        },
      },
      set: (files) => setV2(files, 100),
    });
    expect((await ask(machine, unit, /^unit_up/)).gaps.map((gap) => gap.reason)).toEqual(['unreachable']);
    expect(valueOf(await ask(machine, unit, /^unit_up/), 'unit_up')).toBe(1);
  });

  it('is unsupported for a service that is neither a unit nor a process', async () => {
    const machine = await startMachine();
    const answer = await ask(machine, {}, /^(unit|process)_up/);
    expect(answer.gaps.map((gap) => gap.reason)).toEqual(['unsupported', 'unsupported']);
  });
});

import { describe, expect, it } from 'vitest';

import { procAt, startMachine, valueOf } from './machine.ts';
import type { Machine } from './machine.ts';

async function twice(machine: Machine, ms = 10_000) {
  await machine.collect();
  await machine.advance(ms);
  return machine.collect();
}

describe('machine metrics', () => {
  it('measures CPU, memory, pressure, disks, network and the kernel in the units it states', async () => {
    const machine = await startMachine({
      set: (files) =>
        files.setDisk('/srv/small', {
          totalBytes: 1_000,
          freeBytes: 300,
          availableBytes: 300,
          totalInodes: 100,
          freeInodes: 90,
        }),
    });
    const answer = await twice(machine);
    expect(answer.gaps).toEqual([]);
    const near = (signal: string, expected: number, labels = {}): void =>
      expect(valueOf(answer, signal, labels), signal).toBeCloseTo(expected, 6);
    near('cpu', 0.25);
    near('cpu_iowait', 0.05);
    near('cpu_steal', 0.02);
    near('memory', 0.6);
    near('swap', 0.25);
    near('pressure_cpu', 0.125, { kind: 'some' });
    near('pressure_io', 0.01, { kind: 'full' });
    near('disk', 0.7, { mount: '/srv/small' });
    near('inodes', 0.1, { mount: '/srv/small' });
    near('disk', 0.5, { mount: '/' });
    near('disk_read', 80 * 512, { device: 'vda' });
    near('disk_write', 160 * 512, { device: 'vda' });
    near('disk_busy', 0.25, { device: 'vda' });
    near('disk_await', 0.005, { device: 'vda' });
    near('network_receive', 1_000, { interface: 'eth0' });
    near('network_transmit', 500, { interface: 'eth0' });
    near('network_errors', 1, { interface: 'eth0' });
    near('network_drops', 2, { interface: 'eth0' });
    near('load', 1.5);
    near('fds', 0.1);
    near('oom_kills', 1);
    near('time_sync', 1);
    const devices = new Set(answer.series.flatMap((one) => one.labels['device'] ?? []));
    expect([...devices], 'no partitions, no loop devices, no unused disks').toEqual(['vda']);
    expect(valueOf(answer, 'network_receive', { interface: 'veth12' })).toBeUndefined();
  });

  it('names the machine after its host name, in letters that a service may have', async () => {
    const { host } = await startMachine();
    expect(host.name).toBe('host-web-01-example-com');
    expect(host.labels['kind']).toBe('host');
    expect(Object.keys(host.telemetry)).toContain('disk');
  });

  it('gives no rate at the first reading, and says why', async () => {
    const machine = await startMachine();
    const first = await machine.collect();
    expect(valueOf(first, 'network_receive')).toBeUndefined();
    expect(first.gaps.find((gap) => gap.signal === 'network_receive')?.reason).toBe('missing');
    expect(valueOf(first, 'memory')).toBeCloseTo(0.6, 6);
  });

  it('takes a counter that went back for a restart from zero, never for a negative rate', async () => {
    const machine = await startMachine();
    await machine.collect();
    await machine.advance(10_000);
    machine.files.set('/proc/net/dev', procAt(5)['/proc/net/dev'] ?? '');
    const answer = await machine.collect();
    expect(valueOf(answer, 'network_receive')).toBeCloseTo(500, 6);
  });

  it('measures rates with the monotonic clock: a wall clock that jumps an hour changes none', async () => {
    for (const jump of [3_600_000, -3_600_000]) {
      const machine = await startMachine();
      await machine.collect();
      machine.clock.jumpWall(jump);
      await machine.advance(10_000);
      expect(valueOf(await machine.collect(), 'network_receive')).toBeCloseTo(1_000, 6);
    }
  });

  it('calls swap and pressure unsupported where a machine has none, and does not promise them', async () => {
    const machine = await startMachine({
      set: (files) => {
        files.remove('/proc/pressure');
        files.set('/proc/meminfo', 'MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 250 kB\n');
      },
    });
    expect(Object.keys(machine.host.telemetry).filter((name) => /swap|pressure/.test(name))).toEqual([]);
    const full = await startMachine();
    const asked = full.request.signals.filter(({ signal }) => signal === 'swap' || signal.startsWith('pressure'));
    const answer = await machine.collect({ signals: asked });
    expect(new Set(answer.gaps.map((gap) => gap.reason))).toEqual(new Set(['unsupported']));
    expect(answer.gaps).toHaveLength(4);
    expect(valueOf(await machine.collect(), 'memory'), 'old kernels have no MemAvailable').toBeCloseTo(0.6, 6);
  });

  it('says so when a bound mount is gone: an absent disk is not a healthy one', async () => {
    const machine = await startMachine();
    const binding = {
      source: 'host',
      unit: 'ratio',
      nature: 'ratio',
      query: { metric: 'disk', mount: '/data' },
    } as const;
    const answer = await machine.collect({ signals: [{ service: 'db', signal: 'disk', binding }] });
    expect(answer.series).toEqual([]);
    expect(answer.gaps[0]).toMatchObject({ reason: 'missing', service: 'db', signal: 'disk' });
    expect(answer.gaps[0]?.message).toContain('/data');
  });

  it('answers metrics of the past with unsupported', async () => {
    const machine = await startMachine();
    const answer = await machine.collect({ mode: 'history' });
    expect(answer.series).toEqual([]);
    expect(answer.gaps).toHaveLength(machine.request.signals.length);
    expect(new Set(answer.gaps.map((gap) => gap.reason))).toEqual(new Set(['unsupported']));
  });

  it('reads under another root, and takes mounts and network from init there', async () => {
    const machine = await startMachine({
      config: { root: '/host', name: 'node-7' },
      set: (files) => {
        for (const [path, text] of Object.entries(procAt(1))) files.set(`/host${path}`, text);
        files.set('/host/proc/meminfo', 'MemTotal: 10 kB\nMemAvailable: 1 kB\n');
        files.set('/host/proc/1/mountinfo', '27 1 254:0 / / rw - ext4 /dev/vda rw\n');
        files.set('/host/proc/1/net/dev', procAt(1)['/proc/net/dev'] ?? '');
        files.set('/host/proc/loadavg', '1.0 1 1 1/1 1\n');
        files.set('/host/proc/sys/fs/file-nr', '1 0 2\n');
      },
    });
    expect(machine.host.name).toBe('node-7');
    const answer = await machine.collect();
    expect(valueOf(answer, 'memory')).toBeCloseTo(0.9, 6);
    expect(machine.touched.paths.filter((path) => !path.startsWith('/host/'))).toEqual([]);
  });
});

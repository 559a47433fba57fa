import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { connectDbus } from '../../src/io/clients/dbus.ts';
import { nodeSockets, readFiles, systemClock } from '../../src/io/index.ts';
import { createRates } from '../../src/sources/host/rates.ts';
import type { ReadContext } from '../../src/sources/host/reading.ts';
import { createSystemd } from '../../src/sources/host/services/systemd.ts';

// Needs dbus-daemon, and a python3 with dbus-fast (pip install dbus-fast), named by WATCHKEEPER_E2E_PYTHON when it is not the first.
const python = process.env['WATCHKEEPER_E2E_PYTHON'] ?? 'python3';
const able =
  spawnSync('dbus-daemon', ['--version']).status === 0 && spawnSync(python, ['-c', 'import dbus_fast']).status === 0;

const busConfig = (socket: string): string => `<busconfig>
  <type>system</type>
  <listen>unix:path=${socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/>
  </policy>
</busconfig>`;

describe.skipIf(!able)('systemd over a real message bus', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'watchkeeper-dbus-'));
  const socket = path.join(folder, 'bus');
  const children: ChildProcess[] = [];
  const started = (child: ChildProcess, sign: RegExp): Promise<void> => {
    children.push(child);
    return new Promise((resolve, reject) => {
      let seen = '';
      child.stdout?.on('data', (data: Buffer) => {
        seen += data.toString();
        if (sign.test(seen)) resolve();
      });
      child.once('exit', (code) => reject(new Error(`exited with ${code ?? 'a signal'}: ${seen}`)));
    });
  };
  const context = (): ReadContext => ({
    files: readFiles,
    sockets: nodeSockets,
    clock: systemClock,
    signal: AbortSignal.timeout(5_000),
    rates: createRates(100),
    monotonicMs: 0,
    at: (one) => one,
  });

  beforeAll(async () => {
    const config = path.join(folder, 'bus.conf');
    writeFileSync(config, busConfig(socket));
    await started(
      spawn('dbus-daemon', [`--config-file=${config}`, '--nofork', '--print-address=1'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
      /unix:/,
    );
    const service = path.join(import.meta.dirname, 'support', 'fake-systemd.py');
    await started(spawn(python, [service, `unix:path=${socket}`], { stdio: ['ignore', 'pipe', 'inherit'] }), /ready/);
  });
  afterAll(() => {
    for (const child of children) {
      child.removeAllListeners('exit');
      child.kill();
    }
    rmSync(folder, { recursive: true });
  });

  it("reads a unit's state and its service's facts, past values of every other type", async () => {
    const systemd = createSystemd(socket);
    expect(await systemd.unit('shop.service', context())).toEqual({
      unit: 'shop.service',
      load: 'loaded',
      active: 'active',
      sub: 'running',
      result: 'success',
      restarts: 3,
      mainPid: 4242,
      controlGroup: '/system.slice/shop.service',
    });
    expect(await systemd.failed(context())).toEqual(['bad.service']);
    systemd.close();
  });

  it('calls an unknown unit not found, and goes on over the same connection', async () => {
    const systemd = createSystemd(socket);
    await expect(systemd.unit('none.service', context())).rejects.toMatchObject({ code: 'not-found' });
    expect((await systemd.unit('bad.service', context())).active).toBe('failed');
    systemd.close();
  });

  it('calls a service that does not run unsupported, and starts nothing', async () => {
    const bus = await connectDbus(nodeSockets, socket, AbortSignal.timeout(5_000));
    const call = { destination: 'org.example.None', path: '/x', interface: 'org.example.None', member: 'Get' };
    await expect(bus.call(call, AbortSignal.timeout(5_000))).rejects.toMatchObject({ code: 'unsupported' });
    const [names] = await bus.call(
      { destination: 'org.freedesktop.DBus', path: '/', interface: 'org.freedesktop.DBus', member: 'ListNames' },
      AbortSignal.timeout(5_000),
    );
    expect(names).toContain('org.freedesktop.systemd1');
    bus.close();
  });

  it('says unsupported where there is no bus at all', async () => {
    const systemd = createSystemd(path.join(folder, 'nothing'));
    await expect(systemd.failed(context())).rejects.toMatchObject({ code: 'unsupported' });
  });
});

import { readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { connectDbus } from '../../src/io/clients/dbus.ts';
import { nodeSockets, readFiles, systemClock } from '../../src/io/index.ts';
import type { Incident } from '../../src/domain/alert.ts';
import { createRates } from '../../src/io/clients/linux/rates.ts';
import type { ReadContext } from '../../src/io/clients/linux/reading.ts';
import { createSystemd } from '../../src/io/clients/linux/services/systemd.ts';
import { freePort, until } from './peers/peers.ts';
import { startMachine, type Machine } from './peers/systemd.ts';
import { document } from './support/shop.ts';

const node = '/opt/watchkeeper/node_modules/.bin/node';

// Each release says on /metrics how ill it is.
const server = (ill: number): string => `
import { createServer } from 'node:http';
createServer((request, response) => {
  response.end(request.url === '/metrics' ? '# TYPE shop_ill gauge\\nshop_ill ${ill}\\n' : 'well');
}).listen(Number(process.argv[2]), '127.0.0.1');
`;

const unit = (port: number): string => `[Service]
ExecStart=${node} /srv/shop/current/server.mjs ${port}
`;

let machine: Machine;
let port: number;

beforeAll(async () => {
  machine = await startMachine();
  port = await freePort();
  machine.write('/srv/shop/releases/v1/server.mjs', server(0));
  machine.write('/srv/shop/releases/v2/server.mjs', server(1));
  point('v1');
  machine.write('/etc/systemd/system/shop.service', unit(port));
  machine.write('/etc/systemd/system/bad.service', '[Service]\nExecStart=/bin/false\n');
  systemctl('daemon-reload');
  systemctl('start', 'shop.service');
  machine.run('systemctl', 'start', 'bad.service');
}, 120_000);
afterAll(() => machine.stop());

function systemctl(...args: readonly string[]): void {
  const { code, out } = machine.run('systemctl', ...args);
  if (code !== 0) throw new Error(`systemctl ${args.join(' ')}: ${out}`);
}

function point(release: string): void {
  machine.run('ln', '-sfn', `releases/${release}`, '/srv/shop/current');
}

describe('the reader, over the bus of a real systemd', () => {
  const bus = (): string => `${machine.root}/run/dbus/system_bus_socket`;
  const context = (): ReadContext => ({
    files: readFiles,
    sockets: nodeSockets,
    clock: systemClock,
    signal: AbortSignal.timeout(10_000),
    rates: createRates(100),
    monotonicMs: 0,
    at: (one) => one,
  });

  it("reads a unit's state and its service's facts as systemctl shows them", async () => {
    const systemd = createSystemd(bus());
    expect(await systemd.unit('shop.service', context())).toEqual({
      unit: 'shop.service',
      load: 'loaded',
      active: 'active',
      sub: 'running',
      result: 'success',
      restarts: 0,
      mainPid: Number(machine.property('shop.service', 'MainPID')),
      controlGroup: machine.property('shop.service', 'ControlGroup'),
    });
    await until('the failed unit is told', async () => (await systemd.failed(context())).includes('bad.service'));
    expect(await systemd.failed(context())).toEqual(['bad.service']);
    expect(await systemd.unit('bad.service', context())).toMatchObject({ active: 'failed', result: 'exit-code' });
    systemd.close();
  });

  it('calls an unknown unit not found, and goes on over the same connection', async () => {
    const systemd = createSystemd(bus());
    await expect(systemd.unit('none.service', context())).rejects.toMatchObject({ code: 'not-found' });
    expect((await systemd.unit('bad.service', context())).active).toBe('failed');
    systemd.close();
  });

  it('calls a service that does not run unsupported, and starts nothing', async () => {
    const connection = await connectDbus(nodeSockets, bus(), AbortSignal.timeout(5_000));
    const call = { destination: 'org.example.None', path: '/x', interface: 'org.example.None', member: 'Get' };
    await expect(connection.call(call, AbortSignal.timeout(5_000))).rejects.toMatchObject({ code: 'unsupported' });
    connection.close();
  });

  it('says unsupported where there is no bus at all', async () => {
    const systemd = createSystemd(path.join(machine.root, 'run', 'nothing'));
    await expect(systemd.failed(context())).rejects.toMatchObject({ code: 'unsupported' });
  });
});

describe('the daemon, installed as deploy/ says', () => {
  const watch = 'watchkeeper.service';
  const shipped = (file: string): string =>
    readFileSync(path.resolve(import.meta.dirname, '../../deploy', file), 'utf8');
  const cli = (...args: readonly string[]): { readonly code: number; readonly out: string } =>
    machine.run(node, '/opt/watchkeeper/dist/main.js', ...args, '--data-dir', '/var/lib/watchkeeper');
  const incidents = (): readonly Incident[] =>
    (JSON.parse(cli('incidents', '--all', '--output', 'json').out) as { incidents: Incident[] }).incidents;
  const write = (name: string, document: unknown): void =>
    machine.write(`/etc/watchkeeper/${name}`, JSON.stringify(document));
  const release = (): string => path.basename(readlinkSync(`${machine.root}/srv/shop/current`));
  const ready = (): Promise<void> => until('the watch stands', () => cli('status').code === 0, 30_000);

  beforeAll(async () => {
    writeWatch();
    machine.run('chown', '-R', 'watchkeeper:', '/srv/shop');
    machine.write('/etc/systemd/system/watchkeeper.service', shipped('systemd/watchkeeper.service'));
    machine.write(`/etc/systemd/system/${watch}.d/shop.conf`, '[Service]\nReadWritePaths=/srv/shop\n');
    systemctl('daemon-reload');
    systemctl('start', '--no-block', watch);
    await ready();
  }, 60_000);

  function writeWatch(): void {
    const metricsUrl = `http://127.0.0.1:${port}/metrics`;
    write('watchkeeper.yaml', {
      resources: { services: 'resources', inherit: [] },
      sources: [
        { id: 'host', kind: 'host', interval: '1s' },
        { id: 'web', kind: 'scrape', targets: [{ url: metricsUrl }], interval: '1s', timeout: '2s' },
      ],
      http: { listen: '127.0.0.1:0' },
      defaults: { autonomy: 'act' },
      reload: { every: '1s' },
      incidents: { grace: '2s', patience: '2s' },
    });
    write(
      'resources/service.yaml',
      document('Service', 'shop', {
        runsOn: [
          {
            host: {
              unit: 'shop.service',
              releases: { root: '/srv/shop/releases', current: '/srv/shop/current' },
              health: metricsUrl,
            },
          },
        ],
        telemetry: { ill: { source: 'web', metric: 'shop_ill', unit: 'ratio', nature: 'gauge' } },
      }),
    );
    write(
      'resources/detector.yaml',
      document('Detector', 'shop-ill', {
        ...{ on: 'ill', kind: 'threshold', params: { above: 0.5 }, hold: '1s', clear: '1s', severity: 'critical' },
      }),
    );
    write(
      'resources/runbook.yaml',
      document('Runbook', 'roll-back', {
        summary: 'Return to the previous release',
        when: "incident.signals.exists(signal, signal == 'ill')",
        require: ['target.revisions > 1'],
        steps: [{ id: 'rollback', do: 'host.release-rollback', timeout: '20s' }],
        verify: [{ expect: 'ill < 0.5', within: '20s', for: '2s' }],
        onFail: ['undo', 'escalate'],
        attempts: { per: 'target', max: 5, in: '1h' },
      }),
    );
    write(
      'resources/policy.yaml',
      document('Policy', 'act', {
        allow: [{ actions: ['host.release-rollback'], autonomy: 'act' }],
      }),
    );
  }

  it('runs as its own user, confined, and writes only its state', () => {
    expect(machine.property(watch, 'ActiveState')).toBe('active');
    const pid = machine.property(watch, 'MainPID');
    const status = readFileSync(`${machine.root}/proc/${pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\s+983\s+983\s/m);
    expect(status).toMatch(/^CapEff:\s+0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
  });

  it('may not restart what nobody lets it restart: it says so, undoes its link and calls people', async () => {
    point('v2');
    systemctl('restart', 'shop.service');
    const pid = machine.property('shop.service', 'MainPID');
    const told = (): string => cli('explain', incidents()[0]?.id ?? 'none').out;
    await until('people are called', () => told().includes('now: with people'), 60_000);
    expect(release()).toBe('v2');
    expect(machine.property('shop.service', 'MainPID')).toBe(pid);
    expect(told()).toMatch(/systemctl refused to restart shop\.service/);
    point('v1');
    systemctl('restart', 'shop.service');
    await until('the incident is over', () => incidents().every(({ status }) => status === 'resolved'), 60_000);
  }, 180_000);

  it('rolls back and restarts the unit with the rule of deploy/polkit, and verifies it', async () => {
    machine.write(
      '/etc/polkit-1/rules.d/50-watchkeeper.rules',
      shipped('polkit/50-watchkeeper.rules').replace('checkout', 'shop'),
    );
    const before = machine.property('shop.service', 'InvocationID');
    point('v2');
    systemctl('restart', 'shop.service');
    await until(
      'it is rolled back',
      () => release() === 'v1' && incidents().every(({ status }) => status === 'resolved'),
      90_000,
    );
    expect(machine.property('shop.service', 'InvocationID')).not.toBe(before);
    expect(machine.property('shop.service', 'ActiveState')).toBe('active');
    expect(cli('ledger', 'verify').code).toBe(0);
  }, 180_000);

  it('is started again by systemd when it is killed, and goes on', async () => {
    const seen = incidents().map(({ id }) => id);
    systemctl('kill', '--signal=KILL', watch);
    await until('systemd started it again', () => machine.property(watch, 'NRestarts') === '1', 30_000);
    await ready();
    expect(incidents().map(({ id }) => id)).toEqual(seen);
    expect(release()).toBe('v1');
  }, 90_000);

  it('stops in order when it is told to', () => {
    systemctl('stop', watch);
    expect(machine.property(watch, 'Result')).toBe('success');
    expect(machine.run('journalctl', '--unit', watch, '--output', 'cat', '--no-pager').out).toContain('"stopped"');
  }, 90_000);
});

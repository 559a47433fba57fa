import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { CollectRequest, Collected, Source } from '../../src/domain/ports/source.ts';
import type { Service } from '../../src/domain/service.ts';
import { sshClients } from '../../src/io/clients/ssh/index.ts';
import type { Json } from '../../src/lib/json.ts';
import { sourceKinds } from '../../src/sources/index.ts';
import { parseAnswers } from '../../src/sources/ssh/remote/answers.ts';
import { readScript } from '../../src/sources/ssh/remote/script.ts';
import { realReader } from '../support/real-reader.ts';
import { layOpenssh, opensshRoot, sshUser, startSshd } from './peers/openssh.ts';
import type { Sshd } from './peers/openssh.ts';
import { startMachine } from './peers/systemd.ts';
import type { Machine } from './peers/systemd.ts';

const never = (): AbortSignal => new AbortController().signal;

describe('hosts over a real OpenSSH', () => {
  let machine: Machine;
  let folder: string;
  const all: Sshd[] = [];
  const open: Source[] = [];
  const at = (name: string): Sshd => {
    const found = all.find((one) => one.name === name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  };
  const knows = (lines: readonly string[]): void =>
    writeFileSync(path.join(folder, 'known_hosts'), `${lines.join('\n')}\n`);
  const source = (names: readonly string[], config: Record<string, Json> = {}): Source => {
    const hosts = Object.fromEntries(
      names.map((name) => [name, { address: '127.0.0.1', port: at(name).port, groups: ['web'] }]),
    );
    const login = { user: sshUser, keyFile: path.join(folder, 'key') };
    const io = realReader({});
    const made = sourceKinds['ssh']?.open(
      'fleet',
      { login, knownHosts: [path.join(folder, 'known_hosts')], hosts, ...config },
      { ...io, ssh: sshClients(io) },
    );
    if (made?.ok !== true) throw new Error(JSON.stringify(made));
    open.push(made.value);
    return made.value;
  };
  const own = (name: string): Service => ({
    name: `host-${name}`,
    labels: {},
    owner: { team: '', escalate: '' },
    dependsOn: [],
    runsOn: [{ on: 'ssh', ssh: { source: 'fleet', host: name } }],
    telemetry: {},
    slos: [],
    origin: 'discovered',
  });
  const shop = (place: object): Service => ({
    ...own('x'),
    name: 'shop',
    runsOn: [{ on: 'ssh', ssh: { source: 'fleet', group: 'web', ...place } }],
  });
  const asks = (services: readonly Service[], metrics: readonly string[]): CollectRequest => ({
    fromMs: Date.now() - 600_000,
    untilMs: Date.now(),
    stepMs: 30_000,
    mode: 'live',
    services,
    signals: services.flatMap(({ name }) =>
      metrics.map((metric) => ({
        service: name,
        signal: metric,
        binding: { source: 'fleet', unit: '', nature: 'gauge' as const, query: { metric } },
      })),
    ),
  });
  const collect = (
    from: Source,
    services: readonly Service[],
    metrics: readonly string[] = ['memory'],
  ): Promise<Collected> => from.collect(asks(services, metrics), never());
  const latest = (found: Collected, signal: string): number | undefined =>
    found.series.find((one) => one.signal === signal)?.samples.at(-1)?.v;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'wk-e2e-ssh-'));
    machine = await startMachine();
    writeFileSync(path.join(folder, 'key'), layOpenssh(machine, ['systemd-journal', 'adm']));
    all.push(await startSshd(machine, 'web-1'));
    all.push(await startSshd(machine, 'web-2'));
    all.push(await startSshd(machine, 'bastion', ['ForceCommand false']));
    all.push(await startSshd(machine, 'closed', ['AllowTcpForwarding no']));
    all.push(await startSshd(machine, 'hangs', ['ForceCommand sleep 600']));
    all.push(await startSshd(machine, 'drops', ['ForceCommand kill -9 $PPID']));
    knows(all.map(({ known }) => known));
  });
  afterAll(async () => {
    for (const one of open) await one.close();
    await machine.stop();
    rmSync(folder, { recursive: true });
  });

  it('reads what the host source reads here, with no gap', async () => {
    const fleet = source(['web-1', 'web-2']);
    const metrics = ['cpu', 'memory', 'load', 'disk', 'inodes', 'network_receive', 'fds', 'oom_kills', 'units_failed'];
    await collect(fleet, [own('web-1'), own('web-2')], metrics);
    const found = await collect(fleet, [own('web-1'), own('web-2')], metrics);
    expect(found.gaps).toEqual([]);
    for (const signal of metrics.filter((one) => one !== 'network_receive'))
      expect(
        new Set(found.series.filter((one) => one.signal === signal).map(({ service }) => service)),
        signal,
      ).toEqual(new Set(['host-web-1', 'host-web-2']));
    expect(latest(found, 'memory')).toBeGreaterThan(0);
    await expect(fleet.check(never())).resolves.toBeUndefined();
  });

  it('reads a unit, its restarts, its journal and its control group', async () => {
    machine.write(
      '/etc/systemd/system/shop.service',
      '[Service]\nExecStart=/bin/sh -c "echo ERROR no stock; exec sleep 600"\nRestart=always\nRestartSec=0\n',
    );
    machine.run('systemctl', 'daemon-reload');
    machine.run('systemctl', 'start', 'shop.service');
    const fleet = source(['web-1']);
    const unit = shop({ unit: 'shop.service' });
    const before = await collect(fleet, [unit], ['unit_up', 'unit_restarts', 'unit_tasks']);
    expect(latest(before, 'unit_up')).toBe(1);
    expect(before.logs.map(({ body }) => body).join()).toContain('no stock');
    expect(before.logs[0]?.attributes).toMatchObject({ 'host.name': 'web-1', 'systemd.unit': 'shop.service' });
    machine.run('systemctl', 'kill', '--signal=KILL', 'shop.service');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const after = await collect(fleet, [unit], ['unit_up', 'unit_restarts']);
    expect(latest(after, 'unit_restarts')).toBeGreaterThan(0);
    machine.run('systemctl', 'stop', 'shop.service');
    const stopped = await collect(fleet, [unit], ['unit_up']);
    expect(latest(stopped, 'unit_up')).toBe(0);
    expect(stopped.logs.filter(({ body }) => body.includes('no stock')).length, 'each line once').toBeLessThanOrEqual(
      1,
    );
  });

  it('tells of a release, an upgraded package and a new unit file, once each', async () => {
    for (const version of ['v1', 'v2']) machine.write(`/srv/app/releases/${version}/main`, version);
    symlinkSync('releases/v1', `${machine.root}/srv/app/current`);
    machine.write('/var/log/dpkg.log', '');
    const fleet = source(['web-1']);
    const app = shop({ unit: 'app.service', releases: { root: '/srv/app/releases', current: '/srv/app/current' } });
    await collect(fleet, [app, own('web-1')]);
    unlinkSync(`${machine.root}/srv/app/current`);
    symlinkSync('releases/v2', `${machine.root}/srv/app/current`);
    machine.write('/etc/systemd/system/app.service', '[Service]\nExecStart=/bin/true\n');
    const now = new Date().toISOString().slice(0, 19).replace('T', ' ');
    appendFileSync(`${machine.root}/var/log/dpkg.log`, `${now} upgrade libc6:amd64 2.36-9 2.36-10\n`);
    const { changes } = await collect(fleet, [app, own('web-1')]);
    expect(changes.map(({ kind, what }) => `${kind} ${what}`).sort()).toEqual([
      'config unit-file',
      'deploy current',
      'package package:libc6',
    ]);
    expect(changes.find(({ kind }) => kind === 'deploy')).toMatchObject({
      from: 'v1',
      to: 'v2',
      instances: ['web-1'],
    });
    expect((await collect(fleet, [app, own('web-1')])).changes).toEqual([]);
  });

  it('tells of another image of a container, of apk and of somebody with sudo, and goes on when an engine hangs', async () => {
    const docker = (answer: string): void => {
      machine.write('/usr/local/bin/docker', `#!/bin/sh\n${answer}\n`);
      machine.run('chmod', '755', '/usr/local/bin/docker');
    };
    // What the real command prints; no engine can run here.
    const runs = (image: string, id: string): void =>
      docker(
        `case $1 in ps) echo 0123456789ab ;; inspect) [ "$4" = 0123456789ab ] && echo "/shop ${image} sha256:${id}" ;; esac`,
      );
    const database = (version: string): void =>
      machine.write('/lib/apk/db/installed', `P:nginx\nV:${version}\nF:usr/sbin\n`);
    runs('shop:1', 'aaaa');
    database('1.24.0-r1');
    const fleet = source(['web-1']);
    const first = await collect(fleet, [own('web-1')]);
    expect(first.changes.map(({ what }) => what).filter((what) => /shop|nginx/.test(what))).toEqual([]);
    runs('shop:2', 'bbbb');
    database('1.24.0-r2');
    const by = 'dana : TTY=pts/0 ; PWD=/home/dana ; USER=root ; COMMAND=/usr/bin/vim /etc/shop.conf';
    machine.run('systemd-cat', '--identifier=sudo', 'echo', by);
    const { changes, logs } = await collect(fleet, [own('web-1')]);
    expect(changes.map(({ kind, what, from, to }) => [kind, what, from, to]).sort()).toEqual([
      ['deploy', 'container:shop', 'shop:1', 'shop:2'],
      ['package', 'package:nginx', '1.24.0-r1', '1.24.0-r2'],
    ]);
    expect(logs.filter(({ body }) => body === by)).toMatchObject([{ service: 'host-web-1' }]);
    docker('exec sleep 600');
    const sick = await collect(fleet, [own('web-1')], ['load']);
    expect(latest(sick, 'load')).toBeGreaterThanOrEqual(0);
    expect([sick.changes, sick.gaps]).toEqual([[], []]);
    machine.run('rm', '/usr/local/bin/docker', '/lib/apk/db/installed');
  });

  it('tells how long a certificate lasts', async () => {
    const openssl = [
      'openssl',
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
    ] as const;
    const made = machine.run(
      ...openssl,
      '-keyout',
      '/dev/null',
      '-out',
      '/etc/tls.pem',
      '-subj',
      '/CN=shop',
      '-days',
      '10',
    );
    expect(made.code, made.out).toBe(0);
    const fleet = source(['web-1'], { certificates: ['/etc/tls.pem'] });
    const days =
      (latest(await collect(fleet, [own('web-1')], ['certificate_expiry']), 'certificate_expiry') ?? 0) / 86_400;
    expect(days).toBeGreaterThan(9);
    expect(days).toBeLessThanOrEqual(10);
  });

  it('goes through a jump host that runs no commands, and says so of one that forwards nothing', async () => {
    const through = (name: string): Source =>
      source(['web-1'], { jump: [{ address: '127.0.0.1', port: at(name).port }] });
    expect((await collect(through('bastion'), [own('web-1')])).series).toHaveLength(1);
    const { gaps } = await collect(through('closed'), [own('web-1')]);
    expect(gaps).toMatchObject([
      { reason: 'unreachable', message: expect.stringContaining('AllowTcpForwarding') as string },
    ]);
  });

  it('reads the others while one hangs and one drops its connection', async () => {
    const fleet = source(['hangs', 'drops', 'web-1'], { timeout: '4s' });
    const { series, gaps } = await collect(fleet, ['hangs', 'drops', 'web-1'].map(own));
    expect(series.map(({ service }) => service)).toEqual(['host-web-1']);
    expect(gaps.map(({ service, reason }) => `${service} ${reason}`).sort()).toEqual([
      'host-drops unreachable',
      'host-hangs timeout',
    ]);
  });

  it('calls a command unknown whose connection was cut after it was sent', async () => {
    const client = sshClients(realReader({})).client();
    const trust = { knownHosts: [path.join(folder, 'known_hosts')] };
    const login = { user: sshUser, keyFile: path.join(folder, 'key') };
    const outcome = await client.run(
      { host: '127.0.0.1', port: at('drops').port, login, trust, via: [] },
      { script: 'true\n', args: [], timeoutMs: 10_000, signal: never() },
    );
    expect(outcome).toMatchObject({ is: 'unknown', reason: 'unreachable' });
    client.close();
  });

  it('refuses a host it does not know and one whose key changed, and reads it again once the new key is known', async () => {
    knows(all.filter(({ name }) => name !== 'web-2').map(({ known }) => known));
    const unknown = await collect(source(['web-2']), [own('web-2')]);
    expect(unknown.gaps).toMatchObject([
      { reason: 'unauthorized', message: expect.stringContaining('no key is known') as string },
    ]);
    knows(all.map(({ known }) => known));
    const changed = await at('web-2').changeKey();
    const refused = await collect(source(['web-2']), [own('web-2')]);
    expect(refused.gaps).toMatchObject([
      { reason: 'unauthorized', message: expect.stringContaining('changed') as string },
    ]);
    knows([changed]);
    expect((await collect(source(['web-2']), [own('web-2')])).series).toHaveLength(1);
    knows(all.map((one) => (one.name === 'web-2' ? changed : one.known)));
  });

  it('says that a login is refused: a user that is not there, a key that is not let in', async () => {
    const login = { user: 'nobody-here', keyFile: path.join(folder, 'key') };
    const { gaps } = await collect(source(['web-1'], { login }), [own('web-1')]);
    expect(gaps).toMatchObject([{ reason: 'unauthorized', message: expect.stringContaining('nobody-here') as string }]);
  });

  it('answers to the daemon as it is built', () => {
    const hosts = { 'web-1': { address: '127.0.0.1', port: at('web-1').port } };
    const login = { user: sshUser, keyFile: path.join(folder, 'key') };
    const fleet = { id: 'fleet', kind: 'ssh', login, knownHosts: [path.join(folder, 'known_hosts')], hosts };
    const home = mkdtempSync(path.join(folder, 'home-'));
    writeFileSync(path.join(home, 'watchkeeper.yaml'), JSON.stringify({ sources: [fleet] }));
    const program = path.resolve(import.meta.dirname, '../../dist/main.js');
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'check', '--connect'], {
      cwd: home,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/ok {2}source fleet \(ssh\) {2}answers/);
  });

  it('runs its script under busybox with nothing else at hand, and passes shellcheck', () => {
    const tools = path.join(opensshRoot(), 'usr/bin/shellcheck');
    expect(spawnSync(tools, ['-s', 'sh', '-'], { input: readScript, encoding: 'utf8' }).stdout).toBe('');
    const busybox = path.join(opensshRoot(), 'bin/busybox');
    const applets = path.join(folder, 'applets');
    spawnSync('mkdir', [applets]);
    spawnSync(busybox, ['--install', '-s', applets]);
    const alone = readScript.replace(/PATH=\S+/, `PATH=${applets}`);
    const questions = [
      'file',
      '/proc/loadavg',
      '99',
      'stat',
      '/etc/passwd',
      '-',
      'part',
      '/etc/passwd',
      '0+1',
      'list',
      '/etc',
      '9',
      'space',
      '/',
      '-',
      'zone',
      '-',
      '-',
      'link',
      '/proc/self',
      'whole',
    ];
    const run = spawnSync(busybox, ['sh', '-s', '--', ...questions], { input: alone });
    expect(parseAnswers(run.stdout, 7).map((answer) => answer.is === 'bytes' && answer.bytes.length > 0)).toEqual(
      Array(7).fill(true),
    );
  });
});

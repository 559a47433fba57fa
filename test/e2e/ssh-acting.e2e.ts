import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { actionKinds } from '../../src/actions/index.ts';
import type { ActionKind } from '../../src/domain/ports/action.ts';
import { actionContract, type Stage } from '../contract/action.ts';
import { until } from './peers/peers.ts';
import { handUser, writeSudoers } from './peers/sudo.ts';
import { serviceOn, startFleet, type Fleet } from './support/fleet.ts';

// Says which release it is, and notes each start, reload and signal of its own.
const server = `trap 'echo hup >>/srv/hups' HUP
cat /srv/shop/current/name >/run/shop.release
while :; do sleep 0.2; done
`;
const unitFile = `[Unit]
StartLimitIntervalSec=0
[Service]
ExecStartPre=/bin/sh -c "echo started >>/srv/starts"
ExecStart=/bin/sh /srv/serve.sh
ExecReload=/bin/sh -c "echo reload >>/srv/hups"
`;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet(['web-1', 'web-2']);
  fleet.machine.write('/srv/serve.sh', server);
  fleet.machine.write('/etc/systemd/system/shop.service', unitFile);
  fleet.machine.run('mkdir', '-p', '/srv');
  systemctl('daemon-reload');
});
afterAll(() => fleet.stop());

const everything = [
  'restart -- shop.service',
  'reload -- shop.service',
  'kill --kill-who=main --signal=SIGHUP -- shop.service',
].map((words) => `${handUser} ALL=(root) NOPASSWD: /usr/bin/systemctl ${words.replaceAll('=', '\\=')}`);

// As it is before each: allowed, the first of two releases old, and running.
function fresh(): void {
  allow(...everything, `${handUser} ALL=(root) NOPASSWD: /usr/bin/journalctl --vacuum-size\\=16M`);
  for (const version of ['v1', 'v2', 'v3']) fleet.machine.write(`/srv/shop/releases/${version}/name`, version);
  fleet.machine.run('ln', '-sfn', 'releases/v3', '/srv/shop/current');
  fleet.machine.run('chown', handUser, '/srv/shop');
  fleet.machine.run('rm', '-f', '/srv/starts', '/srv/hups');
  systemctl('restart', 'shop.service');
}

function systemctl(...args: readonly string[]): void {
  const { code, out } = fleet.machine.run('systemctl', ...args);
  if (code !== 0) throw new Error(`systemctl ${args.join(' ')}: ${out}`);
}

function allow(...lines: readonly string[]): void {
  writeSudoers(fleet.machine, `${lines.join('\n')}\n`);
}

function kindOf(name: string): ActionKind {
  const kind = actionKinds[name];
  if (kind === undefined) throw new Error(name);
  return kind;
}

const pair = serviceOn({
  group: 'web',
  unit: 'shop.service',
  releases: { root: '/srv/shop/releases', current: '/srv/shop/current' },
});
const invocation = (): string => fleet.machine.property('shop.service', 'InvocationID');

function lines(file: string): number {
  const path = fleet.machine.root + file;
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').length : 0;
}

function stage(params: Stage['params'], effects: () => number | Promise<number>): Stage {
  const world = () => ({
    id: invocation(),
    active: fleet.machine.property('shop.service', 'ActiveState'),
    link: readlinkSync(`${fleet.machine.root}/srv/shop/current`),
    hups: lines('/srv/hups'),
  });
  return {
    params,
    context: (stop, timeoutMs) => fleet.context(pair, stop, timeoutMs),
    world: () => Promise.resolve(world()),
    restorable: async () => ({
      link: world().link,
      release: await released(),
    }),
    effects: async () => effects(),
    remove: () => Promise.resolve(),
  };
}

// The service writes it a moment after systemd calls it started.
async function released(): Promise<string> {
  const real = path.basename(readlinkSync(`${fleet.machine.root}/srv/shop/current`));
  const says = (): string => readFileSync(`${fleet.machine.root}/run/shop.release`, 'utf8');
  await until(`${real} runs`, () => says() === real);
  return says();
}

actionContract('host.service-restart over a real SSH, sudo and systemd', {
  kind: kindOf('host.service-restart'),
  probeTells: true,
  set: () => {
    fresh();
    const begun = lines('/srv/starts');
    return Promise.resolve(stage({ host: 'web-1' }, () => lines('/srv/starts') - begun));
  },
  refused: {
    'no host of a group': {},
    'a host that is not in the inventory': { host: 'web-9' },
    'a host that is text for a shell': { host: 'web-1; reboot' },
    'an unknown parameter': { host: 'web-1', unit: 'x.service' },
  },
});

actionContract('host.release-rollback over a real SSH, sudo and systemd', {
  kind: kindOf('host.release-rollback'),
  probeTells: true,
  set: () => {
    fresh();
    fleet.machine.run('ln', '-sfn', '/etc', '/srv/shop/releases/escape');
    const begun = lines('/srv/starts');
    return Promise.resolve(stage({ host: 'web-1' }, () => lines('/srv/starts') - begun));
  },
  refused: {
    'a path that climbs out of the root': { host: 'web-1', to: '../outside' },
    'a path elsewhere': { host: 'web-1', to: '/etc' },
    'a symlink among the releases': { host: 'web-1', to: 'escape' },
    'a release that is not there': { host: 'web-1', to: 'v9' },
    'the release that runs already': { host: 'web-1', to: 'v3' },
    'text for a shell': { host: 'web-1', to: 'v1; reboot' },
  },
});

actionContract('host.service-reload over a real SSH, sudo and systemd', {
  kind: kindOf('host.service-reload'),
  probeTells: true,
  set: () => {
    fresh();
    return Promise.resolve(stage({ host: 'web-1' }, () => lines('/srv/hups')));
  },
  refused: { 'no host of a group': {}, 'a unit of its own': { host: 'web-1', unit: 'x.service' } },
});

actionContract('host.process-signal over a real SSH, sudo and systemd', {
  kind: kindOf('host.process-signal'),
  probeTells: false,
  set: async () => {
    fresh();
    await released();
    return stage({ host: 'web-1', signal: 'SIGHUP' }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      return lines('/srv/hups');
    });
  },
  refused: {
    SIGKILL: { host: 'web-1', signal: 'SIGKILL' },
    'a signal that sudoers does not list': { host: 'web-1', signal: 'SIGTERM' },
  },
});

function oldFiles(): number {
  return readdirSync(`${fleet.machine.root}/srv/cache`).filter((name) => name.endsWith('.tmp')).length;
}

actionContract('host.disk-reclaim over a real SSH', {
  kind: kindOf('host.disk-reclaim'),
  probeTells: true,
  set: () => {
    fresh();
    fleet.machine.run('rm', '-rf', '/srv/cache');
    for (const name of ['a.tmp', "b '$(reboot)' é.tmp", 'young.tmp', 'kept.txt'])
      fleet.machine.write(`/srv/cache/${name}`, 'x'.repeat(1_000));
    fleet.machine.run('ln', '-s', '/etc/passwd', '/srv/cache/link.tmp');
    fleet.machine.run('sh', '-c', 'cd /srv/cache && touch -h -d "3 days ago" a.tmp b* kept.txt link.tmp');
    fleet.machine.run('chown', handUser, '/srv/cache');
    const params = { host: 'web-1', paths: ['/srv/cache/*.tmp'], olderThan: '1d', maxBytes: 5_000 };
    // One act removes both old files.
    return Promise.resolve({ ...stage(params, () => (oldFiles() === 2 ? 1 : oldFiles() === 4 ? 0 : 99)) });
  },
  refused: {
    nothing: { host: 'web-1' },
    'a folder of the system': { host: 'web-1', paths: ['/etc/*.conf'] },
    'a folder through a symlink': { host: 'web-1', paths: ['/srv/shop/current/*'] },
    'a folder that is not the hand’s': { host: 'web-1', paths: ['/var/log/*.gz'] },
    'a journal below what a host needs': { host: 'web-1', journal: '1M' },
    'a cache that sudoers does not list': { host: 'web-1', packageCache: true },
  },
});

describe('what is not done as root', () => {
  it('is refused by name where the hand may not write, with the way to let it', async () => {
    fresh();
    fleet.machine.run('chown', 'root', '/srv/shop');
    await expect(
      kindOf('host.release-rollback').observe({ host: 'web-1', force: false }, fleet.context(pair)),
    ).rejects.toMatchObject({ code: 'forbidden', fix: `Let it: setfacl -m u:${handUser}:rwx /srv/shop` });
  });
});

describe('the journal, cut down by journalctl as root', () => {
  it('is refused with its line of sudoers, and says what it gave', async () => {
    const reclaim = kindOf('host.disk-reclaim');
    const parsed = reclaim.params.parse({ host: 'web-1', journal: '16M' });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
    const before = { host: 'web-1', files: [], journalBytes: 2 ** 40, cacheBytes: 0 };
    fresh();
    expect(await reclaim.run(parsed.value, before, 'k', fleet.context(pair))).toMatchObject({
      is: 'done',
      message: expect.stringMatching(/the journal gave \d+ bytes/),
    });
    allow(...everything);
    await expect(reclaim.observe(parsed.value, fleet.context(pair))).rejects.toMatchObject({
      code: 'forbidden',
      fix: expect.stringContaining('/usr/bin/journalctl --vacuum-size\\=16M'),
    });
  });
});

describe('host.service-restart over SSH', () => {
  const restart = kindOf('host.service-restart');
  const params = { host: 'web-1', force: false };
  beforeEach(fresh);

  it('counts the group, and takes a host that does not answer for ill', async () => {
    const observed = await restart.observe(params, fleet.context(pair));
    expect(observed.target).toMatchObject({ kind: 'unit', id: 'web-1/shop.service', service: 'shop' });
    expect(observed.blast).toMatchObject({ touched: 1, total: 2, healthyAfter: 1, healthyNow: 2, targets: ['web-1'] });
    expect(observed.facts).toMatchObject({ host: 'web-1', running: true, identity: invocation() });
    expect(Math.abs(Number(observed.facts['startedAtMs']) - Date.now())).toBeLessThan(600_000);
  });

  it('refuses by name, with the line to add, where sudoers does not allow it, and touches nothing', async () => {
    allow(`${handUser} ALL=(root) NOPASSWD: /usr/bin/systemctl restart -- other.service`);
    const before = invocation();
    await expect(restart.observe(params, fleet.context(pair))).rejects.toMatchObject({
      code: 'forbidden',
      message: `web-1 does not let ${handUser} run /usr/bin/systemctl restart -- shop.service as root`,
      fix: expect.stringContaining(`${handUser} ALL=(root) NOPASSWD: /usr/bin/systemctl restart -- shop.service`),
    });
    const run = await restart.run(params, { host: 'web-1', identity: before }, 'k', fleet.context(pair));
    expect(run).toMatchObject({ is: 'failed', message: expect.stringContaining('does not let') });
    expect(invocation()).toBe(before);
  });

  it('starts a unit that has failed, and says failed for one that does not come up', async () => {
    systemctl('kill', '--signal=KILL', 'shop.service');
    const observed = await restart.observe(params, fleet.context(pair));
    expect(observed.facts).toMatchObject({ running: false });
    expect(await restart.run(params, restart.before(params, observed), 'k', fleet.context(pair))).toMatchObject({
      is: 'done',
    });
    fleet.machine.write('/etc/systemd/system/shop.service.d/ill.conf', '[Service]\nExecStartPre=/bin/false\n');
    systemctl('daemon-reload');
    const again = await restart.observe(params, fleet.context(pair));
    const result = await restart.run(params, restart.before(params, again), 'k', fleet.context(pair));
    expect(result).toMatchObject({ is: 'failed', message: expect.stringContaining('did not come up again') });
    fleet.machine.run('rm', '-r', '/etc/systemd/system/shop.service.d');
    systemctl('daemon-reload');
  });

  it('says unknown when the connection is cut after the command started, and the probe then tells', async () => {
    fleet.machine.write('/etc/systemd/system/shop.service.d/slow.conf', '[Service]\nExecStartPre=/bin/sleep 3\n');
    systemctl('daemon-reload');
    const observed = await restart.observe(params, fleet.context(pair));
    const before = restart.before(params, observed);
    const stop = new AbortController();
    const running = restart.run(params, before, 'k', fleet.context(pair, stop.signal));
    await expect
      .poll(() => fleet.machine.property('shop.service', 'ActiveState'), { timeout: 20_000 })
      .toBe('activating');
    fleet.machine.run('systemctl', 'kill', '--signal=KILL', '--kill-whom=all', 'sshd-web-1.service');
    expect(await running).toMatchObject({ is: 'unknown' });
    systemctl('restart', 'sshd-web-1.service');
    const later = fleet.hands();
    await expect
      .poll(async () => (await restart.probe(params, before, { ...fleet.context(pair), io: later }, 'k')).is, {
        timeout: 60_000,
      })
      .toBe('done');
    fleet.machine.run('rm', '-r', '/etc/systemd/system/shop.service.d');
    systemctl('daemon-reload');
  });
});

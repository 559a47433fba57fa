import { existsSync, readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { actionKinds } from '../../src/actions/index.ts';
import type { ActionKind } from '../../src/domain/ports/action.ts';
import { actionContract, type Stage } from '../contract/action.ts';
import { layPackages } from './peers/packages.ts';
import { freePort, until } from './peers/peers.ts';
import { handUser, writeSudoers } from './peers/sudo.ts';
import { serviceOn, startFleet, type Fleet } from './support/fleet.ts';

/** What keeps a host fit, done to real ones: a real chronyd that follows another, and a certificate of a real openssl. */
let fleet: Fleet;
let ntpPort = 0;

// `-x`: it never touches the clock, which is this machine's.
const unitOf = (name: string): string => `[Unit]
StartLimitIntervalSec=0
[Service]
ExecStartPre=/bin/sh -c "echo started >>/srv/${name}.starts"
ExecStart=/usr/sbin/chronyd -x -d -u root -f /etc/chrony/${name}.conf
`;
const renewUnit = `[Unit]
StartLimitIntervalSec=0
[Service]
Type=oneshot
ExecStart=/bin/sh /srv/renew
`;
// A day longer each time.
const renew = `echo started >>/srv/renew.starts
days=$(($(cat /srv/days) + 1))
echo $days >/srv/days
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=shop -days $days \\
  -keyout /etc/shop/key.new -out /etc/shop/tls.new 2>/dev/null
mv /etc/shop/key.new /etc/shop/key.pem
mv /etc/shop/tls.new /etc/shop/tls.pem
`;

beforeAll(async () => {
  fleet = await startFleet(['web-1', 'web-2']);
  const { machine } = fleet;
  layPackages(machine, 'chrony', ['chrony', 'libedit2', 'libseccomp2', 'libnettle8', 'libgnutls30', 'libcap2']);
  ntpPort = await freePort();
  machine.write(
    '/etc/chrony/upstream.conf',
    `port ${ntpPort}\nlocal stratum 8\nallow 127.0.0.1\ncmdport 0\nbindcmdaddress /\npidfile /run/upstream.pid\n`,
  );
  for (const name of ['upstream', 'chrony']) machine.write(`/etc/systemd/system/${name}.service`, unitOf(name));
  machine.write('/srv/renew', renew);
  machine.write('/srv/days', '10');
  machine.write('/etc/systemd/system/shop-renew.service', renewUnit);
  machine.run('install', '-d', '-m', '700', '/etc/shop');
  systemctl('daemon-reload');
  systemctl('start', 'shop-renew.service');
}, 120_000);
afterAll(() => fleet.stop());

function systemctl(...args: readonly string[]): void {
  const { code, out } = fleet.machine.run('systemctl', ...args);
  if (code !== 0) throw new Error(`systemctl ${args.join(' ')}: ${out}`);
}

function kindOf(name: string): ActionKind {
  const kind = actionKinds[name];
  if (kind === undefined) throw new Error(name);
  return kind;
}

function lines(file: string): number {
  const path = fleet.machine.root + file;
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').length : 0;
}

const service = serviceOn({
  group: 'web',
  unit: 'shop.service',
  renewal: { certificate: '/etc/shop/tls.pem', unit: 'shop-renew.service' },
});

function allow(...commands: readonly string[]): void {
  writeSudoers(fleet.machine, commands.map((one) => `${handUser} ALL=(root) NOPASSWD: ${one}\n`).join(''));
}

const mayResync = '/usr/bin/systemctl restart -- chrony.service';
const mayRenew = ['/usr/bin/systemctl start -- shop-renew.service', '/usr/bin/cat -- /etc/shop/tls.pem'];

function follow(port: number): void {
  fleet.machine.write('/etc/chrony/chrony.conf', `port 0\nserver 127.0.0.1 port ${port} iburst\n`);
}

function stage(file: string, world: () => unknown): Stage {
  const begun = lines(file);
  return {
    params: { host: 'web-1' },
    context: (stop, timeoutMs) => fleet.context(service, stop, timeoutMs),
    world: () => Promise.resolve(world()),
    restorable: () => Promise.resolve(world()),
    effects: () => Promise.resolve(lines(file) - begun),
    remove: () => Promise.resolve(),
  };
}

actionContract('host.time-resync over a real SSH, sudo and chronyd', {
  kind: kindOf('host.time-resync'),
  probeTells: true,
  set: () => {
    allow(mayResync);
    follow(ntpPort);
    systemctl('restart', 'upstream.service', 'chrony.service');
    return Promise.resolve(stage('/srv/chrony.starts', () => fleet.machine.property('chrony.service', 'InvocationID')));
  },
  refused: { 'no host of a group': {}, 'a host that is not in the inventory': { host: 'web-9' } },
});

actionContract('host.certificate-renew over a real SSH, sudo and openssl', {
  kind: kindOf('host.certificate-renew'),
  probeTells: true,
  set: () => {
    allow(...mayRenew);
    return Promise.resolve(
      stage('/srv/renew.starts', () => readFileSync(`${fleet.machine.root}/etc/shop/tls.pem`, 'utf8')),
    );
  },
  refused: { 'no host of a group': {}, 'a host that is not in the inventory': { host: 'web-9' } },
});

describe('host.time-resync', () => {
  it('waits until chronyd follows its server again, and says failed where that is gone', async () => {
    const kind = kindOf('host.time-resync');
    allow(mayResync);
    follow(ntpPort);
    systemctl('restart', 'upstream.service', 'chrony.service');
    const follows = (): boolean =>
      fleet.machine.run('chronyc', '-n', 'tracking').out.includes('Leap status     : Normal');
    await until('chronyd follows', follows, 60_000);
    const observed = await kind.observe({ host: 'web-1' }, fleet.context(service));
    expect(observed.facts).toMatchObject({ unit: 'chrony.service', synced: 'yes' });
    expect(observed.facts['offset']).toMatch(/seconds (fast|slow) of NTP time/);
    const before = kind.before({ host: 'web-1' }, observed);
    systemctl('stop', 'upstream.service');
    const gone = await kind.run({ host: 'web-1' }, before, 'key', fleet.context(service, undefined, 8_000));
    expect(gone).toMatchObject({
      is: 'failed',
      message: expect.stringMatching(/has not synchronised in time/) as string,
    });
  });

  it('is refused with its line of sudoers', async () => {
    allow('/usr/bin/true');
    await expect(kindOf('host.time-resync').observe({ host: 'web-1' }, fleet.context(service))).rejects.toMatchObject({
      code: 'forbidden',
      fix: expect.stringContaining('/usr/bin/systemctl restart -- chrony.service') as string,
    });
  });
});

describe('host.certificate-renew', () => {
  it('says failed where the renewal ends well and the certificate is the same', async () => {
    allow(...mayRenew);
    const kind = kindOf('host.certificate-renew');
    const observed = await kind.observe({ host: 'web-1' }, fleet.context(service));
    const before = kind.before({ host: 'web-1' }, observed);
    fleet.machine.write('/srv/renew', 'exit 0\n');
    const same = await kind.run({ host: 'web-1' }, before, 'key', fleet.context(service));
    expect(same).toMatchObject({ is: 'failed', message: expect.stringMatching(/the same as before/) as string });
    fleet.machine.write('/srv/renew', 'exit 3\n');
    const broken = await kind.run({ host: 'web-1' }, before, 'key', fleet.context(service));
    expect(broken).toMatchObject({ is: 'failed' });
    fleet.machine.write('/srv/renew', renew);
  });

  it('reads a certificate that only root may read by one line of sudoers, and is refused with it', async () => {
    allow(mayRenew[0] ?? '');
    const kind = kindOf('host.certificate-renew');
    await expect(kind.observe({ host: 'web-1' }, fleet.context(service))).rejects.toMatchObject({
      code: 'forbidden',
      fix: expect.stringContaining('/usr/bin/cat -- /etc/shop/tls.pem') as string,
    });
  });
});

import { readlinkSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { IncidentView } from '../../src/agent/index.ts';
import type { Execution } from '../../src/domain/remediation.ts';
import { sshUser } from './peers/openssh.ts';
import { until } from './peers/peers.ts';
import { handUser, writeSudoers } from './peers/sudo.ts';
import { makeHome, startDaemon, type DaemonProcess, type Home } from './support/daemon.ts';
import { startHosts, type Host, type Hosts } from './support/hosts.ts';
import { runbooks, services, watcher } from './support/hosts-resources.ts';

const web = Array.from({ length: 10 }, (_, index) => `web-${index + 1}`);

// An application of this test: a page of figures, and of a hundred requests so many that fail, as its release has it.
const app = (failing: number): string => `#!/bin/sh
mkdir -p /run/shop
busybox httpd -p 8080 -h /run/shop
n=0 e=0
while :; do
  n=$((n + 100)) e=$((e + ${failing}))
  printf '# TYPE shop_requests_total counter\\nshop_requests_total %s\\n# TYPE shop_errors_total counter\\nshop_errors_total %s\\n' $n $e >/run/shop/new
  mv /run/shop/new /run/shop/metrics.txt
  sleep 1
done
`;

function layShop({ machine }: Host): void {
  machine.write('/srv/shop/releases/v1/app', app(0));
  machine.write('/srv/shop/releases/v2/app', app(20));
  machine.run('ln', '-sfn', 'releases/v1', '/srv/shop/current');
  machine.run('chown', handUser, '/srv/shop');
  machine.write(
    '/etc/systemd/system/shop.service',
    '[Service]\nExecStart=/bin/sh /srv/shop/current/app\nRestart=always\nRestartSec=1\n',
  );
  machine.run('systemctl', 'daemon-reload');
  machine.run('systemctl', 'start', 'shop.service');
}

function layWorker({ machine }: Host): void {
  machine.write('/etc/systemd/system/worker.service', '[Service]\nExecStart=/bin/sleep infinity\n');
  machine.run('systemctl', 'daemon-reload');
  machine.run('systemctl', 'start', 'worker.service');
}

// A file system of its own, with room for sixteen files.
function laySpool({ machine }: Host): void {
  machine.run('mkdir', '-p', '/srv/spool');
  machine.run('mount', '-t', 'tmpfs', '-o', 'size=16m,mode=0777', 'spool', '/srv/spool');
}

function fillSpool({ machine }: Host): void {
  for (let index = 0; index < 13; index++) {
    machine.run('dd', 'if=/dev/zero', `of=/srv/spool/${index}.job`, 'bs=1M', 'count=1', 'status=none');
    machine.run('touch', '-d', '2 days ago', `/srv/spool/${index}.job`);
  }
  for (const name of ['young.job', 'kept.dat'])
    machine.run('dd', 'if=/dev/zero', `of=/srv/spool/${name}`, 'bs=1M', 'count=1', 'status=none');
  machine.run('touch', '-d', '2 days ago', '/srv/spool/kept.dat');
}

function deploy({ machine }: Host, release: string): void {
  machine.run('ln', '-sfn', `releases/${release}`, '/srv/shop/current');
  machine.run('systemctl', 'restart', 'shop.service');
}

const runs = ({ machine }: Host): string => readlinkSync(`${machine.root}/srv/shop/current`).replace('releases/', '');
const invocation = ({ machine }: Host, unit: string): string => machine.property(unit, 'InvocationID');

describe('a fleet of hosts over OpenSSH, each in a network of its own', () => {
  let home: Home;
  let hosts: Hosts;
  let daemon: DaemonProcess;
  const ends: (() => Promise<unknown>)[] = [];

  const start = async (through: 'outer' | 'inner'): Promise<DaemonProcess> => {
    const { config, ...rest } = watcher(home, hosts, through, { reads: sshUser, acts: handUser });
    home.write('watchkeeper.yaml', config);
    return startDaemon(home, { readyWithinMs: 60_000, ...rest });
  };
  const incidentOf = async (service: string, after = 0): Promise<IncidentView | undefined> => {
    const brief = (await daemon.incidents()).find((one) => one.service === service && one.openedAtMs > after);
    return brief && daemon.incident(brief.id);
  };
  const ended = async (service: string, after = 0): Promise<Execution> => {
    let found: Execution | undefined;
    const look = async (): Promise<boolean> => {
      found = (await incidentOf(service, after))?.executions.find((one) => one.endedAtMs !== undefined);
      return found !== undefined;
    };
    await until(`something was done for ${service}, and ended`, look, 150_000);
    if (found === undefined) throw new Error('unreachable');
    return found;
  };
  // Enough of a quiet past that what is usual is known.
  const quiet = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 35_000));

  beforeAll(async () => {
    home = makeHome();
    hosts = await startHosts(home, [...web, 'bastion']);
    ends.push(() => hosts.stop());
    for (const name of web) layShop(hosts.at(name));
    layWorker(hosts.at('web-5'));
    laySpool(hosts.at('web-6'));
    for (const { machine } of hosts.all) writeSudoers(machine, `${handUser} ALL=(root) NOPASSWD: ALL\n`);
    home.write('services/all.yaml', [...services, ...runbooks].join('---\n'));
    for (const kind of ['detectors', 'runbooks', 'policies', 'escalations']) home.write(`${kind}/none.yaml`, '');
    daemon = await start('outer');
    ends.push(() => daemon.kill());
    await quiet();
  }, 240_000);
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
    home.remove();
  });

  async function rolledBack(bad: readonly string[]): Promise<void> {
    const others = web.filter((name) => !bad.includes(name)).map((name) => hosts.at(name));
    const before = others.map((host) => invocation(host, 'shop.service'));
    const atMs = Date.now();
    for (const name of bad) deploy(hosts.at(name), 'v2');
    const execution = await ended('shop', atMs);
    expect(execution).toMatchObject({ status: 'succeeded' });
    expect(execution.steps.map((step) => step.stepId)).toEqual(bad.map((name) => `rollback[${name}]`));
    const [first, second] = execution.steps;
    expect(first).toMatchObject({ status: 'succeeded', between: { status: 'passed' } });
    // One at a time, and in between the first was seen to be well for the time that was asked.
    expect((second?.intentAtMs ?? 0) - (first?.endedAtMs ?? Infinity)).toBeGreaterThanOrEqual(3_000);
    expect(bad.map((name) => runs(hosts.at(name)))).toEqual(bad.map(() => 'v1'));
    expect(others.map((host) => invocation(host, 'shop.service'))).toEqual(before);
    const view = await incidentOf('shop', atMs);
    const told = JSON.stringify(view?.file?.diagnosis);
    expect(told).toContain(`on ${bad.join(' and ')}`);
    expect(told).toMatch(/where it was not \(8: web-/);
    expect(JSON.stringify(view?.alerts)).toContain('the 8 that the change did not touch are fine');
  }

  it('takes a bad release back from 2 hosts of 10, one at a time, with the other 8 as the control', async () => {
    await rolledBack(['web-1', 'web-2']);
  }, 200_000);

  it('starts a service that dies again, twice, and then calls people and leaves it', async () => {
    const { machine } = hosts.at('web-5');
    const active = (): boolean => machine.property('worker.service', 'ActiveState') === 'active';
    const views = async (): Promise<readonly IncidentView[]> => {
      const briefs = (await daemon.incidents()).filter((one) => one.service === 'worker');
      return Promise.all(briefs.map(({ id }) => daemon.incident(id)));
    };
    const acts = async (): Promise<readonly Execution[]> => (await views()).flatMap(({ executions }) => executions);
    const die = (): unknown => machine.run('kill', '-9', machine.property('worker.service', 'MainPID'));
    for (const time of [1, 2]) {
      die();
      await until(`it runs again, time ${time}`, async () => active() && (await acts()).length === time, 60_000);
      const settled = async (): Promise<boolean> =>
        (await acts()).every((one) => one.status === 'succeeded') &&
        (await views()).every(({ incident }) => incident.status === 'resolved');
      await until(`its incident is over, time ${time}`, settled, 90_000);
    }
    die();
    const refused = async (): Promise<boolean> =>
      (await views()).some(({ incident, file }) => {
        const [decision] = file?.decisions.slice(-1) ?? [];
        return (
          incident.status === 'open' && decision?.outcome === 'deny' && decision.reasons.join().includes('attempt')
        );
      });
    await until('a third time is refused, because two have not helped', refused, 60_000);
    const told = (await daemon.ledger()).filter(({ entry }) => entry.type === 'escalation');
    const open = (await views()).find(({ incident }) => incident.status === 'open');
    expect(JSON.stringify(told)).toContain(open?.incident.id);
    expect(await acts()).toHaveLength(2);
    expect(active()).toBe(false);
  }, 400_000);

  it('empties a full file system of what is old and listed, and of nothing else', async () => {
    const atMs = Date.now();
    const host = hosts.at('web-6');
    fillSpool(host);
    const execution = await ended('host-web-6', atMs);
    expect(execution).toMatchObject({ status: 'succeeded', steps: [{ status: 'succeeded' }] });
    expect(execution.steps[0]?.message).toMatch(/13 files, 13631488 bytes/);
    expect(host.machine.run('ls', '/srv/spool').out.split(/\s+/).filter(Boolean)).toEqual(['kept.dat', 'young.job']);
  }, 200_000);

  it('takes a release back by way of a jump host, where nothing else leads to the hosts', async () => {
    await daemon.stop();
    daemon = await start('inner');
    await quiet();
    await rolledBack(['web-3', 'web-4']);
  }, 260_000);
});

import { existsSync, readFileSync } from 'node:fs';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { actionKinds } from '../../src/actions/index.ts';
import type { ActionKind } from '../../src/domain/ports/action.ts';
import { actionContract, type Stage } from '../contract/action.ts';
import { handUser, writeSudoers } from './peers/sudo.ts';
import { serviceOn, startFleet, type Fleet } from './support/fleet.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet(['web-1', 'web-2', 'web-3'], { 'web-3': ['ForceCommand sleep 600'] });
  fleet.machine.write(
    '/etc/systemd/system/shop.service',
    '[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStartPre=/bin/sh -c "echo started >>/srv/starts"\nExecStart=/bin/sleep 600\n',
  );
  fleet.machine.run('mkdir', '-p', '/srv');
  systemctl('daemon-reload');
});
afterAll(() => fleet.stop());

// As it is before each: allowed, and running.
function fresh(): void {
  allow(`${handUser} ALL=(root) NOPASSWD: /usr/bin/systemctl restart -- shop.service`);
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

const pair = serviceOn({ group: 'web', unit: 'shop.service' });
const invocation = (): string => fleet.machine.property('shop.service', 'InvocationID');

function starts(): number {
  const file = `${fleet.machine.root}/srv/starts`;
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length : 0;
}

function restartStage(): Promise<Stage> {
  fresh();
  const begun = starts();
  return Promise.resolve({
    params: { host: 'web-1' },
    context: (stop, timeoutMs) => fleet.context(pair, stop, timeoutMs),
    world: () => Promise.resolve({ id: invocation(), active: fleet.machine.property('shop.service', 'ActiveState') }),
    effects: () => Promise.resolve(starts() - begun),
    remove: () => Promise.resolve(),
  });
}

actionContract('host.service-restart over a real SSH, sudo and systemd', {
  kind: kindOf('host.service-restart'),
  probeTells: true,
  set: restartStage,
  refused: {
    'no host of a group': {},
    'a host that is not in the inventory': { host: 'web-9' },
    'a host that is text for a shell': { host: 'web-1; reboot' },
    'an unknown parameter': { host: 'web-1', unit: 'x.service' },
  },
});

describe('host.service-restart over SSH', () => {
  const restart = kindOf('host.service-restart');
  const params = { host: 'web-1', force: false };
  beforeEach(fresh);

  it('counts the group, and takes a host that does not answer for ill', async () => {
    const observed = await restart.observe(params, fleet.context(pair));
    expect(observed.target).toMatchObject({ kind: 'unit', id: 'web-1/shop.service', service: 'shop' });
    expect(observed.blast).toMatchObject({ touched: 1, total: 3, healthyAfter: 1, healthyNow: 2, targets: ['web-1'] });
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

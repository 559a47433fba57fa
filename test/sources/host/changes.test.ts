import { describe, expect, it } from 'vitest';

import type { Change } from '../../../src/domain/change.ts';
import type { HostPlace } from '../../../src/domain/places.ts';
import type { Service } from '../../../src/domain/service.ts';
import { packageHistories } from '../../../src/io/clients/linux/changes/packages.ts';
import type { MemoryFiles } from '../../support/memory-files.ts';
import { startMachine } from './machine.ts';
import type { Machine } from './machine.ts';

const now = Date.UTC(2026, 0, 1);
const minute = 60_000;
const hour = 60 * minute;

function service(host: HostPlace): Service {
  return {
    name: 'shop',
    labels: {},
    owner: { team: '', escalate: '' },
    dependsOn: [],
    runsOn: [{ on: 'host', host }],
    telemetry: {},
    slos: [],
    origin: 'declared',
  };
}

async function changes(machine: Machine, host: HostPlace = {}): Promise<readonly Change[]> {
  const answer = await machine.collect({ signals: [], services: [service(host)] });
  return answer.changes.filter((change) => change.what !== 'boot');
}

describe('release symlinks', () => {
  const place: HostPlace = { releases: { root: '/srv/releases', current: '/srv/current' } };
  const withReleases =
    (names: readonly string[], current: string, linkedMs: number) =>
    (files: MemoryFiles): void => {
      for (const name of names) files.set(`/srv/releases/${name}/app`, name);
      files.link('/srv/current', `releases/${current}`, linkedMs);
    };

  it('tells a recent deploy at the first look, by the time of the symlink and the order of the folders', async () => {
    const machine = await startMachine({ set: withReleases(['v9', 'v10'], 'v10', now - hour) });
    expect(await changes(machine, place)).toMatchObject([
      { kind: 'deploy', from: 'v9', to: 'v10', atMs: now - hour, what: 'current', service: 'shop', source: 'host' },
    ]);
    expect(await changes(machine, place)).toEqual([]);
  });

  it('takes an old release at the first look as the baseline', async () => {
    const machine = await startMachine({ set: withReleases(['v1', 'v2'], 'v2', now - 30 * hour) });
    expect(await changes(machine, place)).toEqual([]);
  });

  it('sees a deploy, and the way back as a rollback', async () => {
    const machine = await startMachine({ set: withReleases(['aaa1', 'ffe2', 'c0de'], 'aaa1', now - 30 * hour) });
    await changes(machine, place);
    machine.files.link('/srv/current', '/srv/releases/c0de/', now);
    expect(await changes(machine, place)).toMatchObject([{ kind: 'deploy', from: 'aaa1', to: 'c0de' }]);
    await machine.advance(minute);
    machine.files.link('/srv/current', 'releases/aaa1', now + minute);
    expect(await changes(machine, place)).toMatchObject([{ kind: 'rollback', from: 'c0de', to: 'aaa1' }]);
  });

  it('knows a rollback to a release it never saw by the order of the names', async () => {
    const machine = await startMachine({ set: withReleases(['v1', 'v2', 'v3'], 'v3', now - 30 * hour) });
    await changes(machine, place);
    machine.files.link('/srv/current', 'releases/v2', now);
    expect(await changes(machine, place)).toMatchObject([{ kind: 'rollback', from: 'v3', to: 'v2' }]);
  });

  it('gives the same switch the same id before and after a restart of the daemon', async () => {
    const machine = await startMachine({ set: withReleases(['v1', 'v2'], 'v1', now - 30 * hour) });
    await changes(machine, place);
    machine.files.link('/srv/current', 'releases/v2', now);
    const [seen] = await changes(machine, place);
    const again = await machine
      .restarted()
      .collect({ ...machine.request, signals: [], services: [service(place)] }, new AbortController().signal);
    expect(again.changes.map((change) => change.id)).toContain(seen?.id);
    expect(seen).toBeDefined();
  });

  it('does not take linking the same release again for a deploy', async () => {
    const machine = await startMachine({ set: withReleases(['v1'], 'v1', now - 30 * hour) });
    await changes(machine, place);
    machine.files.link('/srv/current', 'releases/v1', now);
    expect(await changes(machine, place)).toEqual([]);
  });

  it('says when there is no symlink to read', async () => {
    const machine = await startMachine();
    const gaps = (await machine.collect({ signals: [], services: [service(place)] })).gaps;
    expect(gaps.map((gap) => [gap.reason, gap.service])).toEqual([['missing', 'shop']]);
    machine.files.set('/srv/current', 'a file');
    expect((await machine.collect({ signals: [], services: [service(place)] })).gaps[0]?.reason).toBe('unsupported');
  });

  it('gives what it saw as history', async () => {
    const machine = await startMachine({ set: withReleases(['v1', 'v2'], 'v2', now - hour) });
    await changes(machine, place);
    const past = await machine.collect({
      mode: 'history',
      signals: [],
      services: [service(place)],
      fromMs: now - 2 * hour,
      untilMs: now,
    });
    expect(past.changes.map((change) => change.to)).toEqual(['v2']);
  });
});

describe('package histories', () => {
  const local = (ms: number): string => {
    const at = new Date(ms);
    const two = (value: number): string => String(value).padStart(2, '0');
    return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  };

  it('reads the last day of dpkg at the first look, with its own times, and then what is added', async () => {
    const machine = await startMachine({
      set: (files) =>
        files.set(
          '/var/log/dpkg.log',
          `${local(now - 30 * hour)} upgrade old:amd64 1 2\n` +
            `${local(now - hour)} startup archives unpack\n` +
            `${local(now - hour)} upgrade nginx:amd64 1.22 1.24\n` +
            `${local(now - hour)} status installed nginx:amd64 1.24\n`,
        ),
    });
    expect(await changes(machine)).toMatchObject([
      {
        kind: 'package',
        what: 'package:nginx',
        from: '1.22',
        to: '1.24',
        atMs: now - hour,
        service: machine.host.name,
      },
    ]);
    machine.files.append('/var/log/dpkg.log', `${local(now)} remove curl:amd64 8.1 <none>\n`);
    const [removed, ...more] = await changes(machine);
    expect(removed).toMatchObject({ what: 'package:curl', from: '8.1', attributes: { action: 'remove' } });
    expect(removed?.to).toBeUndefined();
    expect(more).toEqual([]);
  });

  it('reads on across a rotation without telling anything twice', async () => {
    const line = (minutes: number, name: string): string =>
      `${local(now + minutes * minute)} install ${name} <none> 1\n`;
    const machine = await startMachine({ set: (files) => files.set('/var/log/dpkg.log', line(-9, 'a')) });
    expect((await changes(machine)).map((change) => change.what)).toEqual(['package:a']);
    machine.files.append('/var/log/dpkg.log', line(-8, 'b'));
    machine.files.rename('/var/log/dpkg.log', '/var/log/dpkg.log.1');
    machine.files.set('/var/log/dpkg.log.1', machine.files.text('/var/log/dpkg.log.1'), now);
    machine.files.set('/var/log/dpkg.log', line(-7, 'c'));
    expect((await changes(machine)).map((change) => change.what)).toEqual(['package:b', 'package:c']);
  });

  const lines: readonly (readonly [string, string, object])[] = [
    [
      '/var/log/dnf.rpm.log',
      '2026-01-01T00:00:00+0000 SUBDEBUG Upgrade: nginx-core-1:1.20.1-14.el9.x86_64',
      { name: 'nginx-core', to: '1:1.20.1-14.el9.x86_64', atMs: now },
    ],
    [
      '/var/log/dnf.rpm.log',
      '2026-01-01T00:00:00+0000 SUBDEBUG Erase: curl-7-1.x86_64',
      { name: 'curl', from: '7-1.x86_64' },
    ],
    [
      '/var/log/pacman.log',
      '[2026-01-01T00:00:00+0000] [ALPM] upgraded linux (6.6.8-1 -> 6.6.9-1)',
      { name: 'linux', from: '6.6.8-1', to: '6.6.9-1' },
    ],
    [
      '/var/log/zypp/history',
      '2026-01-01 00:00:00|install|nginx|1.2-3|x86_64|root@web',
      { name: 'nginx', to: '1.2-3' },
    ],
  ];
  it.each(lines)('understands %s: %s', (path, line, expected) => {
    expect(packageHistories.find((one) => one.path === path)?.parse(line)).toMatchObject(expected);
  });

  it('takes no garbage for a package', () => {
    for (const { parse } of packageHistories)
      for (const line of ['', '\u0000\u0001', 'upgrade', '2026-99-99 99:99:99 upgrade', '|||'])
        expect(parse(line)).toBeUndefined();
  });
});

describe("apk's database", () => {
  const path = '/lib/apk/db/installed';
  const stanzas = (versions: Readonly<Record<string, string>>): string =>
    Object.entries(versions)
      .map(([name, version]) => `C:Q1abc=\nP:${name}\nV:${version}\nA:x86_64\nF:usr/bin\nR:${name}\n`)
      .join('\n');

  it('tells what was upgraded, installed and removed since the last look, at the time it was written', async () => {
    const machine = await startMachine({
      set: (files) => files.set(path, stanzas({ musl: '1.2.4', nginx: '1.24.0-r1', curl: '8.0' }), now - 48 * hour),
    });
    expect(await changes(machine), 'the first look is the baseline').toEqual([]);
    machine.files.set(path, stanzas({ musl: '1.2.4', nginx: '1.24.0-r2', jq: '1.7' }), now - minute);
    const found = await changes(machine);
    expect(found).toMatchObject([
      { what: 'package:curl', from: '8.0', attributes: { action: 'remove' } },
      { what: 'package:jq', to: '1.7', attributes: { action: 'install' } },
      { what: 'package:nginx', from: '1.24.0-r1', to: '1.24.0-r2', attributes: { action: 'upgrade' } },
    ]);
    expect(
      found.every(
        ({ kind, atMs, service: of }) => kind === 'package' && atMs === now - minute && of === machine.host.name,
      ),
    ).toBe(true);
    expect(await changes(machine)).toEqual([]);
  });

  it('sees an upgrade within the second of the write that it saw last, with size and time as they were', async () => {
    const machine = await startMachine({ set: (files) => files.set(path, stanzas({ nginx: '1.24.0-r1' }), now) });
    await changes(machine);
    machine.files.set(path, stanzas({ nginx: '1.24.0-r2' }), now);
    expect(await changes(machine)).toMatchObject([{ from: '1.24.0-r1', to: '1.24.0-r2' }]);
  });

  it('is a gap of the machine when it is larger than is read, and tells nothing that it did not see', async () => {
    const machine = await startMachine({ set: (files) => files.set(path, 'P:x\n'.repeat(2_000_000), now - hour) });
    const answer = await machine.collect({ signals: [], services: [service({})] });
    expect(answer.gaps).toMatchObject([{ reason: 'too-large', service: machine.host.name }]);
    machine.files.set(path, stanzas({ musl: '1.2.4' }), now);
    expect(await changes(machine)).toEqual([]);
  });
});

describe('watched configuration', () => {
  const place: HostPlace = { config: ['/etc/shop'] };

  it('sees edits, additions and removals below a folder, and never shows content', async () => {
    const machine = await startMachine({
      set: (files) => {
        files.set('/etc/shop/a.conf', 'password=hunter2', now - 48 * hour);
        files.set('/etc/shop/conf.d/b.conf', 'b', now - 48 * hour);
      },
    });
    expect(await changes(machine, place), 'the first look is the baseline').toEqual([]);
    machine.files.set('/etc/shop/a.conf', 'password=hunter3', now);
    machine.files.set('/etc/shop/new.conf', 'n', now);
    machine.files.remove('/etc/shop/conf.d/b.conf');
    const found = await changes(machine, place);
    expect(found.map(({ attributes }) => [attributes['path'], attributes['action']]).sort()).toEqual([
      ['/etc/shop/a.conf', 'edited'],
      ['/etc/shop/conf.d/b.conf', 'removed'],
      ['/etc/shop/new.conf', 'added'],
    ]);
    expect(JSON.stringify(found)).not.toContain('hunter');
    expect(await changes(machine, place)).toEqual([]);
  });

  it('sees an edit within the second of the write that it saw last, with size and time as they were', async () => {
    const machine = await startMachine({ set: (files) => files.set('/etc/shop/a.conf', 'pool=10', now) });
    await changes(machine, place);
    machine.files.set('/etc/shop/a.conf', 'pool=90', now);
    expect(await changes(machine, place)).toMatchObject([
      { attributes: { path: '/etc/shop/a.conf', action: 'edited' } },
    ]);
    expect(await changes(machine, place)).toEqual([]);
  });

  it("does not take a touched file or an editor's leavings for an edit", async () => {
    const machine = await startMachine({ set: (files) => files.set('/etc/shop/a.conf', 'same', now - 48 * hour) });
    await changes(machine, place);
    machine.files.set('/etc/shop/a.conf', 'same', now);
    machine.files.set('/etc/shop/.a.conf.swp', 'x', now);
    machine.files.set('/etc/shop/a.conf~', 'x', now);
    expect(await changes(machine, place)).toEqual([]);
  });

  it("sees edits of the service's unit file and of its drop-ins", async () => {
    const unit: HostPlace = { unit: 'shop.service' };
    const machine = await startMachine({ set: (files) => files.set('/etc/systemd/system/shop.service', 'a') });
    await changes(machine, unit);
    machine.files.set('/etc/systemd/system/shop.service.d/limits.conf', 'b', now);
    expect(await changes(machine, unit)).toMatchObject([{ kind: 'config', what: 'unit-file', service: 'shop' }]);
  });

  it('says when what should be watched is not there', async () => {
    const machine = await startMachine();
    const answer = await machine.collect({ signals: [], services: [service(place)] });
    expect(answer.gaps.map((gap) => [gap.reason, gap.service])).toEqual([['missing', 'shop']]);
  });
});

describe('the machine itself', () => {
  it('gives a boot within the last day as one infrastructure change with the kernel that came up', async () => {
    const machine = await startMachine();
    const first = await machine.collect();
    expect(first.changes).toMatchObject([
      { kind: 'infrastructure', what: 'boot', to: '6.1.0', atMs: 1_767_220_000_000, service: machine.host.name },
    ]);
    expect((await machine.collect()).changes).toEqual([]);
  });
});

import { gzipSync } from 'node:zlib';

import { afterEach, describe, expect, it } from 'vitest';

import type { Collected } from '../../../src/domain/ports/source.ts';
import { sourceContract } from '../../contract/source.ts';
import { framed } from '../../support/powershell.ts';
import { answers, newKey } from '../../support/ssh-server.ts';
import {
  answering,
  asks,
  firstSignals,
  recording,
  recordings,
  windowsFleet,
  windowsService,
  withoutIis,
} from '../../support/windows-fleet.ts';
import type { FleetOptions, Recording, WindowsAsked, WindowsFleet } from '../../support/windows-fleet.ts';

const signal = (): AbortSignal => new AbortController().signal;
const english = (): Recording => recording('en-2019');
const behave = answering(english);
// A hundred megabytes and more of spaces, in a hundred kilobytes.
const bomb = `@ begin\n${gzipSync(Buffer.alloc(128 * 1024 * 1024, ' ')).toString('base64')}\n@ end\n`;
const sick = (how: FleetOptions['behave']) => () => windowsFleet({ behave: how, config: { timeout: '1s' } });

sourceContract('ssh to Windows', {
  healthy: () => windowsFleet({ behave }),
  ill: {
    unauthorized: () => windowsFleet({ behave, key: newKey() }),
    forbidden: () => windowsFleet({ behave, known: false }),
    unreachable: async () => {
      const world = await windowsFleet({ behave });
      await world.server.close();
      return world;
    },
    malformed: sick(answers('\u001b[2J@ begin\nQUJD\n\u202etxt.exe\n')),
    hanging: sick(() => undefined),
  },
  partial: () => windowsFleet({ behave, signals: ['memory', 'inodes'] }),
  flood: () => windowsFleet({ behave: answering(() => bomb), config: { timeout: '20s' } }),
});

describe('Windows hosts over SSH', () => {
  const open: WindowsFleet[] = [];
  const fleet = async (options: Partial<FleetOptions> = {}): Promise<WindowsFleet> => {
    const made = await windowsFleet({ behave, ...options });
    open.push(made);
    return made;
  };
  afterEach(async () => {
    for (const one of open.splice(0)) {
      await one.source.close();
      await one.close?.();
    }
  });
  const look = ({ source, request }: WindowsFleet): Promise<Collected> => source.collect(request, signal());
  const value = (found: Collected, name: string, labels: Record<string, string> = {}): number | undefined =>
    found.series
      .find((one) => one.signal === name && Object.entries(labels).every(([key, wanted]) => one.labels[key] === wanted))
      ?.samples.at(-1)?.v;

  describe.each(recordings)('as recorded in %s', (name) => {
    it('tell the same signals as Linux, whatever their language', async () => {
      const found = await look(
        await fleet({
          behave: answering(() => recording(name)),
          signals: [
            ...firstSignals,
            'certificate_expiry',
            'tasks_failed',
            'app_pool_up',
            'site_up',
            'reboot_pending',
            'time_sync',
            'disk_available',
          ],
        }),
      );
      expect(found.gaps.map(({ message }) => message)).toEqual([]);
      expect(value(found, 'memory')).toBeCloseTo(0.75, 2);
      expect(value(found, 'memory_commit')).toBeCloseTo(0.75, 5);
      expect(value(found, 'swap')).toBeCloseTo(0.25, 5);
      expect(value(found, 'cpu_queue')).toBe(1.5);
      expect(value(found, 'disk', { mount: 'C:' })).toBeCloseTo(0.75, 5);
      expect(value(found, 'disk', { mount: 'D:' })).toBeCloseTo(0.96, 5);
      expect(value(found, 'disk_available', { mount: 'D:\\mnt\\archive' })).toBe(900e9);
      expect(found.series.filter((one) => one.signal === 'disk')).toHaveLength(3);
      // Reports ended with 1067; the spooler is disabled, and BITS ended well.
      expect(value(found, 'units_failed')).toBe(1);
      expect(value(found, 'tasks_failed')).toBe(1);
      expect(value(found, 'app_pool_up', { pool: 'shop' })).toBe(0);
      expect(value(found, 'app_pool_up', { pool: 'DefaultAppPool' })).toBe(1);
      expect(value(found, 'app_pool_up', { pool: 'old' })).toBeUndefined();
      expect(value(found, 'site_up', { site: 'shop' })).toBe(1);
      expect(value(found, 'certificate_expiry')).toBeCloseTo(9 * 86_400, -1);
      // The German one waits for a reboot, and follows no clock but its own.
      expect([value(found, 'reboot_pending'), value(found, 'time_sync')]).toEqual(name === 'de-2022' ? [1, 0] : [0, 1]);
    });

    it('tell of their service: state, process, recovery, and its lines in the language of the host', async () => {
      const shop = windowsService({
        name: 'shop',
        runsOn: [{ on: 'ssh', ssh: { source: 'fleet', host: 'win-1', unit: 'shop' } }],
      });
      const asked: WindowsAsked[] = [];
      const found = await look(
        await fleet({
          behave: answering((one) => (asked.push(one), recording(name))),
          service: shop,
          signals: ['unit_up', 'unit_memory', 'unit_tasks', 'process_up', 'process_threads'],
        }),
      );
      expect(asked[0]?.units).toEqual(['shop']);
      expect(found.gaps.map(({ message }) => message)).toEqual([]);
      expect(
        ['unit_up', 'unit_memory', 'unit_tasks', 'process_up'].map((one) => value(found, one, { host: 'win-1' })),
      ).toEqual([1, 734_003_200, 61, 1]);
      expect(found.resources.find(({ kind }) => kind === 'unit')?.attributes).toMatchObject({
        unit: 'Shop',
        active: 'Running',
        recovery: 'restart after 60 s, restart after 60 s, nothing',
        pid: 4120,
      });
      // What the service control manager says of it by its shown name, and what it says itself.
      expect(
        found.logs.map(({ service, severity, attributes }) => [service, severity, attributes['windows.event_id']]),
      ).toEqual([
        ['shop', 'error', '7034'],
        ['shop', 'warn', '1'],
      ]);
      expect(found.logs[0]?.body).toBe(recording(name).sections['events'].data.channels[0].events[2].message);
    });

    it('tell what changed in the last day: programs, updates, start types, and a boot with who asked for it', async () => {
      const found = await look(await fleet({ behave: answering(() => recording(name)) }));
      const told = found.changes.map(({ kind, what, to, actor }) => [kind, what, to, actor]);
      expect(told).toContainEqual(['package', 'package:Shop Agent', '4.2.0', undefined]);
      expect(told).toContainEqual(['package', 'package:KB5068787', 'installed', undefined]);
      expect(told.filter(([, what]) => what === 'package:KB5068787')).toHaveLength(1);
      expect(told.filter(([, what]) => what === 'package:KB5050000')).toEqual([]);
      expect(found.changes.find(({ what }) => what === 'start-type:Spooler')).toMatchObject({
        kind: 'config',
        service: 'host-win-1',
      });
      const boot = found.changes.find(({ what }) => what === 'boot');
      // The German one runs for a month.
      if (name === 'de-2022') expect(boot).toBeUndefined();
      else expect(boot).toMatchObject({ kind: 'infrastructure', actor: 'CORP\\anna', attributes: { host: 'win-1' } });
    });
  });

  it('without IIS, in Turkish, and with lists as { value, Count }, tell all else, and offer no pools and sites', async () => {
    const world = await fleet({
      behave: answering(() => recording(withoutIis)),
      signals: ['memory', 'disk', 'units_failed', 'tasks_failed', 'time_sync', 'app_pool_up'],
      service: windowsService({
        runsOn: [{ on: 'ssh', ssh: { source: 'fleet', host: 'win-1' } }],
      }),
    });
    const found = await look(world);
    expect(found.gaps.map(({ signal: of, reason }) => [of, reason])).toEqual([['app_pool_up', 'unsupported']]);
    expect(['units_failed', 'tasks_failed', 'time_sync'].map((one) => value(found, one))).toEqual([1, 1, 1]);
    expect(found.logs[0]?.body).toBe('Mağaza İşi hizmeti beklenmedik şekilde sonlandı. Bu, 1 kez oldu.');
    expect(found.changes.find(({ what }) => what === 'boot')?.actor).toBe('CORP\\ayşe');
    expect(found.changes.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['package:KB5068787', 'package:Shop Agent', 'start-type:Spooler']),
    );
    // Every processor was read: the second look has a figure.
    const second = await look({ ...world, request: asks(windowsService(), ['cpu']) });
    expect(second.gaps.filter(({ reason }) => reason === 'malformed')).toEqual([]);
  });

  it('find a service by its name in capitals, whatever letters a language makes of them', async () => {
    const shop = windowsService({
      name: 'shop',
      runsOn: [{ on: 'ssh', ssh: { source: 'fleet', host: 'win-1', unit: 'SPOOLER' } }],
    });
    const found = await look(
      await fleet({ behave: answering(() => recording(withoutIis)), service: shop, signals: ['unit_up'] }),
    );
    expect(value(found, 'unit_up')).toBe(0);
  });

  it('whose services do not tell this user how they ended are read all the same', async () => {
    const now = english();
    for (const one of now.sections['services'].data.services) one.exit = null;
    const found = await look(await fleet({ behave: answering(() => now), signals: ['units_failed'] }));
    expect(value(found, 'units_failed')).toBe(0);
    expect(found.gaps).toEqual([]);
  });

  it('give rates from the second look on, by the host’s own steady clock, round counters of 32 bits included', async () => {
    let now = english();
    const rates = ['cpu', 'disk_read', 'disk_busy', 'disk_await', 'network_receive', 'network_drops', 'unit_cpu'];
    const world = await fleet({
      behave: answering(() => now),
      service: windowsService({
        runsOn: [{ on: 'ssh', ssh: { source: 'fleet', host: 'win-1', unit: 'Shop' } }],
        name: 'shop',
      }),
      signals: rates,
    });
    const first = await look(world);
    expect(first.series).toEqual([]);
    expect(first.gaps.every(({ reason }) => reason === 'missing')).toBe(true);
    now = later(now, 30);
    const second = await look(world);
    expect(value(second, 'cpu')).toBeCloseTo(0.35, 5);
    expect(value(second, 'disk_read', { device: '0 C:' })).toBeCloseTo(1_000_000, 3);
    expect(value(second, 'disk_busy', { device: '0 C:' })).toBeCloseTo(0.2, 5);
    expect(value(second, 'disk_await', { device: '0 C:' })).toBeCloseTo(0.002, 6);
    // Nothing was read or written there, so nothing took any time.
    expect(value(second, 'disk_await', { device: '1 D:' })).toBeUndefined();
    expect(value(second, 'network_receive')).toBeCloseTo(500_000, 3);
    expect(value(second, 'network_drops')).toBe(0);
    expect(value(second, 'unit_cpu')).toBeCloseTo(0.5, 5);
  });

  it('count a process that another took the place of, and see a service that is stopped', async () => {
    let now = english();
    const service = windowsService({
      name: 'shop',
      runsOn: [{ on: 'ssh', ssh: { source: 'fleet', host: 'win-1', unit: 'Shop' } }],
    });
    const world = await fleet({
      behave: answering(() => now),
      service,
      signals: ['unit_up', 'unit_restarts', 'unit_memory'],
    });
    await look(world);
    now = later(now, 30);
    Object.assign(now.sections['services'].data.services[2], { pid: 5000 });
    Object.assign(now.sections['services'].data.processes[0], { pid: 5000, startedAtMs: now.nowMs });
    expect(value(await look(world), 'unit_restarts')).toBeCloseTo(1 / 30, 6);
    now = later(now, 30);
    Object.assign(now.sections['services'].data.services[2], { state: 'Stopped', pid: 0 });
    now.sections['services'].data.processes = [];
    const stopped = await look(world);
    expect(value(stopped, 'unit_up')).toBe(0);
    expect(stopped.gaps.map(({ signal: of, message }) => [of, message])).toEqual([
      ['unit_memory', 'win-1: Shop is Stopped'],
    ]);
  });

  it('tell what is otherwise than at the look before: a release of a site, a service, a program', async () => {
    let now = english();
    const service = windowsService({
      name: 'shop',
      runsOn: [{ on: 'ssh', ssh: { source: 'fleet', group: 'web', unit: 'Shop', iis: { site: 'shop' } } }],
    });
    const world = await fleet({ behave: answering(() => now), service });
    await look(world);
    const told = async (): Promise<readonly unknown[]> =>
      (await look(world)).changes.map(({ kind, service: of, what, from, to }) => [kind, of, what, from, to]);
    expect(await told()).toEqual([]);
    now = later(now, 30);
    now.sections['iis'].data.sites[0].path = 'D:\\sites\\shop\\releases\\4.10.0';
    now.sections['services'].data.services[2].path = '"D:\\shop\\bin\\shop.exe" --port 8081';
    expect(await told()).toEqual([
      ['config', 'shop', 'service:Shop', expect.any(String), expect.any(String)],
      ['deploy', 'shop', 'current', '4.1.0', '4.10.0'],
    ]);
    now = later(now, 30);
    now.sections['iis'].data.sites[0].path = 'D:\\sites\\shop\\releases\\4.9.0';
    expect(await told()).toEqual([['rollback', 'shop', 'current', '4.10.0', '4.9.0']]);
  });

  it('read each event once, and go on where they were', async () => {
    const asked: WindowsAsked[] = [];
    const world = await fleet({
      behave: answering((one) => (asked.push(one), english())),
      config: { channels: ['Microsoft-Windows-TaskScheduler/Operational'] },
    });
    const first = await look(world);
    const second = await look(world);
    expect(first.logs.map(({ attributes }) => attributes['windows.event_id'])).toEqual(['7034', '1000', '1']);
    expect(second.logs).toEqual([]);
    expect(asked.map(({ channels }) => channels.map(({ name, wanted, after }) => [name, wanted, after]))).toEqual([
      [
        ['System', 'system', null],
        ['Application', 'programs', null],
        ['Microsoft-Windows-TaskScheduler/Operational', 'all', null],
      ],
      [
        ['System', 'system', 8111],
        ['Application', 'programs', 4403],
        ['Microsoft-Windows-TaskScheduler/Operational', 'all', null],
      ],
    ]);
  });

  it('say which part was not allowed, with what would allow it, and tell the rest', async () => {
    const now = english();
    now.sections['iis'] = { fault: 'denied', message: 'Zugriff verweigert', ms: 3 };
    now.sections['time'].data = {
      state: 'Running',
      start: 'Auto',
      code: -2147024891,
      leap: null,
      stratum: null,
      reference: null,
    };
    now.sections['events'].data.channels[0] = {
      name: 'System',
      fault: 'denied',
      message: 'Attempted to perform an unauthorized operation.',
    };
    const found = await look(
      await fleet({ behave: answering(() => now), signals: ['memory', 'app_pool_up', 'time_sync'] }),
    );
    expect(value(found, 'memory')).toBeGreaterThan(0);
    expect(found.gaps.map(({ signal: of, reason }) => [of, reason])).toEqual([
      ['app_pool_up', 'unauthorized'],
      ['time_sync', 'unauthorized'],
      // Whether a site got another release cannot be seen either.
      ['changes', 'unauthorized'],
      ['logs', 'unauthorized'],
    ]);
    expect(found.gaps.at(-1)?.message).toContain('Event Log Readers');
  });

  it('are described by what they have, so that what cannot be there is no gap', async () => {
    const now = english();
    now.sections['iis'] = { fault: 'absent', message: 'IIS is not installed' };
    const world = await fleet({ behave: answering(() => now) });
    await look(world);
    const [service] = await world.source.discover(signal());
    expect(service?.labels).toMatchObject({ kind: 'host', os: 'windows', host: 'win-1', groups: 'web' });
    const offered = Object.keys(service?.telemetry ?? {});
    expect(offered).toEqual(
      expect.arrayContaining(['cpu', 'memory', 'disk', 'time_sync', 'certificate_expiry', 'units_failed']),
    );
    for (const absent of ['inodes', 'load', 'cpu_steal', 'oom_kills', 'app_pool_up'])
      expect(offered).not.toContain(absent);
  });

  describe('whose answer is hostile', () => {
    const said = async (output: string | Uint8Array, stderr?: string): Promise<Collected> =>
      look(
        await fleet({
          behave: (channel) => {
            if (stderr !== undefined) channel.stderr.write(stderr);
            channel.write(output, () => {
              channel.exit(0);
              channel.end();
            });
          },
        }),
      );
    const gap = (found: Collected): string => {
      expect(found.series).toEqual([]);
      return `${found.gaps[0]?.reason}: ${found.gaps[0]?.message}`;
    };

    it('is a gap that says what is wrong with it, whatever it is', async () => {
      const document = JSON.stringify(english());
      expect(gap(await said(Buffer.from(framed(english()), 'utf16le')))).toContain(
        "malformed: win-1: the host's answer cannot be read: it is UTF-16",
      );
      expect(gap(await said(document))).toContain('it does not begin');
      expect(gap(await said(framed(english()).replace('@ end', '')))).toContain('it does not end');
      expect(gap(await said('@ begin\n{"format":1}\n@ end\n'))).toContain('it is not base64');
      expect(gap(await said(`@ begin\n${Buffer.from(document).toString('base64')}\n@ end\n`))).toContain(
        'it is not packed',
      );
      expect(gap(await said(`@ begin\n${gzipSync(document.slice(0, -9)).toString('base64')}\n@ end\n`))).toContain(
        'it is not JSON',
      );
      expect(gap(await said(framed({ format: 2 })))).toContain('not of the expected shape');
      expect(gap(await said(framed([])))).toContain('not of the expected shape');
      // Text in the code page of the host where UTF-8 was promised.
      const cp1252 = gzipSync(
        Buffer.concat([Buffer.from('{"format":1,"language":"'), Buffer.from([0xfc, 0xff]), Buffer.from('"}')]),
      );
      expect(gap(await said(`@ begin\n${cp1252.toString('base64')}\n@ end\n`))).toContain('not of the expected shape');
    });

    it('is bounded before it is unpacked', async () => {
      expect(bomb.length).toBeLessThan(256 * 1024);
      expect(gap(await said(bomb))).toContain('too-large');
    });

    it('with a mark of the byte order and a login’s words before it is read; so is one beside progress records', async () => {
      const progress = '#< CLIXML\r\n<Objs><Obj S="progress" RefId="0"><T>Vorbereiten</T></Obj></Objs>';
      const found = await said(
        Buffer.concat([
          Buffer.from([0xef, 0xbb, 0xbf]),
          Buffer.from('Aktive Codepage: 850.\r\n'),
          Buffer.from(framed(english()).replaceAll('\n', '\r\n')),
        ]),
        progress,
      );
      expect(value(found, 'memory')).toBeGreaterThan(0);
      // Progress is no error, and is not told as one.
      expect(gap(await said('', progress))).not.toContain('Vorbereiten');
    });

    it('with a date as 5.1 writes one where milliseconds were promised is a gap, and no wrong time', async () => {
      const now = english();
      now.sections['system'].data.bootedAtMs = '/Date(1795860000000)/';
      const found = await look(await fleet({ behave: answering(() => now), signals: ['memory'] }));
      expect(found.changes.filter(({ what }) => what === 'boot')).toEqual([]);
      expect(found.gaps.map(({ reason }) => reason)).toContain('malformed');
    });

    it('with errors as CLIXML is told in plain words, in one line', async () => {
      const clixml =
        '#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04"><Obj S="progress" RefId="0"></Obj>' +
        '<S S="Error">Get-CimInstance : Zugriff verweigert _x000D__x000A_</S><S S="Error">&lt;evil&gt;_x001B_[2J</S></Objs>';
      const message = gap(await said('', clixml));
      expect(message).toContain('it said: Get-CimInstance : Zugriff verweigert <evil> [2J');
      expect(message).not.toContain('\u001b');
    });

    it('cannot write over a terminal or hide text by what events say, nor forge another host’s service', async () => {
      const now = english();
      const [, application] = now.sections['events'].data.channels;
      application.events = [
        { ...application.events[2], provider: 'shop\u202e', message: 'a\u001b[2Jb\r\nc\u202etxt', values: ['x'] },
      ];
      now.sections['events'].data.channels = [application];
      const found = await look(await fleet({ behave: answering(() => now) }));
      expect(found.logs.map(({ body, service }) => [body, service])).toEqual([['a [2Jb c txt', 'host-win-1']]);
    });

    it('in one section is a gap of that section', async () => {
      const now = english();
      now.sections['cpu'] = { data: { processors: 'all', queue: 'NaN' } };
      now.sections['memory'].data.limit = 0;
      const found = await look(await fleet({ behave: answering(() => now), signals: ['cpu', 'memory', 'disk'] }));
      expect(found.gaps.map(({ signal: of, reason }) => [of, reason])).toEqual([
        ['cpu', 'malformed'],
        ['memory', 'malformed'],
      ]);
      expect(value(found, 'disk', { mount: 'C:' })).toBeGreaterThan(0);
    });
  });

  it('that are no Windows machines say so', async () => {
    const world = await fleet({
      behave: (channel) => {
        channel.stderr.write('sh: 1: powershell.exe: not found\n');
        channel.exit(127);
        channel.end();
      },
    });
    await expect(world.source.check(signal())).rejects.toMatchObject({ code: 'unsupported' });
    const found = await look({ ...world, request: asks(windowsService(), ['memory']) });
    expect(found.gaps[0]).toMatchObject({
      reason: 'unsupported',
      message: expect.stringContaining('no Windows machine') as string,
    });
  });
});

type Counters = Record<string, number>;

function grow(counters: Counters, by: Counters): void {
  for (const [name, more] of Object.entries(by)) counters[name] = (counters[name] ?? 0) + more;
}

/** The same host some seconds on: two processors at 35 %, a disk that works, a service that uses half a processor. */
function later(recorded: Recording, seconds: number): Recording {
  const next = structuredClone(recorded);
  const ticks = seconds * 1e7;
  const { cpu, disks, network, services } = next.sections;
  for (const part of [cpu.data, services.data, ...disks.data.disks, ...network.data.interfaces] as Counters[])
    grow(part, { ticks });
  cpu.data.processors = (cpu.data.processors as [string, number][]).map(([name, idle]) => [name, idle + ticks * 0.65]);
  const [system = {}] = disks.data.disks as Counters[];
  for (const disk of disks.data.disks as Counters[]) grow(disk, { idleBase: ticks });
  // 100 transfers of 2 ms each: past the end of 32 bits.
  grow(system, { read: seconds * 1e6, idle: ticks * 0.8, busy: 100 * 20_000 - 2 ** 32, transfers: 100 });
  for (const one of network.data.interfaces as Counters[]) grow(one, { received: seconds * 5e5 });
  for (const process of services.data.processes as Counters[]) grow(process, { user: ticks * 0.5 });
  return next;
}

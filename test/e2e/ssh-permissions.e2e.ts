import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { actionKinds } from '../../src/actions/index.ts';
import type { ActionKind } from '../../src/domain/ports/action.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { handsReports } from '../../src/agent/offline/hands.ts';
import { openResources, sshPermissions, sudoersText } from '../../src/agent/index.ts';
import { handUser, writeSudoers } from './peers/sudo.ts';
import { serviceOn, startFleet, type Fleet } from './support/fleet.ts';
import { document } from './support/shop.ts';

// One package in two versions, one that needs the newer of them, one certificate, one clock: each acted on for real.
const place = {
  host: 'web-1',
  unit: 'shop.service',
  packages: ['tool', 'base'],
  renewal: { certificate: '/etc/closed/shop.pem', unit: 'renew.service' },
};
const steps: readonly { id: string; do: string; with: JsonObject; timeout: string }[] = [
  { id: 'restart', do: 'host.service-restart', with: {}, timeout: '20s' },
  { id: 'signal', do: 'host.process-signal', with: { signal: 'SIGHUP' }, timeout: '20s' },
  { id: 'package', do: 'host.package-downgrade', with: { package: 'tool', to: '1.0-1' }, timeout: '20s' },
  { id: 'base', do: 'host.package-downgrade', with: { package: 'base', to: '1.0-1' }, timeout: '20s' },
  { id: 'renew', do: 'host.certificate-renew', with: {}, timeout: '20s' },
  { id: 'time', do: 'host.time-resync', with: {}, timeout: '20s' },
  { id: 'reboot', do: 'host.reboot', with: {}, timeout: '20s' },
  { id: 'disk', do: 'host.disk-reclaim', with: { journal: '64M', packageCache: true }, timeout: '20s' },
];

let fleet: Fleet;
let printed: string;
const service = serviceOn(place);

beforeAll(async () => {
  fleet = await startFleet(['web-1']);
  const { machine, folder } = fleet;
  for (const [name, more] of Object.entries({
    shop: 'ExecStart=/bin/sleep 600',
    chrony: 'ExecStart=/bin/sleep 600',
    renew: 'Type=oneshot\nExecStart=/bin/cp /srv/new.pem /etc/closed/shop.pem',
  }))
    machine.write(`/etc/systemd/system/${name}.service`, `[Service]\n${more}\n`);
  run('systemctl', 'daemon-reload');
  run('systemctl', 'start', 'shop.service', 'chrony.service');
  machine.write('/etc/closed/shop.pem', certificate(10));
  machine.write('/srv/new.pem', certificate(90));
  run('chmod', '700', '/etc/closed');
  repository();

  const write = (name: string, content: unknown): void =>
    writeFileSync(path.join(folder, name), JSON.stringify(content));
  write('watchkeeper.yaml', {
    resources: { services: 'service.yaml', runbooks: 'runbook.yaml', inherit: [] },
    sources: [
      {
        id: 'fleet',
        kind: 'ssh',
        login: { user: 'watch', keyFile: '/k' },
        hosts: { 'web-1': { address: '10.0.0.1' } },
      },
    ],
    operators: { ssh: [{ source: 'fleet', login: { user: handUser, keyFile: '/k2' } }] },
  });
  write(
    'service.yaml',
    document('Service', 'shop', {
      runsOn: [{ ssh: { source: 'fleet', ...place } }],
      telemetry: { up: { source: 'fleet', metric: 'unit_up', nature: 'gauge' } },
    }),
  );
  write(
    'runbook.yaml',
    document('Runbook', 'all', {
      summary: 'Everything',
      services: { name: 'shop' },
      when: "service.name == 'shop'",
      steps,
      verify: [{ expect: 'up > 0', within: '1m' }],
      onFail: ['escalate'],
      attempts: { per: 'target', max: 1, in: '1h' },
    }),
  );
  const { config, resources } = await openResources(
    {
      folder,
      dataDir: path.join(folder, 'data'),
      environment: {},
      shipped: { detectors: folder, runbooks: folder, policies: folder },
      signal: new AbortController().signal,
    },
    Date.now(),
  );
  printed = sudoersText(sshPermissions(config, resources));
}, 180_000);
afterAll(() => fleet.stop());

function run(...argv: readonly [string, ...string[]]): string {
  const { code, out } = fleet.machine.run(...argv);
  if (code !== 0) throw new Error(`${argv.join(' ')}: ${out}`);
  return out;
}

function certificate(days: number): string {
  const made = fleet.machine.run(
    ...(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'] as const),
    ...(['-keyout', '/dev/null', '-days', String(days), '-subj', '/CN=shop', '-out', '/srv/made.pem'] as const),
  );
  if (made.code !== 0) throw new Error(made.out);
  return run('cat', '/srv/made.pem');
}

function repository(): void {
  const entries: string[] = [];
  const build = (name: string, version: string, depends: string): void => {
    const at = `/srv/build/${name}-${version}`;
    const needs = depends === '' ? '' : `Depends: ${depends}\n`;
    const control = `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: a <a@example.org>\nDescription: x\n${needs}`;
    fleet.machine.write(`${at}/DEBIAN/control`, control);
    run('mkdir', '-p', '/srv/repo');
    run('dpkg-deb', '--root-owner-group', '--build', at, `/srv/repo/${name}_${version}.deb`);
    const file = `/srv/repo/${name}_${version}.deb`;
    const sum = run('sha256sum', file).split(' ')[0];
    entries.push(
      `${control}Filename: ./${name}_${version}.deb\nSize: ${run('stat', '-c', '%s', file).trim()}\nSHA256: ${sum}\n`,
    );
  };
  for (const version of ['1.0-1', '2.0-1']) {
    build('tool', version, '');
    build('base', version, '');
  }
  build('leans', '1.0-1', 'base (>= 2.0-1)');
  fleet.machine.write('/srv/repo/Packages', entries.join('\n'));
  run(
    'sh',
    '-c',
    'rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*; chmod -R a+rX /srv/repo',
  );
  fleet.machine.write('/etc/apt/sources.list', 'deb [trusted=yes] file:/srv/repo ./\n');
  run('apt-get', 'update', '-qq');
  run('apt-get', 'install', '-y', '-qq', 'tool', 'base', 'leans');
}

function kindOf(name: string): ActionKind {
  const kind = actionKinds[name];
  if (kind === undefined) throw new Error(name);
  return kind;
}

function paramsOf(kind: ActionKind, written: JsonObject): JsonObject {
  const parsed = kind.params.parse(written);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.value;
}

// Plans, acts, and asks whether it happened: what is to be seen of each kind.
async function act(name: string, written: JsonObject) {
  const kind = kindOf(name);
  const params = paramsOf(kind, written);
  const context = fleet.context(service);
  const observed = await kind.observe(params, context);
  kind.preview(params, observed);
  const before = kind.before(params, observed);
  expect(await kind.probe(params, before, context, 'k')).toMatchObject({ is: 'not-done' });
  const result = await kind.run(params, before, `k-${name}-${JSON.stringify(written)}`, context);
  const probed = await kind.probe(params, before, context, 'k');
  const again = await kind.run(params, before, `k-${name}-${JSON.stringify(written)}`, context);
  const undo = () => kind.undo(params, before, 'u', context);
  return { result, probed, again, undo };
}

const version = (name: string): string => run('dpkg-query', '-W', '-f=${Version}', name).trim();

describe('permissions ssh', () => {
  it('prints sudoers that visudo takes, each line of one command', () => {
    expect(printed).toContain(`${handUser} ALL=(root) NOPASSWD: /usr/bin/systemctl restart -- shop.service`);
    const lines = printed.split('\n').filter((line) => !line.startsWith('#') && line !== '');
    expect(lines.length).toBeGreaterThan(10);
    expect(lines.every((line) => line.startsWith(`${handUser} ALL=(root) NOPASSWD: /`))).toBe(true);
    expect(lines.some((line) => /\*/.test(line.replace(/\^.*\$/, '')))).toBe(false);
    expect(() => writeSudoers(fleet.machine, `${printed}\n`)).not.toThrow();
  });

  it.each(steps.filter(({ id }) => id !== 'signal'))(
    'is enough to look before $do',
    async ({ do: name, with: written }) => {
      writeSudoers(fleet.machine, `${printed}\n`);
      const kind = kindOf(name);
      const look = kind.observe(paramsOf(kind, written), fleet.context(service));
      // The package that another leans on is refused for that, and not for want of a right.
      if (written['package'] === 'base')
        await expect(look).rejects.toMatchObject({
          code: 'conflict',
          message: expect.stringContaining('remove leans'),
        });
      else expect((await look).facts['host']).toBe('web-1');
    },
  );

  it.each([
    ['host.service-restart', {}, 'systemctl restart -- shop.service'],
    ['host.reboot', {}, 'systemctl reboot'],
    ['host.time-resync', {}, 'systemctl restart -- chrony.service'],
    ['host.certificate-renew', {}, 'systemctl start -- renew.service'],
    ['host.certificate-renew', {}, '/usr/bin/cat -- /etc/closed/shop.pem'],
    ['host.package-downgrade', { package: 'tool', to: '1.0-1' }, 'tool'],
  ])('is needed to the line: %s is refused by name without it', async (name, written, line) => {
    const less = printed.split('\n').filter((one) => !one.includes(line));
    expect(less.length).toBeLessThan(printed.split('\n').length);
    writeSudoers(fleet.machine, `${less.join('\n')}\n`);
    const kind = kindOf(name);
    await expect(kind.observe(paramsOf(kind, written), fleet.context(service))).rejects.toMatchObject({
      code: 'forbidden',
      fix: expect.stringContaining(`${handUser} ALL=(root) NOPASSWD: `),
    });
    writeSudoers(fleet.machine, `${printed}\n`);
  });

  it('lets nothing in beside the one package that its pattern names', () => {
    const asked = (...words: readonly string[]): number =>
      fleet.machine.run('sudo', '-l', '-U', handUser, '--', '/usr/bin/apt-get', ...words).code;
    const usual = [
      '-y',
      '-qq',
      '--allow-downgrades',
      '--no-install-recommends',
      '-o',
      'Dpkg::Options::=--force-confold',
    ];
    expect(asked(...usual, 'install', 'tool=1.0-1')).toBe(0);
    expect(asked(...usual, 'install', 'tool=1.0-1', 'evil')).not.toBe(0);
    expect(asked(...usual, 'install', 'tools=1.0-1')).not.toBe(0);
    expect(asked(...usual, 'install', 'evil')).not.toBe(0);
    expect(asked('install', 'tool=1.0-1')).not.toBe(0);
  });
});

describe('check --connect', () => {
  it('logs in as the hands, and says which host does not let them', async () => {
    const { io } = fleet.context(service);
    const ask = (hands: Parameters<typeof handsReports>[0]) =>
      handsReports(hands, [], io, new AbortController().signal, 10_000);
    expect(await ask(fleet.grants)).toMatchObject([{ ok: true, message: `1 hosts let ${handUser} in, and have sudo` }]);
    const [grant] = fleet.grants;
    if (grant === undefined) throw new Error('no hands');
    expect(await ask([{ ...grant, login: { ...grant.login, user: 'watch' } }])).toMatchObject([
      { ok: false, message: expect.stringContaining('1 of 1 hosts cannot be acted on; ') },
    ]);
  });
});

describe('acting with what it prints', () => {
  it('puts a package back to a version of the repository, once, and brings it forward again', async () => {
    writeSudoers(fleet.machine, `${printed}\n`);
    const { result, probed, again, undo } = await act('host.package-downgrade', { package: 'tool', to: '1.0-1' });
    expect(result).toMatchObject({ is: 'done' });
    expect(probed.is).toBe('done');
    expect(again).toMatchObject({ is: 'done' });
    expect(version('tool')).toBe('1.0-1');
    expect(await undo()).toMatchObject({ is: 'done' });
    expect(version('tool')).toBe('2.0-1');
  });

  it.each([
    ['a version that is not to be had', { package: 'tool', to: '9.9' }, 'not to be had'],
    ['a package that the service does not list', { package: 'leans', to: '1.0-1' }, 'not among the packages'],
    ['what would take another package away', { package: 'base', to: '1.0-1' }, 'would remove leans'],
  ])('refuses %s', async (_what, written, message) => {
    const kind = kindOf('host.package-downgrade');
    await expect(kind.observe(paramsOf(kind, written), fleet.context(service))).rejects.toMatchObject({
      message: expect.stringContaining(message),
    });
    expect([version('tool'), version('base'), version('leans')]).toEqual(['2.0-1', '2.0-1', '1.0-1']);
  });

  it('renews a certificate and believes it by its new end alone', async () => {
    const { result, probed } = await act('host.certificate-renew', {});
    expect(result).toMatchObject({ is: 'done', message: expect.stringContaining('ends 20') });
    expect(probed.is).toBe('done');
    const kind = kindOf('host.certificate-renew');
    const observed = await kind.observe({}, fleet.context(service));
    expect(Number(observed.facts['daysLeft'])).toBeGreaterThan(80);
    // The unit runs well, and brings the same certificate again.
    const same = await kind.run({}, kind.before({}, observed), 'k2', fleet.context(service));
    expect(same).toMatchObject({ is: 'failed', message: expect.stringContaining('the same as before') });
  });

  it('starts what keeps the time anew', async () => {
    const was = fleet.machine.property('chrony.service', 'InvocationID');
    const { result, probed } = await act('host.time-resync', {});
    expect(result).toMatchObject({ is: 'done' });
    expect(probed.is).toBe('done');
    expect(fleet.machine.property('chrony.service', 'InvocationID')).not.toBe(was);
  });
});

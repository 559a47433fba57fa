import { spawnSync } from 'node:child_process';
import path from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { actionKinds } from '../../src/actions/index.ts';
import type { ActionContext } from '../../src/domain/ports/action.ts';
import type { Json, JsonObject } from '../../src/lib/json.ts';
import { realHands } from '../support/host-service.ts';
import { shellHosts, type Sent } from '../support/shell-host.ts';
import { opensshRoot } from './peers/openssh.ts';
import { serviceOn } from './support/fleet.ts';

const service = serviceOn({
  host: 'web-1',
  unit: 'watchkeeper-none.service',
  releases: { root: '/srv/wk-none/releases', current: '/srv/wk-none/current' },
  packages: ['tool'],
  renewal: { certificate: '/srv/wk-none/cert.pem', unit: 'watchkeeper-none.service' },
});
const id = 'a'.repeat(32);
// Each with what was recorded before an act on something that this machine does not have: nothing can be done.
const cases: Readonly<Record<string, { readonly written: JsonObject; readonly before: Json }>> = {
  'host.service-restart': { written: {}, before: { host: 'web-1', identity: id } },
  'host.service-reload': { written: {}, before: { host: 'web-1', identity: id, changedUs: 1 } },
  'host.release-rollback': {
    written: {},
    before: { host: 'web-1', link: 'releases/b', newLink: 'releases/a', from: 'b', to: 'a', identity: id },
  },
  'host.package-downgrade': {
    written: { package: 'tool', to: '1.0' },
    before: { host: 'web-1', package: 'tool', from: '9.9-none', to: '1.0' },
  },
  'host.disk-reclaim': {
    written: { paths: ['/srv/wk-none/*'] },
    before: {
      host: 'web-1',
      files: [{ path: '/srv/wk-none/x', inode: 1, size: 1, mtimeMs: 1000 }],
      journalBytes: 0,
      cacheBytes: 0,
    },
  },
  'host.process-signal': { written: { signal: 'SIGHUP' }, before: { host: 'web-1', pid: 4_194_000, ticks: '1' } },
  'host.certificate-renew': { written: {}, before: { host: 'web-1', endsMs: 1 } },
  'host.time-resync': { written: {}, before: { host: 'web-1', unit: 'chrony.service', identity: id } },
  'host.reboot': { written: {}, before: { host: 'web-1', boot: '0'.repeat(8) + '-0000-0000-0000-' + '0'.repeat(12) } },
};

async function scriptsOf(shell: readonly [string, ...string[]]): Promise<readonly Sent[]> {
  const sent: Sent[] = [];
  const io = { ...realHands(), ssh: shellHosts(['web-1'], shell, sent) };
  for (const [name, { written, before }] of Object.entries(cases)) {
    const kind = actionKinds[name];
    const params = kind?.params.parse(written);
    if (kind === undefined || params?.ok !== true) throw new Error(`${name}: ${JSON.stringify(params)}`);
    const context: ActionContext = { service, io, timeoutMs: 3_000, epoch: 1, signal: new AbortController().signal };
    await kind.observe(params.value, context).catch(() => undefined);
    await kind.run(params.value, before, `k-${shell.join()}`, context).catch(() => undefined);
    await kind.probe(params.value, before, context, 'k').catch(() => undefined);
  }
  return sent;
}

describe('the scripts of the hands', () => {
  let scripts: readonly string[];
  beforeAll(async () => {
    scripts = [...new Set((await scriptsOf(['/bin/sh'])).map(({ command }) => command.script))];
  }, 120_000);

  it('are there for each kind: one that looks and one that acts', () => {
    expect(scripts.length).toBeGreaterThan(15);
  });

  it('have nothing that shellcheck finds', () => {
    for (const script of scripts) {
      const checked = spawnSync(
        path.join(opensshRoot(), 'usr/bin/shellcheck'),
        ['--shell=sh', '--severity=warning', '-'],
        {
          input: script,
          encoding: 'utf8',
        },
      );
      expect(checked.stdout).toBe('');
    }
  });

  it('do nothing until the last line is there', () => {
    for (const script of scripts) {
      const half = script.split('\n').slice(0, -2).join('\n');
      const run = spawnSync('/bin/sh', ['-s', '--', 'x', 'y'], { input: half, encoding: 'utf8' });
      expect(run).toMatchObject({ status: 0, stdout: '', stderr: '' });
    }
  });

  it.each([
    ['dash', ['/bin/dash']],
    ['busybox', ['busybox']],
  ])('answer whole under %s', async (_name, shell) => {
    const program = shell[0] === 'busybox' ? [path.join(opensshRoot(), 'bin/busybox'), 'sh'] : shell;
    const sent: Sent[] = [];
    const hosts = shellHosts(['web-1'], program as [string, ...string[]], sent);
    const looks = (await scriptsOf(['/bin/sh'])).map(({ command }) => command);
    for (const command of looks) {
      const outcome = await hosts.operator('fleet').look('web-1', { ...command, signal: new AbortController().signal });
      const text = outcome.is === 'ended' ? new TextDecoder().decode(outcome.stdout) : '';
      expect(text).toMatch(/^@ begin\n[^]*@ end\n$/);
    }
  });
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Node } from 'web-tree-sitter';

import { openResources, sshPermissions, sudoersText, windowsPermissions, windowsText } from '../../src/agent/index.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { nodesOf, powershellParser } from '../support/powershell.ts';

const kinds: readonly JsonObject[] = [
  { id: 'restart', do: 'windows.service-restart', timeout: '20s' },
  { id: 'linux', do: 'host.service-restart', timeout: '20s' },
  { id: 'disk', do: 'windows.disk-reclaim', with: { folder: "D:\\shop's\\logs" }, timeout: '20s' },
  { id: 'reboot', do: 'windows.host-reboot', timeout: '20s' },
  { id: 'pool', do: 'windows.iis-apppool-recycle', timeout: '20s' },
];
const folder = mkdtempSync(path.join(tmpdir(), 'wk-windows-permissions-'));
mkdirSync(path.join(folder, 'data'));
afterAll(() => rmSync(folder, { recursive: true }));

const document = (kind: string, name: string, spec: JsonObject): JsonObject => ({
  apiVersion: 'watchkeeper.dev/v1alpha1',
  kind,
  metadata: { name },
  spec,
});

/** What the files of a fleet ask for: one Windows host and one of Linux, a service on each, and a runbook for both. */
async function opened(hosts: JsonObject, steps = kinds, more: JsonObject = {}) {
  const write = (name: string, content: JsonObject): void =>
    writeFileSync(path.join(folder, name), JSON.stringify(content));
  const source = { id: 'fleet', kind: 'ssh', login: { user: 'watch', keyFile: '/k' }, hosts, ...more };
  write('watchkeeper.yaml', {
    resources: { services: 'shop.yaml', runbooks: 'runbook.yaml', inherit: [] },
    sources: [source],
    operators: { ssh: [{ source: 'fleet', login: { user: 'watch-op', keyFile: '/k2' } }] },
  });
  const service = (name: string, place: JsonObject): JsonObject =>
    document('Service', name, {
      runsOn: [{ ssh: { source: 'fleet', ...place } }],
      telemetry: { up: { source: 'fleet', metric: 'unit_up', nature: 'gauge' } },
    });
  const shop = service('shop', { host: 'win-1', unit: 'Shop', iis: { pool: 'shop' } });
  writeFileSync(
    path.join(folder, 'shop.yaml'),
    `${JSON.stringify(shop)}\n---\n${JSON.stringify(service('cart', { host: 'web-1', unit: 'cart.service' }))}\n`,
  );
  write(
    'runbook.yaml',
    document('Runbook', 'all', {
      summary: 'Everything',
      when: 'true',
      steps,
      verify: [{ expect: 'up > 0', within: '1m' }],
      onFail: ['escalate'],
      attempts: { per: 'target', max: 1, in: '1h' },
    }),
  );
  return openResources(
    {
      folder,
      dataDir: path.join(folder, 'data'),
      environment: {},
      shipped: { detectors: folder, runbooks: folder, policies: folder },
      signal: new AbortController().signal,
    },
    Date.now(),
  );
}

const both = { 'win-1': { address: '10.0.0.1', os: 'windows' }, 'web-1': { address: '10.0.0.2' } };

describe('the rights on Windows hosts', () => {
  let parse: (script: string) => Node;
  beforeAll(async () => {
    parse = await powershellParser();
  });

  it('are those of the runbooks in force, service by service and folder by folder, for the reader and the hands', async () => {
    const { config, resources } = await opened(both);
    const text = windowsText(windowsPermissions(config, resources));
    const lines = text
      .split('\n')
      .filter((line) => /^(Add-|icacls|foreach|# (fleet|Windows|Add|It makes)|\$user)/.test(line));
    expect(lines).toEqual([
      '# fleet, its Windows hosts: what watch needs there for what it reads. Run it there in an elevated PowerShell.',
      "$user = 'watch'",
      "Add-Namespace 'root/cimv2'",
      'Add-Access \'scmanager\' "(A;;CCLCRPRC;;;$sid)"',
      "foreach ($group in 'S-1-5-32-573', 'S-1-5-32-558') { Add-LocalGroupMember -SID $group -Member $user -ErrorAction SilentlyContinue }",
      'Add-Access \'Shop\' "(A;;CCLCSWLORC;;;$sid)"',
      '# fleet, group all, its Windows hosts: what watch-op needs there for the runbooks in force. Run it there in an elevated PowerShell.',
      "$user = 'watch-op'",
      "Add-Namespace 'root/cimv2'",
      'Add-Access \'scmanager\' "(A;;CCLCRPRC;;;$sid)"',
      "icacls.exe 'D:\\shop''s\\logs' /grant \"*$($sid):(OI)(CI)(RX,D,DC)\"",
      "Add-Privilege 'SeShutdownPrivilege'",
      "Add-Privilege 'SeRemoteShutdownPrivilege'",
      '# Windows knows no lesser right than this one to recycle application pools of IIS.',
      expect.stringMatching(/^# It makes the user an administrator/) as string,
      "# Add-LocalGroupMember -SID 'S-1-5-32-544' -Member $user",
      '# fleet, win-1: what watch-op needs there for the runbooks in force. Run it there in an elevated PowerShell.',
      "$user = 'watch-op'",
      "Add-Namespace 'root/cimv2'",
      'Add-Access \'scmanager\' "(A;;CCLCRPRC;;;$sid)"',
      "icacls.exe 'D:\\shop''s\\logs' /grant \"*$($sid):(OI)(CI)(RX,D,DC)\"",
      'Add-Access \'Shop\' "(A;;CCLCSWRPWPLORC;;;$sid)"',
      "Add-Privilege 'SeShutdownPrivilege'",
      "Add-Privilege 'SeRemoteShutdownPrivilege'",
      '# Windows knows no lesser right than this one to recycle application pools of IIS.',
      expect.stringMatching(/^# It makes the user an administrator/) as string,
      "# Add-LocalGroupMember -SID 'S-1-5-32-544' -Member $user",
    ]);
  });

  it('are printed as PowerShell without an error, by its grammar, in ASCII, and of 5.1', async () => {
    const { config, resources } = await opened(both);
    const text = windowsText(windowsPermissions(config, resources));
    const root = parse(text);
    expect(nodesOf(root, 'ERROR').map((node) => node.text)).toEqual([]);
    expect(root.hasError).toBe(false);
    expect(text).toMatch(/^[\n -~]*$/);
    for (const later of [/\?\?/, /&&/, /\|\|/]) expect(text).not.toMatch(later);
  });

  it('are named among the lines of sudoers, where none is printed for Windows and none is lost for Linux', async () => {
    const { config, resources } = await opened(both);
    const text = sudoersText(sshPermissions(config, resources));
    expect(text).toContain('# fleet, win-1: Windows. "watchkeeper permissions windows" prints the PowerShell');
    expect(text).toContain('#   ask, start and stop the service Shop: (A;;CCLCSWRPWPLORC;;;SID)');
    const lines = text.split('\n').filter((line) => !line.startsWith('#') && line !== '');
    expect(lines).toEqual(['watch-op ALL=(root) NOPASSWD: /usr/bin/systemctl restart -- cart.service']);
  });

  it('are asked of no Linux host: a runbook for Windows in force there needs nothing', async () => {
    const { config, resources } = await opened({ 'web-1': { address: '10.0.0.2' }, 'win-1': { address: '10.0.0.1' } });
    // The service says by its pool that it is on Windows, whatever the inventory says; no machine is.
    expect(windowsPermissions(config, resources).map(({ place }) => place)).toEqual(['win-1']);
  });

  it('of hosts that only Ansible lists are those of any system', async () => {
    const { config, resources } = await opened({}, kinds.slice(0, 2), { ansible: ['/etc/ansible/hosts'] });
    expect(windowsPermissions(config, resources).map(({ place, reads }) => [place, reads])).toEqual([
      ['its Windows hosts', true],
      ['web-1', false],
      ['win-1', false],
    ]);
  });
});

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { SshClient, SshOutcome, SshTarget } from '../../../../src/domain/ports/ssh.ts';
import { sshClients } from '../../../../src/io/clients/ssh/index.ts';
import { powershellBootstrap, powershellInput, powershellLine } from '../../../../src/io/clients/ssh/powershell.ts';
import { nodesOf, powershellParser, unpack, windowsHost } from '../../../support/powershell.ts';
import type { SentScript } from '../../../support/powershell.ts';
import { realReader } from '../../../support/real-reader.ts';
import { sshServer, targetAt } from '../../../support/ssh-server.ts';
import type { TestSshServer } from '../../../support/ssh-server.ts';

describe('what is sent to a Windows host', () => {
  it('is one command line, the same for every script, that cmd.exe takes whole and no shell reads anything into', () => {
    expect(powershellLine).toMatch(/^powershell\.exe( -[A-Za-z]+)+ [A-Za-z0-9+/]+=*$/);
    expect(powershellLine.length).toBeLessThan(8_191);
    const encoded = powershellLine.split(' ').at(-1) ?? '';
    expect(Buffer.from(encoded, 'base64').toString('utf16le')).toBe(powershellBootstrap);
  });

  it('starts with a bootstrap that PowerShell’s grammar reads without an error', async () => {
    const root = (await powershellParser())(powershellBootstrap);
    expect(root.hasError).toBe(false);
    expect(nodesOf(root, 'command_name').map(({ text }) => text)).not.toContain('Invoke-Expression');
  });

  it('is plain ASCII in lines of a thousand characters, whatever the data', () => {
    const args = ['naïve 監視', '"; Remove-Item C:\\ -Recurse', '', '$(calc)', 'two\nlines'];
    const input = powershellInput('param($a) $a', args);
    expect(input).toMatch(/^[ -~\n]+$/);
    expect(Math.max(...input.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(1_000);
    expect(unpack(input)).toEqual({ script: 'param($a) $a', args });
  });

  it('is not run by the rules of the bootstrap when it is cut or changed on its way', () => {
    const input = powershellInput('x'.repeat(3_000), ['data']);
    expect(unpack(input.slice(0, -3))).toBe(190);
    expect(unpack(input.replace(/[A-Za-z](?=[^\n]{3}\n\.)/, '0'))).toBe(191);
    expect(unpack(input.replace(/^\d+/, '1'))).toBe(191);
  });

  it('refuses an argument with a NUL, which would become two, and more than a host should be sent', () => {
    expect(() => powershellInput('x', ['a\0b'])).toThrow(expect.objectContaining({ code: 'config-invalid' }));
    const noise = randomBytes(200_000).toString('hex');
    expect(() => powershellInput(noise, [])).toThrow(expect.objectContaining({ code: 'config-invalid' }));
  });
});

describe('a Windows host over SSH', () => {
  let folder: string;
  let server: TestSshServer;
  let client: SshClient;
  let target: SshTarget;
  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'wk-windows-'));
    server = await sshServer();
    client = sshClients(realReader({})).client();
    writeFileSync(path.join(folder, 'key'), server.clientKey);
    writeFileSync(path.join(folder, 'known'), `[127.0.0.1]:${server.port} ${server.hostKey}\n`);
    target = targetAt(server.port, path.join(folder, 'key'), path.join(folder, 'known'));
  });
  afterEach(async () => {
    client.close();
    await server.close();
    rmSync(folder, { recursive: true });
  });
  const run = (): Promise<SshOutcome> =>
    client.run(target, {
      shell: 'powershell',
      script: 'param($name) $name',
      args: ['Δ'],
      timeoutMs: 10_000,
      signal: new AbortController().signal,
    });

  it('gets the script and its arguments whole, and its output is what the script said', async () => {
    const sent: SentScript[] = [];
    server.behave(windowsHost((one) => (sent.push(one), 'fine')));
    const outcome = await run();
    expect(sent).toEqual([{ script: 'param($name) $name', args: ['Δ'] }]);
    expect(server.asked).toEqual([powershellLine]);
    expect(outcome.is === 'ended' && new TextDecoder().decode(outcome.stdout)).toBe('fine');
  });

  it.each([
    [190, /did not arrive whole.*nothing was run/, /DefaultShell/],
    [191, /damaged.*nothing was run/, /input/],
    [192, /constrained language mode/, /AppLocker/],
    [127, /no Windows machine/, /inventory/],
  ])('that could not start the script (%i) is an error with a fix, and not an outcome', async (code, message, fix) => {
    server.behave(windowsHost(() => ({ code })));
    await expect(run()).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(message) as string,
      fix: expect.stringMatching(fix) as string,
    });
  });

  it('that fails in the script is an outcome with its code', async () => {
    server.behave(windowsHost(() => ({ code: 1 })));
    expect(await run()).toMatchObject({ is: 'ended', code: 1 });
  });
});

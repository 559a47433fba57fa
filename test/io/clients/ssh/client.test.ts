import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { SshClient, SshCommand, SshTarget } from '../../../../src/domain/ports/ssh.ts';
import { sshClients } from '../../../../src/io/clients/ssh/index.ts';
import { fingerprintOf } from '../../../../src/io/clients/ssh/known-hosts.ts';
import { rest } from '../../../../src/io/clients/ssh/pool.ts';
import { realReader } from '../../../support/real-reader.ts';
import { answers, cut, newKey, sshServer, targetAt } from '../../../support/ssh-server.ts';
import type { TestSshServer } from '../../../support/ssh-server.ts';

const never = (): AbortSignal => new AbortController().signal;
const says = 'main() { echo "hello $1"; }\nmain "$@"\n';
const command = (more: Partial<SshCommand> = {}): SshCommand => ({
  script: says,
  args: ['you'],
  timeoutMs: 10_000,
  signal: never(),
  ...more,
});

describe('the SSH client', () => {
  let folder: string;
  let server: TestSshServer;
  let client: SshClient;
  let target: SshTarget;
  const others: TestSshServer[] = [];
  const file = (name: string, text: string): string => {
    const full = path.join(folder, name);
    writeFileSync(full, text);
    return full;
  };
  const knows = (...lines: string[]): string => file('known_hosts', `${lines.join('\n')}\n`);

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'wk-ssh-'));
    server = await sshServer();
    client = sshClients(realReader({ PHRASE: 'open sesame' })).client();
    target = targetAt(
      server.port,
      file('key', server.clientKey),
      knows(`[127.0.0.1]:${server.port} ${server.hostKey}`),
    );
  });
  afterEach(async () => {
    client.close();
    for (const one of [server, ...others.splice(0)]) await one.close();
    rmSync(folder, { recursive: true });
  });

  it('runs a script with its arguments, and all commands over one connection', async () => {
    const [one, two] = await Promise.all([
      client.run(target, command()),
      client.run(target, command({ args: ['two'] })),
    ]);
    await client.run(target, command());
    expect(one.is === 'ended' && [one.code, new TextDecoder().decode(one.stdout)]).toEqual([0, 'hello you\n']);
    expect(two.is === 'ended' && new TextDecoder().decode(two.stdout)).toBe('hello two\n');
    expect(server.connections()).toBe(1);
  });

  it('tells a failing command by its code and its words', async () => {
    const outcome = await client.run(target, command({ script: 'main() { echo no >&2; exit 3; }\nmain\n' }));
    expect(outcome).toMatchObject({ is: 'ended', code: 3, stderr: 'no\n' });
  });

  it('refuses a host whose key nobody knows, and says how to add it', async () => {
    knows('other ssh-ed25519 AAAA');
    const refused = client.run(target, command());
    await expect(refused).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringMatching(/SHA256:.*no key is known/) as string,
    });
    await expect(refused).rejects.toMatchObject({ fix: expect.stringContaining('known_hosts') as string });
    expect(server.asked).toEqual([]);
  });

  it('refuses a host whose key changed, and one whose key was revoked', async () => {
    const other = await sshServer();
    others.push(other);
    knows(`[127.0.0.1]:${server.port} ${other.hostKey}`);
    await expect(client.run(target, command())).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('changed') as string,
    });
    knows(`[127.0.0.1]:${server.port} ${server.hostKey}`, `@revoked * ${server.hostKey}`);
    const again = sshClients(realReader({})).client();
    await expect(again.run(target, command())).rejects.toMatchObject({
      message: expect.stringContaining('revoked') as string,
    });
    again.close();
  });

  it('misses the certificate of a host known by an authority alone, and runs nothing there', async () => {
    knows(`@cert-authority * ${server.hostKey}`);
    await expect(client.run(target, command())).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('shows no certificate') as string,
      fix: expect.stringContaining('ssh-keygen -Lf') as string,
    });
    expect(server.asked).toEqual([]);
  });

  it('believes a configured fingerprint, and that alone', async () => {
    const print = fingerprintOf(Buffer.from(server.hostKey.split(' ')[1] ?? '', 'base64'));
    const knownHosts: readonly string[] = target.trust.knownHosts;
    const outcome = await client.run({ ...target, trust: { knownHosts: [], fingerprints: [print] } }, command());
    expect(outcome.is).toBe('ended');
    const wrong = { ...target, trust: { knownHosts, fingerprints: [`SHA256:${'A'.repeat(43)}`] } };
    await expect(client.run(wrong, command())).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('opens a key with its passphrase, and says what is wrong without it', async () => {
    const key = newKey('open sesame');
    file('key', key);
    await expect(client.run(target, command())).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining('passphrase') as string,
    });
    const opened = { ...target, login: { ...target.login, passphrase: { env: 'PHRASE' } } };
    // The key opens, but it is not the one the server lets in.
    await expect(client.run(opened, command())).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('says that a login was refused, and leaves the host alone for a while', async () => {
    file('key', newKey());
    await expect(client.run(target, command())).rejects.toMatchObject({
      code: 'unauthorized',
      fix: expect.stringContaining('authorized_keys') as string,
    });
    await expect(client.run(target, command())).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('tried again in') as string,
    });
    expect(server.connections()).toBe(1);
  });

  it('goes through a jump host, whose key is judged as well', async () => {
    const jump = await sshServer({ forwards: true });
    others.push(jump);
    knows(`[127.0.0.1]:${server.port} ${server.hostKey}`, `[127.0.0.1]:${jump.port} ${jump.hostKey}`);
    const over = targetAt(jump.port, file('jump', jump.clientKey), target.trust.knownHosts[0] ?? '');
    const through = { ...target, via: [over] };
    expect((await client.run(through, command())).is).toBe('ended');
    expect([jump.connections(), server.connections(), jump.asked.length]).toEqual([1, 1, 0]);
    knows(`[127.0.0.1]:${server.port} ${server.hostKey}`);
    const again = sshClients(realReader({})).client();
    await expect(again.run(through, command())).rejects.toMatchObject({ code: 'forbidden' });
    again.close();
  });

  it('calls it unknown when the connection is cut after the command was sent, and connects anew', async () => {
    server.behave((_channel, _line, _input, connection) => cut(connection));
    expect(await client.run(target, command())).toMatchObject({ is: 'unknown', reason: 'unreachable' });
    expect(server.asked).toHaveLength(1);
    server.behave(answers('back'));
    expect((await client.run(target, command())).is).toBe('ended');
    expect(server.connections()).toBe(2);
  });

  it('calls it unknown when the command does not end in time, and when its caller leaves', async () => {
    await client.run(target, command());
    server.behave(() => undefined);
    expect(await client.run(target, command({ timeoutMs: 200 }))).toMatchObject({ is: 'unknown', reason: 'timeout' });
    const leaving = new AbortController();
    server.behave(() => leaving.abort());
    expect(await client.run(target, command({ signal: leaving.signal }))).toMatchObject({
      is: 'unknown',
      reason: 'aborted',
    });
  });

  it('stops reading an answer without end', async () => {
    server.behave((channel) => {
      const flood = (): void => {
        if (!channel.destroyed) channel.write(Buffer.alloc(64 * 1024, 'x'), flood);
      };
      flood();
    });
    expect(await client.run(target, command({ maxBytes: 1024 * 1024 }))).toMatchObject({
      is: 'unknown',
      reason: 'too-large',
    });
  });

  it('says of a host that is not there that it is unreachable, and does not let it delay another', async () => {
    const gone = await sshServer();
    await gone.close();
    const silent = { ...target, port: gone.port };
    const [dead, alive] = await Promise.allSettled([client.run(silent, command()), client.run(target, command())]);
    expect(dead).toMatchObject({ status: 'rejected', reason: { code: 'unreachable' } });
    expect(alive).toMatchObject({ status: 'fulfilled', value: { is: 'ended' } });
  });

  it('runs nothing for a caller who has left already', async () => {
    await expect(client.run(target, command({ signal: AbortSignal.abort() }))).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(server.asked).toEqual([]);
  });

  it('rests longer after each fault, with jitter, and never more than a minute', () => {
    expect([rest(1, 0), rest(1, 1), rest(3, 1), rest(50, 1), rest(2_000, 0)]).toEqual([
      500, 1_000, 4_000, 60_000, 30_000,
    ]);
  });
});

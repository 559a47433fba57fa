import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { SshClient, SshOutcome, SshTarget } from '../../src/domain/ports/ssh.ts';
import { sshClients } from '../../src/io/clients/ssh/index.ts';
import { realReader } from '../support/real-reader.ts';
import { layOpenssh, sshUser, startSshd } from './peers/openssh.ts';
import type { Sshd } from './peers/openssh.ts';
import { startMachine } from './peers/systemd.ts';
import type { Machine } from './peers/systemd.ts';

type KeyType = 'ed25519' | 'ecdsa' | 'rsa';

/** Certificates of a real ssh-keygen, shown by a real sshd. */
describe('host certificates', () => {
  let machine: Machine;
  let folder: string;
  let sshd: Sshd;
  let jump: Sshd;
  const clients: SshClient[] = [];

  const keygen = (...argv: readonly string[]): string => {
    const { code, out } = machine.run('ssh-keygen', ...argv);
    if (code !== 0) throw new Error(`ssh-keygen ${argv.join(' ')}: ${out}`);
    return out;
  };
  const publicKey = (name: string): string =>
    readFileSync(`${machine.root}/etc/ssh-test/${name}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
  const newKey = (name: string, type: KeyType): void => {
    machine.run('rm', '-f', `/etc/ssh-test/${name}`, `/etc/ssh-test/${name}.pub`);
    keygen('-q', '-t', type, '-N', '', '-f', `/etc/ssh-test/${name}`);
  };
  /** Signs the host's key and starts the host anew, so that it shows that. */
  const certify = async (authority: string, ...options: readonly string[]): Promise<void> => {
    keygen('-q', '-s', `/etc/ssh-test/${authority}`, '-I', 'web-1', ...options, '/etc/ssh-test/web.pub');
    await sshd.restart();
  };
  const trust = (...lines: readonly string[]): string => {
    writeFileSync(path.join(folder, 'known_hosts'), `${lines.join('\n')}\n`);
    return path.join(folder, 'known_hosts');
  };
  const login = { user: sshUser, keyFile: '' };
  const run = (knownHosts: string, more: Partial<SshTarget> = {}, authorities?: string): Promise<SshOutcome> => {
    const client = sshClients(realReader({})).client();
    clients.push(client);
    return client.run(
      {
        ...{ host: '127.0.0.1', port: sshd.port, login: { ...login, keyFile: path.join(folder, 'key') }, via: [] },
        trust: { knownHosts: [knownHosts], ...(authorities === undefined ? {} : { authorities: [authorities] }) },
        ...more,
      },
      {
        script: 'main() { echo in; }\nmain\n',
        args: [],
        timeoutMs: 20_000,
        signal: new AbortController().signal,
      },
    );
  };
  const isIn = { is: 'ended', code: 0 };
  const refused = (words: RegExp): object => ({
    code: 'forbidden',
    message: expect.stringMatching(words) as string,
    fix: expect.stringMatching(/./) as string,
  });

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'wk-e2e-certificates-'));
    machine = await startMachine();
    writeFileSync(path.join(folder, 'key'), layOpenssh(machine), { mode: 0o600 });
    for (const type of ['ed25519', 'ecdsa', 'rsa'] as const) newKey(`ca-${type}`, type);
    newKey('other-ca', 'ed25519');
    sshd = await startSshd(machine, 'web', ['HostCertificate /etc/ssh-test/web-cert.pub']);
    jump = await startSshd(machine, 'jump');
  }, 120_000);
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });
  afterAll(async () => {
    await machine.stop();
    rmSync(folder, { recursive: true });
  });

  it.each(['ed25519', 'ecdsa', 'rsa'] as const)('of an authority with a key of type %s are believed', async (type) => {
    await certify(`ca-${type}`, '-h', '-n', '127.0.0.1', '-V', '-5m:+1h');
    await expect(run(trust(`@cert-authority * ${publicKey(`ca-${type}`)}`))).resolves.toMatchObject(isIn);
  });

  it.each(['ecdsa', 'rsa'] as const)('for a host with a key of type %s are believed', async (type) => {
    newKey('web', type);
    await certify('ca-ed25519', '-h', '-n', 'web-1,127.0.0.*', '-V', '-5m:+1h');
    await expect(run(trust(`@cert-authority 127.* ${publicKey('ca-ed25519')}`))).resolves.toMatchObject(isIn);
    newKey('web', 'ed25519');
  });

  it('are believed by the fingerprint of their authority in the configuration, also behind a jump host', async () => {
    await certify('ca-ed25519', '-h', '-n', '127.0.0.1');
    const fingerprint = keygen('-lf', '/etc/ssh-test/ca-ed25519.pub').split(' ')[1] ?? '';
    await expect(run(trust(''), {}, fingerprint)).resolves.toMatchObject(isIn);
    const through: SshTarget = {
      ...{ host: '127.0.0.1', port: jump.port, login: { ...login, keyFile: path.join(folder, 'key') }, via: [] },
      trust: { knownHosts: [trust(jump.known)] },
    };
    await expect(run(trust(jump.known), { via: [through] }, fingerprint)).resolves.toMatchObject(isIn);
  });

  it('are refused when they ended, and before they begin', async () => {
    const known = trust(`@cert-authority * ${publicKey('ca-ed25519')}`);
    await certify('ca-ed25519', '-h', '-n', '127.0.0.1', '-V', '20200101:20210101');
    await expect(run(known)).rejects.toMatchObject(refused(/certificate that ended 20(20-12-31|21-01-01)/));
    await certify('ca-ed25519', '-h', '-n', '127.0.0.1', '-V', '+1h:+2h');
    await expect(run(known)).rejects.toMatchObject(refused(/not valid yet/));
  });

  it('are refused for another host, and for none by name', async () => {
    const known = trust(`@cert-authority * ${publicKey('ca-ed25519')}`);
    await certify('ca-ed25519', '-h', '-n', 'web-1.example,*.other.example');
    await expect(run(known)).rejects.toMatchObject(
      refused(/for web-1\.example, \*\.other\.example, and not for 127\.0\.0\.1/),
    );
    await certify('ca-ed25519', '-h');
    await expect(run(known)).rejects.toMatchObject(refused(/for no host by name/));
  });

  it('are refused of an authority that is not known, or known for other hosts', async () => {
    await certify('other-ca', '-h', '-n', '127.0.0.1');
    await expect(run(trust(`@cert-authority * ${publicKey('ca-ed25519')}`))).rejects.toMatchObject(
      refused(/of SHA256:.*no authority that is known for it/),
    );
    await certify('ca-ed25519', '-h', '-n', '127.0.0.1');
    const elsewhere = trust(`@cert-authority *.example ${publicKey('ca-ed25519')}`);
    await expect(run(elsewhere)).rejects.toMatchObject(refused(/no key is known for it/));
  });

  it('are refused when the key or the authority is revoked', async () => {
    await certify('ca-ed25519', '-h', '-n', '127.0.0.1');
    const authority = `@cert-authority * ${publicKey('ca-ed25519')}`;
    await expect(run(trust(authority, `@revoked * ${publicKey('web')}`))).rejects.toMatchObject(
      refused(/for a key that is marked as revoked/),
    );
    await expect(run(trust(authority, `@revoked * ${publicKey('ca-ed25519')}`))).rejects.toMatchObject(
      refused(/whose authority is marked as revoked/),
    );
  });

  it('are refused when they are for users, or ask for what is not known', async () => {
    const known = trust(`@cert-authority * ${publicKey('ca-ed25519')}`);
    // sshd itself shows no user certificate: what it then lacks is said instead.
    await certify('ca-ed25519', '-n', '127.0.0.1');
    await expect(run(known)).rejects.toMatchObject(refused(/for users|shows no certificate/));
    await certify('ca-ed25519', '-h', '-n', '127.0.0.1', '-O', 'critical:only-on-sundays@example=yes');
    await expect(run(known)).rejects.toMatchObject(refused(/critical option .*only-on-sundays@example/));
  });

  it('count for nothing where the host has a key of its own in known_hosts', async () => {
    await certify('ca-ed25519', '-h', '-n', 'another.example');
    const authority = `@cert-authority * ${publicKey('ca-ed25519')}`;
    const own = `[127.0.0.1]:${sshd.port} ${publicKey('web')}`;
    await expect(run(trust(authority, own))).resolves.toMatchObject(isIn);
  });

  it('are missed on a host that has none', async () => {
    machine.run('rm', '-f', '/etc/ssh-test/web-cert.pub');
    await sshd.restart();
    const known = trust(`@cert-authority * ${publicKey('ca-ed25519')}`);
    await expect(run(known)).rejects.toMatchObject(refused(/shows no certificate, and no key is known for it/));
  });
});

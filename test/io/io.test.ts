import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync, readFileSync, readdirSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  createScrubber,
  nodeExec,
  nodeHttp,
  nodeProcesses,
  readFiles,
  systemClock,
  writeFiles,
} from '../../src/io/index.ts';
import { selfSigned } from '../support/self-signed.ts';

const signal = new AbortController().signal;
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'watchkeeper-io-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('http', () => {
  const server = createServer((request, response) => {
    if (request.url === '/redirect') response.writeHead(302, { location: '/elsewhere' }).end();
    else if (request.url === '/large') response.end('x'.repeat(100_000));
    else if (request.url === '/hang') return;
    else if (request.url === '/cut') {
      response.writeHead(200, { 'content-length': '100' });
      response.write('part');
      setTimeout(() => response.destroy(), 10);
    } else response.end('hello');
  });
  let base = '';
  beforeAll(async () => {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const http = nodeHttp(systemClock);

  it('answers with status and body, and never follows a redirect', async () => {
    const plain = await http.request({ method: 'GET', url: `${base}/`, signal });
    expect(new TextDecoder().decode(plain.body)).toBe('hello');
    expect((await http.request({ method: 'GET', url: `${base}/redirect`, signal })).status).toBe(302);
  });
  it('asks once more when a kept connection had been closed, and only for what is safe to ask twice', async () => {
    const met = new WeakSet<object>();
    const server = createServer((request, response) => {
      // Every second request on a connection meets a peer that has just gone.
      if (met.has(request.socket)) request.socket.destroy();
      else response.end('here');
      met.add(request.socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    try {
      for (let round = 0; round < 3; round++)
        expect((await http.request({ method: 'GET', url, signal })).status).toBe(200);
      await expect(http.request({ method: 'POST', url, body: 'x', signal })).rejects.toMatchObject({
        code: 'unreachable',
      });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
  it('refuses an answer above the byte cap', async () => {
    await expect(http.request({ method: 'GET', url: `${base}/large`, maxBytes: 1000, signal })).rejects.toMatchObject({
      code: 'too-large',
      message: `${base}/large: the answer is larger than 1000 bytes`,
    });
  });
  it('ends at the deadline when the server never answers', async () => {
    await expect(http.request({ method: 'GET', url: `${base}/hang`, timeoutMs: 50, signal })).rejects.toMatchObject({
      code: 'timeout',
      retryable: true,
    });
  });
  it('tells a cut connection from a complete answer', async () => {
    await expect(http.request({ method: 'GET', url: `${base}/cut`, signal })).rejects.toMatchObject({
      code: 'unreachable',
    });
  });
  it('says of a certificate of an unknown CA where to put the CA, which is not on a command line of Node', async () => {
    const stranger = createTlsServer(selfSigned('stranger'), (_request, response) => response.end());
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(stranger.address() as AddressInfo).port}/`;
    try {
      await expect(http.request({ method: 'GET', url, signal })).rejects.toMatchObject({
        code: 'unreachable',
        message: expect.stringMatching(/not signed by a CA that is trusted here .*NODE_EXTRA_CA_CERTS/) as string,
      });
    } finally {
      stranger.close();
    }
  });
  it('says unreachable when nobody listens, without the query string', async () => {
    const attempt = http.request({ method: 'GET', url: 'http://127.0.0.1:9/x?token=hunter22', signal });
    await expect(attempt).rejects.toMatchObject({ code: 'unreachable' });
    await expect(attempt).rejects.not.toThrow(/hunter22/);
  });
});

describe('files', () => {
  it('reads /proc files, whose size says zero', async () => {
    expect((await readFiles.read('/proc/self/status', 64 * 1024, signal)).length).toBeGreaterThan(100);
  });
  it('refuses to read more than it was allowed', async () => {
    writeFileSync(path.join(folder, 'large'), 'x'.repeat(1000));
    await expect(readFiles.read(path.join(folder, 'large'), 999, signal)).rejects.toMatchObject({ code: 'too-large' });
  });
  it('tells missing from forbidden, and does not follow a symlink in stat', async () => {
    symlinkSync('/nowhere', path.join(folder, 'dangling'));
    expect((await readFiles.stat(path.join(folder, 'dangling'), signal))?.kind).toBe('symlink');
    expect(await readFiles.stat(path.join(folder, 'absent'), signal)).toBeUndefined();
    await expect(readFiles.read(path.join(folder, 'absent'), 10, signal)).rejects.toMatchObject({ code: 'not-found' });
    // A folder where a file belongs is somebody's slip, and no fault of ours.
    await expect(readFiles.read(folder, 10, signal)).rejects.toMatchObject({ code: 'config-invalid' });
  });
  it('makes a folder and those above it, takes one that is there, and refuses where there is a file', async () => {
    const own = path.join(folder, 'made', 'here');
    await writeFiles.makeFolder(own, 0o700, signal);
    await writeFiles.makeFolder(own, 0o700, signal);
    expect(statSync(own).mode & 0o777).toBe(0o700);
    writeFileSync(path.join(own, 'file'), '');
    for (const below of ['file', 'file/below'])
      await expect(writeFiles.makeFolder(path.join(own, below), 0o700, signal)).rejects.toThrow(/file/);
  });
  it('says that there can be no folder below /proc, where one that makes parents for itself never returns', async () => {
    await expect(writeFiles.makeFolder('/proc/watchkeeper/here', 0o700, signal)).rejects.toThrow(/watchkeeper/);
  });
  it('replaces a symlink and a file atomically and leaves nothing beside them', async () => {
    const own = mkdtempSync(path.join(folder, 'atomic-'));
    symlinkSync('v1', path.join(own, 'current'));
    await writeFiles.replaceSymlink(path.join(own, 'current'), 'v2', signal);
    await writeFiles.writeAtomic(path.join(own, 'file'), 'new', 0o600, signal);
    expect(await readFiles.readlink(path.join(own, 'current'), signal)).toBe('v2');
    expect(readFileSync(path.join(own, 'file'), 'utf8')).toBe('new');
    expect(readdirSync(own).sort()).toEqual(['current', 'file']);
  });
});

describe('exec', () => {
  const exec = nodeExec(systemClock, process.env['PATH'] ?? '');
  it('passes arguments as they are: no shell interprets them', async () => {
    const result = await exec.run(
      [
        process.execPath,
        '-e',
        'process.stdout.write(JSON.stringify(process.argv.slice(1)))',
        '$(id)',
        '; rm -rf /',
        '*',
      ],
      { timeoutMs: 10_000, signal },
    );
    expect(JSON.parse(result.stdout)).toEqual(['$(id)', '; rm -rf /', '*']);
  });
  it('kills the whole group at the deadline', async () => {
    await expect(
      exec.run([process.execPath, '-e', 'setInterval(()=>{},1000)'], { timeoutMs: 200, signal }),
    ).rejects.toMatchObject({ code: 'timeout' });
  });
  it('says not-found for a program that is not there', async () => {
    await expect(exec.run(['/nonexistent/program'], { timeoutMs: 1000, signal })).rejects.toMatchObject({
      code: 'not-found',
    });
  });
  it('never signals groups or init', () => {
    for (const pid of [-1, 0, 1, 1.5, Number.NaN]) expect(() => nodeProcesses.kill(pid, 'SIGTERM')).toThrow(/refusing/);
  });
});

describe('scrubber', () => {
  it('removes learned values, in their encodings too, and shapes of well-known credentials', () => {
    const scrubber = createScrubber();
    scrubber.learn('s3cr3t/value');
    const text = scrubber.text(
      `a s3cr3t/value b ${encodeURIComponent('s3cr3t/value')} c ${Buffer.from('s3cr3t/value').toString('base64')} AKIAABCDEFGHIJKLMNOP Authorization: Bearer abcdefghijkl postgres://u:pa55word@db/x password=hunter22`,
    );
    expect(text).not.toMatch(/s3cr3t|AKIA|abcdefghijkl|pa55word|hunter22/);
    expect(text).toContain('postgres://u:');
  });
  it('scrubs nested values, errors and keys that name secrets', () => {
    const scrubber = createScrubber();
    scrubber.learn('topsecret');
    const out = JSON.stringify(
      scrubber.value({ deep: [{ token: 'abc', note: 'has topsecret inside', error: new Error('topsecret failed') }] }),
    );
    expect(out).not.toContain('topsecret');
    expect(out).not.toContain('abc"');
  });
});

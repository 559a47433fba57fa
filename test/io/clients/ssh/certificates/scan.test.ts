import { createServer, connect } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { scanCertificate } from '../../../../../src/io/clients/ssh/certificates/scan.ts';
import { sshServer } from '../../../../support/ssh-server.ts';

const never = (): AbortSignal => new AbortController().signal;

describe('asking a server for its certificate', () => {
  const servers: Server[] = [];
  const sockets: Socket[] = [];
  const saying = async (greet: (socket: Socket) => void): Promise<Socket> => {
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      greet(socket);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return connect((server.address() as AddressInfo).port, '127.0.0.1');
  };
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const server of servers.splice(0)) await new Promise<void>((done) => server.close(() => done()));
  });

  it('says of a server that has none that it has none', async () => {
    const server = await sshServer();
    await expect(scanCertificate(connect(server.port, '127.0.0.1'), never())).resolves.toBeUndefined();
    await server.close();
  });

  it.each([
    ['another protocol', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'unreachable'],
    ['lines without end', 'welcome\r\n'.repeat(2_000), 'malformed'],
    ['another version', 'SSH-1.5-old\r\n', 'malformed'],
    ['a line without end', 'x'.repeat(20_000), 'malformed'],
    ['a packet of four gigabytes', 'SSH-2.0-x\r\n\xff\xff\xff\xff\x04\x14', 'malformed'],
    ['a packet of padding alone', 'SSH-2.0-x\r\n\x00\x00\x00\x0c\xff\x14123456789012', 'malformed'],
    ['an offer that breaks off', 'SSH-2.0-x\r\n\x00\x00\x00\x0c\x04\x14123456\x00\x00\x00\x00', 'malformed'],
  ])('refuses %s', async (_, text, code) => {
    const stream = await saying((socket) => socket.end(Buffer.from(text, 'latin1')));
    await expect(scanCertificate(stream, never())).rejects.toMatchObject({ code });
  });

  it('passes on why a server ends it', async () => {
    const words = Buffer.from('Too many connections\u001b[2J');
    const payload = Buffer.concat([Buffer.from([1, 0, 0, 0, 12, 0, 0, 0, words.length]), words, Buffer.alloc(4)]);
    const head = Buffer.alloc(5);
    head.writeUInt32BE(1 + payload.length + 4);
    head.writeUInt8(4, 4);
    const packet = Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), head, payload, Buffer.alloc(4)]);
    const stream = await saying((socket) => socket.end(packet));
    await expect(scanCertificate(stream, never())).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/^the server ends it \(12\): Too many connections[^\u001b]*$/) as string,
    });
  });

  it('ends with its signal, and at a server that says nothing and goes', async () => {
    const leaving = new AbortController();
    const asked = scanCertificate(await saying(() => leaving.abort()), leaving.signal);
    await expect(asked).rejects.toMatchObject({ code: 'aborted' });
    const gone = scanCertificate(await saying((socket) => socket.end()), never());
    await expect(gone).rejects.toMatchObject({ code: 'unreachable' });
  });
});

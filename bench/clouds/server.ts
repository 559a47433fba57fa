/**
 * A server that stands for a cloud: `node bench/clouds/server.ts CLOUD [KEY CERTIFICATE]`. Prints its port; `GET /used` tells how many requests
 * it has answered since it was asked the last time, and their bytes, bodies and lines of both directions.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

import { clouds } from './known.ts';

const cloud = clouds[process.argv[2] ?? ''];
if (cloud === undefined) throw new Error(`say which cloud: ${Object.keys(clouds).join(', ')}`);
let used = { calls: 0, sent: 0, received: 0 };

const [, , , key, certificate] = process.argv;
const handle = (request: IncomingMessage, response: ServerResponse): void => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (request.url === '/used') {
      response.end(JSON.stringify(used));
      used = { calls: 0, sent: 0, received: 0 };
      return;
    }
    const body = Buffer.concat(chunks);
    const { method = 'GET', url: path = '/', headers } = request;
    const answer = cloud.answer({ method, path, headers, body: body.toString() });
    const text = Buffer.from(answer.body);
    used.calls++;
    used.received += body.length + request.rawHeaders.join(': ').length + path.length;
    used.sent += text.length;
    response.writeHead(answer.status ?? 200, { 'content-type': answer.contentType, 'content-length': text.length });
    response.end(text);
  });
};
const server =
  key === undefined || certificate === undefined
    ? createServer(handle)
    : createTlsServer({ key: readFileSync(key), cert: readFileSync(certificate) }, handle);
// A sweep may take longer than Node keeps a silent connection.
server.keepAliveTimeout = 300_000;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});

/**
 * A fleet's endpoints: `node bench/throughput/server.ts SERIES`. Prints its port; `/metrics/K` is the K-th endpoint. Lines are
 * made once, and only the digits of the values are written anew for each scrape, so that it costs the machine little.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { linesOf, perTarget } from './world.ts';

const series = Number(process.argv[2] ?? 100_000);
const digits = 10;

interface Endpoint {
  readonly body: Buffer;
  readonly at: Uint32Array;
  readonly kinds: Uint8Array;
  readonly counts: Float64Array;
  round: number;
}

const order = ['counter', 'errors', 'latency', 'cpu', 'memory'] as const;
let seed = 1;
const random = (): number => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed / 2 ** 32;
};

function endpoint(from: number, until: number): Endpoint {
  const lines = linesOf(from, until);
  const at = new Uint32Array(lines.length);
  const kinds = new Uint8Array(lines.length);
  const parts: string[] = [];
  let offset = 0;
  for (const [index, { text, kind }] of lines.entries()) {
    const known = order.indexOf(kind);
    if (index === 0 || kinds[index - 1] !== known) {
      const name = text.slice(0, text.indexOf('{'));
      const type = `# TYPE ${name} ${known < 2 ? 'counter' : 'gauge'}\n`;
      parts.push(type);
      offset += type.length;
    }
    kinds[index] = known;
    at[index] = offset + text.length;
    parts.push(`${text}${'0'.repeat(digits)}\n`);
    offset += text.length + digits + 1;
  }
  return { body: Buffer.from(parts.join(''), 'latin1'), at, kinds, counts: new Float64Array(lines.length), round: 0 };
}

function refresh(one: Endpoint): void {
  one.round++;
  for (let index = 0; index < one.at.length; index++) {
    const kind = one.kinds[index] ?? 0;
    const noise = random();
    let value: number;
    if (kind === 0) value = one.counts[index] = (one.counts[index] ?? 0) + 900 + Math.floor(200 * noise);
    else if (kind === 1) value = one.counts[index] = (one.counts[index] ?? 0) + (noise < 0.3 ? 1 : 0);
    else if (kind === 2) value = 0.18 + 0.04 * noise;
    else if (kind === 3) value = 1.5 + 0.5 * noise;
    else value = 512 + 16 * noise;
    write(one.body, one.at[index] ?? 0, value);
  }
}

// Ten characters, always: a leading zero is a digit like any other, and three decimals are enough.
function write(body: Buffer, at: number, value: number): void {
  const whole = Math.floor(value);
  const thousandths = Math.floor((value - whole) * 1_000);
  let rest = whole;
  for (let digit = 5; digit >= 0; digit--) {
    body[at + digit] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  body[at + 6] = 0x2e;
  body[at + 7] = 0x30 + Math.floor(thousandths / 100);
  body[at + 8] = 0x30 + (Math.floor(thousandths / 10) % 10);
  body[at + 9] = 0x30 + (thousandths % 10);
}

const endpoints: Endpoint[] = [];
for (let from = 0; from < series; from += perTarget) endpoints.push(endpoint(from, Math.min(series, from + perTarget)));

const server = createServer((request, response) => {
  const one = endpoints[Number((request.url ?? '').split('/')[2] ?? 0)];
  if (one === undefined) {
    response.writeHead(404).end();
    return;
  }
  refresh(one);
  response.writeHead(200, {
    'content-type': 'text/plain; version=0.0.4; charset=utf-8',
    'content-length': one.body.length,
  });
  // A copy: the next scrape may come while this one is still being sent.
  response.end(Buffer.from(one.body));
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port} ${endpoints.length}\n`);
});
process.stdin.resume().on('end', () => process.exit(0));

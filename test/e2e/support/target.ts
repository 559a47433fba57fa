import type { AddressInfo } from 'node:net';
import { createServer, type ServerResponse } from 'node:http';

/** Something done to the target, with what the request said of its sender. */
export interface Effect {
  readonly service: number;
  readonly key: string;
  readonly epoch: number;
  readonly atMs: number;
}

/** Services that are ill until they are fixed by a request, and that count every request that fixed them. */
export interface Target {
  readonly host: string;
  readonly url: string;
  readonly effects: readonly Effect[];
  setIll(service: number, ill: boolean): void;
  /** The next question whether it was done, and the next request to do it: held back until it is let go. */
  holdNext(what: 'probe' | 'act'): Promise<() => void>;
  close(): Promise<void>;
}

export async function startTarget(services: number): Promise<Target> {
  const ill = new Array<boolean>(services).fill(false);
  const done = new Set<number>();
  const effects: Effect[] = [];
  const holds = new Map<string, (release: () => void) => void>();
  const answer = (what: 'probe' | 'act', response: ServerResponse, status: number): void => {
    const send = (): void => {
      response.writeHead(status).end();
    };
    const hold = holds.get(what);
    holds.delete(what);
    if (hold === undefined) send();
    else hold(send);
  };
  const server = createServer((request, response) => {
    const [, what = '', which = ''] = (request.url ?? '').split('/');
    const service = Number(which);
    request.resume().once('end', () => {
      if (what === 'metrics') {
        response.end(ill.map((one, at) => `shop_ill_${at} ${one ? 1 : 0}\n`).join(''));
      } else if (what === 'done') {
        answer('probe', response, done.has(service) ? 200 : 404);
      } else {
        const key = String(request.headers['idempotency-key']);
        const epoch = Number(request.headers['watchkeeper-epoch']);
        effects.push({ service, key, epoch, atMs: performance.now() });
        done.add(service);
        ill[service] = false;
        answer('act', response, 200);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: `http://${host}`,
    effects,
    setIll: (service, is) => {
      ill[service] = is;
    },
    holdNext: (what) => new Promise((resolve) => holds.set(what, resolve)),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

import type { AddressInfo } from 'node:net';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';

import type { Held } from './gate.ts';

/** Something done to the target, with what the request said of its sender. */
export interface Effect {
  readonly service: number;
  readonly key: string;
  readonly epoch: number;
  readonly atMs: number;
}

/** Something that people were told: a notice that came in over a webhook. */
export interface Told {
  /** The notice's id. */
  readonly id: string;
  readonly kind: string;
  readonly incident: string;
}

/** Services that are ill until they are fixed by a request, and that count every request that fixed them. */
export interface Target {
  readonly host: string;
  readonly url: string;
  readonly effects: readonly Effect[];
  /** What came to `/told`, each time that it came. */
  readonly told: readonly Told[];
  setIll(service: number, ill: boolean): void;
  /** The next question whether it was done, and the next request to do it: held back until it is let go. */
  holdNext(what: 'probe' | 'act'): Held;
  close(): Promise<void>;
}

export async function startTarget(services: number): Promise<Target> {
  const ill = new Array<boolean>(services).fill(false);
  const done = new Set<number>();
  const effects: Effect[] = [];
  const told: Told[] = [];
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
    if (what === 'told') {
      void hear(request, told).then(() => response.end());
      return;
    }
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
    told,
    setIll: (service, is) => {
      ill[service] = is;
    },
    holdNext: (what) => {
      let letGo = (): void => undefined;
      const come = new Promise<void>((resolve) =>
        holds.set(what, (release) => {
          letGo = release;
          resolve();
        }),
      );
      return { come, letGo: () => letGo() };
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function hear(request: IncomingMessage, told: Told[]): Promise<void> {
  const { id, kind, incident } = (await json(request)) as {
    readonly id: string;
    readonly kind: string;
    readonly incident?: { readonly id: string };
  };
  told.push({ id, kind, incident: incident?.id ?? '' });
}

import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { readContainerChanges } from '../../../src/io/clients/linux/changes/containers.ts';
import { localContainers, parseContainers, type Container } from '../../../src/io/clients/linux/containers/index.ts';
import { createRates } from '../../../src/io/clients/linux/rates.ts';
import type { ReadContext } from '../../../src/io/clients/linux/reading.ts';
import { nodeSockets, readFiles, systemClock } from '../../../src/io/index.ts';

const wanted = { source: 'host', service: 'host-web-1', nowMs: 1_000, sinceMs: 0 };
const shop = (image: string, imageId: string): Container => ({ name: 'shop', image, imageId });

describe('images of containers', () => {
  const looks = (...all: readonly (readonly Container[])[]) => {
    let state: Parameters<typeof readContainerChanges>[0] = new Map();
    return all.map((running, at) => {
      const read = readContainerChanges(state, running, { ...wanted, nowMs: at });
      state = read.state;
      return read.changes.map(({ kind, what, from, to }) => ({ kind, what, from, to }));
    });
  };

  it('are a baseline at first; another image under a known name is a deploy, and an earlier one a rollback', () => {
    expect(looks([shop('shop:1', 'sha256:a')], [shop('shop:2', 'sha256:b')], [shop('shop:1', 'sha256:a')])).toEqual([
      [],
      [{ kind: 'deploy', what: 'container:shop', from: 'shop:1', to: 'shop:2' }],
      [{ kind: 'rollback', what: 'container:shop', from: 'shop:2', to: 'shop:1' }],
    ]);
  });

  it('are told apart by their ids where a tag was moved', () => {
    const [, found] = looks(
      [shop('shop:latest', 'sha256:0123456789abcdef')],
      [shop('shop:latest', 'sha256:fedcba9876543210')],
    );
    expect(found).toMatchObject([{ from: 'shop:latest@0123456789ab', to: 'shop:latest@fedcba987654' }]);
  });

  it('that come and go are no changes, and one that was away is compared with what it ran before', () => {
    const job: Container = { name: 'job', image: 'job:1', imageId: 'sha256:j' };
    expect(looks([shop('shop:1', 'sha256:a')], [job], [], [shop('shop:2', 'sha256:b')])).toMatchObject([
      [],
      [],
      [],
      [{ kind: 'deploy', from: 'shop:1', to: 'shop:2' }],
    ]);
  });

  it('of a thousand names are remembered, the oldest forgotten first', () => {
    const many = Array.from({ length: 1_500 }, (_, at) => ({ name: `c${at}`, image: 'x', imageId: 'y' }));
    expect(readContainerChanges(new Map(), many, wanted).state.size).toBe(1_000);
  });
});

describe('what engines of other machines print', () => {
  it('is read line by line, and what is no such line is nothing', () => {
    const text =
      '/shop registry.example:5000/shop:1.2 sha256:ab\nError: no such object\n$(x) y z w\ndb postgres:16 sha256:cd\n';
    expect(parseContainers(text)).toEqual([
      { name: 'shop', image: 'registry.example:5000/shop:1.2', imageId: 'sha256:ab' },
      { name: 'db', image: 'postgres:16', imageId: 'sha256:cd' },
    ]);
  });
});

describe("an engine of this machine, over Docker's API", () => {
  let folder: string;
  let server: Server | undefined;
  const asked: string[] = [];
  const serve = (status: number, body: string): Promise<void> =>
    new Promise((resolve) => {
      server = createServer((request, response) => {
        asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
        response.writeHead(status, { 'content-type': 'application/json' }).end(body);
      }).listen(path.join(folder, 'docker.sock'), resolve);
    });
  const read = (): Promise<readonly Container[]> =>
    localContainers([path.join(folder, 'docker.sock'), path.join(folder, 'none.sock')])({
      ...{ files: readFiles, sockets: nodeSockets, clock: systemClock, signal: AbortSignal.timeout(10_000) },
      ...{ rates: createRates(1), monotonicMs: 0, at: (name: string) => name },
    } satisfies ReadContext);
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'wk-engine-'));
  });
  afterEach(() => {
    server?.close();
    server = undefined;
    rmSync(folder, { recursive: true });
  });

  it('tells what runs', async () => {
    await serve(
      200,
      JSON.stringify([{ Id: '1', Names: ['/shop'], Image: 'shop:1', ImageID: 'sha256:a', State: 'running' }]),
    );
    expect(await read()).toEqual([shop('shop:1', 'sha256:a')]);
    expect(asked).toEqual(['GET /containers/json']);
  });

  it.each([
    ['refuses', 403, '{"message":"no"}'],
    ['says what is no JSON', 200, 'not json'],
    ['says something else', 200, '{"a":1}'],
    ['is hostile', 200, 'x'.repeat(5 * 1024 * 1024)],
  ])('that %s is taken as none', async (_what, status, body) => {
    await serve(status, body);
    expect(await read()).toEqual([]);
  });

  it('that is not there is none', async () => {
    expect(await read()).toEqual([]);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { KubernetesEvent, KubernetesResource } from '../../../src/domain/ports/kubernetes.ts';
import { servesResource } from '../../../src/io/clients/kubernetes/discovery.ts';
import { kubernetesOperators, kubernetesReaders } from '../../../src/io/clients/kubernetes/index.ts';
import { systemClock } from '../../../src/io/index.ts';

const deployments: KubernetesResource = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
};
const never = new AbortController().signal;
const secrets = { resolve: () => Promise.resolve('operator-token') };

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly accept: string | undefined;
  readonly body: string;
}
type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let folder: string;
let server: ReturnType<typeof createServer>;
let sent: Sent[];
let answer: Answer;

beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'watchkeeper-kubernetes-'));
  sent = [];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const { authorization, accept } = headers;
      sent.push({ method, url, body, authorization, accept, contentType: headers['content-type'] });
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cluster = {
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    'insecure-skip-tls-verify': true,
  };
  const config = {
    clusters: [{ name: 'here', cluster }],
    users: [{ name: 'reader', user: { token: 'reader-token' } }],
    contexts: [{ name: 'main', context: { cluster: 'here', user: 'reader' } }],
    'current-context': 'main',
  };
  writeFileSync(path.join(folder, 'config'), JSON.stringify(config));
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

function connection() {
  return { cluster: 'here', kubeconfig: path.join(folder, 'config') };
}

function reader() {
  return kubernetesReaders(systemClock, secrets).reader(connection());
}

function operator() {
  const connections = [{ ...connection(), token: { file: '/run/secrets/operator' } }];
  return kubernetesOperators(systemClock, secrets, connections).operator('here');
}

function json(value: unknown, status = 200, headers: Record<string, string> = {}): Answer {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(value));
  };
}

function refusal(code: number, message: string): unknown {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message };
}

async function watched(idleMs = 5_000): Promise<readonly KubernetesEvent[]> {
  const events: KubernetesEvent[] = [];
  for await (const event of reader().watch(deployments, { resourceVersion: '7', idleMs }, never)) events.push(event);
  return events;
}

describe('a cluster that is read', () => {
  it('is asked for nothing but the metadata where that is enough, in lists and in watches', async () => {
    answer = json({ metadata: { resourceVersion: '7' }, items: [{ metadata: { name: 'shop' } }] });
    const { items } = await reader().list(deployments, { limit: 5, metadataOnly: true }, never);
    expect(items[0]?.metadata.name).toBe('shop');
    answer = (_request, response) => response.end();
    const selection = { resourceVersion: '7', idleMs: 5_000, metadataOnly: true };
    for await (const event of reader().watch(deployments, selection, never)) expect(event).toBeUndefined();
    expect(sent.map(({ accept }) => accept)).toEqual([
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
      'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
    ]);
  });

  it('says which APIs it has', async () => {
    answer = json({ kind: 'APIResourceList', resources: [{ name: 'deployments/scale' }, { name: 'deployments' }] });
    expect(await servesResource(reader(), deployments, never)).toBe(true);
    expect(await servesResource(reader(), { ...deployments, plural: 'others' }, never)).toBe(false);
    expect(sent[0]?.url).toBe('/apis/apps/v1');
    answer = json(refusal(404, 'not found'), 404);
    expect(await servesResource(reader(), deployments, never)).toBe(false);
  });

  it('gives objects, with the credentials of the kubeconfig, and nothing where there is nothing', async () => {
    answer = json({ metadata: { name: 'shop', uid: 'u' } });
    const found = await reader().get(deployments, { namespace: 'prod', name: 'shop' }, never);
    expect(found?.metadata.uid).toBe('u');
    expect(sent[0]).toMatchObject({
      url: '/apis/apps/v1/namespaces/prod/deployments/shop',
      authorization: 'Bearer reader-token',
    });
    answer = json(refusal(404, 'not found'), 404);
    expect(await reader().get(deployments, { namespace: 'prod', name: 'shop' }, never)).toBeUndefined();
  });

  it('gives lists page by page, each item with its kind', async () => {
    answer = json({ metadata: { resourceVersion: '9', continue: 'more' }, items: [{ metadata: { name: 'a' } }] });
    const page = await reader().list(deployments, { limit: 1, labelSelector: 'a=b' }, never);
    expect(page).toMatchObject({ resourceVersion: '9', next: 'more', items: [{ kind: 'Deployment' }] });
    expect(sent[0]?.url).toBe('/apis/apps/v1/deployments?labelSelector=a%3Db&limit=1');
  });

  it('keeps a name from outside one part of the path', async () => {
    answer = json({ metadata: { name: 'x' } });
    await reader().get(deployments, { namespace: 'a b', name: '../secrets/x' }, never);
    expect(sent[0]?.url).toBe('/apis/apps/v1/namespaces/a%20b/deployments/..%2Fsecrets%2Fx');
    const climbing = reader().get(deployments, { namespace: '..', name: 'x' }, never);
    await expect(climbing).rejects.toMatchObject({ code: 'config-invalid' });
  });

  it('waits as long as a busy server says, then asks again', async () => {
    let asked = 0;
    answer = (request, response) =>
      (asked++ === 0 ? json(refusal(429, 'slow down'), 429, { 'retry-after': '1' }) : json({ gitVersion: 'v1.34.0' }))(
        request,
        response,
      );
    expect(await reader().version(never)).toBe('v1.34.0');
    expect(asked).toBe(2);
  });

  it.each([
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [409, 'conflict'],
    [422, 'config-invalid'],
    [500, 'unreachable'],
  ])('says what status %i means, in the server’s own words', async (status, code) => {
    answer = json(refusal(status, 'deployments is not for you'), status);
    const asked = reader().list(deployments, { limit: 1 }, never);
    await expect(asked).rejects.toMatchObject({ code, message: expect.stringContaining('not for you') as string });
  });

  it('refuses an answer that is no JSON, no list, or cut off', async () => {
    answer = (_request, response) => response.end('<html>');
    await expect(reader().version(never)).rejects.toMatchObject({ code: 'malformed' });
    answer = json({ items: 7 });
    await expect(reader().list(deployments, { limit: 1 }, never)).rejects.toMatchObject({ code: 'malformed' });
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{');
      setTimeout(() => response.destroy(), 10);
    };
    await expect(reader().version(never)).rejects.toMatchObject({ code: 'unreachable' });
  });
});

describe('a watch', () => {
  const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;

  it('tells events and bookmarks, also when they arrive in pieces, and ends when the server ends it', async () => {
    const added = line('ADDED', { metadata: { name: 'shop', resourceVersion: '8' } });
    answer = (_request, response) => {
      response.writeHead(200);
      response.write(added.slice(0, 20));
      setTimeout(() => {
        response.write(added.slice(20) + line('BOOKMARK', { metadata: { resourceVersion: '11' } }));
        response.end();
      }, 20);
    };
    expect(await watched()).toMatchObject([
      { is: 'added', resourceVersion: '8', object: { metadata: { name: 'shop' } } },
      { is: 'bookmark', resourceVersion: '11' },
    ]);
    expect(sent[0]?.url).toContain('allowWatchBookmarks=true&resourceVersion=7');
  });

  it('says that its version expired, told in the stream or before it', async () => {
    answer = (_request, response) => response.end(line('ERROR', refusal(410, 'too old')));
    expect(await watched()).toEqual([{ is: 'expired', message: 'too old' }]);
    answer = json(refusal(410, 'too old'), 410);
    expect(await watched()).toMatchObject([{ is: 'expired' }]);
  });

  it('is given up when the server falls silent, and when the connection breaks', async () => {
    answer = (_request, response) => {
      response.writeHead(200);
      response.write(line('ADDED', { metadata: { name: 'shop', resourceVersion: '8' } }));
    };
    await expect(watched(100)).rejects.toMatchObject({ code: 'timeout' });
    answer = (_request, response) => {
      response.writeHead(200);
      response.write('{"type":"ADD');
      setTimeout(() => response.destroy(), 10);
    };
    await expect(watched()).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('closes its connection when the reader has enough', async () => {
    const closed = new Promise<void>((resolve) => {
      answer = (request, response) => {
        request.socket.once('close', resolve);
        response.writeHead(200);
        response.write(line('ADDED', { metadata: { name: 'shop', resourceVersion: '8' } }));
      };
    });
    for await (const event of reader().watch(deployments, { resourceVersion: '7', idleMs: 5_000 }, never)) {
      expect(event.is).toBe('added');
      break;
    }
    await closed;
  });
});

describe('a cluster that is acted in', () => {
  it('is written to with the operator’s credentials, under our name, and as a dry run when asked', async () => {
    answer = json({ metadata: { name: 'shop' } });
    const body = { metadata: { uid: 'u', resourceVersion: '7' }, spec: { paused: true } };
    await operator().patch(
      deployments,
      { namespace: 'prod', name: 'shop' },
      { type: 'merge', body },
      { dryRun: true },
      never,
    );
    expect(sent[0]).toEqual({
      method: 'PATCH',
      url: '/apis/apps/v1/namespaces/prod/deployments/shop?fieldManager=watchkeeper&dryRun=All',
      authorization: 'Bearer operator-token',
      accept: 'application/json',
      contentType: 'application/merge-patch+json',
      body: JSON.stringify(body),
    });
  });

  it('hands a new object to its collection, by whatever name it is asked for', async () => {
    const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'release', namespace: 'p' } };
    answer = json(body, 201);
    const secretKind = { ...deployments, group: '', plural: 'secrets', kind: 'Secret' };
    await operator().create(secretKind, { namespace: 'p', name: 'release' }, body, {}, never);
    expect(sent.map(({ method, url }) => [method, url.split('?')[0]])).toEqual([
      ['POST', '/api/v1/namespaces/p/secrets'],
    ]);
  });

  it('sends a write once, whatever the answer', async () => {
    answer = json(refusal(429, 'would violate the budget'), 429, { 'retry-after': '1' });
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'a' } };
    const asked = operator().create(
      deployments,
      { namespace: 'p', name: 'a' },
      eviction,
      { subresource: 'eviction' },
      never,
    );
    await expect(asked).rejects.toMatchObject({ code: 'rate-limited' });
    answer = (request) => request.socket.destroy();
    const lost = operator().remove(deployments, { namespace: 'p', name: 'a' }, 'uid-1', {}, never);
    await expect(lost).rejects.toMatchObject({ code: 'unreachable' });
    expect(sent.map(({ method }) => method)).toEqual(['POST', 'DELETE']);
    expect(sent[1]?.body).toContain('"preconditions":{"uid":"uid-1"}');
  });

  it('as another ServiceAccount carries a token that the own credentials have asked for, and another when it is refused', async () => {
    let made = 0;
    answer = (request, response) => {
      const isToken = request.url?.startsWith('/api/v1/namespaces/watch/serviceaccounts/hand/token') === true;
      const known = request.headers.authorization === `Bearer minted-${made}` && made !== 1;
      if (isToken) json({ status: { token: `minted-${(made += 1)}` } }, 201)(request, response);
      else json(known ? object : refusal(401, 'Unauthorized'), known ? 200 : 401)(request, response);
    };
    const object = { metadata: { name: 'a', namespace: 'p' } };
    const serviceAccount = { namespace: 'watch', name: 'hand' };
    const hand = kubernetesOperators(systemClock, secrets, [{ ...connection(), serviceAccount }]).operator('here');
    const restart = () =>
      hand.patch(deployments, { namespace: 'p', name: 'a' }, { type: 'merge', body: {} }, {}, never);
    await expect(restart()).rejects.toMatchObject({ code: 'unauthorized' });
    expect((await restart()).metadata.name).toBe('a');
    expect(sent.map(({ method, authorization }) => `${method} ${authorization ?? ''}`)).toEqual([
      'POST Bearer reader-token',
      'PATCH Bearer minted-1',
      'POST Bearer reader-token',
      'PATCH Bearer minted-2',
    ]);
  });

  it('is refused without operator credentials, even when it is read', () => {
    const operators = kubernetesOperators(systemClock, secrets, [connection()]);
    expect(() => operators.operator('there')).toThrow(/no operator credentials for cluster there/);
  });
});

describe('a kubeconfig', () => {
  it('that is missing, names no server or lacks the context is said to be wrong, and read again at the next try', async () => {
    const file = path.join(folder, 'later');
    const late = kubernetesReaders(systemClock, secrets).reader({ cluster: 'late', kubeconfig: file });
    await expect(late.version(never)).rejects.toMatchObject({ code: 'config-invalid' });
    writeFileSync(file, '{}');
    await expect(late.version(never)).rejects.toMatchObject({ code: 'config-invalid' });
    const elsewhere = kubernetesReaders(systemClock, secrets).reader({ ...connection(), context: 'elsewhere' });
    await expect(elsewhere.version(never)).rejects.toMatchObject({ fix: 'Use one of: main.' });
  });

  it('is not looked for outside a pod when none is given', async () => {
    const pod = kubernetesReaders(systemClock, secrets).reader({ cluster: 'pod' });
    await expect(pod.version(never)).rejects.toMatchObject({ code: 'config-invalid' });
  });
});

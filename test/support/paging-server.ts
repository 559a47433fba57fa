import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

type Body = Record<string, unknown>;

/** One request as it came in. */
export interface Received {
  readonly path: string;
  readonly body: Body;
}

/** A PagerDuty incident as its events left it. */
export interface PagedIncident {
  status: 'triggered' | 'resolved';
  triggers: number;
}

/**
 * PagerDuty's Events API v2 and a Teams workflow, after their published formats, over real HTTP: fields that must be there, the
 * closed lists, and the sizes they refuse.
 */
export interface PagingServer {
  readonly url: string;
  readonly received: Received[];
  readonly incidents: Map<string, PagedIncident>;
  readonly changes: Body[];
  /** Statuses to answer with before anything else is looked at. */
  readonly faults: number[];
  close(): Promise<void>;
}

export async function startPaging(routingKey: string): Promise<PagingServer> {
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const path = request.url ?? '';
      const body = JSON.parse(text) as Body;
      paging.received.push({ path, body });
      const fault = paging.faults.shift();
      const status = fault ?? take(path, body, text.length);
      response.writeHead(status, { 'retry-after': '0' });
      response.end('{}');
    });
  });
  const take = (path: string, body: Body, size: number): number => {
    if (path.startsWith('/workflows/')) return teams(body, size);
    if (body['routing_key'] !== routingKey || size > 512 * 1024) return 400;
    if (path === '/v2/change/enqueue') {
      paging.changes.push(body['payload'] as Body);
      return typeof (body['payload'] as Body | undefined)?.['summary'] === 'string' ? 202 : 400;
    }
    return path === '/v2/enqueue' ? event(body) : 404;
  };
  const event = (body: Body): number => {
    const key = body['dedup_key'];
    if (typeof key !== 'string' || key.length > 255) return 400;
    if (body['event_action'] === 'resolve') {
      const known = paging.incidents.get(key);
      if (known !== undefined) known.status = 'resolved';
      return 202;
    }
    const payload = (body['payload'] ?? {}) as Body;
    const summary = payload['summary'];
    const severe = ['critical', 'error', 'warning', 'info'].includes(String(payload['severity']));
    if (body['event_action'] !== 'trigger' || !severe || typeof payload['source'] !== 'string') return 400;
    if (typeof summary !== 'string' || summary.length === 0 || summary.length > 1_024) return 400;
    const known = paging.incidents.get(key);
    const open = known?.status === 'triggered';
    paging.incidents.set(key, { status: 'triggered', triggers: open ? known.triggers + 1 : 1 });
    return 202;
  };
  const teams = (body: Body, size: number): number => {
    const [attachment] = (body['attachments'] ?? []) as Body[];
    const card = (attachment?.['content'] ?? {}) as Body;
    if (size > 28 * 1024) return 413;
    const whole =
      body['type'] === 'message' && attachment?.['contentType'] === 'application/vnd.microsoft.card.adaptive';
    return whole && card['type'] === 'AdaptiveCard' && Array.isArray(card['body']) ? 202 : 400;
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const paging: PagingServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: [],
    incidents: new Map(),
    changes: [],
    faults: [],
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return paging;
}

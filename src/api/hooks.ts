import type { Context, Hono } from 'hono';

import type { Agent } from '../agent/index.ts';
import type { Env } from './request.ts';

/**
 * Where chats and clouds call back: `POST /hooks/CHANNEL`, or the id of a source. There is no token; each verifies its peer's signature over the body as
 * it came in, and refuses what it cannot verify. GET does nothing here either.
 */
export function hooks(app: Hono<Env>, agent: Agent): void {
  app.post('/hooks/:channel{[a-z][a-z0-9-]{0,62}}', async (c: Context<Env>) => {
    const body = new Uint8Array(await c.req.arrayBuffer());
    const reply = await agent.inbound(c.req.param('channel') ?? '', { headers: c.req.header(), body });
    return new Response(reply.body, { status: reply.status, headers: { 'content-type': reply.type } });
  });
}

import type { Context, Hono } from 'hono';
import type * as z from 'zod';

import type { Agent } from '../agent/index.ts';
import type { Clock } from '../domain/ports/io.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import { ambiguityIn } from '../lib/json-keys.ts';
import { limits } from '../lib/limits.ts';
import type { Json } from '../lib/json.ts';
import type { Identity } from './auth/identity.ts';
import type { Call, Endpoint, Reply } from './endpoint.ts';
import type { Feed } from './feed.ts';
import type { Env } from './request.ts';
import { needs } from './roles.ts';

/** What every handler may use. */
export interface Tools {
  readonly agent: Agent;
  readonly feed: Feed;
  readonly login: boolean;
  readonly clock: Clock;
}

/** Makes the routes of the table: the role first, then the schemas, then the handler. */
export function mount(app: Hono<Env>, table: readonly Endpoint[], tools: Tools): void {
  for (const one of table) {
    const path = one.path.replaceAll(/\{(\w+)\}/g, ':$1');
    const handle = (c: Context<Env>) => answer(c, one, tools);
    if (one.needs === 'nothing') app.on(one.method.toUpperCase(), path, handle);
    else app.on(one.method.toUpperCase(), path, needs(one.needs), handle);
  }
}

async function answer(c: Context<Env>, one: Endpoint, tools: Tools): Promise<Response> {
  const call = {
    ...tools,
    ...callerOf(c, tools),
    header: (name: string) => c.req.header(name),
    params: parse(one.params, c.req.param(), 'the address'),
    // Probes and scrapers add what they like.
    query: one.needs === 'nothing' ? undefined : parse(one.query, queryOf(c), 'the query'),
    body: one.body === undefined ? undefined : parse(one.body, await bodyOf(c), 'the body'),
    signal: c.req.raw.signal,
  };
  return respond(one, await one.handle(call as unknown as Call<never, never, never>));
}

function callerOf(
  c: Context<Env>,
  { clock }: Tools,
): Pick<Call<never, never, never>, 'identity' | 'who' | 'role' | 'holds'> {
  const identity = c.get('identity');
  // Open endpoints have no caller, and ask for none.
  const { untilMs, stands } = (identity as Identity | undefined) ?? {};
  return {
    identity,
    who: (identity as Identity | undefined)?.principal ?? { id: 'nobody', groups: [] },
    role: (identity as Identity | undefined)?.role ?? 'viewer',
    holds: () => (untilMs === undefined || clock.nowMs() < untilMs) && (stands?.() ?? true),
  };
}

function respond(one: Endpoint, { status, body }: Reply): Response {
  const headers = { 'content-type': one.answers[status]?.type ?? 'application/json', 'cache-control': 'no-store' };
  if (body instanceof ReadableStream) return new Response(body, { status, headers });
  const text = one.answers[status]?.type === undefined ? JSON.stringify(body) : String(body);
  return new Response(text, { status, headers });
}

// Where an endpoint knows no parameters it takes none: a token or a verdict in an address is refused, not ignored.
function queryOf(c: Context<Env>): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, values] of Object.entries(c.req.queries())) {
    if (values.length > 1) throw new WatchkeeperError('malformed', `the query says ${JSON.stringify(name)} twice`);
    found[name] = values[0] ?? '';
  }
  return found;
}

function parse(schema: z.ZodType | undefined, value: Json, what: string): unknown {
  if (schema === undefined) {
    const [name] = Object.keys(value ?? {});
    if (name === undefined) return undefined;
    throw new WatchkeeperError('malformed', `${what} has ${JSON.stringify(name)}, which is not known here`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || what}: ${issue.message}`);
  throw new WatchkeeperError('malformed', faults.join('; '));
}

async function bodyOf(c: Context<Env>): Promise<Json> {
  // A JSON content type cannot be sent across origins without a preflight, which this API never answers.
  if (!/^application\/json\s*(;|$)/i.test(c.req.header('content-type') ?? '')) {
    const fix = 'Add the header "Content-Type: application/json".';
    throw new WatchkeeperError('malformed', 'send the body as application/json', { fix });
  }
  const text = await c.req.text();
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (thrown) {
    throw WatchkeeperError.from(thrown, 'malformed', 'the body is not JSON');
  }
  const ambiguous = ambiguityIn(text, limits.apiBodyDepth);
  if (ambiguous !== undefined) throw new WatchkeeperError('malformed', `the body is refused: ${ambiguous}`);
  return value;
}

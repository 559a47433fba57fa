import type { Context } from 'hono';

import type { Principal, Role } from '../domain/authority.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import type { Json } from '../lib/json.ts';

/** What the middleware hands to the routes: who is asking, and as what. */
export type Env = { Variables: { who: Principal; role: Role } };

const mostListed = 1_000;

/** The JSON body. @throws `malformed`. */
export async function bodyOf(c: Context<Env>): Promise<Json> {
  // A JSON content type cannot be sent across origins without a preflight, which this API never answers.
  if (!/^application\/json\b/i.test(c.req.header('content-type') ?? '')) {
    const fix = 'Add the header "Content-Type: application/json".';
    throw new WatchkeeperError('malformed', 'send the body as application/json', { fix });
  }
  const text = await c.req.text();
  try {
    return JSON.parse(text) as Json;
  } catch (thrown) {
    throw WatchkeeperError.from(thrown, 'malformed', 'the body is not JSON');
  }
}

/** A whole number from the query string, bounded. @throws `malformed`. */
export function countIn(c: Context<Env>, name: string, fallback: number, most: number = mostListed): number {
  const text = c.req.query(name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new WatchkeeperError('malformed', `${name} is a whole number`);
  return Math.min(value, most);
}

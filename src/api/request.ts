import type { Identity } from './auth/identity.ts';

/** What the middleware hands to the routes: who is asking. */
export type Env = { Variables: { identity: Identity } };

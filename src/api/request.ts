import type { Principal, Role } from '../domain/authority.ts';

/** What the middleware hands to the routes: who is asking, and as what. */
export type Env = { Variables: { who: Principal; role: Role } };

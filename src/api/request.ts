import type { Principal, Role } from '../domain/authority.ts';

/** What the middleware hands to the routes: who is asking, as what, and whether that still holds. */
export type Env = { Variables: { who: Principal; role: Role; holds: () => boolean } };

/**
 * The only floor that knows all of floor 3. `pipeline` is the flow, in order; `executor` the only hand that acts;
 * `approvals` the desk at which consent is taken; `ladder` calls people; `load` reads what people write; `compose`
 * constructs everything once. What the windows (api, cli) may see is exported here and nowhere else.
 */
export type { Accepted, Agent, MatrixRow } from './facade.ts';
export type * from './views.ts';

/**
 * The only floor that knows all of floor 3. `pipeline` is the flow, in order: `observe` turns samples into incidents,
 * `cases` decides about them, `executor` is the only hand that acts, `approvals` the desk at which consent is taken,
 * `ladder` calls people, `load` reads what people write, `compose` constructs everything once and `open` binds it to
 * the real world. What the windows (api, cli) may see is exported here and nowhere else.
 */
export type { Accepted, Agent } from './facade.ts';
export type { CaseRequest } from './cases/index.ts';
export { loadOptions, openDaemon, type Daemon, type OpenOptions } from './open.ts';
export { editorSchemas } from './editor-schemas.ts';
export type * from './views.ts';
export type * from './windows/views.ts';
export type { IncidentBrief, IncidentPage, IncidentQuery } from './windows/incident-list.ts';
export { createLog } from '../io/index.ts';
export * from './offline/index.ts';
export type { EntryProof, LedgerReport, ReadEntry, ReceiptContent } from '../ledger/index.ts';
export type { MatrixRow, PolicyDiff } from '../policy/index.ts';
export type { SourceStatus } from './watch-sources.ts';

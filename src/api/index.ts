/** The HTTP window on the agent: health, metrics, and the JSON API that the CLI, CI systems and webhooks use. */
export { createApp, type AppOptions } from './app.ts';
export { grantFor, type TokenGrant } from './auth/index.ts';
export type { AuthOptions } from './auth/ways.ts';
export { openPage, type Page } from './page.ts';
export { startServer, type ApiServer, type ServerOptions } from './server.ts';
export { openApiDocument } from './table.ts';

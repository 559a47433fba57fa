/**
 * What is watched: services, who owns them, what they need, how they are measured, what they promise.
 *
 * Services are declared by people (`parseService`) or discovered by sources and Backstage files (`parseBackstage`);
 * `buildCatalog` merges the two, checks the dependency graph, and gives an immutable Catalog that answers questions
 * about neighbours near and far. Error budgets are computed here because an objective belongs to its service. Pure:
 * the catalog knows no file and no clock.
 */
export { parseBackstage } from './backstage.ts';
export { buildCatalog, emptyCatalog } from './catalog.ts';
export type { Catalog } from './catalog.ts';
export type { Reached } from './graph.ts';
export { inferNature } from './nature.ts';
export { defaultEscalation, parseService, serviceSchema } from './service.ts';
export { budgetOf } from './slo.ts';
export type { Budget } from './slo.ts';

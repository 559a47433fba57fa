import type { SourceKind } from '../../domain/ports/source.ts';
import { onlySearched } from '../../io/clients/record-store.ts';
import { later } from '../later.ts';
import { readingPermissions } from './needs.ts';
import { azureConfig, azureLogs, azureQuery, azureTraces, type AzureConfig } from './schema.ts';
import { azureTraits } from './traits.ts';

/**
 * # azure: subscriptions of Azure
 *
 * Metrics of Azure Monitor in batches, seldom and wide, and every minute what a change touches; what Container Apps, App
 * Service and scale sets say of themselves; who changed what, by resource changes and the activity log; alerts as
 * findings; logs of a workspace, and traces of Application Insights. See README.md for settings and signals, and ADR 31 for how it flows. Deliberately
 * absent: KQL of one's own, which would be read with the daemon's rights.
 */
export const azureSource: SourceKind<AzureConfig> = {
  kind: 'azure',
  summary:
    'Azure: metrics, logs, traces and alerts of Azure Monitor, Container Apps, App Service and scale sets, who changed what, many subscriptions.',
  traits: azureTraits,
  config: azureConfig,
  query: azureQuery,
  records: { logs: azureLogs, traces: azureTraces },
  azureAccess: readingPermissions,
  create: later<AzureConfig>({
    kind: 'azure',
    traits: azureTraits,
    intervalMs: (config) => config.interval,
    rings: ({ push }) => (push === undefined ? [] : ['news']),
    receives: ({ push }) => push !== undefined,
    searched: (id, service) => onlySearched(id, service, (key) => key === 'traces'),
    load: async () => (await import('./source.ts')).createAzureSource,
  }),
};
